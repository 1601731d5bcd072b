// SPDX-License-Identifier: Apache-2.0
// The text of a document in the reader, in windows that are loaded as they come near, in both
// directions, and dropped when they are far: a book of 1,000 pages costs what is on the screen.
//
// A window is what one call of /parts gave. Its text is cut into blocks (paragraphs, headings,
// table cells), each of which knows where it stands, in code points, and can be painted with marks.

import { api } from "./api.js";
import { fill, h } from "./dom.js";
import { number, t } from "./i18n.js";
import { countPoints, marked } from "./text.js";

const WINDOW_PARTS = 40;
const WINDOWS_MAX = 8;
const NEAR_PX = 1600;
const TOP_SHARE = 0.28; // where a place that was jumped to comes to stand

const spaced = (text) => text.replace(/\s+/gu, " ").trim();

// The lines of `text` that the outline knows as headings: [{from, to, level}] in UTF-16 indices.
function headingsIn(text, start, outline) {
    const found = [];
    const end = start + countPoints(text);
    let index = 0;
    let point = start;
    for (const entry of outline) {
        if (entry.start < point || entry.start >= end) continue;
        while (point < entry.start) {
            index += text.codePointAt(index) > 0xffff ? 2 : 1;
            point++;
        }
        const skip = text.slice(index).search(/\S/u);
        if (skip < 0) continue;
        const from = index + skip;
        const stop = text.indexOf("\n", from);
        const to = stop < 0 ? text.length : stop;
        const line = spaced(text.slice(from, to));
        if (line && spaced(entry.title).startsWith(line.slice(0, 60))) {
            found.push({ from, to, level: entry.level });
        }
    }
    return found;
}

const isTable = (text) => {
    const lines = text.split("\n");
    return lines.length > 1 && lines.every((line) => line.includes("\t"));
};

// Cuts a page's text into {kind, text, from}: headings, tables, paragraphs; or one block of code.
function cut(text, start, outline, code) {
    if (code) return [{ kind: "pre", text, from: 0 }];
    const blocks = [];
    const paragraphs = (from, to) => {
        for (const found of text.slice(from, to).matchAll(/\S(?:(?!\n[ \t]*\n)[^])*/gu)) {
            const piece = found[0].trimEnd();
            const kind = isTable(piece) ? "table" : "p";
            blocks.push({ kind, text: piece, from: from + found.index });
        }
    };
    let from = 0;
    for (const heading of headingsIn(text, start, outline)) {
        if (heading.from < from) continue;
        paragraphs(from, heading.from);
        blocks.push({ kind: `h${Math.min(heading.level + 1, 6)}`, from: heading.from,
            text: text.slice(heading.from, heading.to) });
        from = heading.to;
    }
    paragraphs(from, text.length);
    return blocks;
}

// A block on the page: its element, its text and where that stands.
function makeBlock(tag, text, start) {
    const node = h(tag, { dir: "auto" }, text);
    return { node, text, start, end: start + countPoints(text), painted: false };
}

function makeTable(text, start) {
    const blocks = [];
    let at = start;
    const rows = text.split("\n").map((line) => h("tr", null, line.split("\t").map((cell) => {
        const block = makeBlock("td", cell, at);
        at = block.end + 1;
        blocks.push(block);
        return block.node;
    })));
    const table = h("table", null, h("tbody", null, rows));
    return { node: h("div", { class: "table", tabindex: 0, role: "group",
        "aria-label": t("Table") }, table), blocks };
}

function makePage(parts, doc, code) {
    const text = parts.map((part) => part.text).join("");
    const { start, page } = parts[0];
    const blocks = [];
    const nodes = [];
    let index = 0;
    let at = start;
    for (const piece of cut(text, start, doc.outline ?? [], code)) {
        at += countPoints(text.slice(index, piece.from));
        index = piece.from;
        if (piece.kind === "table") {
            const table = makeTable(piece.text, at);
            blocks.push(...table.blocks);
            nodes.push(table.node);
        } else {
            const block = makeBlock(piece.kind, piece.text, at);
            blocks.push(block);
            nodes.push(block.node);
        }
    }
    const label = page ? h("p", { class: "page-label" }, t("Page {page}", { page: number(page) })) :
        null;
    return { page, start, blocks, label, node: h("section", { class: "sheet" }, label, nodes) };
}

function makeWindow(answer, parts, doc, code) {
    const groups = [];
    for (const part of parts) {
        if (groups.length && groups.at(-1)[0].page === part.page) groups.at(-1).push(part);
        else groups.push([part]);
    }
    const pages = groups.map((group) => makePage(group, doc, code));
    const node = h("div", { class: "window" }, pages.map((page) => page.node));
    return { pages, previous: answer.previous, next: answer.next, start: parts[0].start,
        end: parts.at(-1).end, node };
}

export class Flow {
    // onPlace({at, page}) is called when another place comes to the top of the scroller.
    constructor(scroller, doc, { code, onPlace }) {
        Object.assign(this, { scroller, doc, code, onPlace, windows: [], cited: null, found: [],
            now: null, busy: false, ended: false, turn: 0 });
        this.node = h("article", { class: `text${code ? " code" : ""}` });
        this.onScroll = () => {
            if (this.frame) return;
            this.frame = requestAnimationFrame(() => {
                this.frame = 0;
                this.tellPlace();
                this.fillEnds();
            });
        };
        scroller.addEventListener("scroll", this.onScroll, { passive: true });
    }

    end() {
        this.ended = true;
        this.scroller.removeEventListener("scroll", this.onScroll);
        cancelAnimationFrame(this.frame);
    }

    // Shows the place `at`; with `range` its words come into view. Gives false when overtaken.
    async jump(at, range = null, smooth = false) {
        const turn = ++this.turn;
        if (!this.has(at)) {
            const answer = await api.parts(this.doc.id, at, WINDOW_PARTS);
            if (this.ended || turn !== this.turn) return false;
            this.windows = answer.parts.length ?
                [makeWindow(answer, answer.parts, this.doc, this.code)] : [];
            fill(this.node, this.windows.map((window) => window.node));
            if (this.windows[0]?.previous !== null) await this.loadBefore();
            if (this.ended || turn !== this.turn) return false;
        }
        this.paint();
        this.scrollTo(range?.start ?? at, smooth);
        this.tellPlace();
        this.fillEnds();
        return true;
    }

    has(at) {
        return this.windows.some((window) => window.start <= at && at < window.end);
    }

    *blocks() {
        for (const window of this.windows) for (const page of window.pages) yield* page.blocks;
    }

    blockAt(at) {
        let last = null;
        for (const block of this.blocks()) {
            if (block.start > at) return last && at < last.end ? last : block;
            last = block;
        }
        return last;
    }

    scrollTo(at, smooth) {
        const block = this.blockAt(at);
        if (!block) return;
        const mark = [...block.node.querySelectorAll("mark")]
            .find((one) => Number(one.dataset.start) >= at) ?? block.node.querySelector("mark");
        const first = this.windows[0];
        const atTop = first.previous === null && at <= first.start;
        const target = atTop ? this.node : mark ?? block.node;
        const top = target.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
        const room = atTop ? 0 : this.scroller.clientHeight * TOP_SHARE;
        const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
        this.scroller.scrollTo({ top: this.scroller.scrollTop + top - room,
            behavior: smooth && !calm ? "smooth" : "instant" });
    }

    setCited(range) {
        this.cited = range;
        this.paint();
    }

    setFound(hits, now) {
        this.found = hits;
        this.now = now;
        this.paint();
    }

    // The marks that fall into [start, end), sorted.
    rangesIn(start, end) {
        const ranges = [];
        let low = 0;
        let high = this.found.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.found[middle][1] <= start) low = middle + 1;
            else high = middle;
        }
        for (; low < this.found.length && this.found[low][0] < end; low++) {
            const [from, to] = this.found[low];
            ranges.push({ start: from, end: to, class: low === this.now ? "found now" : "found" });
        }
        const { cited } = this;
        if (cited && cited.start < end && start < cited.end) {
            // What was found inside the cited words stays visible: they are marked around it.
            let from = cited.start;
            for (const found of [...ranges]) {
                if (found.end <= from || found.start >= cited.end) continue;
                ranges.push({ start: from, end: found.start, class: "cited" });
                from = found.end;
            }
            ranges.push({ start: from, end: cited.end, class: "cited" });
        }
        return ranges.sort((a, b) => a.start - b.start);
    }

    paint() {
        for (const block of this.blocks()) {
            const ranges = this.rangesIn(block.start, block.end);
            if (!ranges.length && !block.painted) continue;
            block.painted = ranges.length > 0;
            fill(block.node, marked(block.text, block.start, ranges));
        }
    }

    async loadBefore() {
        const first = this.windows[0];
        const answer = await api.parts(this.doc.id, first.previous, WINDOW_PARTS);
        if (this.ended || first !== this.windows[0]) return;
        const parts = answer.parts.filter((part) => part.start < first.start);
        if (!parts.length) {
            first.previous = null;
            return;
        }
        const window = makeWindow(answer, parts, this.doc, this.code);
        const before_px = this.scroller.scrollHeight;
        this.windows.unshift(window);
        this.node.prepend(window.node);
        this.labelPages();
        this.scroller.scrollTop += this.scroller.scrollHeight - before_px;
        if (this.windows.length > WINDOWS_MAX) this.windows.pop().node.remove();
        this.paint();
    }

    async loadAfter() {
        const last = this.windows.at(-1);
        const answer = await api.parts(this.doc.id, last.next, WINDOW_PARTS);
        if (this.ended || last !== this.windows.at(-1)) return;
        const parts = answer.parts.filter((part) => part.start >= last.end);
        if (!parts.length) {
            last.next = null;
            return;
        }
        const window = makeWindow(answer, parts, this.doc, this.code);
        this.windows.push(window);
        this.node.append(window.node);
        this.labelPages();
        if (this.windows.length > WINDOWS_MAX) {
            const before_px = this.scroller.scrollHeight;
            this.windows.shift().node.remove();
            this.scroller.scrollTop -= before_px - this.scroller.scrollHeight;
        }
        this.paint();
    }

    // A page that goes on from the window before does not begin again.
    labelPages() {
        let page = null;
        for (const window of this.windows) {
            for (const one of window.pages) {
                if (one.label) one.label.hidden = one.page === page;
                page = one.page;
            }
        }
    }

    async fillEnds() {
        if (this.busy) return;
        this.busy = true;
        const turn = this.turn;
        try {
            while (!this.ended && turn === this.turn && this.windows.length) {
                const { scrollTop, scrollHeight, clientHeight } = this.scroller;
                const below_px = scrollHeight - clientHeight - scrollTop;
                if (below_px < NEAR_PX && this.windows.at(-1).next !== null) await this.loadAfter();
                else if (scrollTop < NEAR_PX && this.windows[0].previous !== null) {
                    await this.loadBefore();
                } else break;
            }
        } catch {
            // Nobody answers: the page says so already, and the next scroll tries again.
        } finally {
            this.busy = false;
        }
    }

    tellPlace() {
        const top = this.scroller.getBoundingClientRect().top + 24;
        let place = null;
        for (const window of this.windows) {
            if (window.node.getBoundingClientRect().bottom < top) continue;
            for (const page of window.pages) {
                if (page.node.getBoundingClientRect().bottom < top) continue;
                const block = page.blocks.find((one) =>
                    one.node.getBoundingClientRect().bottom >= top);
                place = { at: block?.start ?? page.start, page: page.page };
                break;
            }
            if (place) break;
        }
        if (place) this.onPlace({ ...place, atStart: this.atStart(), atEnd: this.atEnd() });
    }

    atStart() {
        return this.windows[0]?.previous === null && this.scroller.scrollTop < 4;
    }

    atEnd() {
        const { scrollTop, scrollHeight, clientHeight } = this.scroller;
        return this.windows.at(-1)?.next === null && scrollHeight - clientHeight - scrollTop < 4;
    }

    // Where page `page` begins: the server counts characters, so that it is searched by halves.
    async pageStart(page) {
        let low = 0;
        let high = this.doc.characters;
        let best = 0;
        for (let step = 0; low < high && step < 40; step++) {
            const middle = Math.floor((low + high) / 2);
            const { parts: [part] } = await api.parts(this.doc.id, middle, 1);
            if (!part) break;
            if (part.page >= page) {
                best = part.start;
                high = part.start;
            } else low = part.end;
        }
        return best;
    }
}
