// SPDX-License-Identifier: Apache-2.0
// The server's calls (docs/api.md). A failure is a Problem: `detail` is a sentence for the person,
// `status` 0 means that nobody answered.

import { signal } from "./signal.js";
import { t } from "./i18n.js";
import { readEvents } from "./sse.js";

const BASE = "/weft/v1/";

export class Problem extends Error {
    constructor(status, detail, body) {
        super(detail);
        this.status = status;
        this.body = body ?? {};
        // What kind of failure it is, in each API's own place.
        this.code = this.body.error?.code || this.body.reason || this.body.code || "";
    }
}

// Does weft answer? Goes false when a call fails or comes from the saved copies.
export const reachable = signal(true);
// May we? Goes false at the first 401.
export const allowed = signal(true);

export const isAbort = (error) => error?.name === "AbortError";

async function toProblem(answer) {
    const body = await answer.json().catch(() => ({}));
    if (answer.status === 401) allowed.set(false);
    const { status } = answer;
    const said = body.detail || body.error?.message || body.error;
    const detail = said || t("weft answered with an error ({status}).", { status });
    return new Problem(status, detail, body);
}

export function noteUnreachable() {
    reachable.set(false);
    return new Problem(0, t("weft isn't answering. Start it with: weft up"));
}

// A path that begins with "/" is that of another API.
function address(path, query) {
    const url = new URL(path.startsWith("/") ? path : BASE + path, location.origin);
    for (const [name, value] of Object.entries(query ?? {})) {
        const said = value !== null && value !== undefined && value !== "";
        if (said) url.searchParams.set(name, value);
    }
    return url;
}

export async function send(method, path, { query, body, headers, signal: stop } = {}) {
    let answer;
    try {
        answer = await fetch(address(path, query), {
            method,
            signal: stop,
            credentials: "same-origin",
            headers: { ...(body ? { "content-type": "application/json" } : {}), ...headers },
            body: body ? JSON.stringify(body) : undefined,
        });
    } catch (error) {
        throw isAbort(error) ? error : noteUnreachable();
    }
    reachable.set(!answer.headers.has("x-weft-saved"));
    if (!answer.ok) throw await toProblem(answer);
    return answer;
}

async function json(method, path, options) {
    const answer = await send(method, path, options);
    return answer.status === 204 ? null : answer.json();
}

const id = encodeURIComponent;

export const api = {
    documents: (query, stop) => json("GET", "documents", { query, signal: stop }),
    document: (doc) => json("GET", `documents/${id(doc)}`),
    removeDocument: (doc) => json("DELETE", `documents/${id(doc)}`),
    fetchDocument: (doc) => json("POST", `documents/${id(doc)}/fetch`),
    pinDocument: (doc, pinned) => json(pinned ? "PUT" : "DELETE", `documents/${id(doc)}/pin`),
    parts: (doc, at, limit) => json("GET", `documents/${id(doc)}/parts`, { query: { at, limit } }),
    text: async (doc, stop) =>
        (await send("GET", `documents/${id(doc)}/text`, { signal: stop })).text(),
    originalUrl: (doc) => `${BASE}documents/${id(doc)}/original`,
    uploadUrl: (name) => `${BASE}documents?name=${id(name)}`,
    search: (query, stop) => json("GET", "search", { query, signal: stop }),
    summarize: (body) => json("POST", "summarize", { body }),
    threads: (query) => json("GET", "threads", { query }),
    thread: (thread) => json("GET", `threads/${id(thread)}`),
    renameThread: (thread, title) => json("PATCH", `threads/${id(thread)}`, { body: { title } }),
    removeThread: (thread) => json("DELETE", `threads/${id(thread)}`),
    chats: () => json("GET", "chats"),
    chat: (chat) => json("GET", `chats/${id(chat)}`),
    putChat: (chat, body) => json("PUT", `chats/${id(chat)}`, { body }),
    removeChat: (chat) => json("DELETE", `chats/${id(chat)}`),
    presence: () => json("GET", "presence"),
    setPresence: (page, body) => json("PUT", `presence/${id(page)}`, { body }),
    // Also while the page goes away.
    endPresence: (page) => fetch(address(`presence/${id(page)}`),
        { method: "DELETE", credentials: "same-origin", keepalive: true }).catch(() => {}),
    handoff: (node) => json("POST", "handoff", { body: { node } }),
    takeGeneration: (name, node, stop) => json("POST", `generations/${id(name)}/take`,
        { body: { node }, signal: stop }),
    // Calls onEvent(name, data) for all of an answer, from its beginning.
    async followGeneration(name, onEvent, stop) {
        const headers = { accept: "text/event-stream" };
        const answer = await send("GET", `generations/${id(name)}`, { headers, signal: stop });
        await readEvents(answer.body, onEvent);
    },
    takeHandoff: () => json("POST", "handoff/take", { body: {} }),
    spaces: () => json("GET", "spaces"),
    drafts: (query) => json("GET", "drafts", { query }),
    createDraft: (body) => json("POST", "drafts", { body }),
    draft: (draft, query) => json("GET", `drafts/${id(draft)}`, { query }),
    editDraft: (draft, body) => json("PUT", `drafts/${id(draft)}`, { body }),
    renameDraft: (draft, name) => json("PATCH", `drafts/${id(draft)}`, { body: { name } }),
    raiseDraft: (draft, label) => json("PATCH", `drafts/${id(draft)}`, { body: { label } }),
    removeDraft: (draft) => json("DELETE", `drafts/${id(draft)}`),
    draftHistory: (draft) => json("GET", `drafts/${id(draft)}/history`),
    restoreDraft: (draft, version) =>
        json("POST", `drafts/${id(draft)}/restore`, { body: { version } }),
    reminders: () => json("GET", "reminders"),
    removeReminder: (reminder) => json("DELETE", `reminders/${id(reminder)}`),
    models: () => json("GET", "models"),
    // Those of engines elsewhere, too, by the names that a chat calls them.
    allModels: () => json("GET", "/v1/models"),
    ledger: (query) => json("GET", "ledger", { query }),
    policy: () => json("GET", "policy"),
    route: (body) => json("POST", "route", { body }),
    release: (body) => json("POST", "release", { body }),
    feedback: (request, rating) => json("POST", `feedback/${id(request)}`, { body: { rating } }),
    why: (request) => json("GET", `why/${id(request)}`),
    nodes: () => json("GET", "nodes"),
    renameNode: (name, to) => json("POST", "nodes/rename", { body: { name, to } }),
    revokeNode: (name) => json("POST", "nodes/revoke", { body: { name } }),
    showPairing: () => json("POST", "pair", { body: {} }),
    pairing: () => json("GET", "pair"),
    hidePairing: () => json("DELETE", "pair"),
    joinPairing: (target) => json("POST", "pair/join", { body: { target } }),
    members: (space) => json("GET", "members", { query: { space } }),
    inviteMember: (space, role) => json("POST", "members/invite", { body: { space, role } }),
    joinSpace: (target) => json("POST", "members/join", { body: { target } }),
    removeMember: (space, member) => json("POST", "members/remove", { body: { space, member } }),
    leaveSpace: (space) => json("POST", "members/leave", { body: { space } }),
    me: () => json("GET", "me"),
    leave: () => json("POST", "me/leave", { body: {} }),
    phones: () => json("GET", "phones"),
    invitePhone: () => json("POST", "phones", { body: {} }),
    uninvitePhone: () => json("DELETE", "phones"),
    revokePhone: (name) => json("POST", "phones/revoke", { body: { name } }),
    records: (query) => json("GET", "records", { query }),
    presented: () => json("GET", "present"),
    present: (body) => json("POST", "present", { body }),
    status: () => json("GET", "status"),
    settings: () => json("GET", "settings"),
    changeSettings: (body) => json("PATCH", "settings", { body }),

    // Asks and calls on.citation(c), on.text(piece) as they come; gives the whole answer.
    async ask(body, on, stop) {
        const headers = { accept: "text/event-stream" };
        const answer = await send("POST", "ask", { body, headers, signal: stop });
        let whole = null;
        await readEvents(answer.body, (name, data) => {
            if (name === "citation") on.citation(data);
            else if (name === "text") on.text(data.text);
            else if (name === "done") whole = data;
            else if (name === "error") throw new Problem(data.status, data.detail, data);
        });
        if (!whole) throw new Problem(0, t("The answer broke off. Ask again."));
        return whole;
    },
};
