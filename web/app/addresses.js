// SPDX-License-Identifier: Apache-2.0
// Which addresses of an answer may be links: those that the person, or what the model was given to
// read, had named, and that carry nothing of the conversation. A model may have been told by a
// document to write an address that takes data away when somebody follows it; src/privacy/
// inbound_links.c flags the same for programs.

import { h } from "./dom.js";
import { t } from "./i18n.js";

const LONG = 16; // a word that tells by itself
const OPAQUE = /[\p{L}\p{N}%+=_]{24}/u; // a run of which nobody can say what it holds
const WORD = /[\p{L}\p{N}]{4,}/gu;

// What stands in the address behind its escapes, also those of base64.
function undone(tail) {
    const texts = [tail];
    try {
        texts.push(decodeURIComponent(tail.replaceAll("+", " ")));
    } catch {
        // no escapes
    }
    for (const run of tail.match(/[A-Za-z0-9+/_-]{12,}={0,2}/g) ?? []) {
        try {
            texts.push(atob(run.replaceAll("-", "+").replaceAll("_", "/")));
        } catch {
            // not base64
        }
    }
    return texts;
}

function tells(text, said, most) {
    const words = (text.match(WORD) ?? []).map((word) => word.toLowerCase());
    const known = words.filter((word) => said.has(word));
    return known.length >= most || known.some((word) => /\p{N}/u.test(word) || word.length >= LONG);
}

// names(address): true where it may be a link. `context` is all that was said before the answer.
export function namedIn(context) {
    const lower = context.toLowerCase();
    const said = new Set(lower.match(WORD) ?? []);
    const hosts = new Set(lower.match(/[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu) ?? []);
    return (address) => {
        if (context.includes(address)) return true;
        let url;
        try {
            url = new URL(address);
        } catch {
            return false;
        }
        if (!/^https?:$/.test(url.protocol) || url.username || url.password) return false;
        if (!hosts.has(url.hostname)) return false;
        const query = url.search + url.hash;
        return !OPAQUE.test(url.pathname + query) &&
            !undone(url.pathname).some((text) => tells(text, said, 5)) &&
            !undone(query).some((text) => tells(text, said, 3));
    };
}

// Links within the node that may be none are shown in full, as text.
export function unlink(node, isNamed) {
    for (const link of node.querySelectorAll("a")) {
        const address = link.getAttribute("href");
        if (isNamed(address)) continue;
        link.replaceWith(h("span", { class: "unlinked",
            title: t("Address that neither you nor your documents named") }, ...link.childNodes,
        link.textContent === address ? null : ` (${address})`));
    }
    return node;
}
