// SPDX-License-Identifier: Apache-2.0
// What is open in this page is told to weft, which tells the person's other devices; what is open
// there can go on here: a card offers it, and what is handed over opens by itself.
//
// A thing that is open: {view, ref, title, text, at, generation}; text: written and not sent, at:
// the place in it. Pages where nothing is worked on (settings, lists) leave the last one as it is.

import { allowed, api, reachable } from "./api.js";
import { debounce, fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { t, tn } from "./i18n.js";
import { on } from "./live.js";
import { go, route } from "./route.js";
import { signal } from "./signal.js";

const TELL_MS = 40;
const STILL_THERE_MS = 60000;
const OLD_MS = 12 * 3600 * 1000;
const TEXT_MAX = 60000;
const DISMISSED = "weft.not-continued";

const page = `p${[...crypto.getRandomValues(new Uint8Array(8))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;

// What other devices have open: [{node, connected, items}], and other pages of this one.
export const others = signal([]);
let mine = { view: "ask" };

// Not before weft has answered, and not while it does not.
let isLive = false;
const send = (active) => {
    if (!isLive || !allowed.value || !reachable.value) return;
    api.setPresence(page, { ...mine, active }).catch(() => {});
};
const tell = debounce(() => send(true), TELL_MS);

// Says more of what is open: its title, the place, a running answer.
export function say(more) {
    mine = { ...mine, ...more };
    for (const key of Object.keys(mine)) if (mine[key] === null) delete mine[key];
    tell();
}

const refOf = (now) => {
    if (now.alone) return { view: "document", ref: now.doc };
    if (now.view === "thread" || now.view === "chat" || now.view === "draft") {
        return { view: now.view, ...(now.id ? { ref: now.id } : {}) };
    }
    return now.view === "ask" ? { view: "ask" } : null;
};

function sayRoute(now) {
    const what = now.doc && !now.alone ? { view: "document", ref: now.doc } : refOf(now);
    if (!what) return;
    if (what.view === mine.view && what.ref === mine.ref) return tell();
    mine = { ...what, ...(now.start === null ? {} : { at: { start: now.start } }) };
    tell();
}

function sayText(event) {
    const field = event.target.closest?.("textarea[data-ask]");
    if (field) say({ text: field.value.slice(0, TEXT_MAX) || null });
}

// ---- what goes on here ----

let waiting = null; // what a view that is about to be shown is to begin with

// For a view: what it is to begin with, once.
export function takeWaiting(view, ref) {
    const item = waiting?.view === view && (waiting.ref ?? null) === (ref ?? null) ? waiting : null;
    if (item) waiting = null;
    return item;
}

export function openItem(item, node) {
    waiting = { ...item, node };
    const { view, ref = null, at = {} } = item;
    const target = view === "document" ? { view, id: ref,
        range: at.start === undefined ? null : { start: at.start, end: at.end ?? at.start } } :
        { view: ref || view === "chat" ? view : "ask", id: ref };
    if (route.value.view === target.view && route.value.id === target.id) {
        go({ view: "threads" }); // so that it is shown anew
    }
    go(target);
    performance.mark("weft-continued");
}

const textOf = (item) => item.title || item.text || t("a new question");
const keyOf = (node, item) => `${node}/${item.view}/${item.ref ?? ""}/${item.text ?? ""}`;
const isOpenHere = (item) => item.view === mine.view && item.ref === mine.ref;
// Worth going on with: it is somewhere, or something was written there.
const isWorth = (item) => (item.ref || item.text) && item.idle_ms < OLD_MS;

function ago(item) {
    const minutes = Math.floor(item.idle_ms / 60000);
    return minutes ? tn("One minute ago", "{n} minutes ago", minutes) : t("just now");
}

function cardOf(node, item, dismiss) {
    return h("section", { class: "continue", "aria-label": t("Continue from {node}", { node }) },
        icon("device"),
        h("div", { class: "continue-text" },
            h("p", { class: "continue-from" }, t("Continue from {node}", { node }), " · ",
                item.generation ? t("an answer is being written") : ago(item)),
            h("p", { class: "continue-title", dir: "auto" }, textOf(item))),
        h("button", { type: "button", class: "button primary", onclick: () => {
            dismiss();
            openItem(item, node);
        } }, t("Continue")),
        h("button", { type: "button", class: "icon-button small", "aria-label": t("Not now"),
            onclick: dismiss }, icon("close")));
}

const alsoOpen = (nodes) => h("p", { class: "also-open", role: "status" }, icon("device"),
    t("Also open on {node}", { node: nodes.join(", ") }));

// The place above what is shown: who else has it open, or what could go on here.
export function continuePlace() {
    const node = h("div", { class: "continue-place" });
    const draw = () => {
        const gone = sessionStorage.getItem(DISMISSED) ?? "";
        const all = others.value.flatMap((one) => one.items.map((item) =>
            ({ node: one.node, item, key: keyOf(one.node, item) })));
        const same = mine.ref ? all.filter(({ item }) => isOpenHere(item)) : [];
        if (same.length) return fill(node, alsoOpen([...new Set(same.map((one) => one.node))]));
        const [best] = all.filter(({ item }) => isWorth(item))
            .sort((a, b) => a.item.idle_ms - b.item.idle_ms);
        const isIdle = !mine.text && (mine.view === "ask" || mine.view === "chat") && !mine.ref;
        if (!best || !isIdle || best.key === gone) return fill(node);
        return fill(node, cardOf(best.node, best.item, () => {
            sessionStorage.setItem(DISMISSED, best.key);
            draw();
        }));
    };
    const off = [others.on(draw), route.later(() => queueMicrotask(draw))];
    return { node, end: () => off.forEach((end) => end()) };
}

// ---- at the start ----

async function look() {
    const answer = await api.presence().catch(() => null);
    if (!answer) return;
    const here = answer.here.filter((item) => item.id !== page);
    others.set([...answer.others,
        ...(here.length ? [{ node: t("another window"), connected: true, items: here }] : [])]);
}

async function takeHanded() {
    const { handed } = await api.takeHandoff().catch(() => ({ handed: null }));
    if (handed) openItem(handed.item, handed.node);
}

export function startPresence() {
    route.on(sayRoute);
    document.addEventListener("input", sayText);
    on("presence", () => {
        if (!isLive) {
            isLive = true;
            send(true);
        }
        look();
    });
    on("handoff", takeHanded);
    // At once, not only when the stream of events is there: what came before that is told again.
    if (allowed.value) Promise.all([look(), takeHanded()]);
    setInterval(() => send(false), STILL_THERE_MS);
    addEventListener("pagehide", () => isLive && reachable.value && api.endPresence(page));
    addEventListener("pageshow", (event) => event.persisted && send(true));
}
