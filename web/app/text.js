// SPDX-License-Identifier: Apache-2.0
// Positions in text. The server counts code points, the browser UTF-16 units: the two differ
// behind every emoji. Also: folding for search, and text with marked ranges as nodes.

const isLead = (unit) => unit >= 0xd800 && unit < 0xdc00;
const STEP = 4096;

// The UTF-16 index of code point `n` of `text`.
export function indexOfPoint(text, n) {
    let index = 0;
    for (; n > 0 && index < text.length; n--) index += isLead(text.charCodeAt(index)) ? 2 : 1;
    return Math.min(index, text.length);
}

export function countPoints(text, end = text.length) {
    let n = 0;
    for (let index = 0; index < end; n++) index += isLead(text.charCodeAt(index)) ? 2 : 1;
    return n;
}

// Turns UTF-16 indices of a long text into code points, each in at most STEP steps.
export class PointIndex {
    constructor(text) {
        this.text = text;
        this.marks = [0];
        let points = 0;
        let index = 0;
        let next = STEP;
        while (index < text.length) {
            index += isLead(text.charCodeAt(index)) ? 2 : 1;
            points++;
            if (index >= next) {
                this.marks.push(index, points);
                next += STEP;
            }
        }
        this.plain = points === text.length;
    }

    toPoint(index) {
        if (this.plain) return index;
        // marks: [0, index1, points1, index2, points2, ...]; block k begins at or after k * STEP
        let block = Math.floor(index / STEP);
        while (block > 0 && this.marks[block * 2 - 1] > index) block--;
        let at = block ? this.marks[block * 2 - 1] : 0;
        let points = block ? this.marks[block * 2] : 0;
        for (; at < index; points++) at += isLead(this.text.charCodeAt(at)) ? 2 : 1;
        return points;
    }
}

const folded = new Map();
function foldUnit(unit) {
    const plain = unit.toLowerCase().normalize("NFD")[0];
    return plain.length === 1 ? plain : unit;
}

// Lower case without accents, unit for unit, so that positions stay true.
export function fold(text) {
    const lower = text.toLowerCase();
    const base = lower.length === text.length ? lower : text;
    return base.replace(/[^\u0000-\u007f]/g, (unit) => {
        let plain = folded.get(unit);
        if (plain === undefined) folded.set(unit, (plain = foldUnit(unit)));
        return plain;
    });
}

// All places of `needle` in `text` as [start, end) in code points, at most `limit`.
export function findAll(index, foldedText, needle, limit) {
    const hits = [];
    const wanted = fold(needle);
    if (!wanted) return hits;
    for (let at = foldedText.indexOf(wanted); at >= 0 && hits.length < limit; ) {
        hits.push([index.toPoint(at), index.toPoint(at + wanted.length)]);
        at = foldedText.indexOf(wanted, at + wanted.length);
    }
    return hits;
}

// `text` (beginning at code point `start`) as nodes, with a <mark> for each of the sorted
// ranges [{start, end, class}], in code points.
export function marked(text, start, ranges) {
    const nodes = [];
    let at = start;
    let index = 0;
    const take = (end) => {
        const from = index;
        index += indexOfPoint(text.slice(index), end - at);
        at = end;
        return text.slice(from, index);
    };
    for (const range of ranges) {
        const begin = Math.max(range.start, at);
        if (range.end <= begin) continue;
        const before = take(begin);
        if (before) nodes.push(before);
        const inside = take(range.end);
        if (!inside) break;
        const mark = document.createElement("mark");
        if (range.class) mark.className = range.class;
        mark.dataset.start = begin;
        mark.textContent = inside;
        nodes.push(mark);
    }
    if (index < text.length) nodes.push(text.slice(index));
    return nodes;
}

// The words of a question that are worth marking in a hit.
export function wordRanges(text, start, question) {
    const words = [...new Set(fold(question).match(/[\p{L}\p{N}]{3,}|[\p{Lo}]+/gu) ?? [])];
    if (!words.length) return [];
    const pattern = new RegExp(
        words.map((word) => `(?<![\\p{Ll}\\p{N}])${word}|(?<=\\p{Lo})${word}`).join("|"), "gu");
    const index = new PointIndex(text);
    return [...fold(text).matchAll(pattern)].map((found) => ({
        start: start + index.toPoint(found.index),
        end: start + index.toPoint(found.index + found[0].length),
    }));
}

// A passage cut to about `room` units around its highlight, at word borders. Positions in and out
// are code points of the document.
export function excerpt(text, start, highlight, room) {
    const from = indexOfPoint(text, Math.max(0, highlight.start - start));
    const to = indexOfPoint(text, Math.max(0, highlight.end - start));
    const spare = Math.max(0, room - (to - from));
    let left = Math.max(0, from - Math.floor(spare / 3));
    let right = Math.min(text.length, to + Math.ceil((spare * 2) / 3));
    if (left > 0) left = from - (text.slice(left, from).length - skipWord(text.slice(left, from)));
    if (right < text.length) right = to + text.slice(to, right).search(/\s\S*$|$/u);
    return {
        text: text.slice(left, right),
        start: start + countPoints(text, left),
        cutBefore: left > 0,
        cutAfter: right < text.length,
    };
}

function skipWord(text) {
    const space = text.search(/\s/u);
    return space < 0 ? 0 : space + 1;
}
