// SPDX-License-Identifier: Apache-2.0
// Talking to a model: pick one, ask, stop, ask again; several chats, kept in this browser.

import { api, isAbort } from "./api.js";
import { elsewhere, modelPicker, noModelNode, pullForm, talks } from "./chat-models.js";
import { hasChatSettings, showChatSettings } from "./chat-settings.js";
import { chats, chatSettings, chooseModel, chosenModel, fetchChat, fetchChats, loadChat, newChat,
    removeChat, saveChat } from "./chat-store.js";
import { answerNode, failedNode, questionNode } from "./chat-turn.js";
import { bodyOf, complete, followAnswer } from "./complete.js";
import { composer } from "./composer.js";
import { showPage } from "./dialog.js";
import { fill, h, scope } from "./dom.js";
import { when } from "./format.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { on } from "./live.js";
import { say as sayOpen, takeWaiting } from "./presence.js";
import { isRefusal, refusedNode } from "./privacy.js";
import { askRelease } from "./release.js";
import { adopt, go, href } from "./route.js";
import { failed, say, toast } from "./toast.js";

const MESSAGE_MAX = 200000;
const NEAR_PX = 120;

export const title = (route) => (route.id && loadChat(route.id)?.title) || t("Chat");

const lastIndexOf = (messages, role) => messages.findLastIndex((message) => message.role === role);

// The results that the person gave for the calls of message i, by call.
function resultsOf(messages, i) {
    const results = {};
    for (let k = i + 1; messages[k]?.role === "tool"; k++) {
        results[messages[k].tool_call_id] = messages[k].content;
    }
    return results;
}

function listOfChats(now) {
    const list = h("ul", { class: "chat-list" });
    const draw = () => fill(list, chats().map((chat) => h("li", { class: "row" },
        h("a", { class: "row-link", href: href({ view: "chat", id: chat.id }),
            "aria-current": chat.id === now ? "page" : null,
            onclick: (event) => event.target.closest("dialog").close() },
        h("span", { class: "row-text" },
            h("span", { class: "row-title", dir: "auto" }, chat.title),
            h("span", { class: "row-note" }, when(chat.updated)))),
        h("button", { type: "button", class: "icon-button",
            "aria-label": t("Delete \"{title}\"", { title: chat.title }), onclick: () => {
                removeChat(chat.id);
                toast(t("Deleted."));
                if (chat.id === now) go({ view: "chat" });
                draw();
            } }, icon("remove")))),
    chats().length ? null : h("li", { class: "hint" }, t("No chats yet.")));
    draw();
    fetchChats().then(draw).catch(() => {});
    return showPage(t("Chats"), h("p", { class: "hint" },
        t("They are on all of your devices that may see them.")), list);
}

// The conversation's part of the page.
// here() is the name of a model of this device, "" where there is none; use(name) chooses it.
function conversation(root, chat, { box, isBusy, here, use }) {
    const node = h("div", { class: "chat-turns" });
    let stop = null;
    let follows = true;
    let gone = false; // another view is shown

    const keepDown = () => {
        if (follows) root.scrollTop = root.scrollHeight;
    };
    const onScroll = () => {
        follows = root.scrollHeight - root.scrollTop - root.clientHeight < NEAR_PX;
    };
    const keep = () => {
        if (!saveChat(chat)) toast(t("This browser has no room to keep the chat."), "bad");
        if (gone) return;
        adopt({ view: "chat", id: chat.id });
        document.title = `${chat.title} · weft`;
        sayOpen({ view: "chat", ref: chat.id, title: chat.title });
    };

    // `release` is what the person said to let this one request leave; null: nothing.
    // `going` is an answer that another device has begun: {id, node}; it goes on here.
    async function answer(model, release = null, going = null) {
        const { messages } = chat;
        const name = going?.id ?? newChat("").id;
        const message = { role: "assistant", content: "" };
        const shown = answerNode(message, messages);
        const asked = [...messages];
        let frame = 0;
        const draw = () => {
            cancelAnimationFrame(frame);
            frame = requestAnimationFrame(() => {
                shown.draw(false);
                keepDown();
            });
        };
        node.append(shown.node);
        shown.draw(false);
        keepDown();
        stop = new AbortController();
        isBusy(true);
        sayOpen({ text: null, generation: { id: name, model } });
        try {
            if (going) {
                await followAnswer({ ...going, message, changed: draw, signal: stop.signal });
            } else {
                await complete({ model, messages: asked, settings: chatSettings(), message,
                    changed: draw, signal: stop.signal, release, name });
            }
            await addContext(message.about);
        } catch (error) {
            cancelAnimationFrame(frame);
            if (!isAbort(error)) {
                if (!message.content && !message.reasoning_content) {
                    shown.node.replaceWith(isRefusal(error) ? stayed(error, model) :
                        failedNode(error, () => {
                            drawAll();
                            answer(model);
                        }));
                    keepDown();
                    return;
                }
                failed(error);
            }
            message.about.finish = "canceled";
            delete message.tool_calls; // half a call is none
        } finally {
            stop = null;
            isBusy(false);
            sayOpen({ generation: null });
        }
        cancelAnimationFrame(frame);
        // Where it went on it is kept, whole.
        if (message.about.finish === "moved") {
            shown.draw(true);
            return;
        }
        if (message.content || message.reasoning_content || message.tool_calls) {
            messages.push(message);
            chat.model = model;
            keep();
            say(message.content || (message.tool_calls ? t("The model calls a tool.") : ""));
        }
        drawAll();
    }

    // What the policy kept here can be answered here, or be let go once.
    function stayed(error, model) {
        const question = chat.messages[lastIndexOf(chat.messages, "user")]?.content ?? "";
        const lookAgain = (asIs) => api.release({ ...bodyOf(model, chat.messages, chatSettings()),
            weft_release: { as_is: asIs } });
        const answerHere = () => {
            use(here());
            drawAll();
            answer(here());
        };
        return refusedNode(error, question, { here: here() ? answerHere : null,
            look: lookAgain(false).catch(() => null),
            release: async (look) => {
                const release = await askRelease(look, lookAgain);
                if (!release) return;
                drawAll();
                answer(model, release);
            } });
    }

    // How large the context is only the list of loaded models knows.
    async function addContext(about) {
        const { loaded } = await api.models().catch(() => ({ loaded: [] }));
        about.context = loaded.find((one) => one.model === about.model)?.n_context;
    }

    function giveResults(i, results) {
        const { messages } = chat;
        messages.splice(i + 1);
        messages[i].tool_calls.forEach((call, k) => messages.push({ role: "tool",
            tool_call_id: call.id, content: results[k] }));
        keep();
        drawAll();
        answer(box.model());
    }

    function retry() {
        chat.messages.splice(lastIndexOf(chat.messages, "user") + 1);
        drawAll();
        answer(box.model());
    }

    function edit() {
        const at = lastIndexOf(chat.messages, "user");
        const { content } = chat.messages[at];
        box.edit(content, (text) => {
            chat.messages.splice(at);
            ask(text, box.model());
        });
    }

    function drawAll() {
        const { messages } = chat;
        const lastQuestion = lastIndexOf(messages, "user");
        const nodes = messages.map((message, i) => {
            if (message.role === "user") {
                return questionNode(message, i === lastQuestion ? edit : null);
            }
            if (message.role !== "assistant") return null;
            const isLast = i === messages.length - 1;
            const shown = answerNode(message, messages.slice(0, i));
            const results = message.tool_calls ? resultsOf(messages, i) : null;
            shown.draw(true, { retry: isLast ? retry : null, results,
                goOn: isLast && message.tool_calls ? (all) => giveResults(i, all) : null });
            return shown.node;
        });
        fill(node, nodes);
        keepDown();
    }

    function ask(text, model) {
        chat.messages.push({ role: "user", content: text });
        follows = true;
        keep();
        drawAll();
        answer(model);
    }

    // What was said on another device.
    async function refresh() {
        const there = stop ? null : await fetchChat(chat.id);
        if (!there || stop || gone) return;
        Object.assign(chat, there);
        drawAll();
    }

    root.addEventListener("scroll", onScroll, { passive: true });
    drawAll();
    return { node, ask, stop: () => stop?.abort(), isEmpty: () => !chat.messages.length,
        refresh, goOn: (going) => answer(going.model ?? "", null, going),
        end: () => {
            gone = true;
            stop?.abort();
            root.removeEventListener("scroll", onScroll);
        } };
}

// The box below, which sends, stops, and changes what was said last.
function inputBox({ send, stop, model }) {
    let change = null;
    const box = composer({ ask: (text) => {
        const changed = change;
        leaveEdit();
        if (changed) changed(text);
        else send(text);
    }, placeholder: t("Say something"), label: t("Your message"), action: t("Send"),
    max: MESSAGE_MAX, lead: null, stop });

    function leaveEdit() {
        change = null;
        box.setNote(null);
    }
    return { ...box, model,
        edit(text, changed) {
            change = changed;
            box.setText(text);
            box.setNote(t("Changing your last message"), "rename", t("Leave it as it was"), () => {
                leaveEdit();
                box.setText("");
            });
            box.focus();
        } };
}

function tool(shape, name, onclick) {
    return h("button", { type: "button", class: "icon-button", "aria-label": name, title: name,
        onclick }, icon(shape));
}

export function show(root, route) {
    const own = scope();
    const chat = (route.id && loadChat(route.id)) || { ...newChat(""),
        ...(route.id ? { id: route.id } : {}) };
    const going = takeWaiting("chat", route.id);
    const page = h("div", { class: "chat-page" });
    const settings = tool("settings", t("How the model answers"), () =>
        showChatSettings(markSettings));
    const heading = h("h1", { tabindex: -1 });
    let models = [];
    let model = "";

    const note = h("p", { class: "hint chat-note" });

    function use(name) {
        model = name;
        chooseModel(name);
        picker.node.value = name;
        setNote();
    }
    const picker = modelPicker(use, getAnother);
    const box = inputBox({ model: () => model, stop: () => talk.stop(), send: (text) => {
        talk.ask(text, model);
        setMode();
    } });
    const talk = conversation(root, chat, { box, isBusy: box.busy, use,
        here: () => models.find((one) => !one.isElsewhere)?.name ?? "" });
    own(talk.end);

    function setMode() {
        const fresh = talk.isEmpty();
        page.classList.toggle("fresh", fresh);
        heading.className = fresh ? "chat-hello" : "unseen";
        heading.textContent = fresh ? t("What is on your mind?") : chat.title || t("Chat");
    }

    // Who answers, before anything is asked.
    function setNote() {
        const { isElsewhere: there, isAuto } = models.find((one) => one.name === model) ?? {};
        const ahead = h("a", { href: href({ view: "tour" }) }, t("Where would it run?"));
        const text = () => {
            if (isAuto) {
                return t("weft chooses for each message who answers: this device, or an engine " +
                    "elsewhere where the policy lets it.");
            }
            return there ? t("{model} is elsewhere: what you write leaves this device, as far " +
                "as the policy lets it.", { model }) :
                t("Answers are made by a model on this device. It can be wrong.");
        };
        fill(note, text(), there ? [" ", ahead] : null);
    }

    function markSettings() {
        settings.classList.toggle("marked", hasChatSettings());
    }

    async function load(wanted) {
        if (route.id) await talk.refresh();
        try {
            const [answer, all] = await Promise.all([api.models(),
                api.allModels().catch(() => ({ data: [] }))]);
            models = [...answer.models.filter(talks), ...elsewhere(all)];
            const there = (name) => models.find((one) => one.name === name ||
                one.name === `${name}:latest`)?.name;
            model = there(wanted) ?? there(chat.model) ?? there(chosenModel()) ??
                models[0]?.name ?? "";
            picker.set(models, answer.loaded, model);
            if (wanted) chooseModel(model);
        } catch (error) {
            if (!chat.messages.length) failed(error);
        }
        draw();
    }

    function getAnother() {
        const form = pullForm((name) => {
            form.node.closest("dialog")?.close();
            load(name);
        });
        showPage(t("Get another model"), form.node).then(form.end);
    }

    function draw() {
        if (!models.length && talk.isEmpty()) {
            const form = pullForm(load);
            own(form.end);
            fill(page, noModelNode(form));
            return;
        }
        setMode();
        fill(page, h("div", { class: "chat-head" }, picker.node,
            tool("plus", t("New chat"), () => go({ view: "chat" })),
            tool("history", t("Chats"), () => listOfChats(chat.id)), settings),
        heading, talk.node, h("div", { class: "dock" }, box.node, note));
        setNote();
        markSettings();
        if (matchMedia("(hover: hover)").matches) box.focus();
        root.scrollTop = root.scrollHeight;
    }

    async function begin() {
        await load(null);
        if (chat.title) sayOpen({ title: chat.title });
        if (going?.text) {
            box.setText(going.text);
            sayOpen({ text: going.text });
        }
        if (going?.generation && going.node) {
            talk.goOn({ ...going.generation, node: going.node });
        }
    }

    own(on("chats", (data) => (!data.key || data.key === chat.id) && talk.refresh()));
    fill(page, h("h1", { class: "unseen", tabindex: -1 }, t("Chat")),
        h("div", { class: "bones wide" }, h("span"), h("span"), h("span")));
    root.append(page);
    begin();
    return own.end;
}
