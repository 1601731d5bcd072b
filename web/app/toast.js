// SPDX-License-Identifier: Apache-2.0
// Short notes at the edge of the page, read out by screen readers, gone after a while.

import { h } from "./dom.js";

const SHOWN_MS = 6000;
const place = h("div", { class: "toasts", role: "status", "aria-live": "polite" });

export const toastPlace = () => place;

export function toast(text, className = "") {
    const node = h("p", { class: `toast ${className}`.trim(), dir: "auto" }, text);
    place.append(node);
    setTimeout(() => node.remove(), SHOWN_MS);
}

// A note that stays: returns what takes it away.
export function keep(node) {
    place.append(node);
    return () => node.remove();
}

export const failed = (error) => toast(error.message, "bad");

// Read out, but not shown.
const voice = h("div", { class: "unseen", role: "status", "aria-live": "polite" });
export const voicePlace = () => voice;
export function say(text) {
    voice.textContent = text;
}
