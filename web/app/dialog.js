// SPDX-License-Identifier: Apache-2.0
// Questions that stop everything else: confirm, ask for a line of text, show a page of help. The
// browser's own <dialog> holds the focus and gives it back.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";

let last = 0;

// Opens a dialog; `build(close)` gives its inside; resolves with what close was given, or null.
export function openDialog(title, build, className = "") {
    return new Promise((resolve) => {
        const id = `dialog-${++last}`;
        let result = null;
        const dialog = h("dialog", { class: `dialog ${className}`, "aria-labelledby": id });
        const close = (value) => {
            result = value;
            dialog.close();
        };
        dialog.append(h("h2", { id, dir: "auto" }, title), ...build(close));
        dialog.addEventListener("close", () => {
            dialog.remove();
            resolve(result);
        });
        dialog.addEventListener("click", (event) => {
            if (event.target === dialog) close(null);
        });
        document.body.append(dialog);
        dialog.showModal();
    });
}

function buttons(close, action, danger) {
    return h("div", { class: "dialog-actions" },
        h("button", { type: "button", class: "button", onclick: () => close(null) }, t("Cancel")),
        h("button", { type: "submit", class: `button ${danger ? "danger" : "primary"}` }, action));
}

export async function confirm({ title, body, action, danger = false }) {
    const answer = await openDialog(title, (close) => [
        h("form", {
            method: "dialog",
            onsubmit: (event) => {
                event.preventDefault();
                close(true);
            },
        }, h("p", null, body), buttons(close, action, danger)),
    ]);
    return answer === true;
}

export function askText({ title, label, value, action }) {
    return openDialog(title, (close) => {
        const input = h("input", { class: "field", value, maxlength: 200, dir: "auto",
            "aria-label": label, autofocus: true });
        input.addEventListener("focus", () => input.select(), { once: true });
        return [h("form", {
            method: "dialog",
            onsubmit: (event) => {
                event.preventDefault();
                const text = input.value.trim();
                if (text) close(text);
            },
        }, input, buttons(close, action, false))];
    });
}

export function showPage(title, ...content) {
    return openDialog(title, (close) => [
        h("button", { type: "button", class: "icon-button dialog-close", "aria-label": t("Close"),
            onclick: () => close(null) }, icon("close")),
        ...content,
    ], "wide");
}
