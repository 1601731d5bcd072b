// SPDX-License-Identifier: Apache-2.0
// What is presented: its slides, anew when somebody edits it, and where the screen stands.

import { api } from "./api.js";
import { debounce } from "./dom.js";
import { newest, on } from "./live.js";
import { slidesOf, slidesOfDocument } from "./slides.js";

const EDIT_MS = 500;

export async function loadSlides(kind, id) {
    if (kind === "document") {
        const [{ title, outline }, text] = await Promise.all([api.document(id), api.text(id)]);
        return { title, slides: slidesOfDocument(text, outline) };
    }
    const { name, text } = await api.draft(id);
    return { title: name, slides: slidesOf(text ?? "") };
}

// Calls told({title, slides}) now and when it has changed; returns what ends it.
export function followSlides(kind, id, told, failed) {
    const load = () => loadSlides(kind, id).then(told, failed);
    const again = debounce(load, EDIT_MS);
    const end = kind === "draft" ? on("drafts", again) : () => {};
    load();
    return () => {
        again.cancel();
        end();
    };
}

// Calls told(state of this machine's screen or null, those of the person's other devices, each
// with its node) now and whenever a screen or a remote says something else.
export function followScreens(told) {
    let here = null;
    let others = [];
    const load = newest(() => api.presented().catch(() => null), (got) => {
        if (!got) return;
        here = got.present?.node ? null : got.present;
        ({ others } = got);
        told(here, others);
    });
    load();
    return on("present", (state) => {
        if (!state.kind) return load();
        here = state;
        return told(here, others);
    });
}
