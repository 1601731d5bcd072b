// SPDX-License-Identifier: Apache-2.0
// The service worker: the page opens when weft is not running, with the conversations and the
// library as they were last seen.
//
// Always asks weft first (it is on this device or near), so that nothing shown is ever older than
// it has to be; what it answered is kept for when it doesn't answer. Answers with documents' words
// are kept only as far as they are listed in SAVED, and all of them go when something is deleted or
// the browser is no longer let in.

const SHELL = "weft-shell";
const DATA = "weft-data";
const PATIENCE_MS = 4000;
const SETTLED_MS = 1000;
const THREADS_MAX = 50;

const FILES = ["/", "/manifest.webmanifest", "/icons/weft.svg", "/icons/weft-192.png",
    "/icons/weft-512.png", "/icons/weft-maskable-512.png", "/icons/apple-touch-icon.png",
    "/locale/de.json",
    ...["base", "shell", "views", "reader", "chat", "privacy", "drafts",
        "devices", "tasks", "present"].map((name) => `/app/${name}.css`),
    ...["addresses", "api", "ask", "chat", "chat-models", "chat-settings", "chat-store",
        "chat-turn", "complete", "composer", "devices", "dialog", "dom", "draft", "drafts",
        "find", "flow", "format", "i18n", "icons", "install", "keys", "left", "library", "live",
        "main", "markdown", "offline", "phones", "prefs", "presence", "present", "presented",
        "privacy", "reader", "release", "remind", "remote", "route", "search", "settings",
        "shell", "side", "signal", "signin", "slides", "sse", "tasks", "text", "theme",
        "threads", "toast", "tour", "tray", "turn", "upload",
        "why"].map((name) => `/app/${name}.js`)];

// The editor, which not every weft was built with.
const EDITOR = "/app/editor.js";

// Lists, settings and conversations; never documents' texts.
const SAVED = new RegExp("^/weft/v1/(documents|drafts|spaces|models|threads|status|settings|" +
    "reminders|records|nodes|threads/\\w+)$");
// What is left out of an otherwise kept list is asked for again at once; nothing else goes.
const LISTED = /^\/weft\/v1\/(records|reminders)\//;

self.addEventListener("install", (event) => {
    event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(FILES)
        .then(() => cache.add(EDITOR).catch(() => {})))
        .then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
    event.waitUntil(caches.keys()
        .then((names) => Promise.all(names.filter((name) => name !== SHELL && name !== DATA)
            .map((name) => caches.delete(name))))
        .then(() => self.clients.claim()));
});

async function trim(cache) {
    const keys = (await cache.keys()).filter((key) => key.url.includes("/threads/"));
    await Promise.all(keys.slice(0, Math.max(0, keys.length - THREADS_MAX))
        .map((key) => cache.delete(key)));
}

async function keep(name, request, answer) {
    const cache = await caches.open(name);
    await cache.put(request, answer);
    if (name === DATA) await trim(cache);
}

// (A navigation's request cannot be given a signal, its address can.)
function fresh(request) {
    const what = request.mode === "navigate" ? request.url : request;
    return fetch(what, { signal: AbortSignal.timeout(PATIENCE_MS) });
}

// Files of the page are put away when it has come to rest: dozens at once hold up what it shows.
async function keepLater(name, answer) {
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
    await keep(SHELL, name, answer);
}

// The page itself is one file, whatever stands behind its "/".
async function shell(event) {
    const { request } = event;
    const name = request.mode === "navigate" ? "/" : request;
    try {
        const answer = await fresh(request);
        if (answer.ok && !answer.redirected) {
            event.waitUntil(keepLater(name, answer.clone()));
        }
        return answer;
    } catch (error) {
        const saved = await caches.match(name, { cacheName: SHELL });
        if (saved) return saved;
        throw error;
    }
}

// Of two answers to the same question the one that was asked for later is kept, in whatever order
// they come.
let asked = 0;
const keptAt = new Map();

async function keepData(request, answer, turn) {
    if (turn < (keptAt.get(request.url) ?? 0)) return;
    keptAt.set(request.url, turn);
    await keep(DATA, request, answer);
}

async function data(event) {
    const { request } = event;
    const turn = ++asked;
    try {
        const answer = await fetch(request);
        if (answer.ok) event.waitUntil(keepData(request, answer.clone(), turn));
        if (answer.status === 401) event.waitUntil(caches.delete(DATA));
        return answer;
    } catch (error) {
        const saved = await caches.match(request, { cacheName: DATA });
        if (!saved) throw error;
        const headers = new Headers(saved.headers);
        headers.set("x-weft-saved", "1");
        return new Response(saved.body, { status: saved.status, headers });
    }
}

async function deletion(request) {
    const answer = await fetch(request);
    if (answer.ok && !LISTED.test(new URL(request.url).pathname)) await caches.delete(DATA);
    return answer;
}

self.addEventListener("fetch", (event) => {
    const { request } = event;
    const url = new URL(request.url);
    if (url.origin !== location.origin) return;
    if (request.method === "DELETE") event.respondWith(deletion(request));
    else if (request.method !== "GET") return;
    else if (SAVED.test(url.pathname) && !url.searchParams.get("q")) event.respondWith(data(event));
    else if (request.mode === "navigate" ? url.pathname === "/" :
        url.pathname === EDITOR || FILES.includes(url.pathname)) {
        event.respondWith(shell(event));
    }
});
