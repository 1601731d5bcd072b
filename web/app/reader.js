// SPDX-License-Identifier: Apache-2.0
// The reader: one document, open at a place, with the cited words marked.

import { api } from "./api.js";
import { askAbout } from "./ask.js";
import { fill, h, scope } from "./dom.js";
import { findBar } from "./find.js";
import { Flow } from "./flow.js";
import { bytes, kindOf } from "./format.js";
import { icon } from "./icons.js";
import { number, t, tn } from "./i18n.js";
import { closeBeside, go, toggleAlone } from "./route.js";
import { outlinePanel, summaryPanel } from "./side.js";
import { failed } from "./toast.js";

function tool(name, label, run, more) {
    return h("button", { type: "button", class: "icon-button", title: label, "aria-label": label,
        onclick: run, ...more }, icon(name));
}

function head(doc, tools) {
    const kind = kindOf(doc.type, doc.paths[0]);
    const size = doc.pages ? tn("One page", "{n} pages", doc.pages) : bytes(doc.bytes);
    return h("div", { class: "reader-head" },
        tool("close", t("Close the document"), closeBeside, { class: "icon-button reader-close" }),
        h("div", { class: "reader-title" },
            h("h1", { tabindex: -1, dir: "auto" }, doc.title),
            h("p", { title: doc.paths[0] }, icon(kind.icon), `${kind.name} · ${size}`)),
        h("div", { class: "reader-tools", role: "toolbar", "aria-label": t("Document") }, tools));
}

function warnings(doc) {
    if (!doc.warnings?.length) return null;
    return h("details", { class: "warnings" },
        h("summary", null, icon("alert"), t("Not everything in it could be read")),
        h("ul", null, doc.warnings.map((text) => h("li", { dir: "auto" }, text))));
}

// The line at the foot: the page, and a slider over the whole document.
function footer(doc, flow) {
    const page = h("input", { class: "page-field", type: "number", min: 1, max: doc.pages ?? 1,
        "aria-label": t("Page") });
    const share = h("span", { class: "share" });
    const slider = h("input", { type: "range", min: 0, max: Math.max(doc.characters, 1), value: 0,
        step: 1, "aria-label": t("Place in the document") });
    const setShare = (at) => {
        const percent = Math.round((at / Math.max(doc.characters, 1)) * 100);
        share.textContent = t("{percent} %", { percent: number(percent) });
        slider.setAttribute("aria-valuetext", share.textContent);
    };
    slider.addEventListener("input", () => setShare(Number(slider.value)));
    slider.addEventListener("change", () => flow().jump(Number(slider.value)).catch(failed));
    page.addEventListener("change", async () => {
        const wanted = Math.min(Math.max(1, Number(page.value) || 1), doc.pages);
        try {
            const start = await flow().pageStart(wanted);
            await flow().jump(start);
        } catch (error) {
            failed(error);
        }
    });
    const ofPages = doc.pages > 1 ? h("label", { class: "page-of" }, t("Page"), page,
        t("of {pages}", { pages: number(doc.pages) })) : null;
    const node = h("div", { class: "reader-foot" }, ofPages, slider, share);
    return { node, at: 0, set(place) {
        this.at = place.at;
        node.hidden = place.atEnd && place.atStart;
        const shown = place.atEnd ? doc.characters : place.at;
        if (document.activeElement !== page && place.page) page.value = place.page;
        slider.value = shown;
        setShare(shown);
    } };
}

// The outline or the summary, one at a time, over the text.
function sidePlace(doc, jump) {
    const node = h("div", { class: "side-place" });
    let opener = null;
    const close = () => {
        fill(node);
        opener?.setAttribute("aria-expanded", "false");
        opener?.focus();
        opener = null;
    };
    const show = (build) => (event) => {
        const button = event.currentTarget;
        if (opener === button) return close();
        opener?.setAttribute("aria-expanded", "false");
        opener = button;
        button.setAttribute("aria-expanded", "true");
        fill(node, build(doc, (range) => {
            if (node.offsetWidth > 0.7 * node.parentElement.offsetWidth) close();
            jump(range);
        }, close));
        node.querySelector("h2").focus();
    };
    node.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        close();
    });
    return { node, show };
}

function build(root, doc, route, own) {
    const scroller = h("div", { class: "reader-scroll", tabindex: 0, role: "region",
        "aria-label": t("Text of the document") });
    const foot = footer(doc, () => flow);
    const code = kindOf(doc.type, doc.paths[0]).icon === "code";
    const flow = new Flow(scroller, doc, { code, onPlace: (place) => foot.set(place) });
    own(() => flow.end());
    const find = findBar(doc, flow, () => foot.at);
    const goTo = (range) => {
        const cited = range.end === null ? null : range;
        flow.setCited(cited);
        return flow.jump(range.start, cited, true).catch(failed);
    };
    const side = sidePlace(doc, goTo);
    const expanded = { "aria-expanded": "false" };
    fill(root, head(doc, [
        tool("outline", t("Outline"), side.show(outlinePanel), expanded),
        tool("search", t("Find in this document"), () => find.open()),
        tool("summary", t("Summary"), side.show(summaryPanel), expanded),
        tool("ask", t("Ask about this document"), () => askAbout(doc.id)),
        h("a", { class: "icon-button", href: api.originalUrl(doc.id), download: "",
            title: t("Download the original"), "aria-label": t("Download the original") },
        icon("download")),
        tool("slides", t("Present"), () => go({ view: "present", id: doc.id,
            scope: "document" })),
        tool(route.alone ? "shrink" : "expand",
            route.alone ? t("Back beside the library") : t("Widen"), toggleAlone,
            { class: "icon-button reader-widen" }),
    ]), warnings(doc), find.node, h("div", { class: "reader-body" }, side.node, scroller),
    foot.node);
    scroller.append(flow.node);
    find.node.addEventListener("closed", () => scroller.focus({ preventScroll: true }));
    own.listen(window, "weft-find", () => find.open());
    return { flow, goTo };
}

function gone(root, error) {
    const missing = error.status === 404;
    fill(root, h("div", { class: "empty" }, icon(missing ? "file" : "offline"),
        h("h1", { tabindex: -1 }, missing ? t("This document is no longer in the library.") :
            error.message),
        h("p", null, h("button", { type: "button", class: "button", onclick: closeBeside },
            t("Close")))));
}

const rangeOf = (route) => (route.start === null || route.end === null ? null :
    { start: route.start, end: route.end });

// Opens route.doc inside `root`. Returns {end(), move(route)}: the same document, another place.
export function openReader(root, route) {
    const own = scope();
    let parts = null;
    let ended = false;
    let wanted = route;
    fill(root, h("div", { class: "bones wide reader-bones", role: "img",
        "aria-label": t("Opening the document") }, h("span"), h("span"), h("span"), h("span")));

    const place = async (smooth) => {
        const range = rangeOf(wanted);
        parts.flow.setCited(range);
        await parts.flow.jump(range?.start ?? wanted.start ?? 0, range, smooth);
    };
    (async () => {
        try {
            const doc = await api.document(route.doc);
            if (ended) return;
            parts = build(root, doc, route, own);
            await place(false);
        } catch (error) {
            if (!ended) gone(root, error);
        } finally {
            if (!ended) root.querySelector("h1, h2")?.focus({ preventScroll: true });
        }
    })();
    return {
        end() {
            ended = true;
            own.end();
        },
        move(next) {
            wanted = next;
            if (parts) place(true).catch(failed);
        },
    };
}

