// SPDX-License-Identifier: Apache-2.0
// Find within the open document: all its text is searched here, so that every place is found, in
// order, also those that are not loaded.

import { api } from "./api.js";
import { debounce, h } from "./dom.js";
import { icon } from "./icons.js";
import { number, t } from "./i18n.js";
import { failed, say } from "./toast.js";
import { findAll, fold, PointIndex } from "./text.js";

const HITS_MAX = 5000;
const TYPING_MS = 150;

// flow: where the places are shown; place(): where the reader stands, in code points.
export function findBar(doc, flow, place) {
    let hits = [];
    let now = -1;
    let loaded = null;
    const field = h("input", { type: "search", class: "field", dir: "auto",
        "aria-label": t("Find in this document"), placeholder: t("Find in this document") });
    const count = h("span", { class: "find-count", "aria-live": "polite" });
    const button = (name, label, run) => h("button", { type: "button", class: "icon-button",
        "aria-label": label, title: label, onclick: run }, icon(name));

    const load = () => {
        loaded ??= api.text(doc.id).then((text) => ({ index: new PointIndex(text),
            folded: fold(text) }));
        return loaded;
    };
    const reveal = () => {
        flow.setFound(hits, now);
        const words = field.value.trim();
        if (!words) count.textContent = "";
        else if (!hits.length) count.textContent = t("Not found");
        else {
            count.textContent = t("{n} of {all}", { n: number(now + 1),
                all: hits.length === HITS_MAX ? `${number(HITS_MAX)}+` : number(hits.length) });
            flow.jump(hits[now][0], { start: hits[now][0] }).catch(failed);
        }
    };
    const run = async () => {
        const words = field.value.trim();
        try {
            const { index, folded } = await load();
            if (words !== field.value.trim()) return;
            hits = findAll(index, folded, words, HITS_MAX);
            const from = place();
            now = hits.length ? Math.max(0, hits.findIndex(([start]) => start >= from)) : -1;
            reveal();
        } catch (error) {
            loaded = null;
            failed(error);
        }
    };
    const step = (by) => {
        if (!hits.length) return;
        now = (now + by + hits.length) % hits.length;
        reveal();
        say(count.textContent);
    };
    const later = debounce(run, TYPING_MS);
    const close = () => {
        node.hidden = true;
        later.cancel();
        hits = [];
        flow.setFound([], -1);
        node.dispatchEvent(new Event("closed"));
    };
    field.addEventListener("input", later);
    field.addEventListener("keydown", (event) => {
        if (event.key === "Escape") close();
        else if (event.key !== "Enter") return;
        else if (hits.length) step(event.shiftKey ? -1 : 1);
        event.preventDefault();
        event.stopPropagation();
    });
    const node = h("div", { class: "find-bar", role: "search", hidden: true,
        "aria-label": t("Find in this document") }, icon("search"), field,
        count, button("up", t("Previous place"), () => step(-1)),
        button("down", t("Next place"), () => step(1)), button("close", t("Close"), close));
    return {
        node,
        close,
        open() {
            node.hidden = false;
            field.focus();
            field.select();
            if (field.value) run();
        },
    };
}
