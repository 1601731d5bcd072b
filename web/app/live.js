// SPDX-License-Identifier: Apache-2.0
// What changes while the page is open: one event stream for all who want to know. When weft does
// not answer, tries again with growing pauses; each success refreshes what is shown.

import { allowed, reachable } from "./api.js";

const PAUSE_MS = [1000, 2000, 5000];
const listeners = { intake: new Set(), documents: new Set(), threads: new Set(),
    drafts: new Set(), reminder: new Set(), reminders: new Set(), nodes: new Set(),
    presence: new Set(), handoff: new Set(), chats: new Set(),
    pairing: new Set(), phones: new Set(), records: new Set(), present: new Set() };

// What a view that was there before the stream may have missed; and one whose stream was away.
const EARLY = ["presence", "handoff", "nodes", "pairing", "phones"];
const LATER = ["documents", "threads", "drafts", "reminders", "records", "present", "chats"];

let source = null;
let failures = 0;
let timer = 0;

function tell(name, data) {
    for (const listener of [...listeners[name]]) listener(data);
}

// on("documents", f): returns what ends it.
export function on(name, listener) {
    listeners[name].add(listener);
    return () => listeners[name].delete(listener);
}

// Draws what load() gives, at each call anew, but no answer that a later question has overtaken.
export function newest(load, draw) {
    let asked = 0;
    return async () => {
        const mine = ++asked;
        const got = await load();
        if (mine === asked) draw(got);
    };
}

// A change that this page made itself, or a stream that was away for a while.
export function changed(name) {
    tell(name, {});
}

async function check() {
    const answer = await fetch("/healthz", { cache: "no-store" }).catch(() => null);
    return Boolean(answer?.ok) && !answer.headers.has("x-weft-saved");
}

async function connect() {
    source?.close();
    source = null;
    if (!(await check())) return retry();
    const wasAway = failures > 0;
    failures = 0;
    reachable.set(true);
    source = new EventSource("/weft/v1/events");
    source.onerror = retry;
    for (const name of Object.keys(listeners)) {
        source.addEventListener(name, (event) => tell(name, JSON.parse(event.data)));
    }
    tell("presence", {}); // at once; and who is not let in any more learns it, which no stream says
    // Its first word: what happened before is not told any more, and is looked at.
    source.addEventListener("hello", () => {
        for (const name of wasAway ? [...EARLY, ...LATER] : EARLY) tell(name, {});
    });
}

function retry() {
    source?.close();
    source = null;
    clearTimeout(timer);
    if (!allowed.value) return;
    const pause_ms = PAUSE_MS[Math.min(failures++, PAUSE_MS.length - 1)];
    timer = setTimeout(connect, pause_ms);
    check().then((well) => reachable.set(well));
}

export function startLive() {
    reachable.later((well) => {
        if (!well && source) retry();
    });
    addEventListener("online", connect);
    connect();
}

export function tryAgain() {
    clearTimeout(timer);
    return connect();
}
