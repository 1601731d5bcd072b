// SPDX-License-Identifier: Apache-2.0
// Which model is talked to; and how to get one where there is none.

import { isAbort } from "./api.js";
import { pull } from "./complete.js";
import { fill, h } from "./dom.js";
import { bytes } from "./format.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { say, toast } from "./toast.js";

const MORE = "\n"; // no model's name
const SUGGESTED = ["smollm2:360m", "qwen3:1.7b", "qwen3:4b"];

// The models of engines elsewhere, as the API's list has them, and behind them the choice among all
// ("auto"), which is weft's own.
export const elsewhere = ({ data }) => data.filter((one) => one.owned_by !== "local" &&
    one.kind === "chat").map((one) => ({ name: one.id, kind: "chat", isElsewhere: true,
    isAuto: one.owned_by === "weft" }));

export const talks = (model) => model.kind === "chat" || model.kind === "text";

const short = (name) => name.replace(/:latest$/, "");

function option(model, loaded) {
    const name = short(model.name);
    const size = model.bytes ? bytes(model.bytes) : null;
    const text = () => {
        if (!size) return name;
        return loaded.some((one) => one.model === model.name) ?
            t("{model} · {size} · loaded", { model: name, size }) : `${name} · ${size}`;
    };
    return h("option", { value: model.name }, text());
}

// Those of this device, and apart from them those that a question leaves it for.
function options(models, loaded) {
    const here = models.filter((model) => !model.isElsewhere);
    const there = models.filter((model) => model.isElsewhere && !model.isAuto);
    const choice = models.filter((model) => model.isAuto)
        .map((model) => h("option", { value: model.name }, t("weft chooses")));
    const all = (list) => list.map((model) => option(model, loaded));
    if (!there.length) return all(here);
    return [choice, here.length ? h("optgroup", { label: t("On this device") }, all(here)) : null,
        h("optgroup", { label: t("Elsewhere") }, all(there))];
}

// {node, set(models, loaded, chosen)}; choose(name) is told, more() when another is wanted.
export function modelPicker(choose, more) {
    const node = h("select", { class: "field model-picker", "aria-label": t("Model") });
    let now = "";
    node.addEventListener("change", () => {
        if (node.value === MORE) {
            node.value = now;
            more();
        } else {
            now = node.value;
            choose(now);
        }
    });
    return {
        node,
        set(models, loaded, chosen) {
            now = chosen;
            fill(node, options(models, loaded),
                h("option", { value: MORE }, t("Get another model …")));
            node.value = chosen;
        },
    };
}

// A field for a model's name, and how far its download is. done(name) is called at its end.
export function pullForm(done) {
    const field = h("input", { class: "field", name: "model", required: true, dir: "ltr",
        autofocus: true, autocomplete: "off", autocapitalize: "off", spellcheck: "false",
        placeholder: "smollm2:360m", "aria-label": t("Name of the model") });
    const go = h("button", { type: "submit", class: "button primary" }, icon("download"),
        t("Get it"));
    const state = h("div", { class: "pull-state" });
    let stop = null;

    const show = (name) => {
        const bar = h("progress", { "aria-label": t("Getting {model}", { model: name }) });
        const text = h("p", { class: "hint" }, t("Looking for it …"));
        const begin_ms = performance.now();
        let first = -1;
        fill(state, bar, h("div", { class: "pull-line" }, text,
            h("button", { type: "button", class: "text-button", onclick: () => stop?.abort() },
                t("Stop"))));
        return (have, all, what) => {
            if (!all) {
                const checks = /verif|writ/.test(what ?? "");
                text.textContent = checks ? t("Checking it …") : t("Looking for it …");
                return;
            }
            if (first < 0) first = have;
            const rate = (have - first) / ((performance.now() - begin_ms) / 1000);
            bar.max = all;
            bar.value = have;
            text.textContent = t("{have} of {all} · {rate}/s", { have: bytes(have),
                all: bytes(all), rate: bytes(rate) });
        };
    };
    const get = async (name) => {
        field.value = name;
        go.disabled = true;
        stop = new AbortController();
        try {
            await pull(name, show(name), stop.signal);
            fill(state);
            toast(t("{model} is there.", { model: name }));
            done(name);
        } catch (error) {
            fill(state, h("p", { class: isAbort(error) ? "hint" : "failed", role: "alert" },
                isAbort(error) ? t("Stopped. The same again goes on from there.") : error.message));
            say(state.textContent);
        } finally {
            go.disabled = false;
            stop = null;
        }
    };
    const node = h("form", { class: "pull", onsubmit: (event) => {
        event.preventDefault();
        if (!go.disabled && field.value.trim()) get(field.value.trim());
    } }, h("div", { class: "pull-row" }, field, go),
    h("p", { class: "hint suggested" }, t("For example"), " ", SUGGESTED.map((name) =>
        h("button", { type: "button", class: "text-button", dir: "ltr",
            onclick: () => go.disabled || get(name) }, name))), state);
    return { node, end: () => stop?.abort() };
}

export const noModelNode = (form) => h("div", { class: "no-model" }, icon("chat"),
    h("h1", { tabindex: -1 }, t("Talk to a model on this device")),
    h("p", { class: "lead" }, t("There is no model here yet. One is downloaded once; from then " +
        "on it answers on this device, and nothing you say leaves it.")),
    form.node,
    h("p", { class: "hint" }, t("Or on the command line, also for a file that you have:"), " ",
        h("code", { dir: "ltr" }, "weft pull smollm2:360m"), " ",
        h("code", { dir: "ltr" }, "weft models import FILE.gguf")));
