// SPDX-License-Identifier: Apache-2.0
// What stands in a draft, by where each editor writes.

const ROOTS = { codemirror: "text", prosemirror: "prose", tiptap: "default", quill: "quill",
    blocknote: "blocks" };

export function contentOf(doc, editor) {
    const name = ROOTS[editor];
    return editor === "codemirror" || editor === "quill" ?
        JSON.stringify(doc.getText(name).toDelta()) : doc.getXmlFragment(name).toString();
}
