// SPDX-License-Identifier: Apache-2.0
// What lies over the reader's text on demand: the outline, and a summary whose sentences lead to
// their places.

import { api } from "./api.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { number, t } from "./i18n.js";

const LENGTHS = [3, 5, 10, 20];

function frame(title, close, ...inside) {
    return h("section", { class: "side-panel", "aria-label": title },
        h("div", { class: "side-head" }, h("h2", { tabindex: -1 }, title),
            h("button", { type: "button", class: "icon-button", "aria-label": t("Close"),
                onclick: close }, icon("close"))), ...inside);
}

// jump({start, end}) shows a place.
export function outlinePanel(doc, jump, close) {
    const entries = doc.outline ?? [];
    if (!entries.length) {
        return frame(t("Outline"), close, h("p", { class: "hint" },
            t("This document has no headings.")));
    }
    const top = Math.min(...entries.map((entry) => entry.level));
    return frame(t("Outline"), close, h("ol", { class: "outline" }, entries.map((entry) =>
        h("li", { class: `level-${Math.min(entry.level - top, 4)}` },
            h("button", { type: "button", onclick: () => jump({ start: entry.start, end: null }) },
                h("span", { dir: "auto" }, entry.title),
                entry.page ? h("span", { class: "outline-page" }, number(entry.page)) : null)))));
}

export function summaryPanel(doc, jump, close) {
    const about = h("input", { class: "field", maxlength: 400, dir: "auto", name: "about",
        placeholder: t("About what? (may stay empty)"), "aria-label": t("About what?") });
    const length = h("select", { class: "field", "aria-label": t("Length") }, LENGTHS.map((n) =>
        h("option", { value: n }, t("{n} sentences", { n: number(n) }))));
    length.value = "5";
    const result = h("div", { class: "summary", "aria-live": "polite" });

    const run = async (event) => {
        event?.preventDefault();
        fill(result, h("div", { class: "bones" }, h("span"), h("span"), h("span")));
        const body = { document: doc.id, sentences: Number(length.value) };
        if (about.value.trim()) body.about = about.value.trim();
        try {
            const { sentences } = await api.summarize(body);
            fill(result, sentences.length ? h("ol", null, sentences.map((sentence) => h("li", null,
                h("button", { type: "button", onclick: () => jump(sentence) },
                    h("span", { dir: "auto" }, sentence.text),
                    sentence.page ? h("span", { class: "outline-page" },
                        t("Page {page}", { page: number(sentence.page) })) : null)))) :
                h("p", null, t("There are no sentences in it to choose from.")),
            sentences.length ? h("p", { class: "route" }, icon("device"),
                t("The document's own sentences, chosen on this device")) : null);
        } catch (error) {
            fill(result, h("p", { class: "failed" }, error.message));
        }
    };
    const panel = frame(t("Summary"), close, h("form", { class: "summary-form", onsubmit: run },
        about, length, h("button", { type: "submit", class: "button primary" }, t("Summarize"))),
    result);
    run();
    return panel;
}
