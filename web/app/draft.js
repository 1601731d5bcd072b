// SPDX-License-Identifier: Apache-2.0
// One draft: its editor, who else is at it, comments, history. The editor is one large file that
// comes when it is wanted (web/editor); where it was not built a plain field takes its place, whose
// changes weft merges when they are saved.

import { api } from "./api.js";
import { askText } from "./dialog.js";
import { debounce, fill, h, scope } from "./dom.js";
import { raiseLabel, removeDraft, renameDraft } from "./drafts.js";
import { bytes, when } from "./format.js";
import { icon } from "./icons.js";
import { t, tn } from "./i18n.js";
import { on } from "./live.js";
import { say, takeWaiting } from "./presence.js";
import { labelName } from "./privacy.js";
import { draftIsOpen, isMadeHere, noteUnsent, phone, sendQueue, waiting } from "./offline.js";
import { go, href } from "./route.js";
import { failed, toast } from "./toast.js";

const SAVE_MS = 800;
const LABEL_MS = 400;
const NAME_KEY = "weft.name";

const myName = () => localStorage.getItem(NAME_KEY) || t("Somebody");

export const title = (now) => shownName.get(now.id) ?? t("Draft");
const shownName = new Map();

// What is known of the draft, also while weft does not answer.
async function findDraft(id) {
    const key = `weft.draft.${id}`;
    try {
        const { name, space, label } = await api.draft(id);
        localStorage.setItem(key, JSON.stringify({ id, name, space, label }));
        return { id, name, space, label };
    } catch (error) {
        const kept = (error.status === 0 || isMadeHere(id)) && localStorage.getItem(key);
        if (kept) return JSON.parse(kept);
        if (error.status === 404) localStorage.removeItem(key);
        throw error;
    }
}

const statusText = (status) => ({
    saved: t("Saved"),
    saving: t("Saving ..."),
    offline: t("Offline: kept in this browser"),
    gone: t("It was removed"),
})[status] ?? "";

// The field for a weft without the editor: saves what was changed against what it was.
function plainEditor(host, draft, told) {
    const field = h("textarea", { class: "draft-plain", dir: "auto", disabled: true,
        "aria-label": t("Text of the draft") });
    let base = 0;
    let said = "";
    const load = async () => {
        const got = await api.draft(draft.id);
        base = got.version;
        said = got.text ?? "";
        if (field.value !== said) field.value = said;
        field.disabled = false;
        told("saved");
    };
    const save = debounce(async () => {
        const text = field.value;
        try {
            await api.editDraft(draft.id, { text, base });
            if (field.value === text) await load();
        } catch (error) {
            told("offline");
            failed(error);
        }
    }, SAVE_MS);
    field.addEventListener("input", () => {
        told("saving");
        save();
    });
    fill(host, field);
    load().catch(failed);
    const off = on("drafts", () => {
        if (field.value === said) load().catch(() => {});
    });
    return { focus: () => field.focus(), setUser() {}, end: off, isPlain: true };
}

// ---- comments ----

function commentNode(comment, editor) {
    return h("li", { class: "note-card" },
        h("button", { type: "button", class: "note-quote", dir: "auto",
            disabled: comment.from === null, onclick: () => editor().show(comment) },
        comment.quote || t("What it spoke of is gone")),
        h("p", { dir: "auto" }, comment.text),
        h("p", { class: "note-by" }, [comment.author, when(comment.at)].filter(Boolean)
            .join(" · ")),
        h("button", { type: "button", class: "text-button",
            onclick: () => editor().closeComment(comment.id) }, icon("check"), t("Done")));
}

// ---- history ----

function versionText(version) {
    const changes = version.changes ? tn("One change", "{n} changes", version.changes) :
        t("Snapshot");
    return `${changes} · ${bytes(version.bytes)}`;
}

function historyPart(draft, place) {
    const show = async (version) => {
        try {
            const { text } = await api.draft(draft.id, { version: version.version });
            const restore = async () => {
                try {
                    const { changed } = await api.restoreDraft(draft.id, version.version);
                    toast(changed ? t("The draft is as it was then; the history has both.") :
                        t("It is that already."));
                    load();
                } catch (error) {
                    failed(error);
                }
            };
            fill(place, h("div", { class: "side-head" },
                h("button", { type: "button", class: "text-button", onclick: load },
                    icon("back"), t("All versions")),
                h("button", { type: "button", class: "button primary", onclick: restore },
                    t("Restore"))),
            h("p", { class: "note-by" }, when(version.to)),
            h("pre", { class: "version-text", dir: "auto", tabindex: 0 }, text ?? ""));
        } catch (error) {
            failed(error);
        }
    };
    const load = async () => {
        try {
            const { versions } = await api.draftHistory(draft.id);
            fill(place, versions.length ? h("ul", { class: "versions" }, versions.map((v) =>
                h("li", null, h("button", { type: "button", class: "version",
                    onclick: () => show(v) }, h("span", null, when(v.to)),
                h("span", { class: "note-by" }, versionText(v)))))) :
                h("p", { class: "hint" }, t("Nothing was written yet.")));
        } catch (error) {
            fill(place, h("p", { class: "failed" }, error.message));
        }
    };
    load();
}

// ---- the page ----

function headNode(draft, parts) {
    const tool = (name, words, run) => h("button", { type: "button", class: "icon-button",
        title: words, "aria-label": words, onclick: run }, icon(name));
    return h("div", { class: "draft-head" },
        h("a", { class: "icon-button", href: href({ view: "drafts" }), title: t("All drafts"),
            "aria-label": t("All drafts") }, icon("back")),
        parts.title,
        parts.chip,
        h("p", { class: "draft-status", role: "status" }, parts.status),
        parts.people,
        h("div", { class: "draft-tools" },
            parts.comment,
            parts.toggle("comments", "ask", t("Comments")),
            parts.toggle("history", "history", t("Versions")),
            h("a", { class: "icon-button", href: href({ view: "present", id: draft.id }),
                title: t("Present"), "aria-label": t("Present") }, icon("slides")),
            tool("rename", t("Rename"), parts.rename),
            tool("remove", t("Remove"), parts.remove)));
}

function build(root, draft, own) {
    const host = h("div", { class: "draft-host" });
    const side = h("aside", { class: "draft-side", hidden: true });
    const body = h("div", { class: "draft-body" }, h("div", { class: "draft-page" }, host), side);
    const status = h("span", null);
    const people = h("ul", { class: "people", "aria-label": t("Also here") });
    const heading = h("h1", { tabindex: -1, dir: "auto" }, draft.name);
    const comment = h("button", { type: "button", class: "button", hidden: true },
        icon("plus"), t("Comment"));
    const toggles = new Map();
    let editor = null;
    let comments = [];
    let open = null;

    const drawSide = () => {
        side.hidden = !open;
        for (const [name, button] of toggles) button.setAttribute("aria-expanded", open === name);
        if (!open) return;
        const place = h("div", { class: "side-body" });
        const name = open === "comments" ? t("Comments") : t("Versions");
        side.setAttribute("aria-label", name);
        fill(side, h("div", { class: "side-head" }, h("h2", null, name),
            h("button", { type: "button", class: "icon-button small", "aria-label": t("Close"),
                onclick: () => toggle(open) }, icon("close"))), place);
        if (open === "history") historyPart(draft, place);
        else {
            fill(place, comments.length ?
                h("ul", { class: "notes" }, comments.map((c) => commentNode(c, () => editor))) :
                h("p", { class: "hint" }, t("Mark some words, then press \"Comment\".")));
        }
    };
    const toggle = (name) => {
        open = open === name ? null : name;
        drawSide();
    };
    const toggleButton = (name, shape, words) => {
        const button = h("button", { type: "button", class: "icon-button", title: words,
            "aria-label": words, "aria-expanded": "false", onclick: () => toggle(name) },
        icon(shape));
        toggles.set(name, button);
        return button;
    };
    const rename = async () => {
        const now = await renameDraft(draft);
        if (!now) return;
        draft.name = now.name;
        heading.textContent = now.name;
        shownName.set(draft.id, now.name);
        document.title = `${now.name} · weft`;
    };
    const chip = h("button", { type: "button", class: `label-chip ${draft.label}`,
        title: t("How sensitive is it?"), onclick: async () => {
            const now = await raiseLabel(draft);
            if (!now) return;
            drawLabel(now.label);
        } }, labelName(draft.label));
    const stays = h("p", { class: "hint draft-stays", hidden: draft.label !== "secret" },
        t("It is secret: it stays on this device."));
    const drawLabel = (label) => {
        draft.label = label;
        chip.className = `label-chip ${label}`;
        chip.textContent = labelName(label);
        stays.hidden = label !== "secret";
    };
    // What is written raises it, too.
    own(on("drafts", debounce(async () => {
        const { drafts } = await api.drafts({ limit: 20 }).catch(() => ({ drafts: [] }));
        const now = drafts.find(({ id }) => id === draft.id);
        if (now && now.label !== draft.label) drawLabel(now.label);
    }, LABEL_MS)));
    const remove = async () => {
        if (await removeDraft(draft)) go({ view: "drafts" });
    };
    const askName = async () => {
        const name = await askText({ title: t("Your name"), label: t("Your name"),
            value: localStorage.getItem(NAME_KEY) ?? "", action: t("Keep it") });
        if (!name) return;
        localStorage.setItem(NAME_KEY, name.slice(0, 40));
        editor?.setUser(myName());
        drawPeople([]);
    };
    const drawPeople = (others) => fill(people, others.map(({ name, colour }) =>
        h("li", { class: `person person-${colour}`, title: name }, name)),
    h("li", null, h("button", { type: "button", class: "person me", onclick: askName,
        title: t("Your name, as others see it") }, myName())));
    comment.addEventListener("click", async () => {
        const words = await askText({ title: t("Comment"), label: t("Comment"), value: "",
            action: t("Add") });
        if (!words) return;
        editor.comment(words, myName());
        if (open !== "comments") toggle("comments");
    });

    drawPeople([]);
    root.append(h("div", { class: "draft" }, headNode(draft, { title: heading, status, people,
        comment, toggle: toggleButton, rename, remove, chip }), stays, body));
    const told = (now) => {
        status.textContent = statusText(now);
        if (phone.value) noteUnsent(draft.id, now === "offline" || now === "saving");
    };
    // One that was made here: weft has it once the queue was sent.
    const ready = isMadeHere(draft.id) ? new Promise((resolve) => {
        own(waiting.on(() => {
            if (!isMadeHere(draft.id)) resolve();
        }));
        sendQueue();
    }) : null;
    draftIsOpen(draft.id);
    own(() => draftIsOpen(null));
    const options = { id: draft.id, space: draft.space, user: myName(), ready,
        label: t("Text of the draft"), hint: t("Write here ..."), onStatus: told,
        onPeople: drawPeople,
        onPlace: (at) => say({ at }),
        onSelection: (has) => {
            comment.hidden = !has;
        },
        onComments: (list) => {
            comments = list;
            if (open === "comments") drawSide();
        } };
    let ended = false;
    own(() => {
        ended = true;
        editor?.end();
    });
    import("/app/editor.js").then(({ openEditor }) => openEditor(host, options)).catch((error) => {
        if (error instanceof TypeError) return plainEditor(host, draft, told); // it was not built
        throw error;
    }).then((opened) => {
        editor = opened;
        if (opened.isPlain) toggles.get("comments").hidden = true;
        const wanted = takeWaiting("draft", draft.id);
        if (wanted?.at && opened.goTo) opened.goTo(wanted.at);
        if (ended) opened.end();
    }).catch(failed);
}

export function show(root, now) {
    const own = scope();
    let ended = false;
    own(() => {
        ended = true;
    });
    root.append(h("h1", { class: "voice", tabindex: -1 }, t("Draft")));
    findDraft(now.id).then((draft) => {
        if (ended) return;
        shownName.set(draft.id, draft.name);
        document.title = `${draft.name} · weft`;
        fill(root);
        build(root, draft, own);
    }).catch((error) => {
        if (!ended) fill(root, h("div", { class: "page" }, h("h1", null, t("Draft")),
            h("p", { class: "failed" }, error.message)));
    });
    return own.end;
}
