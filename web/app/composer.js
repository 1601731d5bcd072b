// SPDX-License-Identifier: Apache-2.0
// The box for a question: grows with its text; Enter asks, Shift+Enter begins a line.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { pickFiles } from "./upload.js";

const QUESTION_MAX = 4000;

// ask(text) is called with a question; returns {node, focus(), busy(on), setScope(title, clear)}.
export function composer({ ask, placeholder }) {
    const field = h("textarea", { rows: 1, "data-ask": true, maxlength: QUESTION_MAX, dir: "auto",
        placeholder, "aria-label": t("Your question"), enterkeyhint: "send" });
    const send = h("button", { type: "submit", class: "send", "aria-label": t("Ask"),
        disabled: true }, icon("send"));
    const scopePlace = h("div", { class: "scope-place" });

    const grow = () => {
        field.style.blockSize = "auto";
        field.style.blockSize = `${field.scrollHeight}px`;
        send.disabled = !field.value.trim();
    };
    const submit = (event) => {
        event.preventDefault();
        const text = field.value.trim();
        if (!text || form.dataset.busy) return;
        field.value = "";
        grow();
        ask(text);
    };
    field.addEventListener("input", grow);
    field.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
    });

    const form = h("form", { class: "composer", onsubmit: submit }, scopePlace,
        h("div", { class: "composer-row" },
            h("button", { type: "button", class: "icon-button", "aria-label": t("Add files"),
                title: t("Add files"), onclick: () => pickFiles(false) }, icon("plus")),
            field, send));

    return {
        node: form,
        focus: () => field.focus({ preventScroll: true }),
        busy: (on) => (on ? (form.dataset.busy = "1") : delete form.dataset.busy),
        setScope(title, clear) {
            scopePlace.replaceChildren();
            if (!title) return;
            scopePlace.append(h("span", { class: "scope" }, icon("file"),
                h("span", { dir: "auto" }, t("Only in: {title}", { title })),
                h("button", { type: "button", class: "icon-button small", onclick: clear,
                    "aria-label": t("Ask all documents") }, icon("close"))));
        },
    };
}
