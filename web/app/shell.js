// SPDX-License-Identifier: Apache-2.0
// The frame: the sidebar (on a phone the bar below), what is shown, the reader beside it.

import { allowed, reachable } from "./api.js";
import * as ask from "./ask.js";
import { fill, h, scope } from "./dom.js";
import { icon, logo } from "./icons.js";
import { t } from "./i18n.js";
import { tryAgain } from "./live.js";
import { languageChanged } from "./prefs.js";
import { continuePlace } from "./presence.js";
import { go, href, route } from "./route.js";
import { signinPage } from "./signin.js";
import { recentThreads } from "./threads.js";
import { toastPlace, voicePlace } from "./toast.js";
import { dropTarget, tray } from "./tray.js";

// A view's own style sheet, once.
function style(name) {
    const address = `/app/${name}.css`;
    if (document.querySelector(`link[href="${address}"]`)) return null;
    return new Promise((resolve) => {
        document.head.append(h("link", { rel: "stylesheet", href: address, onload: resolve,
            onerror: resolve }));
    });
}

// Views beside the first are loaded when they are wanted.
const VIEWS = {
    ask: async () => ask,
    thread: async () => ask,
    chat: async () => (await Promise.all([import("./chat.js"), style("chat")]))[0],
    search: () => import("./search.js"),
    library: () => import("./library.js"),
    drafts: () => import("./drafts.js"),
    draft: async () => (await Promise.all([import("./draft.js"), style("drafts")]))[0],
    threads: () => import("./threads.js"),
    settings: () => import("./settings.js"),
    left: async () => (await Promise.all([import("./left.js"), style("privacy")]))[0],
    why: async () => (await Promise.all([import("./why.js"), style("privacy")]))[0],
    devices: async () => (await Promise.all([import("./devices.js"), style("devices")]))[0],
    tasks: async () => (await Promise.all([import("./tasks.js"), style("tasks")]))[0],
    present: async () =>
        (await Promise.all([import("./present.js"), style("present")]))[0],
    remote: async () => (await Promise.all([import("./remote.js"), style("present")]))[0],
    tour: async () => (await Promise.all([import("./tour.js"), style("privacy")]))[0],
};
const TABS = () => [["ask", "ask", t("Ask")], ["chat", "chat", t("Chat")],
    ["search", "search", t("Search")], ["library", "library", t("Library")],
    ["drafts", "note", t("Drafts")], ["tasks", "check", t("Tasks")],
    ["threads", "history", t("History")],
    ["settings", "settings", t("Settings")]];

function anew(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go({});
}

function sidebar(recent) {
    const links = TABS().map(([view, shape, name]) => h("li", null,
        h("a", { class: "tab", href: href({ view }), "data-view": view,
            onclick: view === "ask" ? anew : null }, icon(shape), h("span", null, name))));
    return h("header", { class: "sidebar" },
        h("a", { class: "brand", href: href({}), onclick: anew,
            "aria-label": t("weft: new question") }, logo(),
            h("span", null, "weft")),
        h("nav", { class: "tabs", "aria-label": t("Main") }, h("ul", null, links)),
        h("nav", { class: "recents", "aria-label": t("Recent conversations"), hidden: true },
            h("h2", null, t("Recent")), recent.node),
        h("p", { class: "privacy" }, h("a", { href: href({ view: "left" }), "data-view": "left" },
            icon("lock"), h("span", null, t("What left this device")))));
}

function offlineBar() {
    return h("div", { class: "offline", role: "status" }, icon("offline"),
        h("p", null, h("strong", null, t("weft isn't running.")), " ",
            t("You see what was saved here. Start it with \"weft up\".")),
        h("button", { type: "button", class: "text-button", onclick: tryAgain }, t("Try again")));
}

function markTab(sidebarNode, view) {
    const current = view === "thread" ? "ask" : view === "document" ? "library" :
        view === "draft" ? "drafts" : view;
    for (const link of sidebarNode.querySelectorAll("[data-view]")) {
        if (link.dataset.view === current) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
}

// [ and ]: the source before or behind the one that is open.
function stepSource(main, by) {
    const links = [...main.querySelectorAll(".source-link[data-source]")];
    if (!links.length) return;
    const { doc, start } = route.value;
    const now = links.findIndex((link) => link.dataset.source === `${doc}@${start}`);
    const next = now < 0 ? (by > 0 ? 0 : links.length - 1) :
        (now + by + links.length) % links.length;
    links[next].click();
    links[next].scrollIntoView({ block: "nearest" });
}

function markSource(main) {
    const { doc, start } = route.value;
    for (const link of main.querySelectorAll("[data-source]")) {
        link.classList.toggle("open", link.dataset.source === `${doc}@${start}`);
    }
}

const sameView = (a, b) =>
    a.view === b.view && a.id === b.id && a.scope === b.scope && a.q === b.q && a.turn === b.turn;

// The left part: one view at a time.
function mainPart(main, own) {
    let end = null;
    let shown = null;
    own(() => end?.());
    return async (now, first) => {
        if (now.alone || (shown && sameView(shown, now))) return;
        shown = now;
        const view = await (VIEWS[now.view] ?? VIEWS.ask)();
        if (shown !== now) return;
        end?.();
        fill(main);
        main.scrollTop = 0;
        document.title = `${view.title(now)} · weft`;
        end = view.show(main, now);
        if (!first && !now.doc && !main.contains(document.activeElement)) {
            main.querySelector("h1")?.focus({ preventScroll: true });
        }
    };
}

// The right part: the reader, while a document is open.
function readerPart(app, pane, own) {
    let reader = null;
    let doc = null;
    let alone = false;
    let opener = null;
    own(() => reader?.end());
    // A reader that covers everything else is the main part of the page.
    const folded = matchMedia("(max-width: 68.75rem)");
    const setRole = (now) => {
        const covers = now.doc && (now.alone || folded.matches);
        pane.setAttribute("role", covers ? "main" : "complementary");
    };
    own.listen(folded, "change", () => setRole(route.value));
    return async (now) => {
        app.classList.toggle("reading", Boolean(now.doc));
        app.classList.toggle("alone", now.alone);
        setRole(now);
        pane.hidden = !now.doc;
        if (!now.doc) {
            reader?.end();
            reader = doc = null;
            fill(pane);
            if (opener?.isConnected) opener.focus();
            opener = null;
            return;
        }
        if (now.doc === doc && now.alone === alone) return reader?.move(now);
        if (!doc) opener = document.activeElement?.closest("a, button");
        reader?.end();
        reader = null;
        ({ doc, alone } = now);
        const { openReader } = await import("./reader.js");
        if (doc === now.doc && alone === now.alone && !reader) reader = openReader(pane, now);
    };
}

const drop = dropTarget();

function build(app) {
    const own = scope();
    const recent = recentThreads();
    const side = sidebar(recent);
    const files = tray();
    own(recent.end);
    own(files.end);
    const main = h("main", { id: "main", tabindex: -1 });
    const pane = h("div", { class: "pane", role: "complementary", hidden: true,
        "aria-label": t("Open document") });
    const bar = h("div", { class: "bar-place" });
    const skip = h("a", { class: "skip", href: "#main", onclick: (event) => {
        event.preventDefault();
        main.focus();
    } }, t("Skip to the content"));
    fill(app, skip, side, bar, main, pane, files.node, drop, toastPlace(), voicePlace());

    const showMain = mainPart(main, own);
    const showReader = readerPart(app, pane, own);
    let first = true;
    own(route.on((now) => {
        markTab(side, now.view);
        showMain(now, first);
        showReader(now);
        markSource(main);
        first = false;
    }));
    const goOn = continuePlace();
    own(goOn.end);
    own(reachable.on((well) => fill(bar, well ? null : offlineBar(), goOn.node)));
    own.listen(window, "weft-source", (event) => stepSource(main, event.detail));
    recent.draw();
    return own.end;
}

// Draws everything, and draws it anew when the language changes or the door is closed.
export function startShell(app) {
    let end = build(app);
    languageChanged.later(() => {
        if (!allowed.value) return;
        end();
        end = build(app);
    });
    allowed.later((yes) => {
        if (yes) return;
        end();
        end = () => {};
        app.className = "app";
        fill(app, signinPage());
        document.title = "weft";
    });
}
