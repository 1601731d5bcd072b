// SPDX-License-Identifier: Apache-2.0
// Markdown as a model writes it, made into elements. Text only ever becomes text nodes, addresses
// only http, https and mailto, and pictures are links: nothing that is written can run, or load.
// An address that nobody had named is shown in full, and is no link.
//
// While it is written the text is cut into blocks; those that have not changed keep their elements.

import { unlink } from "./addresses.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { toast } from "./toast.js";

// ---- within a line ----

const SAFE = /^(https?:|mailto:)/i;
const DEPTH_MAX = 8;
// What is longer than this without an empty line is no prose; its marks are not looked for.
const INLINE_MAX = 20000;

// [text](address "title"): brackets in the text, one pair of parentheses in the address.
const LINK = new RegExp("^!?\\[((?:[^[\\]\\\\]|\\\\.|\\[[^\\]]*\\])*)\\]" +
    "\\(\\s*<?([^\\s()<>]*(?:\\([^\\s()]*\\)[^\\s()<>]*)*)>?(?:\\s+\"[^\"]*\")?\\s*\\)");

const RULES = [
    [/^(`+)([^`]|[^`][\s\S]*?[^`])\1(?!`)/, (found) =>
        h("code", { dir: "ltr" }, found[2].replace(/^ (.*) $/s, "$1"))],
    [/^\\([!-/:-@[-`{-~])/, (found) => found[1]],
    [LINK, (found, depth) => link(found[2], inline(found[1], depth))],
    [/^<((?:https?:\/\/|mailto:)[^\s<>]+)>/i, (found) => link(found[1], [found[1]])],
    [/^https?:\/\/[^\s<>"]*[^\s<>".,:;!?'*_)\]]/i, (found) => link(found[0], [found[0]])],
    [/^(\*\*|__)(?=\S)([\s\S]*?\S)\1(?!\1)/, (found, depth) =>
        h("strong", null, inline(found[2], depth))],
    [/^\*(?=[^\s*])((?:[^*]|\*\*[^*]+\*\*)*?[^\s*])\*(?!\*)/, (found, depth) =>
        h("em", null, inline(found[1], depth))],
    [/^_(?=[^\s_])([^_]*[^\s_])_(?!\w)/, (found, depth) => h("em", null, inline(found[1], depth))],
    [/^~~(?=\S)([\s\S]*?\S)~~/, (found, depth) => h("s", null, inline(found[1], depth))],
    [/^(?: {2,}|\\)\n/, () => h("br")],
];

function link(address, inside) {
    if (!SAFE.test(address)) return inside;
    return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, inside);
}

function inline(text, depth = 0) {
    const marks = depth < DEPTH_MAX && text.length < INLINE_MAX;
    const nodes = [];
    let plain = "";
    const flush = () => {
        if (plain) nodes.push(plain);
        plain = "";
    };
    for (let at = 0; at < text.length; ) {
        const next = marks ? text.slice(at).search(/[`\\!\[<*_~\n ]|https?:/) : -1;
        if (next < 0) {
            plain += text.slice(at);
            break;
        }
        plain += text.slice(at, at + next);
        at += next;
        // Within a word "_" is a letter.
        const inWord = text[at] === "_" && /[\p{L}\p{N}]$/u.test(text.slice(0, at));
        const rest = text.slice(at);
        let found = null;
        const rule = inWord ? null : RULES.find(([pattern]) => (found = pattern.exec(rest)));
        if (rule) {
            flush();
            nodes.push(rule[1](found, depth + 1));
            at += found[0].length;
        } else {
            plain += text[at++];
        }
    }
    flush();
    return nodes;
}

// ---- blocks ----

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])(?:\s+|$)/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#*)?[ \t]*$/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const QUOTE = /^ {0,3}> ?/;
const TABLE_LINE = /^ *\|?(?: *:?-+:? *\|)+(?: *:?-+:? *)?$/;

const isBlank = (line) => !line.trim();
const begins = (line) => FENCE.test(line) || HEADING.test(line) || RULE.test(line) ||
    QUOTE.test(line) || ITEM.test(line);

function fenceEnd(lines, from) {
    const fence = FENCE.exec(lines[from])[1];
    let to = from + 1;
    const isEnd = (line) => {
        const mark = line.trim();
        return mark.length >= fence.length && !mark.replaceAll(fence[0], "");
    };
    while (to < lines.length && !isEnd(lines[to])) to++;
    return Math.min(to + 1, lines.length);
}

function listEnd(lines, from) {
    const indent = ITEM.exec(lines[from])[1].length;
    const ordered = /\d/.test(ITEM.exec(lines[from])[2]);
    let to = from + 1;
    for (; to < lines.length; to++) {
        const line = lines[to];
        if (isBlank(line)) {
            const next = lines[to + 1] ?? "";
            if (isBlank(next) || !(/^\s/.test(next) || ITEM.test(next))) break;
            continue;
        }
        const item = ITEM.exec(line);
        if (item && item[1].length <= indent && /\d/.test(item[2]) !== ordered) break;
        if (!item && !/^\s/.test(line) && (begins(line) || isBlank(lines[to - 1]))) break;
        if (FENCE.test(line)) to = fenceEnd(lines, to) - 1;
    }
    return to;
}

const blockEnd = (lines, from) => {
    const line = lines[from];
    let to = from + 1;
    if (FENCE.test(line)) return fenceEnd(lines, from);
    if (HEADING.test(line) || RULE.test(line)) return to;
    if (ITEM.test(line)) return listEnd(lines, from);
    if (QUOTE.test(line)) {
        while (to < lines.length && QUOTE.test(lines[to])) to++;
        return to;
    }
    if (line.includes("|") && TABLE_LINE.test(lines[to] ?? "")) {
        while (to < lines.length && lines[to].includes("|")) to++;
        return to;
    }
    while (to < lines.length && !isBlank(lines[to]) && !begins(lines[to])) to++;
    return to;
};

// The text as blocks of lines.
function split(lines) {
    const blocks = [];
    for (let at = 0; at < lines.length; ) {
        if (isBlank(lines[at])) at++;
        else {
            const end = blockEnd(lines, at);
            blocks.push(lines.slice(at, end));
            at = end;
        }
    }
    return blocks;
}

// ---- from blocks to elements ----

function codeNode(lines) {
    const [, fence, language] = FENCE.exec(lines[0]);
    const last = lines[lines.length - 1].trim();
    const closed = lines.length > 1 && last.startsWith(fence) && !last.replaceAll(fence[0], "");
    const text = lines.slice(1, closed ? -1 : undefined).join("\n");
    const copy = async () => {
        await navigator.clipboard.writeText(text);
        toast(t("Copied."));
    };
    return h("div", { class: "code" },
        h("div", { class: "code-head" }, h("span", null, language),
            h("button", { type: "button", class: "text-button", onclick: copy },
                icon("copy"), t("Copy"))),
        h("pre", { tabindex: 0, dir: "ltr" }, h("code", null, text)));
}

function listNode(lines, depth) {
    const first = ITEM.exec(lines[0]);
    const ordered = /\d/.test(first[2]);
    const indent = first[1].length;
    const items = [];
    let inFence = false;
    for (const line of lines) {
        const item = inFence ? null : ITEM.exec(line);
        if (FENCE.test(line.trimStart())) inFence = !inFence;
        if (item && (item[1].length <= indent || !items.length)) {
            items.push({ lines: [line.slice(item[0].length)], inner: item[0].length });
        } else {
            const { inner, lines: into } = items[items.length - 1];
            const lead = /^\s*/.exec(line)[0].length;
            into.push(line.slice(Math.min(lead, inner)));
        }
    }
    const start = ordered ? parseInt(first[2], 10) : 1;
    return h(ordered ? "ol" : "ul", { start: start === 1 ? null : start }, items.map((item) => {
        const blocks = split(item.lines);
        const isTight = blocks.length > 0 && !begins(blocks[0][0]);
        return h("li", null, blocks.map((block, i) => (isTight && i === 0 ?
            inline(block.join("\n")) : blockNode(block, depth + 1))));
    }));
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));

function tableNode(lines) {
    const sides = cells(lines[1]).map((mark) => (/^:-+:$/.test(mark) ? "centre" :
        mark.endsWith(":") ? "end" : null));
    const row = (line, tag) => h("tr", null, cells(line).slice(0, sides.length).map((cell, i) =>
        h(tag, { class: sides[i] }, inline(cell))));
    return h("div", { class: "table-place", tabindex: 0 }, h("table", null,
        h("thead", null, row(lines[0], "th")),
        h("tbody", null, lines.slice(2).map((line) => row(line, "td")))));
}

function blockNode(lines, depth = 0) {
    const [line] = lines;
    if (FENCE.test(line)) return codeNode(lines);
    const heading = HEADING.exec(line);
    // The page has headings of its own above these.
    if (heading) {
        return h(`h${Math.min(heading[1].length + 2, 6)}`, null, inline(heading[2] ?? ""));
    }
    if (RULE.test(line)) return h("hr");
    if (ITEM.test(line) && depth < DEPTH_MAX) return listNode(lines, depth);
    if (QUOTE.test(line) && depth < DEPTH_MAX) {
        return h("blockquote", null, split(lines.map((one) => one.replace(QUOTE, "")))
            .map((block) => blockNode(block, depth + 1)));
    }
    if (lines.length > 1 && line.includes("|") && TABLE_LINE.test(lines[1])) {
        return tableNode(lines);
    }
    return h("p", { dir: "auto" }, inline(lines.join("\n").trim()));
}

// What is shown of a text that grows: {node, set(text)}; isNamed(address) says what may be a link.
export function markdown(isNamed) {
    const node = h("div", { class: "prose", dir: "auto" });
    let shown = [];
    return {
        node,
        set(text) {
            const blocks = split(text.replace(/\r\n?/g, "\n").split("\n"));
            let same = 0;
            const sources = blocks.map((lines) => lines.join("\n"));
            while (same < shown.length && sources[same] === shown[same]) same++;
            while (node.children.length > same) node.lastChild.remove();
            node.append(...blocks.slice(same).map((lines) => unlink(blockNode(lines), isNamed)));
            shown = sources;
        },
    };
}
