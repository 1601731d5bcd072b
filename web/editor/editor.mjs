// SPDX-License-Identifier: Apache-2.0
// The editor for drafts: CodeMirror on a text of Yjs, in a shadow tree, where its style sheets are
// allowed; kept in the browser, so that it opens and takes changes when weft does not answer.

import { defaultKeymap } from "@codemirror/commands";
import { defineLanguageFacet, HighlightStyle, Language, syntaxHighlighting } from
    "@codemirror/language";
import { search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightSpecialChars, keymap, placeholder } from
    "@codemirror/view";
import { tags } from "@lezer/highlight";
import { parser } from "@lezer/markdown";
import { Awareness } from "y-protocols/awareness";
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import { IndexeddbPersistence } from "y-indexeddb";
import * as Y from "yjs";
import { addComment, closeComment, commentMarks, listComments } from "./comments.mjs";
import { colourOf, COLOURS, cursors } from "./cursors.mjs";
import { Provider } from "./provider.mjs";

const markdown = new Language(defineLanguageFacet(), parser, [], "markdown");

const looks = HighlightStyle.define([
    { tag: tags.heading1, fontWeight: "650", fontSize: "1.5em", lineHeight: "1.3" },
    { tag: tags.heading2, fontWeight: "650", fontSize: "1.25em", lineHeight: "1.35" },
    { tag: tags.heading, fontWeight: "650" },
    { tag: tags.strong, fontWeight: "650" },
    { tag: tags.emphasis, fontStyle: "italic" },
    { tag: tags.monospace, fontFamily: "var(--mono)", fontSize: "0.92em" },
    { tag: [tags.processingInstruction, tags.meta], color: "var(--ink-soft)" },
    { tag: [tags.link, tags.url], color: "var(--accent)" },
    { tag: tags.quote, color: "var(--ink-soft)" },
]);

// One colour a peer, fit for both themes: hue alone tells them apart.
const peers = Object.fromEntries([...Array(COLOURS).keys()].flatMap((i) => {
    const colour = `hsl(${(i * 360) / COLOURS + 10} 65% 30%)`; // white on it can be read
    return [[`.cm-peer-${i}`, { borderColor: `hsl(${(i * 360) / COLOURS + 10} 65% 45%)` }],
        [`.cm-peer-${i} .cm-peer-name`, { backgroundColor: colour }],
        [`.cm-chosen-${i}`, { backgroundColor: `hsl(${(i * 360) / COLOURS + 10} 62% 50% / 25%)` }]];
}));

const theme = EditorView.theme({
    "&": { color: "var(--ink)", backgroundColor: "transparent", fontSize: "1.0625rem" },
    "&.cm-focused": { outline: "none" },
    ".cm-content": { fontFamily: "var(--serif)", lineHeight: "1.65", padding: "0 0 40vh",
        caretColor: "var(--accent)" },
    ".cm-line": { padding: "0 2px" },
    ".cm-scroller": { overflow: "visible", fontFamily: "inherit" },
    ".cm-cursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
    ".cm-placeholder": { color: "var(--ink-soft)" },
    ".cm-selectionBackground": { backgroundColor: "var(--accent-soft)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": {
        backgroundColor: "var(--accent-soft)" },
    ".cm-noted": { backgroundColor: "var(--mark)", color: "var(--mark-ink)" },
    ".cm-peer": { position: "relative", borderLeft: "2px solid", marginLeft: "-1px",
        marginRight: "-1px" },
    ".cm-peer-name": { position: "absolute", bottom: "100%", left: "-2px", padding: "0 0.4em",
        borderRadius: "0.3em 0.3em 0.3em 0", color: "#fff", whiteSpace: "nowrap",
        font: "500 0.6875rem/1.5 var(--sans)", pointerEvents: "none", zIndex: "2" },
    ".cm-peer-name:empty": { display: "none" },
    ".cm-panels": { backgroundColor: "var(--surface)", color: "var(--ink)",
        border: "1px solid var(--line)" },
    ...peers,
});

const people = (awareness, own) => [...awareness.getStates()].filter(([client, state]) =>
    client !== own && state.user).map(([client, { user }]) => ({ client,
    name: String(user.name ?? "").slice(0, 40), colour: colourOf(client) }));

// By its id, which stays when it is renamed.
function addressOf({ space, id }) {
    const url = new URL(`/sync/${encodeURIComponent(space)}/${id}`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    return url.href;
}

const CATCH_UP_MS = 15000;

// Has what the browser keeps of a draft and weft exchange what they lack; true when both have all.
export async function catchUp({ id, space }) {
    const doc = new Y.Doc();
    const awareness = new Awareness(doc);
    awareness.setLocalState(null); // nobody is looking at it
    const kept = new IndexeddbPersistence(`weft-draft-${id}`, doc);
    await kept.whenSynced;
    let provider;
    const isDone = await new Promise((resolve) => {
        const timer = setTimeout(() => resolve(false), CATCH_UP_MS);
        provider = new Provider(addressOf({ id, space }), id, doc, awareness, (status) => {
            if (status !== "saved" && status !== "gone") return;
            clearTimeout(timer);
            resolve(status === "saved");
        });
    });
    provider.end();
    awareness.destroy();
    await kept.destroy();
    doc.destroy();
    return isDone;
}

// Opens a draft in `host`. options: {id, space, user, label, hint, onStatus(status),
// onPeople(list), onComments(list), onSelection(has), ready: weft is asked once that is kept}.
export async function openEditor(host, options) {
    const doc = new Y.Doc();
    const text = doc.getText("text");
    const comments = doc.getMap("comments");
    const awareness = new Awareness(doc);
    const kept = new IndexeddbPersistence(`weft-draft-${options.id}`, doc);
    await kept.whenSynced;

    awareness.setLocalStateField("user", { name: options.user });
    const tellPeople = () => options.onPeople(people(awareness, doc.clientID));
    const tellComments = () => options.onComments(listComments(comments, text));
    awareness.on("change", tellPeople);
    const provider = new Provider(addressOf(options), options.id, doc, awareness, options.onStatus,
        options.ready);

    const root = host.shadowRoot ?? host.attachShadow({ mode: "open", delegatesFocus: true });
    root.replaceChildren();
    const view = new EditorView({
        root,
        parent: root,
        state: EditorState.create({
            doc: text.toString(),
            extensions: [
                keymap.of([...yUndoManagerKeymap, ...searchKeymap, ...defaultKeymap]),
                highlightSpecialChars(), drawSelection(), EditorView.lineWrapping, markdown,
                syntaxHighlighting(looks), theme, search({ top: true }),
                placeholder(options.hint),
                EditorView.contentAttributes.of({ "aria-label": options.label, dir: "auto",
                    spellcheck: "true", autocapitalize: "sentences" }),
                yCollab(text, null), cursors(text, awareness),
                commentMarks(comments, text, tellComments),
                EditorView.updateListener.of((change) => {
                    if (change.selectionSet || change.docChanged) {
                        options.onSelection(!change.state.selection.main.empty);
                    }
                    if (change.selectionSet && change.view.hasFocus) options.onPlace?.(place());
                }),
            ],
        }),
    });
    text.observe(tellComments);
    tellComments();

    // Where the cursor is, so that it means the same place on another device.
    const pack = (at) => btoa(String.fromCharCode(...Y.encodeRelativePosition(
        Y.createRelativePositionFromTypeIndex(text, at))));
    function place() {
        const { anchor, head } = view.state.selection.main;
        return { anchor: pack(anchor), head: pack(head) };
    }
    const find = (packed) => Y.createAbsolutePositionFromRelativePosition(
        Y.decodeRelativePosition(Uint8Array.from(atob(packed), (c) => c.charCodeAt(0))),
        doc)?.index ?? null;
    // False: what it stands at is not there yet.
    function goTo({ anchor, head }) {
        let range = null;
        try {
            range = { anchor: find(anchor), head: find(head) };
        } catch {
            return true; // it is no place
        }
        if (range.anchor === null || range.head === null || range.head > view.state.doc.length ||
            range.anchor > view.state.doc.length) return false;
        view.dispatch({ selection: range,
            effects: EditorView.scrollIntoView(range.head, { y: "center" }) });
        view.focus();
        return true;
    }
    return {
        // Goes there, now or once it is known here.
        goTo(wanted) {
            const again = () => goTo(wanted) && doc.off("afterTransaction", later);
            const later = () => queueMicrotask(again);
            if (!goTo(wanted)) doc.on("afterTransaction", later);
        },
        focus: () => view.focus(),
        setUser: (name) => awareness.setLocalStateField("user", { name }),
        comment(words, author) {
            const { from, to } = view.state.selection.main;
            addComment(comments, text, { from, to, words, author });
        },
        closeComment: (id) => closeComment(comments, id),
        show({ from, to }) {
            if (from === null) return;
            view.dispatch({ selection: { anchor: from, head: to },
                effects: EditorView.scrollIntoView(from, { y: "center" }) });
            view.focus();
        },
        end() {
            provider.end();
            view.destroy();
            awareness.destroy();
            kept.destroy();
            doc.destroy();
        },
    };
}
