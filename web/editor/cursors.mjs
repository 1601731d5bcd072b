// SPDX-License-Identifier: Apache-2.0
// Where the others are: their carets with their names, and what they have selected. States are
// those of y-codemirror ({user, cursor: {anchor, head}}), so that other editors show ours, and we
// theirs. Colours are classes: the page allows no styles in attributes.

import { StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, ViewPlugin, WidgetType } from "@codemirror/view";
import * as Y from "yjs";

export const COLOURS = 8;
export const colourOf = (client) => client % COLOURS;

class Caret extends WidgetType {
    constructor(name, colour) {
        super();
        Object.assign(this, { name, colour });
    }

    eq(other) {
        return other.name === this.name && other.colour === this.colour;
    }

    toDOM() {
        const caret = document.createElement("span");
        const flag = document.createElement("span");
        caret.className = `cm-peer cm-peer-${this.colour}`;
        caret.setAttribute("aria-hidden", "true");
        flag.className = "cm-peer-name";
        flag.textContent = this.name;
        caret.append("\u2060", flag);
        return caret;
    }

    ignoreEvent() {
        return true;
    }
}

// The place of a relative position in this text, or null.
export function placeOf(json, text) {
    if (!json) return null;
    try {
        const place = Y.createAbsolutePositionFromRelativePosition(
            Y.createRelativePositionFromJSON(json), text.doc);
        return place?.type === text ? place.index : null;
    } catch {
        return null; // what a stranger sent
    }
}

const redraw = StateEffect.define();

function decorations(text, awareness, length) {
    const marks = [];
    for (const [client, { user, cursor }] of awareness.getStates()) {
        if (client === text.doc.clientID || !cursor) continue;
        const head = placeOf(cursor.head, text);
        const anchor = placeOf(cursor.anchor, text) ?? head;
        if (head === null || head > length || anchor > length) continue;
        const name = String(user?.name ?? "").slice(0, 40);
        const colour = colourOf(client);
        if (anchor !== head) {
            marks.push(Decoration.mark({ class: `cm-chosen cm-chosen-${colour}` })
                .range(Math.min(anchor, head), Math.max(anchor, head)));
        }
        marks.push(Decoration.widget({ widget: new Caret(name, colour), side: 1 }).range(head));
    }
    return Decoration.set(marks, true);
}

export function cursors(text, awareness) {
    const field = StateField.define({
        create: (state) => decorations(text, awareness, state.doc.length),
        update: (value, change) => (change.effects.some((effect) => effect.is(redraw)) ?
            decorations(text, awareness, change.newDoc.length) : value.map(change.changes)),
        provide: (f) => EditorView.decorations.from(f),
    });
    const plugin = ViewPlugin.define((view) => {
        let said = "";
        let ended = false;
        const onChange = (_, origin) => {
            if (origin === "local") return;
            queueMicrotask(() => {
                if (!ended) view.dispatch({ effects: redraw.of(null) });
            });
        };
        awareness.on("change", onChange);
        return {
            update({ state, view: { hasFocus } }) {
                const { anchor, head } = state.selection.main;
                const at = (index) => Y.createRelativePositionFromTypeIndex(text, index);
                if (text.length < Math.max(anchor, head)) return; // told once the text is there
                const cursor = hasFocus ? { anchor: at(anchor), head: at(head) } : null;
                const now = JSON.stringify(cursor);
                if (now === said) return;
                said = now;
                queueMicrotask(() => {
                    if (!ended) awareness.setLocalStateField("cursor", cursor);
                });
            },
            destroy() {
                ended = true;
                awareness.off("change", onChange);
            },
        };
    });
    return [field, plugin];
}
