// SPDX-License-Identifier: Apache-2.0
// Keyboard: "/" to ask, "g" and a letter to go somewhere, "?" for this list. Single letters can be
// switched off in the settings (they get in the way of speech input).

import { showPage } from "./dialog.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { prefs } from "./prefs.js";
import { closeBeside, go, route } from "./route.js";

const PLACES = { a: "ask", c: "chat", l: "library", d: "drafts", h: "threads",
    s: "settings", w: "left" };
const SECOND_KEY_MS = 1200;
let prefix_ms = 0;

function typing(event) {
    const [target] = event.composedPath(); // also within a shadow tree
    return target.closest?.("input, textarea, select, [contenteditable]");
}

export function focusAsk() {
    const field = document.querySelector("[data-ask]");
    if (field) field.focus();
    else go({});
}

const isMac = /mac|iphone|ipad/i.test(navigator.platform);

export function showKeys() {
    const rows = [
        ["/", t("Write a question, or search")],
        ["n", t("New question or chat")],
        ["g a", t("Go to Ask")],
        ["g c", t("Go to the chat")],
        ["g l", t("Go to the library")],
        ["g d", t("Go to the drafts")],
        ["g h", t("Go to the history")],
        ["g s", t("Go to the settings")],
        ["g w", t("Go to what left")],
        [isMac ? "⌘ F" : t("Ctrl F"), t("Find in the open document")],
        ["[ ]", t("Previous or next source")],
        ["Esc", t("Close the open document, stop an answer")],
        ["?", t("Show the keys")],
    ];
    return showPage(t("Keys"), h("dl", { class: "keys" }, rows.map(([key, what]) =>
        h("div", null, h("dt", null, key.split(" ").map((one) => h("kbd", null, one))),
            h("dd", null, what)))));
}

function plainKey(event) {
    const now_ms = event.timeStamp;
    if (now_ms - prefix_ms < SECOND_KEY_MS && event.key in PLACES) {
        prefix_ms = 0;
        go({ view: PLACES[event.key] });
        return true;
    }
    if (event.key === "g") prefix_ms = now_ms;
    else if (event.key === "/") focusAsk();
    else if (event.key === "n") go(route.value.view === "chat" ? { view: "chat" } : {});
    else if (event.key === "?") showKeys();
    else if (event.key === "[" || event.key === "]") {
        dispatchEvent(new CustomEvent("weft-source", { detail: event.key === "]" ? 1 : -1 }));
    } else return false;
    return true;
}

export function startKeys() {
    addEventListener("keydown", (event) => {
        if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
        if ((event.ctrlKey || event.metaKey) && event.key === "f" && route.value.doc) {
            // A second Ctrl+F inside our field goes on to the browser's own search.
            if (event.target.closest?.(".find-bar")) return;
            event.preventDefault();
            dispatchEvent(new Event("weft-find"));
        } else if (event.key === "Escape" && route.value.doc && !typing(event)) {
            closeBeside();
        } else if (prefs.keys && !typing(event) && !event.ctrlKey && !event.metaKey &&
            !event.altKey && plainKey(event)) {
            event.preventDefault();
        }
    });
}
