// SPDX-License-Identifier: Apache-2.0
// The library: every document, newest first; filter, open, ask about, download, remove.

import { api, isAbort } from "./api.js";
import { askAbout } from "./ask.js";
import { confirm } from "./dialog.js";
import { debounce, fill, h, scope } from "./dom.js";
import { bytes, countDocuments, folderOf, kindOf, when } from "./format.js";
import { icon } from "./icons.js";
import { t, tn } from "./i18n.js";
import { changed, on } from "./live.js";
import { besideHref, closeBeside, route as current } from "./route.js";
import { failed, toast } from "./toast.js";
import { pickFiles } from "./upload.js";

const PAGE = 50;
const RELOAD_MAX = 500;
const TYPING_MS = 200;
const CHANGE_MS = 400;

const TYPES = () => [["", t("All kinds")], ["application/pdf", t("PDF")], ["text", t("Text")],
    ["message", t("Mail")], ["image", t("Pictures")]];

async function remove(doc) {
    const sure = await confirm({ title: t("Remove from the library?"),
        body: t("\"{title}\", its text and weft's copy of the file go for good. The file " +
            "that you added stays where it is.", { title: doc.title }),
        action: t("Remove"), danger: true });
    if (!sure) return;
    try {
        await api.removeDocument(doc.id);
        toast(t("Removed \"{title}\".", { title: doc.title }));
        if (current.value.doc === doc.id) closeBeside();
        changed("documents");
    } catch (error) {
        failed(error);
    }
}

// Which devices have the original, where that is of interest.
function whereOf(doc) {
    const away = doc.state === "text" || doc.state === "elsewhere";
    const several = doc.on?.length > (away ? 0 : 1);
    const on = several ? t("on: {names}", { names: doc.on.join(", ") }) : "";
    const how = doc.wanted ? t("on its way") : away ? t("online only") : "";
    return [on, how, doc.pinned ? t("pinned") : ""];
}

function noteOf(doc) {
    const size = doc.pages ? tn("One page", "{n} pages", doc.pages) : bytes(doc.bytes);
    const path = doc.paths?.[0] ?? doc.name;
    const folder = path?.startsWith("/") ? folderOf(path) : "";
    return [kindOf(doc.type, path).name, size, folder, doc.added ? when(doc.added) : "",
        ...whereOf(doc)].filter(Boolean).join(" · ");
}

// The original comes to this device; "pinned" ones stay.
async function fetchIt(doc, pinned) {
    try {
        if (pinned) await api.pinDocument(doc.id, true);
        toast(t("\"{title}\" is on its way.", { title: doc.title || doc.name }));
        await api.fetchDocument(doc.id);
        changed("documents");
    } catch (error) {
        failed(error);
    }
}

async function unpin(doc) {
    try {
        await api.pinDocument(doc.id, false);
        changed("documents");
    } catch (error) {
        failed(error);
    }
}

function whereActions(doc, action) {
    if (doc.pinned) {
        const title = doc.title || doc.name;
        return [action("check", t("Unpin"), t("Unpin \"{title}\"", { title }), () => unpin(doc))];
    }
    if (doc.state !== "text" && doc.state !== "elsewhere") return [];
    const words = { title: doc.title || doc.name };
    return [action("plus", t("Keep on this device"), t("Keep \"{title}\" on this device", words),
        () => fetchIt(doc, true))];
}

// One that other devices have, and this one knows by name.
function rowElsewhere(doc) {
    const action = (name, label, words, run) => h("button", { type: "button", title: label,
        class: "icon-button", "aria-label": words, onclick: run }, icon(name));
    return h("li", { class: "row", "data-elsewhere": doc.id },
        h("span", { class: "row-link" }, icon(kindOf(doc.type, doc.name).icon),
            h("span", { class: "row-text" },
                h("span", { class: "row-title", dir: "auto" }, doc.title || doc.name),
                h("span", { class: "row-note", dir: "auto" }, noteOf(doc)),
                doc.problem ? h("span", { class: "row-warning" }, icon("alert"), doc.problem)
                    : null)),
        h("span", { class: "row-actions" },
            action("download", t("Fetch"), t("Fetch \"{title}\"", { title: doc.title || doc.name }),
                () => fetchIt(doc, false)),
            ...whereActions(doc, action)));
}

function row(doc) {
    const action = (name, label, words, run) => h("button", { type: "button", title: label,
        class: "icon-button", "aria-label": words, onclick: run }, icon(name));
    const link = h("a", { class: "row-link", href: besideHref(doc.id), "data-document": doc.id },
        icon(kindOf(doc.type, doc.paths[0]).icon),
        h("span", { class: "row-text" },
            h("span", { class: "row-title", dir: "auto" }, doc.title),
            h("span", { class: "row-note", dir: "auto", title: doc.paths[0] }, noteOf(doc)),
            doc.warnings?.length ? h("span", { class: "row-warning" }, icon("alert"),
                t("Not everything in it could be read")) : null));
    link.addEventListener("click", () => {
        link.href = besideHref(doc.id);
    });
    return h("li", { class: "row" }, link, h("span", { class: "row-actions" },
        action("ask", t("Ask about it"), t("Ask about \"{title}\"", { title: doc.title }),
            () => askAbout(doc.id)),
        ...whereActions(doc, action),
        h("a", { class: "icon-button", href: api.originalUrl(doc.id), download: "",
            title: t("Download"), "aria-label": t("Download \"{title}\"", { title: doc.title }) },
        icon("download")),
        action("remove", t("Remove"), t("Remove \"{title}\"", { title: doc.title }),
            () => remove(doc))));
}

function emptyNode(filtered) {
    if (filtered) {
        return h("div", { class: "empty" }, icon("search"),
            h("h2", null, t("No document is called that")),
            h("p", null, t("This looks at titles and paths. To look inside the documents, use " +
                "the search.")));
    }
    return h("div", { class: "empty" }, icon("library"), h("h2", null, t("Your library is empty")),
        h("p", null, t("Drop files anywhere on this page. weft reads text, PDF, Office " +
            "documents, mail, calendars, e-books and pictures, and keeps all of it on this " +
            "device.")),
        h("p", null, h("button", { type: "button", class: "button primary",
            onclick: () => pickFiles(false) }, icon("plus"), t("Add files"))));
}

function markOpen(list) {
    for (const link of list.querySelectorAll("[data-document]")) {
        const open = link.dataset.document === current.value.doc;
        if (open) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
    }
}

export const title = () => t("Library");

export function show(root) {
    const own = scope();
    let stop = null;
    let docs = [];
    let next = null;
    let total = 0;
    let elsewhere = [];
    const count = h("p", { class: "count", "aria-live": "polite" });
    const list = h("div", { class: "list" }, h("div", { class: "bones rows-bones" },
        h("span"), h("span"), h("span"), h("span")));
    const field = h("input", { type: "search", class: "field", dir: "auto", "data-ask": true,
        "aria-label": t("Find a document by title or path"), placeholder: t("Title or path") });
    const kinds = h("select", { class: "field", "aria-label": t("Kind of document"),
        onchange: () => load(null) }, TYPES().map(([value, name]) => h("option", { value }, name)));

    const draw = () => {
        const filtered = Boolean(field.value.trim() || kinds.value);
        count.textContent = total ? countDocuments(total) : "";
        fill(list, docs.length + elsewhere.length
            ? h("ul", { class: "rows" }, elsewhere.map(rowElsewhere), docs.map(row))
            : emptyNode(filtered),
            next ? h("p", { class: "more" }, h("button", { type: "button", class: "button",
                onclick: () => load(next) }, t("Show more"))) : null);
        const more = list.querySelector(".more");
        if (more) watcher.observe(more);
        markOpen(list);
    };
    const load = async (after, limit = PAGE) => {
        stop?.abort();
        stop = new AbortController();
        const query = { limit, after, q: field.value.trim(), type: kinds.value };
        try {
            const answer = await api.documents(query, stop.signal);
            docs = after ? [...docs, ...answer.documents] : answer.documents;
            if (!after) elsewhere = answer.elsewhere ?? [];
            ({ next, total } = answer);
            draw();
        } catch (error) {
            if (!isAbort(error) && !docs.length) {
                fill(list, h("p", { class: "failed" }, error.message));
            }
        }
    };
    // The button that says "Show more" comes near: no need to press it.
    const watcher = new IntersectionObserver((entries) => {
        if (entries.some((entry) => entry.isIntersecting) && next) load(next);
    }, { root, rootMargin: "600px" });
    const later = debounce(() => load(null), TYPING_MS);
    const shown = () => Math.max(PAGE, Math.min(docs.length, RELOAD_MAX));
    const refresh = debounce(() => load(null, shown()), CHANGE_MS);
    field.addEventListener("input", later);

    root.append(h("div", { class: "page" },
        h("div", { class: "page-head" }, h("h1", { tabindex: -1 }, t("Library")),
            h("div", { class: "actions" },
                h("button", { type: "button", class: "button", onclick: () => pickFiles(true) },
                    icon("folder"), t("Add a folder")),
                h("button", { type: "button", class: "button primary",
                    onclick: () => pickFiles(false) }, icon("plus"), t("Add files")))),
        h("form", { class: "bar", role: "search", "aria-label": t("Documents"),
            onsubmit: (event) => event.preventDefault() },
        h("div", { class: "field-with-icon" }, icon("search"), field), kinds),
        count, list));
    load(null);
    own(on("documents", refresh));
    own(current.later(() => markOpen(list)));
    own(() => watcher.disconnect());
    own(() => {
        later.cancel();
        refresh.cancel();
        stop?.abort();
    });
    return own.end;
}
