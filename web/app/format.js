// SPDX-License-Identifier: Apache-2.0
// Sizes, times, kinds of files and names, as a person reads them.

import { currentLanguage, number, t, tn } from "./i18n.js";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
const DAY_MS = 86400000;

export function bytes(n) {
    let step = 0;
    while (n >= 1000 && step < UNITS.length - 1) {
        n /= 1000;
        step++;
    }
    return new Intl.NumberFormat(currentLanguage(), {
        style: "unit",
        unit: UNITS[step],
        unitDisplay: step ? "short" : "long",
        maximumFractionDigits: n < 10 && step > 1 ? 1 : 0,
    }).format(n);
}

const midnight = (ms) => new Date(ms).setHours(0, 0, 0, 0);

// "Today", "Yesterday", a weekday, or a month: the groups of a history.
export function dayGroup(ms, now = Date.now()) {
    const days = Math.round((midnight(now) - midnight(ms)) / DAY_MS);
    if (days <= 0) return t("Today");
    if (days === 1) return t("Yesterday");
    if (days < 7) return t("This week");
    const far = new Date(ms).getFullYear() !== new Date(now).getFullYear();
    return new Intl.DateTimeFormat(currentLanguage(), {
        month: "long",
        year: far ? "numeric" : undefined,
    }).format(ms);
}

export function when(ms, now = Date.now()) {
    const days = Math.round((midnight(now) - midnight(ms)) / DAY_MS);
    const style = days <= 0 ? { hour: "numeric", minute: "2-digit" } : { dateStyle: "medium" };
    return new Intl.DateTimeFormat(currentLanguage(), style).format(ms);
}

export const baseName = (path) => path.slice(path.lastIndexOf("/") + 1);

// The last two folders of a path: enough to know it, short enough for a line.
export function folderOf(path) {
    const folders = path.split("/").slice(0, -1).filter(Boolean);
    if (folders.length <= 2) return folders.join("/");
    return `…/${folders.slice(-2).join("/")}`;
}

const KINDS = [
    [/^application\/pdf/, "pdf", () => t("PDF")],
    [/wordprocessing|opendocument\.text|msword|rtf/, "text", () => t("Text document")],
    [/spreadsheet|csv|ms-excel|tab-separated/, "sheet", () => t("Table")],
    [/presentation|powerpoint/, "slides", () => t("Presentation")],
    [/^message\/|mbox/, "mail", () => t("Mail")],
    [/calendar/, "calendar", () => t("Calendar")],
    [/epub/, "book", () => t("E-book")],
    [/^image\//, "image", () => t("Picture")],
    [/html/, "web", () => t("Web page")],
    [/markdown/, "note", () => t("Note")],
    [/json|xml|^text\/(x-|css|javascript)|javascript|x-sh|source/, "code", () => t("Source code")],
    [/^text\//, "text", () => t("Text")],
];

// For answers, which name the path but not the type.
const ENDINGS = {
    pdf: "application/pdf", docx: "wordprocessing", odt: "opendocument.text", xlsx: "spreadsheet",
    ods: "spreadsheet", csv: "text/csv", pptx: "presentation", odp: "presentation",
    eml: "message/rfc822", mbox: "application/mbox", ics: "text/calendar", epub: "epub",
    png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", tif: "image/tiff", html: "text/html",
    htm: "text/html", md: "text/markdown", json: "application/json", txt: "text/plain",
    code: "text/x-source", rtf: "application/rtf", c: "text/x-c", h: "text/x-c",
    py: "text/x-python", js: "text/javascript", rs: "text/x-rust",
};

// {icon, name} of a media type, or else of a path's ending.
export function kindOf(type, path = "") {
    const ending = path.slice(path.lastIndexOf(".") + 1).toLowerCase();
    const known = ENDINGS[type] ?? type ?? ENDINGS[ending] ?? "";
    const row = KINDS.find(([pattern]) => pattern.test(known));
    return row ? { icon: row[1], name: row[2]() } : { icon: "file", name: t("File") };
}

export function placeOf(page, heading) {
    const place = [];
    if (page) place.push(t("Page {page}", { page: number(page) }));
    if (heading) place.push(heading.split(" > ").pop());
    return place.join(" · ");
}

export const countDocuments = (n) => tn("One document", "{n} documents", n);
