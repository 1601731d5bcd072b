// SPDX-License-Identifier: Apache-2.0
// The box for a question: grows with its text; Enter sends, Shift+Enter begins a line. Where what
// was sent can be stopped, the button does that meanwhile, and so does Escape.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { pickFiles } from "./upload.js";

const QUESTION_MAX = 4000;

const addFiles = () => h("button", { type: "button", class: "icon-button",
    "aria-label": t("Add files"), title: t("Add files"), onclick: () => pickFiles(false) },
icon("plus"));

// ask(text) is called with what was written; `lead` stands before the field, null: nothing.
// Returns {node, focus(), busy(on), setText(text), setNote(text, icon, clearName, clear)}.
export function composer({ ask, placeholder, label = t("Your question"), action = t("Ask"),
    max = QUESTION_MAX, lead = addFiles(), stop = null }) {
    const field = h("textarea", { rows: 1, "data-ask": true, maxlength: max, dir: "auto",
        placeholder, "aria-label": label, enterkeyhint: "send" });
    const send = h("button", { type: "submit", class: "send", "aria-label": action,
        disabled: true }, icon("send"));
    const notePlace = h("div", { class: "scope-place" });
    const isBusy = () => Boolean(form.dataset.busy);

    const grow = () => {
        field.style.blockSize = "auto";
        field.style.blockSize = `${field.scrollHeight}px`;
        send.disabled = !(stop && isBusy()) && !field.value.trim();
    };
    const submit = (event) => {
        event.preventDefault();
        const text = field.value.trim();
        if (!text || isBusy()) return;
        field.value = "";
        grow();
        ask(text);
    };
    field.addEventListener("input", grow);
    field.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
        if (event.key === "Escape" && stop && isBusy()) {
            event.preventDefault();
            stop();
        }
    });
    send.addEventListener("click", (event) => {
        if (!stop || !isBusy()) return;
        event.preventDefault();
        stop();
        field.focus();
    });

    const form = h("form", { class: "composer", onsubmit: submit }, notePlace,
        h("div", { class: "composer-row" }, lead, field, send));

    return {
        node: form,
        focus: () => field.focus({ preventScroll: true }),
        busy(on) {
            if (on) form.dataset.busy = "1";
            else delete form.dataset.busy;
            if (!stop) return;
            send.setAttribute("aria-label", on ? t("Stop") : action);
            send.replaceChildren(icon(on ? "stop" : "send"));
            grow();
        },
        setText(text) {
            field.value = text;
            grow();
        },
        setNote(text, shape, clearName, clear) {
            notePlace.replaceChildren();
            if (!text) return;
            notePlace.append(h("span", { class: "scope" }, icon(shape),
                h("span", { dir: "auto" }, text),
                h("button", { type: "button", class: "icon-button small", onclick: clear,
                    "aria-label": clearName }, icon("close"))));
        },
    };
}
