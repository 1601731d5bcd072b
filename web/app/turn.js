// SPDX-License-Identifier: Apache-2.0
// One question with its answer: the text with numbered citations, where it ran, and the sources
// with the words that answer marked. Every number leads to those words in the document.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { kindOf, placeOf } from "./format.js";
import { number, t, tn } from "./i18n.js";
import { feedbackTools, readRoute } from "./privacy.js";
import { besideHref, handOver, href } from "./route.js";
import { excerpt, indexOfPoint, marked } from "./text.js";
import { toast } from "./toast.js";
import { pickFiles } from "./upload.js";

const EXCERPT_ROOM = 340;

const spaced = (text) => text.replace(/\s+/gu, " ").trim();

function highlightText(citation) {
    const { text, start, highlight } = citation;
    return spaced(text.slice(indexOfPoint(text, highlight.start - start),
        indexOfPoint(text, highlight.end - start)));
}

const rangeOf = (citation) => citation.highlight ?? citation;

// A citation opens beside the answer. The address is made at the click, because what is beside
// may have changed since.
function sourceLink(citation, attributes, ...kids) {
    const link = h("a", { ...attributes, href: besideHref(citation.document, rangeOf(citation)),
        "data-source": `${citation.document}@${rangeOf(citation).start}` }, ...kids);
    link.addEventListener("click", () => {
        link.href = besideHref(citation.document, rangeOf(citation));
    });
    return link;
}

function chip(citation, n) {
    const place = placeOf(citation.page, citation.heading);
    const label = t("Source {n}: {title}", { n: number(n), title: citation.title });
    return sourceLink(citation, { class: "chip", "aria-label": label,
        title: place ? `${citation.title} · ${place}` : citation.title }, number(n));
}

// The answer's text, with each citation's number behind the sentence that it backs.
function withChips(text, citations) {
    const shown = spaced(text);
    const places = citations.map((citation, i) => {
        const sentence = highlightText(citation);
        const at = sentence ? shown.indexOf(sentence) : -1;
        return { i, at: at < 0 ? -1 : at + sentence.length };
    });
    const sorted = places.filter((place) => place.at >= 0).sort((a, b) => a.at - b.at || a.i - b.i);
    const nodes = [];
    let from = 0;
    for (const { i, at } of sorted) {
        nodes.push(shown.slice(from, at), "\u2060", chip(citations[i], i + 1));
        from = at;
    }
    nodes.push(shown.slice(from));
    if (!sorted.length && citations.length) nodes.push("\u2060", chip(citations[0], 1));
    return nodes;
}

function source(citation, n) {
    const kind = kindOf(citation.type, citation.path ?? "");
    const place = placeOf(citation.page, citation.heading);
    const range = rangeOf(citation);
    const cut = excerpt(citation.text, citation.start, range, EXCERPT_ROOM);
    return h("li", { class: "source" },
        sourceLink(citation, { class: "source-link" },
            h("span", { class: "source-number", "aria-hidden": "true" }, number(n)),
            h("span", { class: "source-title", dir: "auto" }, icon(kind.icon), citation.title),
            place ? h("span", { class: "source-place", dir: "auto" }, place) : null,
            h("span", { class: "source-text", dir: "auto" }, cut.cutBefore ? "… " : "",
                marked(cut.text, cut.start, [range]), cut.cutAfter ? " …" : "")));
}

async function copyAnswer(answer) {
    const lines = answer.citations.map((citation, i) => {
        const place = placeOf(citation.page, citation.heading);
        return `[${i + 1}] ${citation.title}${place ? `, ${place}` : ""}`;
    });
    await navigator.clipboard.writeText(`${spaced(answer.answer)}\n\n${lines.join("\n")}\n`);
    toast(t("Copied with its sources."));
}

function routeLine(question, answer) {
    const place = answer.route?.place;
    const here = !place || place === "this device";
    const route = readRoute(here ? "" : answer.route.sent);
    const { id } = route;
    return h("p", { class: "route" }, icon(here ? "device" : "web"),
        h("span", { title: answer.route?.sent ?? answer.route?.reason },
            here ? t("Answered on this device") :
                t("Answered elsewhere, by {engine}", { engine: place })), " ",
        id ? h("a", { href: href({ view: "why", id }) }, t("Why there?")) :
            h("a", { href: href({ view: "tour" }),
                onclick: () => handOver(question) }, t("Why here?")), " ", feedbackTools(route));
}

// Words in documents that speak to a model instead of a person, and addresses of nobody's.
function flaggedLines(flagged) {
    if (!flagged) return null;
    const lines = (flagged.instructions ?? []).map((words) =>
        t("A document speaks to the model, not to you: “{words}”", { words }));
    if (flagged.answer?.link || flagged.answer?.image || flagged.answer?.leak) {
        lines.push(t("An address in this answer was named neither by you nor by your documents."));
    }
    return lines.map((line) => h("p", { class: "hint flagged", dir: "auto" }, icon("alert"), line));
}

export function answerNode(question, answer) {
    if (!answer.found) return notFound(question, answer);
    const { citations } = answer;
    return h("div", { class: "answer" },
        h("p", { class: "answer-text", dir: "auto" }, withChips(answer.answer, citations)),
        flaggedLines(answer.flagged),
        h("div", { class: "answer-foot" }, routeLine(question, answer),
            h("button", { type: "button", class: "text-button",
                onclick: () => copyAnswer(answer) }, icon("copy"), t("Copy"))),
        h("section", { class: "sources" },
            h("h3", null, tn("One source", "{n} sources", citations.length)),
            h("ol", null, citations.map((citation, i) => source(citation, i + 1)))));
}

function notFound(question, answer) {
    return h("div", { class: "answer nothing" },
        h("p", { class: "answer-text" }, t("Nothing in your documents answers this.")),
        h("p", { class: "hint" }, t("weft answers only with what your documents say, and would " +
            "rather say nothing than guess. Try other words, look at what comes closest, or add " +
            "the document that knows.")),
        h("p", { class: "actions" },
            h("a", { class: "button", href: href({ view: "search", q: question }) },
                icon("search"), t("See what comes closest")),
            h("button", { type: "button", class: "button", onclick: () => pickFiles(false) },
                icon("plus"), t("Add files"))),
        h("div", { class: "answer-foot" }, routeLine(question, answer)));
}

export function failedNode(error, again) {
    return h("div", { class: "answer failed", role: "alert" },
        h("p", null, icon("alert"), error.message),
        h("p", { class: "actions" },
            h("button", { type: "button", class: "button", onclick: again }, t("Ask again"))));
}

// An answer on its way: grey lines until the first words are there.
export function waitingNode() {
    const text = h("p", { class: "answer-text", dir: "auto", hidden: true });
    const bones = h("div", { class: "bones", role: "img", "aria-label": t("Looking it up") },
        h("span"), h("span"), h("span"));
    return {
        node: h("div", { class: "answer waiting", "aria-busy": "true" }, bones, text),
        add(piece) {
            bones.hidden = true;
            text.hidden = false;
            text.append(piece);
        },
    };
}

export function turnNode(question, inside) {
    return h("article", { class: "turn" }, h("h2", { class: "question", dir: "auto" }, question),
        inside);
}
