// SPDX-License-Identifier: Apache-2.0
// What a phone does while weft is out of reach. Changes go into a queue in the browser's own store
// and are sent in their order when weft answers again. Each bears an id of its own or the time when
// it was made, so that weft does it once, however often it is sent. Drafts' texts are kept by the
// editor (web/editor); here they are brought up to date in the background.

import { allowed, api, Problem, reachable, send } from "./api.js";
import { signal } from "./signal.js";

const BASE = "weft-queue";
const STORE = "ops";
const KEPT_KEY = "weft.kept"; // {draft id: when it was changed last, as far as it is here}
const UNSENT_KEY = "weft.unsent"; // drafts with changes that weft has not confirmed
const KEPT_MAX = 100;
const LOOK_MS = 1500;

// The phone that this browser is; null: it is the machine's own. As it was said last.
export const phone = signal(JSON.parse(localStorage.getItem("weft.phone") ?? "null"));
// What waits: [{n, method, path, body, what}].
export const waiting = signal([]);

export async function askWho() {
    const { phone: one } = await api.me();
    localStorage.setItem("weft.phone", JSON.stringify(one));
    phone.set(one);
}

// ---- the queue ----

function open() {
    return new Promise((resolve, reject) => {
        const request = indexedDB.open(BASE, 1);
        request.onupgradeneeded = () =>
            request.result.createObjectStore(STORE, { keyPath: "n", autoIncrement: true });
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
}

// Durable when it resolves.
async function store(mode, run) {
    const db = await open();
    try {
        return await new Promise((resolve, reject) => {
            const turn = db.transaction(STORE, mode, { durability: "strict" });
            const request = run(turn.objectStore(STORE));
            turn.oncomplete = () => resolve(request.result);
            turn.onerror = turn.onabort = () => reject(turn.error);
        });
    } finally {
        db.close();
    }
}

export async function lookAtQueue() {
    waiting.set(await store("readonly", (ops) => ops.getAll()));
}

export const newId = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))]
    .map((one) => one.toString(16).padStart(2, "0")).join("");

// Does it now, or keeps it for later; true: it was done.
export async function doOrKeep(op) {
    await store("readwrite", (ops) => ops.add(op));
    await lookAtQueue();
    await sendQueue();
    return !waiting.value.length;
}

const notNow = (error) => error.status === 0 || error.status === 401 || error.status === 408 ||
    error.status === 429 || error.status >= 500;

// A name that somebody else took meanwhile gets a number.
function withNumber(body) {
    const [, name, n] = /^(.*?)(?: \((\d+)\))?$/su.exec(body.name);
    return { ...body, name: `${name} (${Number(n ?? 1) + 1})` };
}

async function sendOne(op) {
    for (let body = op.body; ; body = withNumber(body)) {
        try {
            await send(op.method, op.path, { body });
            return;
        } catch (error) {
            if (error.status !== 409 || !body?.name) throw error;
        }
    }
}

const failures = signal(null);
export const failedOps = failures;

async function sendAll() {
    for (const op of await store("readonly", (ops) => ops.getAll())) {
        try {
            await sendOne(op);
        } catch (error) {
            if (!(error instanceof Problem) || notNow(error)) return;
            const isGone = op.method === "DELETE" && error.status === 404;
            if (!isGone) failures.set({ op, error });
        }
        await store("readwrite", (ops) => ops.delete(op.n));
    }
}

// One window sends at a time.
export async function sendQueue() {
    await navigator.locks.request("weft-queue", sendAll);
    await lookAtQueue();
}

// Whether this draft was made here, and weft does not have it yet.
export const isMadeHere = (id) => waiting.value.some((op) => op.path === "drafts" &&
    op.body?.id === id);

// ---- drafts ----

function readKept(key, otherwise) {
    try {
        return JSON.parse(localStorage.getItem(key)) ?? otherwise;
    } catch {
        return otherwise;
    }
}

export function noteUnsent(id, isUnsent) {
    const ids = new Set(readKept(UNSENT_KEY, []));
    if (isUnsent === ids.has(id)) return;
    if (isUnsent) ids.add(id);
    else ids.delete(id);
    localStorage.setItem(UNSENT_KEY, JSON.stringify([...ids]));
}

let isCatchingUp = false;
let openDraft = null; // its own editor does it
export function draftIsOpen(id) {
    openDraft = id;
}

async function catchUpAll() {
    const { drafts } = await api.drafts({ limit: KEPT_MAX });
    const { catchUp } = await import("/app/editor.js");
    const kept = readKept(KEPT_KEY, {});
    const unsent = new Set(readKept(UNSENT_KEY, []));
    for (const draft of drafts) {
        const { id, name, space, label, updated } = draft;
        localStorage.setItem(`weft.draft.${id}`, JSON.stringify({ id, name, space, label }));
        if (id === openDraft || (kept[id] === updated && !unsent.has(id))) continue;
        if (!reachable.value || !(await catchUp({ id, space }))) return;
        kept[id] = updated;
        noteUnsent(id, false);
        localStorage.setItem(KEPT_KEY, JSON.stringify(kept));
    }
}

// Brings all drafts here up to date, and sends what was written here. Nothing to do on the
// machine's own browser.
export async function catchUpDrafts() {
    if (!phone.value || isCatchingUp) return;
    isCatchingUp = true;
    try {
        await navigator.locks.request("weft-drafts", catchUpAll);
    } catch {
        // It is tried again with the next change.
    } finally {
        isCatchingUp = false;
    }
}

// ---- signing out ----

// Nothing of weft's stays in this browser.
export async function wipe() {
    const bases = await indexedDB.databases?.() ?? [];
    for (const { name } of bases) if (name.startsWith("weft-")) indexedDB.deleteDatabase(name);
    for (const key of Object.keys(localStorage)) {
        if (/^weft\.(?!theme|language|keys)/.test(key)) localStorage.removeItem(key);
    }
    await caches.delete("weft-data");
    phone.set(null);
    waiting.set([]);
}

export async function startOffline() {
    let timer = 0;
    const soon = () => {
        clearTimeout(timer);
        timer = setTimeout(async () => {
            if (!reachable.value) return;
            await sendQueue();
            await catchUpDrafts();
        }, LOOK_MS);
    };
    allowed.later((yes) => {
        if (!yes && phone.value) wipe();
    });
    await lookAtQueue();
    await askWho().catch(() => {});
    reachable.on(soon);
    addEventListener("weft-drafts", soon);
}
