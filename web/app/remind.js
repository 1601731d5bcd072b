// SPDX-License-Identifier: Apache-2.0
// Reminders that are due: a note each, which stays until the person is done with it, also when it
// was told before this page was opened.

import { api } from "./api.js";
import { h } from "./dom.js";
import { currentLanguage, t } from "./i18n.js";
import { on } from "./live.js";
import { failed, keep } from "./toast.js";

const shown = new Map(); // the notes by the reminders' ids

const STYLE = { dateStyle: "medium", timeStyle: "short" };
const time = (ms) => new Date(ms).toLocaleString(currentLanguage(), STYLE);

function show(reminder) {
    if (shown.has(reminder.id)) return;
    const onclick = () => {
        hide(reminder.id);
        api.removeReminder(reminder.id).catch(failed);
    };
    const done = h("button", { type: "button", onclick }, t("Done"));
    const node = h("p", { class: "toast stays", dir: "auto" }, reminder.text, " ",
        h("small", {}, time(reminder.at)), " ", done);
    shown.set(reminder.id, keep(node));
}

function hide(id) {
    shown.get(id)?.();
    shown.delete(id);
}

async function refresh() {
    const { reminders } = await api.reminders();
    const due = reminders.filter((reminder) => reminder.told !== null);
    for (const id of [...shown.keys()]) {
        if (!due.some((reminder) => reminder.id === id)) hide(id);
    }
    due.forEach(show);
}

export function followReminders() {
    on("reminder", show);
    on("reminders", () => refresh().catch(() => {})); // tried again with the next change
    refresh().catch(() => {});
}
