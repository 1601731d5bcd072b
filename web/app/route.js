// SPDX-License-Identifier: Apache-2.0
// Addresses. The page is one file; what it shows stands behind the #:
//   #/                       a new question          #/thread/ID     a conversation
//   #/search?q=WORDS         search                  #/library       all documents
//   #/drafts                 all drafts              #/draft/ID      one draft
//   #/threads                history                 #/settings
//   #/left                   what left this device   #/tour?q=WORDS  where it would run
//   #/why/ID                 why a request ran where it did
//   #/tasks                  tasks and reminders     #/remote        the remote of a screen
//   #/present/ID             a draft on a screen (with ?in=document a document)
//   #/devices                the person's devices, and pairing
//   #/chat                   a new chat              #/chat/ID       a chat kept in this browser
//   #/document/ID            the reader alone (with &start= &end= the words to mark)
// Any of them takes doc=ID&start=&end= for a document that is open beside it.

import { signal } from "./signal.js";

let turn = 0;
export const route = signal(parse(location.hash));

function toNumber(text) {
    const n = Number(text);
    return text !== null && Number.isInteger(n) && n >= 0 ? n : null;
}

function parse(hash) {
    const [path, search] = hash.replace(/^#\/?/, "").split("?");
    const [view, id] = path.split("/").map(decodeURIComponent);
    const query = new URLSearchParams(search ?? "");
    const alone = view === "document";
    return {
        view: view || "ask",
        id: id ?? null,
        q: query.get("q") ?? "",
        scope: query.get("in"),
        doc: alone ? id : query.get("doc"),
        start: toNumber(query.get("start")),
        end: toNumber(query.get("end")),
        alone,
        // Another one shows the same address anew.
        turn,
    };
}

export function href({ view = "ask", id = null, q = "", scope = null, doc = null, range = null }) {
    const query = new URLSearchParams();
    if (q) query.set("q", q);
    if (scope) query.set("in", scope);
    if (doc && view !== "document") query.set("doc", doc);
    if (range) {
        query.set("start", range.start);
        query.set("end", range.end);
    }
    const path = view === "ask" && !id ? "" : view + (id ? `/${encodeURIComponent(id)}` : "");
    const search = query.toString();
    return `#/${path}${search ? `?${search}` : ""}`;
}

// A question for the view that comes next. It stands in no address: the browser would remember it,
// and it may hold what nobody else is to see.
let handed = "";
export function handOver(question) {
    handed = question;
}
export function takeOver() {
    const question = handed;
    handed = "";
    return question;
}

function show(state, hash, replace) {
    if (replace) history.replaceState(state, "", hash);
    else if (hash !== location.hash) history.pushState(state, "", hash);
    route.set(parse(location.hash));
}

// A new question while one without a conversation is shown begins anew at the same address.
export function go(target) {
    const hash = href(target);
    if ((hash === "#/" || hash === "#/chat") && hash === (location.hash || "#/")) turn++;
    show({}, hash, false);
}

// The address of `doc` open beside what is shown now.
export function besideHref(doc, range) {
    const { view, id, q, scope } = route.value;
    return view === "document" ? href({ view, id: doc, range }) :
        href({ view, id, q, scope, doc, range });
}

export function openBeside(doc, range) {
    show({ beside: !route.value.doc }, besideHref(doc, range), Boolean(route.value.doc));
}

export function closeBeside() {
    if (history.state?.beside) return history.back();
    const { view, id, q, scope, alone } = route.value;
    show({}, alone ? href({ view: "library" }) : href({ view, id, q, scope }), true);
}

// Widens the open document to the whole window, or puts it back beside the library.
export function toggleAlone() {
    const { doc, start, end, alone } = route.value;
    const range = start === null || end === null ? null : { start, end };
    go(alone ? { view: "library", doc, range } : { view: "document", id: doc, range });
}

// Names what is already shown (a new conversation that got its id) without showing it anew.
export function adopt(target) {
    const { doc, start, end } = route.value;
    const range = start === null || end === null ? null : { start, end };
    history.replaceState(history.state, "", href({ ...target, doc, range }));
    Object.assign(route.value, parse(location.hash));
}

for (const type of ["popstate", "hashchange"]) {
    addEventListener(type, () => route.set(parse(location.hash)));
}
