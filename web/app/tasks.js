// SPDX-License-Identifier: Apache-2.0
// Tasks and reminders: read and set also while weft is out of reach. Tasks are records
// (me/task/KEY: text, done), the same on all of the person's devices.

import { api } from "./api.js";
import { debounce, fill, h, scope } from "./dom.js";
import { when } from "./format.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { on } from "./live.js";
import { doOrKeep, newId, waiting } from "./offline.js";
import { failed } from "./toast.js";

const PLACE = "records/me/task/";
const CHANGE_MS = 300;
const MOST = 1000;

const keep = (op) => doOrKeep(op).catch(failed);

const set = (key, fields, there) => keep({ method: "PATCH", path: PLACE + key,
    body: { set: fields, made: Date.now(), ...(there ? { there: true } : {}) } });

// What weft said, with what waits on top.
export function withWaiting(tasks, ops) {
    const all = new Map(tasks.map((task) => [task.key, { ...task }]));
    for (const op of ops) {
        if (!op.path.startsWith(PLACE)) continue;
        const key = op.path.slice(PLACE.length);
        if (op.method === "DELETE") all.delete(key);
        else if (!op.body.there || all.has(key)) {
            all.set(key, { key, ...all.get(key), ...op.body.set, waits: true });
        }
    }
    return [...all.values()].filter((task) => typeof task.text === "string")
        .sort((a, b) => Boolean(a.done) - Boolean(b.done) || (b.at ?? 0) - (a.at ?? 0));
}

function remindersWithWaiting(reminders, ops) {
    const all = new Map(reminders.map((one) => [one.id, one]));
    for (const op of ops) {
        if (op.method === "POST" && op.path === "reminders") {
            all.set(op.body.id, { ...op.body, waits: true });
        } else if (op.method === "DELETE" && op.path.startsWith("reminders/")) {
            all.delete(op.path.slice("reminders/".length));
        }
    }
    return [...all.values()].sort((a, b) => a.at - b.at);
}

function taskRow(task) {
    return h("li", { class: `row task${task.done ? " done" : ""}` },
        h("label", { class: "task-label" }, h("input", { type: "checkbox",
            checked: Boolean(task.done),
            onchange: (event) => set(task.key, { done: event.target.checked }, true) }),
        h("span", { dir: "auto" }, task.text)),
        task.waits ? h("span", { class: "row-note" }, t("not sent yet")) : null,
        h("span", { class: "row-actions" }, h("button", { type: "button", class: "icon-button",
            "aria-label": t("Remove \"{title}\"", { title: task.text }),
            onclick: () => keep({ method: "DELETE", path: PLACE + task.key }) }, icon("remove"))));
}

function reminderRow(one) {
    return h("li", { class: "row" }, icon("calendar"), h("span", { class: "row-text" },
        h("span", { class: "row-title", dir: "auto" }, one.text),
        h("span", { class: "row-note" }, [when(one.at), one.waits ? t("not sent yet") : ""]
            .filter(Boolean).join(" · "))),
    h("span", { class: "row-actions" }, h("button", { type: "button", class: "icon-button",
        "aria-label": t("Remove \"{title}\"", { title: one.text }),
        onclick: () => keep({ method: "DELETE", path: `reminders/${one.id}` }) },
    icon("remove"))));
}

function adder(label, extra, add) {
    const input = h("input", { class: "field", maxlength: 1000, dir: "auto", "aria-label": label,
        placeholder: label });
    return h("form", { class: "adder", onsubmit: (event) => {
        event.preventDefault();
        const text = input.value.trim();
        if (!text || add(text) === false) return;
        input.value = "";
    } }, input, extra, h("button", { type: "submit", class: "button" }, icon("plus"), t("Add")));
}

export const title = () => t("Tasks");

export function show(root) {
    const own = scope();
    let tasks = [];
    let reminders = [];
    const list = h("div");
    const due = h("div");
    const draw = () => {
        const shown = withWaiting(tasks, waiting.value);
        const soon = remindersWithWaiting(reminders, waiting.value);
        fill(list, shown.length ? h("ul", { class: "rows" }, shown.map(taskRow)) :
            h("p", { class: "hint" }, t("Nothing to do.")));
        fill(due, soon.length ? h("ul", { class: "rows" }, soon.map(reminderRow)) :
            h("p", { class: "hint" }, t("No reminders.")));
    };
    const load = async () => {
        const [kept, told] = await Promise.all([
            api.records({ space: "me", collection: "task", limit: MOST }).catch(() => null),
            api.reminders().catch(() => null)]);
        tasks = kept?.records.map(({ key, fields, changed }) =>
            ({ key, at: changed, ...fields })) ?? tasks;
        reminders = told?.reminders ?? reminders;
        draw();
    };
    const again = debounce(load, CHANGE_MS);
    const at = h("input", { class: "field", type: "datetime-local", required: true,
        "aria-label": t("When") });
    root.append(h("div", { class: "page" }, h("h1", { tabindex: -1 }, t("Tasks")),
        adder(t("New task"), null, (text) => set(newId(8), { text, done: false })), list,
        h("h2", null, t("Reminders")), adder(t("New reminder"), at, (text) => {
            const time = new Date(at.value).getTime();
            if (!(time > Date.now())) return false;
            keep({ method: "POST", path: "reminders", body: { id: newId(4), text, at: time } });
            return true;
        }), due));
    draw();
    load();
    own(on("records", again));
    own(on("reminders", again));
    own(waiting.later((ops) => {
        draw();
        if (!ops.length) again();
    }));
    own(() => again.cancel());
    return own.end;
}
