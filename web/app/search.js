// SPDX-License-Identifier: Apache-2.0
// Search: the passages that hold the words, best first, each leading to its place.

import { api, isAbort } from "./api.js";
import { debounce, fill, h, scope } from "./dom.js";
import { kindOf, placeOf } from "./format.js";
import { icon } from "./icons.js";
import { t, tn } from "./i18n.js";
import { besideHref, go, href } from "./route.js";
import { excerpt, marked, wordRanges } from "./text.js";
import { say } from "./toast.js";

const HITS = 20;
const HITS_MAX = 100;
const EXCERPT_ROOM = 420;
const TYPING_MS = 250;

const TYPES = () => [["", t("All kinds")], ["application/pdf", t("PDF")], ["text", t("Text")],
    ["message", t("Mail")], ["image", t("Pictures")]];

function hitNode(hit, question) {
    const ranges = wordRanges(hit.text, hit.start, question);
    const focus = ranges[0] ?? { start: hit.start, end: hit.start };
    const cut = excerpt(hit.text, hit.start, focus, EXCERPT_ROOM);
    const place = placeOf(hit.page, hit.heading);
    return h("li", { class: "source" },
        h("a", { class: "source-link", href: besideHref(hit.document, hit),
            "data-source": `${hit.document}@${hit.start}` },
        h("span", { class: "source-title", dir: "auto" }, icon(kindOf(hit.type, hit.path).icon),
            hit.title),
        place ? h("span", { class: "source-place", dir: "auto" }, place) : null,
        h("span", { class: "source-text", dir: "auto" }, cut.cutBefore ? "… " : "",
            marked(cut.text, cut.start, ranges), cut.cutAfter ? " …" : "")));
}

function nothing(question) {
    return h("div", { class: "empty" }, icon("search"),
        h("h2", null, t("No passage holds these words")),
        h("p", null, t("Try fewer or other words, or another kind of document.")),
        question ? h("p", null, h("a", { class: "button", href: href({ view: "library" }) },
            t("Look through the library"))) : null);
}

export const title = () => t("Search");

export function show(root, route) {
    const own = scope();
    let stop = null;
    let type = "";
    let k = HITS;
    const field = h("input", { type: "search", class: "field", value: route.q, dir: "auto",
        "data-ask": true, "aria-label": t("Search in all documents"),
        placeholder: t("Words to look for") });
    const kinds = h("select", { class: "field", "aria-label": t("Kind of document"),
        onchange: () => {
            type = kinds.value;
            run();
        } }, TYPES().map(([value, name]) => h("option", { value }, name)));
    const results = h("div", { class: "results" });
    const askInstead = h("a", { class: "text-button" }, icon("ask"), t("Ask this as a question"));

    async function run() {
        const q = field.value.trim();
        history.replaceState(history.state, "", href({ view: "search", q, doc: null }));
        Object.assign(route, { q });
        askInstead.href = href({ q });
        askInstead.hidden = !q;
        stop?.abort();
        if (!q) return fill(results);
        stop = new AbortController();
        try {
            const { hits } = await api.search({ q, k, type }, stop.signal);
            const more = hits.length === k && k < HITS_MAX;
            fill(results, hits.length ? [
                h("p", { class: "count" }, tn("One passage", "{n} passages", hits.length)),
                h("ol", { class: "sources" }, hits.map((hit) => hitNode(hit, q))),
                more ? h("p", { class: "more" }, h("button", { type: "button", class: "button",
                    onclick: () => {
                        k = HITS_MAX;
                        run();
                    } }, t("Show more"))) : null,
            ] : nothing(q));
            say(tn("One passage", "{n} passages", hits.length));
        } catch (error) {
            if (!isAbort(error)) fill(results, h("p", { class: "failed" }, error.message));
        }
    }

    const later = debounce(() => {
        k = HITS;
        run();
    }, TYPING_MS);
    field.addEventListener("input", later);
    own(() => later.cancel());
    own(() => stop?.abort());
    root.append(h("div", { class: "page" }, h("h1", { tabindex: -1 }, t("Search")),
        h("form", { class: "bar", role: "search", "aria-label": t("All documents"),
            onsubmit: (event) => {
            event.preventDefault();
            later.cancel();
            run();
        } }, h("div", { class: "field-with-icon" }, icon("search"), field), kinds),
        askInstead, results));
    run();
    if (!route.q) field.focus();
    return own.end;
}

export const searchFor = (q) => go({ view: "search", q });
