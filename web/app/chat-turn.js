// SPDX-License-Identifier: Apache-2.0
// One message of a chat as it is shown: what was said, the thoughts folded away, calls of tools as
// cards, and under an answer where it ran and what it took.

import { namedIn } from "./addresses.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { number, t, tn } from "./i18n.js";
import { markdown } from "./markdown.js";
import { feedbackTools, leftLine, readRoute } from "./privacy.js";
import { href } from "./route.js";
import { toast } from "./toast.js";

const button = (shape, name, onclick) => h("button", { type: "button", class: "icon-button small",
    "aria-label": name, title: name, onclick }, icon(shape));

async function copy(text) {
    await navigator.clipboard.writeText(text);
    toast(t("Copied."));
}

// edit is null where the message can no longer be changed.
export function questionNode(message, edit) {
    return h("div", { class: "said" }, h("h2", { class: "bubble", dir: "auto" }, message.content),
        edit ? h("div", { class: "said-tools" }, button("rename", t("Change this message"), edit)) :
            null);
}

// ---- thoughts ----

const seconds = (ms) => {
    const s = Math.max(1, Math.round(ms / 1000));
    if (s < 60) return t("Thought for {n} s", { n: number(s) });
    return t("Thought for {m} min {n} s", { m: number(Math.floor(s / 60)), n: number(s % 60) });
};

function thoughtPart() {
    const title = h("summary");
    const text = h("p", { dir: "auto" });
    const node = h("details", { class: "thought", hidden: true }, title, text);
    return {
        node,
        set(message, done) {
            const thought = message.reasoning_content ?? "";
            node.hidden = !thought.trim();
            title.textContent = done || message.content ?
                seconds(message.about?.thought_ms ?? 0) : t("Thinking …");
            text.textContent = thought.trim();
        },
    };
}

// ---- tools ----

function pretty(text) {
    try {
        return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
        return text;
    }
}

// A call with a place for its result; given once the person has said it.
function callCard(call, result) {
    const args = h("code");
    const field = h("textarea", { class: "field", rows: 2, dir: "auto", spellcheck: "false",
        "aria-label": t("Result of {tool}", { tool: call.function.name }),
        placeholder: t("What did it give?") });
    const place = h("div", { class: "call-result" });
    const node = h("div", { class: "call", role: "group",
        "aria-label": t("Call of {tool}", { tool: call.function.name }) },
        h("h3", null, icon("code"), h("span", { dir: "ltr" }, call.function.name)),
        h("pre", { tabindex: 0, dir: "ltr" }, args), place);
    const draw = () => {
        args.textContent = pretty(call.function.arguments);
    };
    draw();
    if (result !== undefined) {
        fill(place, h("details", null, h("summary", null, t("Result")),
            h("pre", { tabindex: 0, dir: "auto" }, h("code", null, result))));
    }
    return { node, draw, field, ask: () => fill(place, field) };
}

// goOn(results) is called with a text for each call; null: not now.
function callsPart() {
    const node = h("div", { class: "calls" });
    let cards = [];
    return {
        node,
        set(message, results, goOn) {
            const calls = (message.tool_calls ?? []).filter(Boolean);
            if (cards.length !== calls.length || goOn || results) {
                cards = calls.map((call) => callCard(call, results?.[call.id]));
                fill(node, message.about?.consent ? h("p", { class: "hint" }, icon("alert"),
                    t("This call may come from a document or a tool that the model read, not " +
                        "from you. Look at it before you run it.")) : null,
                cards.map((card) => card.node));
            } else for (const card of cards) card.draw();
            const open = goOn ? cards.filter((_, i) => results?.[calls[i].id] === undefined) : [];
            if (!open.length) return;
            for (const card of open) card.ask();
            node.append(h("form", { class: "actions", onsubmit: (event) => {
                event.preventDefault();
                goOn(cards.map((card) => card.field.value));
            } }, h("button", { type: "submit", class: "button primary" },
                open.length > 1 ? t("Give the results") : t("Give the result"))));
        },
    };
}

// ---- under the answer ----

const ENDS = {
    length: () => t("cut off at the limit of tokens"),
    canceled: () => t("stopped"),
    moved: () => t("goes on on another device"),
};

function aboutLine(about) {
    const facts = [about.model.replace(/:latest$/, "")];
    if (about.tokens) facts.push(tn("One token", "{n} tokens", about.tokens));
    if (about.perSecond) {
        const n = about.perSecond < 20 ? about.perSecond.toFixed(1) : Math.round(about.perSecond);
        facts.push(t("{n} tokens/s", { n: number(Number(n)) }));
    }
    if (about.used && about.context) {
        facts.push(t("context {used} of {all}", { used: number(about.used),
            all: number(about.context) }));
    }
    if (about.truncated) {
        facts.push(t("{n} tokens of the beginning were left out", { n: number(about.truncated) }));
    }
    if (ENDS[about.finish]) facts.push(ENDS[about.finish]());
    const route = readRoute(about.route);
    return h("div", { class: "about" }, h("p", { class: "route" },
        icon(route.isHere ? "device" : "web"), h("span", { title: about.route },
            route.isHere ? t("Answered on this device") :
                t("Answered elsewhere, by {engine}", { engine: route.engine }), " · ",
            facts.join(" · "), route.isHere && route.id ? [" · ", h("a", { href: href({
                view: "why", id: route.id }) }, t("Why here?"))] : null)),
    route.isHere ? null : leftLine(route));
}

// {node, draw(done), failed(error, again)}. `actions` has retry, which may be null; `before` are
// the messages that the model had read.
export function answerNode(message, before) {
    const thought = thoughtPart();
    const text = markdown(namedIn(before.filter((one) => one.role !== "assistant")
        .map((one) => one.content).join("\n")));
    const calls = callsPart();
    const waiting = h("p", { class: "waiting-dots", role: "img", "aria-label": t("Thinking …") },
        h("span"), h("span"), h("span"));
    const foot = h("div", { class: "answer-foot" });
    const node = h("div", { class: "reply" }, thought.node, text.node, calls.node, waiting, foot);
    return {
        node,
        draw(done, { retry = null, results = null, goOn = null } = {}) {
            thought.set(message, done);
            text.set(message.content ?? "");
            calls.set(message, results, goOn);
            waiting.hidden = done || Boolean(message.content || message.tool_calls);
            if (done) node.removeAttribute("aria-busy");
            else node.setAttribute("aria-busy", "true");
            fill(foot, done && message.about ? [aboutLine(message.about),
                h("div", { class: "reply-tools" },
                    message.content ? button("copy", t("Copy"), () => copy(message.content)) : null,
                    feedbackTools(readRoute(message.about.route)),
                    retry ? button("again", t("Answer again"), retry) : null)] : null);
        },
    };
}

export function failedNode(error, again) {
    return h("div", { class: "failed", role: "alert" },
        h("p", null, icon("alert"), error.message),
        h("p", { class: "actions" },
            h("button", { type: "button", class: "button", onclick: again }, t("Try again"))));
}
