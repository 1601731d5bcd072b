// SPDX-License-Identifier: Apache-2.0
// Adding files: picked, dropped or pasted; two at a time, each with its own progress and in the end
// its result or the reason why not. XMLHttpRequest, because fetch tells nothing of what was sent.

import { allowed, api, noteUnreachable } from "./api.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { changed, on } from "./live.js";
import { signal } from "./signal.js";

const AT_ONCE = 2;
// So long after the last event weft is taken to be done: reading one document may take a minute.
const QUIET_MS = 2500;
const BUSY_MS = 65000;
const DONE = new Set(["added", "unchanged", "failed"]);

// Events of an upload come at the latest so long after its answer.
const LATE_MS = 10000;

let last = 0;
let running = 0;

// [{id, file, name, state, sent, reason, document}]; state: waiting, sending, reading, or a result
export const uploads = signal([]);
// What weft takes in by itself (watched folders, the command line): the last event, or null.
export const intake = signal(null);
export const failures = signal([]);

export const isDone = (item) => DONE.has(item.state);

function update(item, change) {
    Object.assign(item, change);
    uploads.touch();
}

// Reasons come as parts of sentences, too.
const sentence = (text) => (text ? text[0].toLocaleUpperCase() + text.slice(1) : text);

function resultOf(request) {
    let body = {};
    try {
        body = JSON.parse(request.responseText);
    } catch {
        // no JSON: told below by the status
    }
    if (request.status === 401) allowed.set(false);
    const result = body.results?.[0];
    if (result) {
        const { status, reason, document: doc } = result;
        return { state: status, reason: sentence(reason), document: doc?.id ?? null };
    }
    const reason = body.detail ??
        t("weft answered with an error ({status}).", { status: request.status });
    return { state: "failed", reason };
}

function send(item) {
    return new Promise((resolve) => {
        const request = new XMLHttpRequest();
        request.open("POST", api.uploadUrl(item.name));
        request.setRequestHeader("content-type", item.file.type || "application/octet-stream");
        request.upload.onprogress = (event) =>
            update(item, { sent: event.loaded / Math.max(event.total, 1) });
        request.upload.onload = () => update(item, { state: "reading", sent: 1 });
        request.onload = () => resolve(resultOf(request));
        request.onerror = () => resolve({ state: "failed", reason: noteUnreachable().message });
        request.onabort = () => resolve({ state: "failed", reason: t("Stopped.") });
        update(item, { state: "sending", sent: 0 });
        request.send(item.file);
    });
}

async function run() {
    if (running >= AT_ONCE) return;
    const item = uploads.value.find((one) => one.state === "waiting");
    if (!item) return;
    running++;
    update(item, await send(item));
    running--;
    if (item.state === "added") changed("documents");
    run();
}

export function addFiles(files) {
    const items = [...files].map((file) => ({
        id: ++last, file, name: file.name, size: file.size, state: "waiting", sent: 0,
        reason: null, document: null,
    }));
    if (!items.length) return;
    uploads.set([...uploads.value, ...items]);
    for (let i = 0; i < AT_ONCE; i++) run();
}

export function retry(item) {
    update(item, { state: "waiting", reason: null, sent: 0 });
    run();
}

// Names of uploads that are no longer listed, and since when.
const left = new Map();

export function clearDone() {
    for (const item of uploads.value) if (isDone(item)) left.set(item.name, performance.now());
    uploads.set(uploads.value.filter((item) => !isDone(item)));
    failures.set([]);
}

// Opens the system's file picker, for files or for a whole folder.
export function pickFiles(folder) {
    const input = h("input", { type: "file", class: "unseen", multiple: true, tabindex: -1,
        webkitdirectory: folder, "aria-hidden": "true" });
    input.addEventListener("change", () => {
        addFiles([...input.files].filter((file) => !file.name.startsWith(".")));
        input.remove();
    });
    input.addEventListener("cancel", () => input.remove());
    document.body.append(input);
    input.click();
}

const readBatch = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

async function filesBelow(entry) {
    if (entry.name.startsWith(".")) return [];
    if (entry.isFile) return [await fileOf(entry)];
    const reader = entry.createReader();
    const files = [];
    for (;;) {
        const batch = await readBatch(reader);
        if (!batch.length) return files;
        for (const below of batch) files.push(...(await filesBelow(below)));
    }
}

export async function addDropped(transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.length) return addFiles(transfer.files);
    for (const entry of entries) addFiles(await filesBelow(entry).catch(() => []));
}

// Events of our own uploads come back over the stream: those are shown already.
function isOurs(path) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    return uploads.value.some((item) => item.name === name || item.name === path) ||
        [name, path].some((one) => performance.now() - left.get(one) < LATE_MS);
}

export function followIntake() {
    let quiet = 0;
    return on("intake", (event) => {
        if (!event.path || isOurs(event.path)) return;
        if (event.status === "failed") {
            const rest = failures.value.filter((one) => one.path !== event.path);
            failures.set([...rest, { path: event.path, reason: sentence(event.reason) }]);
        }
        clearTimeout(quiet);
        quiet = setTimeout(() => intake.set(null), event.status === "reading" ? BUSY_MS : QUIET_MS);
        intake.set(event);
    });
}
