// SPDX-License-Identifier: Apache-2.0
// The history: all conversations by day, to open, rename or delete. The sidebar shows the newest.

import { api } from "./api.js";
import { askText, confirm } from "./dialog.js";
import { fill, h, scope } from "./dom.js";
import { dayGroup, when } from "./format.js";
import { icon } from "./icons.js";
import { t, tn } from "./i18n.js";
import { changed, on } from "./live.js";
import { go, href, route as current } from "./route.js";
import { failed, toast } from "./toast.js";

const PAGE = 50;
const RECENT = 12;

async function rename(thread) {
    const title = await askText({ title: t("Rename conversation"), label: t("Name"),
        value: thread.title, action: t("Rename") });
    if (!title || title === thread.title) return;
    await api.renameThread(thread.id, title).catch(failed);
    changed("threads");
}

async function remove(thread) {
    const sure = await confirm({ title: t("Delete this conversation?"),
        body: t("\"{title}\" and its answers go. Your documents stay.", { title: thread.title }),
        action: t("Delete"), danger: true });
    if (!sure) return;
    try {
        await api.removeThread(thread.id);
        toast(t("Deleted."));
        if (current.value.id === thread.id) go({});
        changed("threads");
    } catch (error) {
        failed(error);
    }
}

function row(thread) {
    return h("li", { class: "row" },
        h("a", { class: "row-link", href: href({ view: "thread", id: thread.id }) },
            icon("ask"),
            h("span", { class: "row-text" },
                h("span", { class: "row-title", dir: "auto" }, thread.title),
                h("span", { class: "row-note" },
                    tn("One question", "{n} questions", thread.turns), " · ",
                    when(thread.updated)))),
        h("span", { class: "row-actions" },
            h("button", { type: "button", class: "icon-button", title: t("Rename"),
                "aria-label": t("Rename \"{title}\"", { title: thread.title }),
                onclick: () => rename(thread) }, icon("rename")),
            h("button", { type: "button", class: "icon-button", title: t("Delete"),
                "aria-label": t("Delete \"{title}\"", { title: thread.title }),
                onclick: () => remove(thread) }, icon("remove"))));
}

function byDay(threads) {
    const groups = [];
    for (const thread of threads) {
        const name = dayGroup(thread.updated);
        if (groups.at(-1)?.name !== name) groups.push({ name, threads: [] });
        groups.at(-1).threads.push(thread);
    }
    return groups.map(({ name, threads: list }) => h("section", { class: "group" },
        h("h2", null, name), h("ul", { class: "rows" }, list.map(row))));
}

function noThreads() {
    return h("div", { class: "empty" }, icon("history"),
        h("h2", null, t("No conversations yet")),
        h("p", null, t("What you ask is kept on your devices until you delete it.")),
        h("p", null, h("a", { class: "button primary", href: href({}) }, t("Ask something"))));
}

export const title = () => t("History");

export function show(root) {
    const own = scope();
    const list = h("div", { class: "list" });
    let all = [];
    let next = null;

    const draw = () => fill(list, all.length ? byDay(all) : noThreads(),
        next ? h("p", { class: "more" }, h("button", { type: "button", class: "button",
            onclick: () => load(next) }, t("Show more"))) : null);
    const load = async (after) => {
        try {
            const answer = await api.threads({ limit: PAGE, after });
            all = after ? [...all, ...answer.threads] : answer.threads;
            next = answer.next;
            draw();
        } catch (error) {
            if (!all.length) fill(list, h("p", { class: "failed" }, error.message));
        }
    };

    root.append(h("div", { class: "page" }, h("h1", { tabindex: -1 }, t("History")), list));
    load(null);
    own(on("threads", () => load(null)));
    return own.end;
}

// The newest conversations for the sidebar.
export function recentThreads() {
    const list = h("ul", { class: "recent" });
    const draw = async () => {
        const answer = await api.threads({ limit: PAGE }).catch(() => null);
        if (!answer) return;
        fill(list, answer.threads.slice(0, RECENT).map((thread) => h("li", null,
            h("a", { href: href({ view: "thread", id: thread.id }), dir: "auto",
                "data-thread": thread.id, title: thread.title }, thread.title))));
        list.parentElement.hidden = !answer.threads.length;
        markCurrent(list);
    };
    const off = [on("threads", draw), current.later(() => markCurrent(list))];
    return { node: list, draw, end: () => off.forEach((end) => end()) };
}

function markCurrent(list) {
    for (const link of list.querySelectorAll("a")) {
        const here = link.dataset.thread === current.value.id;
        if (here) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
}
