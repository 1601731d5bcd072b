// SPDX-License-Identifier: Apache-2.0
// The drafts: what is edited together, the last changed first; new ones, names, removing.

import { allowed, api } from "./api.js";
import { askText, confirm, openDialog } from "./dialog.js";
import { debounce, fill, h, scope } from "./dom.js";
import { when } from "./format.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { changed, on } from "./live.js";
import { labelName } from "./privacy.js";
import { doOrKeep, isMadeHere, newId, phone, waiting } from "./offline.js";
import { go, href } from "./route.js";
import { failed, toast } from "./toast.js";

const PAGE = 100;
const CHANGE_MS = 400;

// What the browser keeps of drafts goes with the right to see them.
export async function forgetKept(id = null) {
    const all = await indexedDB.databases?.() ?? [];
    for (const { name } of all) {
        const ours = id ? name === `weft-draft-${id}` : name.startsWith("weft-draft-");
        if (ours) indexedDB.deleteDatabase(name);
    }
}
allowed.later((yes) => {
    if (!yes) forgetKept();
});

export async function newDraft(space) {
    const name = await askText({ title: t("New draft"), label: t("Name"), value: "",
        action: t("Make it") });
    if (!name) return;
    try {
        const id = newId(16);
        const kept = { id, name, space, label: "private" };
        if (phone.value) {
            localStorage.setItem(`weft.draft.${id}`, JSON.stringify(kept));
            await doOrKeep({ method: "POST", path: "drafts", body: { id, space, name } });
        } else {
            await api.createDraft({ id, space, name });
        }
        changed("drafts");
        go({ view: "draft", id });
    } catch (error) {
        failed(error);
    }
}

export async function renameDraft(draft) {
    const name = await askText({ title: t("Rename the draft"), label: t("Name"),
        value: draft.name, action: t("Rename") });
    if (!name || name === draft.name) return null;
    try {
        const now = await api.renameDraft(draft.id, name);
        changed("drafts");
        return now;
    } catch (error) {
        failed(error);
        return null;
    }
}

const RAISED = [
    ["internal", () => t("For your machines, also rented ones.")],
    ["private", () => t("For machines that may see what is private.")],
    ["secret", () => t("For this device alone: it goes nowhere from here on.")],
];

// Only upwards: what a label was raised for stands in the history.
export async function raiseLabel(draft) {
    const now = RAISED.findIndex(([name]) => name === draft.label);
    const higher = RAISED.slice(now + 1);
    const label = await openDialog(t("How sensitive is it?"), (close) => [
        higher.length ? h("ul", { class: "list" }, higher.map(([name, words]) =>
            h("li", { class: "row" }, h("button", { type: "button", class: "row-link",
                onclick: () => close(name) }, h("span", { class: "row-text" },
                h("span", { class: "row-title" }, labelName(name)),
                h("span", { class: "row-note" }, words())))))) :
            h("p", null, t("It is secret: it stays on this device.")),
        h("p", { class: "hint" }, t("This can be raised, and not lowered again.")),
        h("div", { class: "dialog-actions" }, h("button", { type: "button", class: "button",
            onclick: () => close(null) }, t("Cancel")))]);
    if (!label) return null;
    try {
        const raised = await api.raiseDraft(draft.id, label);
        changed("drafts");
        return raised;
    } catch (error) {
        failed(error);
        return null;
    }
}

export async function removeDraft(draft) {
    const sure = await confirm({ title: t("Remove the draft?"),
        body: t("\"{title}\" goes for good, with its history, for everybody who has it open.",
            { title: draft.name }), action: t("Remove"), danger: true });
    if (!sure) return false;
    try {
        await api.removeDraft(draft.id);
        await forgetKept(draft.id);
        toast(t("Removed \"{title}\".", { title: draft.name }));
        changed("drafts");
        return true;
    } catch (error) {
        failed(error);
        return false;
    }
}

function row(draft) {
    const action = (name, label, words, run) => h("button", { type: "button", title: label,
        class: "icon-button", "aria-label": words, onclick: run }, icon(name));
    const note = [draft.space === "me" ? "" : draft.space,
        isMadeHere(draft.id) ? t("not sent yet") : when(draft.updated)]
        .filter(Boolean).join(" · ");
    return h("li", { class: "row" },
        h("a", { class: "row-link", href: href({ view: "draft", id: draft.id }) }, icon("note"),
            h("span", { class: "row-text" },
                h("span", { class: "row-title", dir: "auto" }, draft.name),
                h("span", { class: "row-note", dir: "auto" }, note, " ",
                    draft.label === "private" ? null :
                        h("span", { class: `label-chip ${draft.label}` },
                            labelName(draft.label))))),
        h("span", { class: "row-actions" },
            action("rename", t("Rename"), t("Rename \"{title}\"", { title: draft.name }),
                () => renameDraft(draft)),
            action("remove", t("Remove"), t("Remove \"{title}\"", { title: draft.name }),
                () => removeDraft(draft))));
}

function emptyNode(space) {
    return h("div", { class: "empty" }, icon("note"), h("h2", null, t("No drafts yet")),
        h("p", null, t("A draft is a text that you write here, alone or with others at the same " +
            "time. It is kept on this device with its history.")),
        h("p", null, h("button", { type: "button", class: "button primary",
            onclick: () => newDraft(space()) }, icon("plus"), t("New draft"))));
}

export const title = () => t("Drafts");

export function show(root) {
    const own = scope();
    let drafts = [];
    let next = null;
    const list = h("div", { class: "list" });
    const spaces = h("select", { class: "field", hidden: true, "aria-label": t("Space"),
        onchange: () => load(null) });
    const space = () => spaces.value || "me";

    // With those that were made here and that weft does not have yet.
    const all = () => [...waiting.value.filter((op) => op.path === "drafts" &&
        (!spaces.value || op.body.space === spaces.value) &&
        !drafts.some(({ id }) => id === op.body.id))
        .map(({ body }) => ({ ...body, label: "private", updated: Date.now() })), ...drafts];
    const draw = () => fill(list,
        all().length ? h("ul", { class: "rows" }, all().map(row)) : emptyNode(space),
        next ? h("p", { class: "more" }, h("button", { type: "button", class: "button",
            onclick: () => load(next) }, t("Show more"))) : null);
    const load = async (after) => {
        try {
            const answer = await api.drafts({ limit: PAGE, after, space: spaces.value });
            drafts = after ? [...drafts, ...answer.drafts] : answer.drafts;
            ({ next } = answer);
            draw();
        } catch (error) {
            if (all().length) draw();
            else fill(list, h("p", { class: "failed" }, error.message));
        }
    };
    const loadSpaces = async () => {
        const { spaces: all } = await api.spaces().catch(() => ({ spaces: [] }));
        fill(spaces, h("option", { value: "" }, t("All spaces")),
            all.map(({ name }) => h("option", { value: name }, name)));
        spaces.hidden = all.length < 2;
    };
    const refresh = debounce(() => load(null), CHANGE_MS);

    root.append(h("div", { class: "page" },
        h("div", { class: "page-head" }, h("h1", { tabindex: -1 }, t("Drafts")),
            h("div", { class: "actions" }, spaces, h("button", { type: "button",
                class: "button primary", onclick: () => newDraft(space()) },
            icon("plus"), t("New draft")))), list));
    load(null);
    loadSpaces();
    own(on("drafts", refresh));
    own(waiting.later(draw));
    own(() => refresh.cancel());
    return own.end;
}
