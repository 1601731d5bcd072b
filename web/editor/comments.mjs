// SPDX-License-Identifier: Apache-2.0
// Comments: in the draft itself, under "comments", by their ids; each holds the place that it
// speaks of as positions that move with the text.

import { StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, ViewPlugin } from "@codemirror/view";
import * as Y from "yjs";
import { placeOf } from "./cursors.mjs";

const redraw = StateEffect.define();

const isComment = (c) => c && typeof c === "object" && typeof c.text === "string";

// Those that are open, by their places: [{id, text, author, at, quote, from, to}]; from is null
// when what it spoke of is gone.
export function listComments(map, text) {
    return [...map.entries()].filter(([, c]) => isComment(c) && !c.done).map(([id, c]) => {
        const from = placeOf(c.from, text);
        const to = placeOf(c.to, text);
        const there = from !== null && to !== null && from < to;
        return { id, text: c.text, author: String(c.author ?? ""), at: Number(c.at) || 0,
            quote: there ? text.toString().slice(from, to) : String(c.quote ?? ""),
            from: there ? from : null, to: there ? to : null };
    }).sort((a, b) => (a.from ?? Infinity) - (b.from ?? Infinity) || a.at - b.at);
}

export function addComment(map, text, { from, to, author, words }) {
    const at = (index, side) => Y.relativePositionToJSON(
        Y.createRelativePositionFromTypeIndex(text, index, side));
    map.set(crypto.randomUUID(), { from: at(from, 0), to: at(to, -1), author, text: words,
        at: Date.now(), quote: text.toString().slice(from, to).slice(0, 200) });
}

export function closeComment(map, id) {
    const comment = map.get(id);
    if (isComment(comment)) map.set(id, { ...comment, done: true });
}

const mark = Decoration.mark({ class: "cm-noted" });

export function commentMarks(map, text, onChange) {
    const draw = (length) => Decoration.set(listComments(map, text)
        .filter((c) => c.from !== null && c.to <= length).map((c) => mark.range(c.from, c.to)),
    true);
    const field = StateField.define({
        create: (state) => draw(state.doc.length),
        update: (value, change) => (change.effects.some((effect) => effect.is(redraw)) ?
            draw(change.newDoc.length) : value.map(change.changes)),
        provide: (f) => EditorView.decorations.from(f),
    });
    const plugin = ViewPlugin.define((view) => {
        const again = () => queueMicrotask(() => {
            view.dispatch({ effects: redraw.of(null) });
            onChange();
        });
        map.observe(again);
        return { destroy: () => map.unobserve(again) };
    });
    return [field, plugin];
}
