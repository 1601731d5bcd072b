// SPDX-License-Identifier: Apache-2.0
// What left this device: the week's sums by engine and label, then the ledger's entries (requests
// to engines, and what went to other people's devices), and how to prove that none was changed.

import { api } from "./api.js";
import { fill, h, scope } from "./dom.js";
import { bytes, dayGroup } from "./format.js";
import { icon } from "./icons.js";
import { currentLanguage, number, t, tn } from "./i18n.js";
import { cost, countOf, kindsText, labelChip, labelName, reasonText } from "./privacy.js";
import { href } from "./route.js";

const PAGE = 50;

const exactly = (ms) => new Intl.DateTimeFormat(currentLanguage(),
    { dateStyle: "medium", timeStyle: "medium" }).format(ms);
const clock = (ms) => new Intl.DateTimeFormat(currentLanguage(),
    { hour: "numeric", minute: "2-digit" }).format(ms);

const said = (facts) => facts.filter(Boolean).join(" · ");

const requests = (n) => tn("one request", "{n} requests", n);
const keptBack = (n) => (n ? tn("one kept back", "{n} kept back", n) : "");

// ---- the week ----

function sumRow(sum) {
    const replaced = kindsText(sum.redactions);
    return h("li", { class: "sum" },
        h("p", { class: "sum-title" }, h("strong", { dir: "auto" }, sum.engine),
            labelChip(sum.label)),
        h("p", { class: "sum-facts" }, said([requests(sum.requests), keptBack(sum.refusals),
            t("{size} sent", { size: bytes(sum.bytes_sent) }),
            t("{size} came back", { size: bytes(sum.bytes_received) }),
            sum.released ? tn("one released by you", "{n} released by you", sum.released) : "",
            sum.flagged ? tn("one answer flagged", "{n} answers flagged", sum.flagged) : "",
            sum.cost_micro ? t("cost {n}", { n: cost(sum.cost_micro) }) : ""])),
        h("p", { class: "hint" }, replaced ? t("Replaced before it left: {kinds}",
            { kinds: replaced }) : t("Nothing had to be replaced.")));
}

function weekPart({ week, complete, entries, since }) {
    const sum = (key) => week.reduce((all, one) => all + one[key], 0);
    if (!week.length && entries.some((one) => one.kind === "given" && one.time >= since)) {
        return h("p", { class: "hint" },
            t("No engine elsewhere was asked; what you share went to other people's devices."));
    }
    if (!week.length) {
        return h("p", { class: "promise" }, icon("lock"),
            t("Nothing left this device in the last seven days."));
    }
    return [h("p", { class: "sum-all" }, said([requests(sum("requests")),
        t("{size} sent", { size: bytes(sum("bytes_sent")) }), keptBack(sum("refusals"))])),
    complete ? null : h("p", { class: "hint" },
        t("The week has more entries than are added up here.")),
    h("ul", { class: "sums" }, week.map(sumRow))];
}

// ---- entries ----

function released({ who, from, to, reason }) {
    return t("{who} released it from {from} to {to}: {reason}", { who, reason,
        from: labelName(from), to: labelName(to) });
}

function details(entry, answer) {
    const rows = [[t("When"), exactly(entry.time)],
        [t("To"), entry.to && h("span", { dir: "ltr" }, entry.to)],
        [t("Model"), entry.model && h("span", { dir: "ltr" }, entry.model)],
        [t("Why"), reasonText(entry.reason)],
        [t("Replaced"), kindsText(entry.redactions)],
        [t("Released"), entry.release && released(entry.release)],
        [t("Answer"), answer && said([bytes(answer.bytes),
            answer.tokens_out ? tn("One token", "{n} tokens", answer.tokens_out) : "",
            answer.cost_micro ? t("cost {n}", { n: cost(answer.cost_micro) }) : ""])],
        [t("Flagged in it"), answer && kindsText(answer.flags)],
        [t("Entry"), number(entry.seq)],
        [t("Fingerprint"), h("code", { dir: "ltr" }, entry.hash)],
        [t("Request"), entry.request && h("a", { href: href({ view: "why",
            id: entry.request }) }, t("Why there?"))]];
    return h("dl", { class: "table-list" }, rows.filter(([, value]) => value).map(([name, value]) =>
        h("div", null, h("dt", null, name), h("dd", null, value))));
}

function entryRow(entry, answer) {
    const kept = entry.kind === "refusal";
    const n = countOf(entry.redactions);
    const note = kept ? said([clock(entry.time), t("kept back: {reason}",
        { reason: entry.reason })]) : said([clock(entry.time), bytes(entry.bytes),
        n ? tn("one detail replaced", "{n} details replaced", n) : "",
        entry.release ? t("released by you") : "", reasonText(entry.reason)]);
    return h("li", { class: "entry" }, h("details", null,
        h("summary", null, icon(kept ? "lock" : "send"), h("span", { class: "row-text" },
            h("span", { class: "entry-title" }, h("span", { dir: "auto" }, entry.engine),
                labelChip(entry.label)),
            h("span", { class: "entry-note" }, note)), icon("down")), details(entry, answer)));
}

// "Ben / phone": a person's device.
function whose(to) {
    const at = to.lastIndexOf(" / ");
    const person = to.slice(0, Math.max(at, 0));
    const device = at < 0 ? to : to.slice(at + 3);
    return person && person !== device ? t("{person}'s {device}", { person, device }) : device;
}

function givenWords({ what, space, name }, n, to) {
    const values = { to, place: name ? `${space}/${name}` : space };
    if (what === "draft") {
        return tn("one change to the draft {place} went to {to}",
            "{n} changes to the draft {place} went to {to}", n, values);
    }
    if (what === "record") {
        return tn("one change to the records {place} went to {to}",
            "{n} changes to the records {place} went to {to}", n, values);
    }
    if (what === "document") {
        return tn("one change to the document {place} went to {to}",
            "{n} changes to the document {place} went to {to}", n, values);
    }
    if (what === "file") return t("the file {place} went to {to}", values);
    return tn("one sealed batch of {place} went to {to}",
        "{n} sealed batches of {place} went to {to}", n, values);
}

// What went to another person's device: the entry, with its sum where there is one.
function givenRow(entry, all) {
    const { changes, bytes: size } = all ?? entry;
    const to = whose(entry.to);
    const rows = [[t("When"), exactly(entry.time)], [t("To"), to],
        [t("Space"), h("span", { dir: "auto" }, entry.space)],
        [t("Entry"), number(entry.seq)],
        [t("Sealed as"), h("code", { dir: "ltr" }, (all ?? entry).sealed)],
        [t("Fingerprint"), h("code", { dir: "ltr" }, entry.hash)]];
    return h("li", { class: "entry" }, h("details", null,
        h("summary", null, icon("send"), h("span", { class: "row-text" },
            h("span", { class: "entry-title" }, h("span", { dir: "auto" }, to),
                labelChip(entry.label)),
            h("span", { class: "entry-note" }, said([clock(entry.time),
                givenWords(entry, changes, to), bytes(size)]))), icon("down")),
        h("dl", { class: "table-list" }, rows.map(([name, value]) =>
            h("div", null, h("dt", null, name), h("dd", null, value))))));
}

const SHOWN = new Set(["request", "refusal", "given"]);

function byDay(entries) {
    const answers = new Map(entries.filter((entry) => entry.kind === "completion" ||
        entry.kind === "given_all").map((entry) => [entry.request_entry, entry]));
    const groups = [];
    for (const entry of entries) {
        if (!SHOWN.has(entry.kind)) continue;
        const name = dayGroup(entry.time);
        if (groups.at(-1)?.name !== name) groups.push({ name, rows: [] });
        groups.at(-1).rows.push((entry.kind === "given" ? givenRow : entryRow)(entry,
            answers.get(entry.seq)));
    }
    return groups.map(({ name, rows }) => h("section", { class: "group" }, h("h3", null, name),
        h("ul", { class: "entries" }, rows)));
}

function nothing() {
    return h("div", { class: "empty" }, icon("lock"),
        h("h2", null, t("Nothing has left this device")),
        h("p", null, t("All that weft answered so far, it answered here. Should you ask an " +
            "engine elsewhere one day, you will find here what went: to whom, how much, why, and " +
            "what was replaced before.")),
        h("p", null, h("a", { class: "button primary", href: href({ view: "tour" }) },
            t("See where a question would go"))));
}

// ---- proof ----

function proof({ signed }) {
    return h("section", { class: "card" }, h("h2", null, t("Can this list be trusted?")),
        h("p", null, t("Each entry is written before anything is sent, and each holds the " +
            "fingerprint of the one before it: what was changed or taken out later is found.")),
        signed ? h("p", { class: "promise" }, icon("check"), h("span", null,
            tn("One entry is signed,", "{n} entries are signed,", signed.entries), " ",
            t("last at {time}.", { time: exactly(signed.time) }))) :
            h("p", { class: "hint" }, t("Nothing is signed yet.")),
        h("p", { class: "hint" }, t("To check all of it, run:"), " ",
            h("code", { dir: "ltr" }, "weft ledger verify")));
}

export const title = () => t("What left");

export function show(root) {
    const own = scope();
    const list = h("div", { class: "list" });
    let all = [];
    let ended = false;
    own(() => {
        ended = true;
    });

    function draw(page) {
        if (!all.length) {
            fill(list, nothing());
            return;
        }
        fill(list, h("section", { class: "card" }, h("h2", null, t("This week")), weekPart(page)),
            h("section", { class: "left-entries" }, h("h2", null, t("One by one")), byDay(all),
                page.next ? h("p", { class: "more" }, h("button", { type: "button",
                    class: "button", onclick: () => load(page.next) }, t("Show more"))) : null),
            proof(page));
    }
    async function load(before) {
        try {
            const page = await api.ledger({ limit: PAGE, before });
            if (ended) return;
            all = before ? [...all, ...page.entries] : page.entries;
            draw(page);
        } catch (error) {
            fill(list, h("p", { class: "failed", role: "alert" }, error.message),
                h("p", { class: "actions" }, h("button", { type: "button", class: "button",
                    onclick: () => load(before) }, t("Try again"))));
        }
    }

    fill(list, h("div", { class: "bones wide" }, h("span"), h("span"), h("span")));
    root.append(h("div", { class: "page" }, h("h1", { tabindex: -1 },
        t("What left this device")), list));
    load(null);
    return own.end;
}
