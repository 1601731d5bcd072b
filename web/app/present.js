// SPDX-License-Identifier: Apache-2.0
// The screen: one slide at a time, over everything else. Moved by keys and touch here, or by a
// remote (remote.js) elsewhere.

import { api } from "./api.js";
import { fill, h, scope } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { markdown } from "./markdown.js";
import { followScreens, followSlides } from "./presented.js";
import { go } from "./route.js";
import { failed } from "./toast.js";

const NEXT = new Set(["ArrowRight", "ArrowDown", "PageDown", " ", "Enter"]);
const BACK = new Set(["ArrowLeft", "ArrowUp", "PageUp", "Backspace"]);

// Markdown as elements; addresses in it are nobody's but the person's own.
export function slideNode(text) {
    const shown = markdown(() => true);
    shown.set(text);
    // One heading is as deep as the other: each slide stands by itself.
    for (const heading of shown.node.querySelectorAll("h3, h4, h5, h6")) {
        heading.replaceWith(h("h2", { class: heading.localName }, ...heading.childNodes));
    }
    return h("div", { class: "slide-text", dir: "auto" }, shown.node);
}

export const title = () => t("Presentation");

export function show(root, now) {
    const own = scope();
    const kind = now.scope === "document" ? "document" : "draft";
    const since = Date.now();
    let slides = [];
    let at = 0;
    const place = h("div", { class: "slide", tabindex: -1, "aria-live": "polite" });
    const dot = h("div", { class: "pointer", hidden: true });
    const count = h("p", { class: "slide-count" });
    const screen = h("div", { class: "screen" }, h("h1", { class: "unseen", tabindex: -1 },
        t("Presentation")), place, dot, count,
    h("div", { class: "screen-tools" },
        h("button", { type: "button", class: "icon-button", title: t("Full screen"),
            "aria-label": t("Full screen"), onclick: () => document.fullscreenElement ?
                document.exitFullscreen() : screen.requestFullscreen?.() }, icon("expand")),
        h("button", { type: "button", class: "icon-button", title: t("End"),
            "aria-label": t("End"), onclick: () => leave() }, icon("close"))));
    const leave = () => go(kind === "draft" ? { view: "draft", id: now.id } :
        { view: "document", id: now.id });

    const draw = () => {
        fill(place, slideNode(slides[at]?.text ?? ""));
        count.textContent = `${at + 1} / ${slides.length}`;
    };
    const tell = () => api.present({ kind, id: now.id, at, n: slides.length, since })
        .catch(() => {}); // it is shown all the same
    const move = (to) => {
        const next = Math.max(0, Math.min(slides.length - 1, to));
        if (next === at) return;
        at = next;
        draw();
        tell();
    };
    own(followSlides(kind, now.id, (got) => {
        ({ slides } = got);
        at = Math.min(at, slides.length - 1);
        document.title = `${got.title} · weft`;
        draw();
        tell();
    }, failed));
    own(followScreens((state) => {
        if (state?.id !== now.id || !slides.length) return;
        dot.hidden = !state.pointer;
        if (state.pointer) {
            dot.style.insetInlineStart = `${state.pointer[0] * 100}%`;
            dot.style.insetBlockStart = `${state.pointer[1] * 100}%`;
        }
        if (state.at !== at && state.at < slides.length) {
            ({ at } = state);
            draw();
        }
    }));
    own.listen(window, "keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        if (NEXT.has(event.key)) move(at + 1);
        else if (BACK.has(event.key)) move(at - 1);
        else if (event.key === "Home") move(0);
        else if (event.key === "End") move(slides.length - 1);
        else if (event.key === "Escape" && !document.fullscreenElement) leave();
        else return;
        event.preventDefault();
    });
    own.listen(place, "click", () => move(at + 1));
    own(() => api.present({ end: true }).catch(() => {}));
    root.append(screen);
    place.focus();
    return own.end;
}
