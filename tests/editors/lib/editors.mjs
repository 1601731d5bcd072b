// SPDX-License-Identifier: Apache-2.0
// The editors, each bound to one draft as its own documents say, in the page that the test opens at
// #EDITOR;ADDRESS;DRAFT;TOKEN.

import { BlockNoteEditor } from "@blocknote/core";
import { CollaborationExtension } from "@blocknote/core/yjs";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { HocuspocusProvider } from "@hocuspocus/provider";
import { Editor } from "@tiptap/core";
import Collaboration from "@tiptap/extension-collaboration";
import StarterKit from "@tiptap/starter-kit";
import { baseKeymap, toggleMark } from "prosemirror-commands";
import { keymap } from "prosemirror-keymap";
import { schema } from "prosemirror-schema-basic";
import { EditorState as ProseState } from "prosemirror-state";
import { EditorView as ProseView } from "prosemirror-view";
import Quill from "quill";
import QuillCursors from "quill-cursors";
import { yCollab } from "y-codemirror.next";
import { QuillBinding } from "y-quill";
import { initProseMirrorDoc, ySyncPlugin, yUndoPlugin } from "y-prosemirror";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { contentOf } from "./content.mjs";

const [editor, address, draft, token] = location.hash.slice(1).split(";");
const host = document.querySelector("main");
const doc = new Y.Doc();

const makers = {
    codemirror(provider) {
        const text = doc.getText("text");
        return new EditorView({ parent: host, state: EditorState.create({ doc: text.toString(),
            extensions: [yCollab(text, provider.awareness), new Compartment().of([])] }) });
    },
    prosemirror() {
        const { doc: start, mapping } = initProseMirrorDoc(doc.getXmlFragment("prose"), schema);
        return new ProseView(host, { state: ProseState.create({ doc: start, schema, plugins: [
            ySyncPlugin(doc.getXmlFragment("prose"), { mapping }), yUndoPlugin(),
            keymap({ "Mod-b": toggleMark(schema.marks.strong) }), keymap(baseKeymap)] }) });
    },
    tiptap: () => new Editor({ element: host, extensions: [
        StarterKit.configure({ undoRedo: false }), Collaboration.configure({ document: doc })] }),
    quill(provider) {
        Quill.register("modules/cursors", QuillCursors);
        const quill = new Quill(host, { modules: { cursors: true } });
        return new QuillBinding(doc.getText("quill"), quill, provider.awareness);
    },
    blocknote(provider) {
        const blocks = BlockNoteEditor.create({ extensions: [CollaborationExtension({ provider,
            fragment: doc.getXmlFragment("blocks"), user: { name: "Ana", color: "#336699" } })] });
        blocks.mount(host);
        return blocks;
    },
};

const provider = editor === "tiptap" ?
    new HocuspocusProvider({ url: `${address}/${draft}?token=${token}`, name: draft,
        document: doc, token: "any" }) :
    new WebsocketProvider(address, draft, doc, { params: { token }, disableBc: true });

// What the test asks for.
window.draft = { content: () => contentOf(doc, editor), cut: () => provider.disconnect(),
    join: () => provider.connect() };
provider.on("synced", () => {
    if (window.draft.made) return;
    window.draft.made = makers[editor](provider);
    document.body.dataset.ready = "yes";
});
