// SPDX-License-Identifier: Apache-2.0
// The presenter's view, for a phone: what the screen shows and what comes next, notes, time, and
// the way on and back; a finger on the slide points at it. The screen is this machine's, or one of
// another device.

import { api } from "./api.js";
import { fill, h, scope } from "./dom.js";
import { icon } from "./icons.js";
import { number, t } from "./i18n.js";
import { slideNode } from "./present.js";
import { followScreens, followSlides } from "./presented.js";
import { failed } from "./toast.js";

const POINT_MS = 60;

function clock(ms) {
    const s = Math.max(0, Math.floor(ms / 1000));
    return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

export const title = () => t("Remote");

function nothing() {
    return h("div", { class: "empty" }, icon("slides"), h("h2", null, t("Nothing is presented")),
        h("p", null, t("Open a draft on a screen and press \"Present\"; then this page is its " +
            "remote.")));
}

export function show(root) {
    const own = scope();
    const inside = h("div", { class: "remote" });
    let state = null;
    let shown = null; // of which slides are here
    let slides = [];
    let endSlides = () => {};
    own(() => endSlides());
    const choice = h("div", { class: "remote-screens", role: "group", "aria-label": t("Screens") });
    const now = h("div", { class: "remote-now" });
    const next = h("div", { class: "remote-next" });
    const notes = h("p", { class: "remote-notes", dir: "auto" });
    const place = h("p", { class: "remote-place", role: "status" });
    const time = h("p", { class: "remote-time" });

    const say = (more) => api.present({ kind: state.kind, id: state.id, n: state.n,
        since: state.since, at: state.at, node: state.node, ...more }).catch(failed);
    const move = (by) => {
        if (!state) return;
        const at = Math.max(0, Math.min(state.n - 1, state.at + by));
        if (at === state.at) return;
        state = { ...state, at, pointer: undefined };
        draw();
        say({ at });
    };
    let pointed = 0;
    const point = (event) => {
        if (!state || !event.buttons || Date.now() - pointed < POINT_MS) return;
        pointed = Date.now();
        const box = now.getBoundingClientRect();
        const part = (n, all) => Math.max(0, Math.min(1, n / all));
        say({ x: part(event.clientX - box.left, box.width),
            y: part(event.clientY - box.top, box.height) });
    };
    now.addEventListener("pointerdown", point);
    now.addEventListener("pointermove", point);
    for (const type of ["pointerup", "pointercancel"]) {
        now.addEventListener(type, () => state && say({}));
    }
    const controls = h("div", { class: "remote-tools" },
        h("button", { type: "button", class: "button", onclick: () => move(-1) }, t("Back")),
        h("button", { type: "button", class: "button primary", onclick: () => move(1) },
            t("Next")));
    const draw = () => {
        if (!state) return fill(inside, nothing());
        if (!inside.contains(now)) {
            fill(inside, h("div", { class: "remote-head" }, place, time), now,
                h("h2", null, t("Next slide")), next, h("h2", null, t("Notes")), notes, controls);
        }
        fill(now, slideNode(slides[state.at]?.text ?? ""));
        const after = slides[state.at + 1];
        fill(next, after ? slideNode(after.text) : h("p", { class: "hint" }, t("The last one.")));
        notes.textContent = slides[state.at]?.notes || t("None for this slide.");
        place.textContent = t("{n} of {all}", { n: number(state.at + 1), all: number(state.n) });
        return null;
    };
    const tick = () => {
        time.textContent = state?.since ? clock(Date.now() - state.since) : "";
    };
    const timer = setInterval(tick, 1000);
    own(() => clearInterval(timer));
    const take = (got) => {
        state = got;
        const key = got && `${got.kind} ${got.id}`;
        if (key !== shown) {
            endSlides();
            endSlides = () => {};
            shown = key;
            slides = [];
            if (got) {
                endSlides = followSlides(got.kind, got.id, (found) => {
                    ({ slides } = found);
                    draw();
                }, failed);
            }
        }
        draw();
        tick();
    };
    let chosen = ""; // "": this machine's, else a node's
    let screens = [];
    const takeChosen = () => {
        take(screens.find(({ node = "" }) => node === chosen) ?? screens[0] ?? null);
        fill(choice, ...(screens.length < 2 ? [] : screens.map((one) => h("button", {
            type: "button", class: "button", "aria-pressed": String(one === state),
            onclick: () => {
                chosen = one.node ?? "";
                takeChosen();
            } }, one.node ?? t("This machine")))));
    };
    own(followScreens((here, others) => {
        screens = here ? [here, ...others] : others;
        takeChosen();
    }));
    root.append(h("div", { class: "page" }, h("h1", { tabindex: -1 }, t("Remote")), choice,
        inside));
    draw();
    return own.end;
}
