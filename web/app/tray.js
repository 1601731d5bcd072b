// SPDX-License-Identifier: Apache-2.0
// The tray at the edge of the page: what is being added, how far it is, what failed and why. And
// the page-wide target for dropped files.

import { fill, h } from "./dom.js";
import { baseName } from "./format.js";
import { icon } from "./icons.js";
import { number, t, tn } from "./i18n.js";
import { openBeside } from "./route.js";
import { addDropped, addFiles, clearDone, failures, intake, isDone, retry, uploads }
    from "./upload.js";

// Of a dropped folder with thousands of files only these many lines are drawn.
const LINES_MAX = 60;
const ORDER = { failed: 0, sending: 1, reading: 1, waiting: 2, added: 3, unchanged: 3 };

function stateText(item) {
    switch (item.state) {
    case "waiting": return t("Waiting");
    case "sending": return t("Sending");
    case "reading": return t("Reading");
    case "added": return t("Added");
    case "unchanged": return t("Already in the library");
    default: return item.reason;
    }
}

function line(item) {
    const note = h("span", { class: "tray-note", dir: "auto" }, stateText(item));
    const busy = item.state === "sending" || item.state === "reading";
    const bar = busy ? h("progress", { max: 1, "aria-label": item.name,
        value: item.state === "sending" ? item.sent : null }) : null;
    if (item.state === "reading") bar.removeAttribute("value");
    const mark = item.state === "failed" ? "alert" : isDone(item) ? "check" : "file";
    return h("li", { class: `tray-line ${item.state}` }, icon(mark),
        h("span", { class: "tray-text" }, h("span", { class: "tray-name", dir: "auto" }, item.name),
            note, bar),
        item.document ? h("button", { type: "button", class: "text-button",
            onclick: () => openBeside(item.document) }, t("Open")) : null,
        item.state === "failed" && item.file ? h("button", { type: "button", class: "text-button",
            "aria-label": t("Try again: {name}", { name: item.name }),
            onclick: () => retry(item) }, t("Try again")) : null);
}

function heading(items, event) {
    const open = items.filter((item) => !isDone(item)).length;
    const bad = items.filter((item) => item.state === "failed").length;
    if (open) {
        return t("Adding {n} of {all}", { n: number(items.length - open + 1),
            all: number(items.length) });
    }
    if (event) {
        return event.all > 1 ? t("Taking in {n} of {all}", { n: number(event.done),
            all: number(event.all) }) : t("Taking in");
    }
    if (bad) return tn("One file could not be added", "{n} files could not be added", bad);
    return tn("One file is in the library", "{n} files are in the library", items.length);
}

export function tray() {
    const head = h("h2", { class: "tray-title", "aria-live": "polite" });
    const list = h("ul", { class: "tray-list" });
    const fold = h("button", { type: "button", class: "icon-button small", "aria-expanded": "true",
        "aria-label": t("Show the files"), onclick: () => {
            const open = fold.getAttribute("aria-expanded") !== "true";
            fold.setAttribute("aria-expanded", String(open));
            list.hidden = !open;
        } }, icon("down"));
    const close = h("button", { type: "button", class: "icon-button small", onclick: clearDone,
        "aria-label": t("Close") }, icon("close"));
    const node = h("section", { class: "tray", "aria-label": t("Files being added"), hidden: true },
        h("div", { class: "tray-head" }, head, fold, close), list);

    let due = false;
    const draw = () => {
        due = false;
        const foreign = failures.value.map(({ path, reason }) =>
            ({ name: baseName(path), state: "failed", reason }));
        const items = [...uploads.value, ...foreign];
        const event = intake.value;
        node.hidden = !items.length && !event;
        close.hidden = items.some((item) => !isDone(item)) || !items.length;
        const text = heading(items, event);
        if (head.textContent !== text) head.textContent = text;
        const shown = [...items].sort((a, b) => ORDER[a.state] - ORDER[b.state]);
        fill(list, event ? line({ name: baseName(event.path), state: "reading" }) : null,
            shown.slice(0, LINES_MAX).map(line),
            shown.length > LINES_MAX ? h("li", { class: "tray-line" },
                tn("and one more", "and {n} more", shown.length - LINES_MAX)) : null);
    };
    // Hundreds of progress events a second become one drawing a frame.
    const later = () => {
        if (!due) requestAnimationFrame(draw);
        due = true;
    };
    const off = [uploads.later(later), failures.later(later), intake.later(later)];
    draw();
    return { node, end: () => off.forEach((end) => end()) };
}

// Made once: the listeners are the page's own and outlive a change of language.
export function dropTarget() {
    const node = h("div", { class: "drop", hidden: true });
    let depth = 0;
    const show = (on) => {
        node.hidden = !on;
        const words = h("p", null, t("Drop to add"));
        fill(node, h("div", { class: "drop-inside" }, icon("upload"), words));
    };
    const onFiles = (type, listener) => addEventListener(type, (event) => {
        if ([...(event.dataTransfer?.types ?? [])].includes("Files")) listener(event);
    });
    onFiles("dragenter", () => show(++depth > 0));
    onFiles("dragleave", () => show((depth = Math.max(0, depth - 1)) > 0));
    onFiles("dragover", (event) => event.preventDefault());
    onFiles("drop", (event) => {
        event.preventDefault();
        show((depth = 0) > 0);
        addDropped(event.dataTransfer);
    });
    addEventListener("paste", (event) => {
        if (event.clipboardData?.files.length) addFiles(event.clipboardData.files);
    });
    return node;
}
