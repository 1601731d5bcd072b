// SPDX-License-Identifier: Apache-2.0
// Chats with a model. They are kept in this browser only: one entry a chat, and a list of them.
//
// A chat: {id, title, model, updated, messages}; messages have OpenAI's form, and beside it `about`
// (what is shown under an answer), which is never sent.

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

export function removeChat(id) {
    localStorage.setItem(LIST, JSON.stringify(chats().filter((chat) => chat.id !== id)));
    localStorage.removeItem(entry(id));
}

// The browser gives some megabytes; when they are full the oldest chats go. False: not even this
// one fits.
export function saveChat(chat) {
    chat.updated = Date.now();
    if (!chat.title) {
        const first = chat.messages.find((message) => message.role === "user");
        chat.title = (first?.content ?? "").replace(/\s+/gu, " ").trim().slice(0, TITLE_MAX);
    }
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
