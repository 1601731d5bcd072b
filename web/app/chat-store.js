// SPDX-License-Identifier: Apache-2.0
// Chats with a model. weft keeps them, on all of the person's devices; what was last seen of them
// is in this browser, too: one entry a chat, and a list of them.
//
// A chat: {id, title, model, updated, messages}; messages have OpenAI's form, and beside it `about`
// (what is shown under an answer), which is never sent.

import { api } from "./api.js";

const LIST = "weft.chats";
const KEEP_MAX = 100;
const TITLE_MAX = 80;

const entry = (id) => `weft.chat.${id}`;

function read(key, otherwise) {
    try {
        return JSON.parse(localStorage.getItem(key)) ?? otherwise;
    } catch {
        return otherwise;
    }
}

// [{id, title, updated}], newest first.
export const chats = () => read(LIST, []);

export const loadChat = (id) => read(entry(id), null);

export function newChat(model) {
    const id = [...crypto.getRandomValues(new Uint8Array(8))]
        .map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return { id, title: "", model, updated: 0, messages: [] };
}

const removed = new Set(); // by this page: weft is not asked for them

export function removeChat(id) {
    removed.add(id);
    localStorage.setItem(LIST, JSON.stringify(chats().filter((chat) => chat.id !== id)));
    localStorage.removeItem(entry(id));
    api.removeChat(id).catch(() => {});
}

// What weft has of a chat, where that is other than what is here; null: nothing new.
export async function fetchChat(id) {
    const there = removed.has(id) ? null : await api.chat(id).catch(() => null);
    const here = loadChat(id);
    if (!there || (here && JSON.stringify(here.messages) === JSON.stringify(there.messages))) {
        return null;
    }
    const chat = { id, title: there.title, model: there.model, updated: there.updated,
        messages: there.messages };
    keep(chat);
    return chat;
}

// The list as weft has it. Chats that are only in this browser, from before, are given to it.
export async function fetchChats() {
    const { chats: there } = await api.chats();
    const known = new Set(there.map(({ id }) => id));
    for (const { id } of chats()) {
        const chat = known.has(id) ? null : loadChat(id);
        if (chat?.messages.length && !chat.isKept) give(chat);
        else if (!known.has(id)) localStorage.removeItem(entry(id));
    }
    const list = there.map(({ id, title, updated }) => ({ id, title, updated }))
        .sort((a, b) => b.updated - a.updated);
    localStorage.setItem(LIST, JSON.stringify(list.slice(0, KEEP_MAX)));
}

function give(chat) {
    const { id, title, model, messages } = chat;
    return api.putChat(id, { title, model, messages }).then(() => {
        const now = loadChat(id);
        if (now) localStorage.setItem(entry(id), JSON.stringify({ ...now, isKept: true }));
    }).catch(() => {});
}

// The browser gives some megabytes; when they are full the oldest chats go. False: not even this
// one fits.
export function saveChat(chat) {
    chat.updated = Date.now();
    if (!chat.title) {
        const first = chat.messages.find((message) => message.role === "user");
        chat.title = (first?.content ?? "").replace(/\s+/gu, " ").trim().slice(0, TITLE_MAX);
    }
    give(chat);
    return keep(chat);
}

function keep(chat) {
    const list = [{ id: chat.id, title: chat.title, updated: chat.updated },
        ...chats().filter(({ id }) => id !== chat.id)];
    for (const { id } of list.splice(KEEP_MAX)) localStorage.removeItem(entry(id));
    for (;;) {
        try {
            localStorage.setItem(entry(chat.id), JSON.stringify(chat));
            localStorage.setItem(LIST, JSON.stringify(list));
            return true;
        } catch {
            if (list.length <= 1) return false;
            localStorage.removeItem(entry(list.pop().id));
        }
    }
}

// ---- settings of the chat, and the model that was chosen last ----

export const DEFAULTS = { system: "", temperature: "", maxTokens: "", seed: "", tools: "" };

export const chatSettings = () => ({ ...DEFAULTS, ...read("weft.chat-settings", {}) });
export const saveChatSettings = (settings) =>
    localStorage.setItem("weft.chat-settings", JSON.stringify(settings));

export const chosenModel = () => localStorage.getItem("weft.chat-model");
export const chooseModel = (name) => localStorage.setItem("weft.chat-model", name);
