// SPDX-License-Identifier: Apache-2.0
// The sheet with what a model is told beforehand, how it picks its words, and tools.

import { chatSettings, DEFAULTS, saveChatSettings } from "./chat-store.js";
import { showPage } from "./dialog.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";

const EXAMPLE = `[{"type": "function", "function": {
  "name": "get_weather",
  "description": "The weather of a place",
  "parameters": {"type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"]}}}]`;

// Why a text is no list of tools; "" when it is one.
function toolsProblem(text) {
    if (!text.trim()) return "";
    try {
        const tools = JSON.parse(text);
        const well = Array.isArray(tools) &&
            tools.every((tool) => tool?.type === "function" && tool.function?.name);
        return well ? "" : t("Tools are a list of functions, as in OpenAI's API.");
    } catch (error) {
        return t("This is not JSON: {why}", { why: error.message });
    }
}

function labelled(name, hint, field) {
    return h("label", { class: "labelled" }, h("span", null, name), field,
        hint ? h("small", { class: "hint" }, hint) : null);
}

// Shows the sheet; changed() is called after each change that is kept.
export function showChatSettings(changed) {
    const settings = chatSettings();
    const problem = h("p", { class: "failed", role: "alert", hidden: true });
    const keep = () => {
        saveChatSettings(settings);
        changed();
    };
    const area = (name, attributes) => h("textarea", { class: "field", value: settings[name],
        ...attributes, oninput: (event) => {
            const { value } = event.target;
            const why = name === "tools" ? toolsProblem(value) : "";
            if (name === "tools") {
                problem.hidden = !why;
                problem.textContent = why;
            }
            if (why) return;
            settings[name] = value;
            keep();
        } });
    const amount = (name, attributes) => h("input", { class: "field", type: "number",
        inputmode: "decimal", value: settings[name], placeholder: t("default"), ...attributes,
        oninput: (event) => {
            if (!event.target.checkValidity()) return;
            settings[name] = event.target.value;
            keep();
        } });
    const reset = (event) => {
        Object.assign(settings, DEFAULTS);
        keep();
        for (const field of event.target.closest("dialog").querySelectorAll(".field")) {
            field.value = "";
        }
        problem.hidden = true;
    };
    return showPage(t("How the model answers"), h("div", { class: "chat-settings" },
        labelled(t("What it is told beforehand"), "", area("system", { rows: 3, dir: "auto",
            placeholder: t("You are a helpful assistant. Answer briefly.") })),
        h("div", { class: "three" },
            labelled(t("Temperature"), t("0 to 2; low: always alike"),
                amount("temperature", { min: 0, max: 2, step: "any" })),
            labelled(t("Tokens at most"), "", amount("maxTokens", { min: 1, step: 1 })),
            labelled(t("Seed"), t("the same: the same answer"),
                amount("seed", { min: 0, step: 1 }))),
        labelled(t("Tools, as JSON"), t("The model may call them; you give the results."),
            area("tools", { rows: 5, dir: "ltr", spellcheck: "false", placeholder: EXAMPLE })),
        problem,
        h("p", null, h("button", { type: "button", class: "text-button", onclick: reset },
            t("Back to the defaults")))));
}

export const hasChatSettings = () =>
    Object.values(chatSettings()).some((value) => String(value).trim());
