// SPDX-License-Identifier: Apache-2.0
// The conversation: a new question, or a thread with its turns and what is asked next.

import { api, isAbort, reachable } from "./api.js";
import { composer } from "./composer.js";
import { fill, h, scope } from "./dom.js";
import { countDocuments } from "./format.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { changed, on } from "./live.js";
import { say as sayOpen, takeWaiting } from "./presence.js";
import { tourIsNew, tourWasSeen } from "./prefs.js";
import { adopt, go, handOver, href, takeOver } from "./route.js";
import { say } from "./toast.js";
import { answerNode, failedNode, turnNode, waitingNode } from "./turn.js";
import { pickFiles } from "./upload.js";

// Up to so many documents of their own a person is taken for new here.
const FEW = 5;

function suggestions(ask) {
    const questions = [t("How do I add a folder?"), t("Does anything leave this device?"),
        t("Which kinds of files can weft read?")];
    return h("ul", { class: "suggestions", "aria-label": t("Questions to begin with") },
        questions.map((question) => h("li", null,
            h("button", { type: "button", class: "suggestion", onclick: () => ask(question) },
                h("span", null, question), icon("forward")))));
}

function firstSteps(total) {
    return h("p", { class: "hint first-steps" },
        total ? t("weft's own manual is already in the library, so you can ask at once.") :
            t("Your library is empty."), " ",
        h("button", { type: "button", class: "text-button inline",
            onclick: () => pickFiles(false) }, t("Add your first files")), " ",
        t("or drop them anywhere on this page."));
}

const typed = () => document.querySelector("textarea[data-ask]")?.value.trim() ?? "";

// The first run: on the newcomer's own question, before it is asked. Offered once.
function tourOffer(skip) {
    return h("section", { class: "card tour-offer", "aria-labelledby": "tour-offer" },
        h("h2", { id: "tour-offer" }, icon("lock"), t("Who gets to see your question?")),
        h("p", null, t("Take a question of your own and see, before you ask it: where it would " +
            "run and why, who could see it, and what would change that. Nothing is sent.")),
        h("p", { class: "actions" },
            h("a", { class: "button primary", href: href({ view: "tour" }),
                onclick: () => handOver(typed()) }, t("Look first")),
            h("button", { type: "button", class: "text-button", onclick: skip }, t("Skip"))));
}

function tourLink() {
    return h("p", { class: "hint tour-link" }, icon("lock"), h("a", { href: href({ view: "tour" }),
        onclick: () => handOver(typed()) }, t("See where a question of yours would run, and why")));
}

const asking = (total) => h("p", { class: "hint" }, h("a", { href: href({ view: "library" }) },
    t("Asking {documents}", { documents: countDocuments(total) })));

// Below the box: how to begin, as long as there is little but the manual.
function greeting(place, ask) {
    const draw = async () => {
        try {
            const [{ total: all }, { total: mine }] = await Promise.all([
                api.documents({ limit: 1 }), api.documents({ limit: 1, space: "me" })]);
            fill(place, mine <= FEW && tourIsNew() ? tourOffer(() => {
                tourWasSeen();
                draw();
            }) : null, mine ? asking(all) : firstSteps(all),
                mine <= FEW && all > mine ? suggestions(ask) : null,
                mine <= FEW && !tourIsNew() ? tourLink() : null);
        } catch {
            fill(place);
        }
    };
    draw();
    return on("documents", draw);
}

// The service worker keeps what was fetched: so that the conversation is there without weft, too.
function keepForOffline(thread) {
    if (navigator.serviceWorker?.controller) api.thread(thread).catch(() => {});
}

export const title = (route) => (route.id ? t("Conversation") : t("Ask"));

export function show(root, route) {
    const own = scope();
    let thread = route.view === "thread" ? route.id : null;
    let scopeId = route.scope;
    let stop = null;
    const turns = h("div", { class: "turns" });
    const hello = h("div", { class: "hello" });
    const box = composer({ ask, placeholder: "" });
    const field = box.node.querySelector("textarea");
    const dock = h("div", { class: "dock" }, box.node);
    const page = h("div", { class: "ask-page" }, hello, turns, dock);
    root.append(page);

    const heading = () => h("h1", { class: "unseen", tabindex: -1 }, t("Conversation"));
    const setMode = (fresh) => {
        page.classList.toggle("fresh", fresh);
        field.placeholder = fresh ? t("Ask your documents") : t("Ask further");
    };

    const scrollTo = (node) => {
        const top = node.offsetTop - 16;
        root.scrollTo({ top, behavior: "smooth" });
    };

    async function ask(question) {
        const waiting = waitingNode();
        const turn = turnNode(question, waiting.node);
        sayOpen({ text: null });
        setMode(false);
        if (hello.isConnected) hello.replaceWith(heading());
        turns.append(turn);
        scrollTo(turn);
        box.busy(true);
        say(t("Looking it up"));
        stop = new AbortController();
        try {
            const body = { question, thread, ...(scopeId ? { document: scopeId } : {}) };
            const answer = await api.ask(body,
                { citation() {}, text: (piece) => waiting.add(piece) }, stop.signal);
            turn.replaceChild(answerNode(question, answer), waiting.node);
            say(answer.found ? answer.answer : t("Nothing in your documents answers this."));
            if (!thread && answer.thread) {
                thread = answer.thread;
                adopt({ view: "thread", id: thread });
                sayOpen({ view: "thread", ref: thread, title: question });
            }
            changed("threads");
            keepForOffline(thread);
        } catch (error) {
            if (isAbort(error)) return;
            turn.replaceChild(failedNode(error, () => {
                turn.remove();
                ask(question);
            }), waiting.node);
        } finally {
            stop = null;
            box.busy(false);
        }
    }

    async function showScope() {
        if (!scopeId) return box.setNote(null);
        const doc = await api.document(scopeId).catch(() => null);
        if (!doc) scopeId = null;
        const note = doc ? t("Only in: {title}", { title: doc.title }) : null;
        box.setNote(note, "file", t("Ask all documents"), () => {
            scopeId = null;
            box.setNote(null);
            box.focus();
        });
    }

    async function showThread(isKnown = false) {
        if (!isKnown) {
            fill(turns, h("div", { class: "bones wide" }, h("span"), h("span"), h("span")));
        }
        try {
            const whole = await api.thread(thread);
            const n = turns.querySelectorAll(".turn").length;
            if (isKnown && whole.turns.length === n) return;
            fill(turns, whole.turns.map(({ question, answer }) =>
                turnNode(question, answerNode(question, answer))));
            document.title = `${whole.title} · weft`;
            sayOpen({ title: whole.title });
            const last = turns.lastElementChild;
            if (last) root.scrollTop = last.offsetTop - 16;
        } catch (error) {
            fill(turns, h("div", { class: "empty" }, icon("history"), h("h2", null,
                error.status === 404 ? t("This conversation is no longer here.") : error.message),
            h("p", null, h("a", { class: "button", href: href({}) }, t("Ask something new")))));
        }
    }

    setMode(!thread);
    if (thread) {
        hello.replaceWith(heading());
        showThread();
    } else {
        const below = h("div", { class: "below" });
        hello.append(h("h1", { tabindex: -1 }, t("What would you like to know?")),
            h("p", { class: "lead" }, t("Ask in plain words. The answer comes from your own " +
                "documents, with the place where it stands.")));
        page.append(below);
        own(greeting(below, (question) => {
            below.remove();
            ask(question);
        }));
        const hideBelow = new MutationObserver(() => turns.children.length && below.remove());
        hideBelow.observe(turns, { childList: true });
        own(() => hideBelow.disconnect());
        if (matchMedia("(hover: hover)").matches) box.focus();
    }
    const going = takeWaiting(route.view, thread);
    if (going?.text) {
        box.setText(going.text);
        sayOpen({ text: going.text });
    }
    // What was asked on another device.
    own(on("threads", () => thread && !stop && showThread(true)));
    showScope();
    own(reachable.later((well) => well && thread && !turns.querySelector(".turn") && showThread()));
    own(() => stop?.abort());
    const question = route.q || takeOver();
    if (question && !thread) ask(question);
    return own.end;
}

export const askAbout = (doc) => go({ scope: doc });
