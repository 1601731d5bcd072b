// SPDX-License-Identifier: Apache-2.0
// Why a request ran where it ran: who could have been asked, what was expected of each, what kept
// the others out, the choice; what it was like in the end; and what left this device for it.

import { api } from "./api.js";
import { fill, h, scope } from "./dom.js";
import { bytes } from "./format.js";
import { icon } from "./icons.js";
import { currentLanguage, number, t, tn } from "./i18n.js";
import { cost, kindsText, labelChip, labelName, placeOf, reasonText, timeText }
    from "./privacy.js";
import { href } from "./route.js";

const exactly = (ms) => new Intl.DateTimeFormat(currentLanguage(),
    { dateStyle: "medium", timeStyle: "medium" }).format(ms);

const percent = (share) => new Intl.NumberFormat(currentLanguage(), { style: "percent" })
    .format(share);
const short = (n) => number(Number((n ?? 0).toPrecision(2)));

const rows = (all) => h("dl", { class: "table-list" }, all.filter(([, value]) => value)
    .map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))));

// ---- the decision ----

const BALANCES = {
    good: () => t("how good it is"),
    fast: () => t("how fast it is"),
    frugal: () => t("how little it takes"),
    private: () => t("how near it is"),
};

const FIGURES = [
    [() => t("begins after"), (one) => timeText(one.ttft_ms)],
    [() => t("ends after"), (one) => timeText(one.total_ms)],
    [() => t("is right"), (one) => (one.quality === undefined ? "" : percent(one.quality))],
    [() => t("takes"), (one) => (one.energy_j ? t("{n} J", { n: short(one.energy_j) }) : "")],
    [() => t("costs"), (one) => (one.cost ? short(one.cost) : "")],
];

const figures = (one) => h("ul", { class: "figures" }, FIGURES
    .map(([name, value]) => [name(), value(one)]).filter(([, value]) => value)
    .map(([name, value]) => h("li", null, h("span", { class: "hint" }, name), " ", value)));

function candidateRow(one, chosen) {
    const isChosen = one.engine === chosen;
    return h("li", { class: `candidate${one.allowed ? "" : " out"}` },
        icon(one.allowed ? "check" : "lock"), h("div", null,
            h("p", null, h("strong", { dir: "auto" }, one.engine), " ",
                h("span", { class: "hint" }, placeOf(one.tier))),
            isChosen ? h("p", null, t("The choice")) : null,
            one.allowed ? null : h("p", { class: "hint" }, t("Out:"), " ",
                h("span", { lang: "en", dir: "auto" }, one.why)),
            figures(one)));
}

function decisionStep(decision) {
    return h("li", null, h("h2", null, t("Who could have been asked")),
        h("p", null, t("weft called the request"), " ", labelChip(decision.label), ". ",
            BALANCES[decision.balance] ? t("What counted most: {what}.",
                { what: BALANCES[decision.balance]() }) : "",
            decision.feedback ? [decision.feedback === "good" ? t("You found the answer good.") :
                t("You found the answer bad."), " "] : null,
            decision.explored ? [" ", t("This time another than the best was tried, to learn.")] :
                null),
        h("ul", { class: "candidates" },
            decision.candidates.map((one) => candidateRow(one, decision.chosen))));
}

function afterStep({ candidates, chosen, actual }) {
    if (!actual) {
        return h("li", null, h("h2", null, t("What it was like")),
            h("p", { class: "hint" }, t("Nothing is known of that yet.")));
    }
    const before = candidates.find((one) => one.engine === actual.engine) ?? {};
    const line = (name, was, is) => (was || is ?
        h("tr", null, h("th", { scope: "row" }, name), h("td", null, was || "–"),
            h("td", null, is || "–")) : null);
    return h("li", null, h("h2", null, t("What it was like")),
        h("p", null, actual.failed ? t("It failed at {engine}.", { engine: actual.engine }) :
            t("It ran at {engine}.", { engine: actual.engine }), " ",
        actual.engine !== chosen ? t("The first choice was {engine}.", { engine: chosen }) : ""),
        h("table", { class: "beside" }, h("thead", null, h("tr", null, h("td"),
            h("th", { scope: "col" }, t("expected")), h("th", { scope: "col" }, t("it was")))),
        h("tbody", null,
            line(t("begins after"), timeText(before.ttft_ms), timeText(actual.ttft_ms)),
            line(t("ends after"), timeText(before.total_ms), timeText(actual.total_ms)),
            line(t("takes"), before.energy_j && t("{n} J", { n: short(before.energy_j) }),
                actual.energy_j && t("{n} J", { n: short(actual.energy_j) })),
            line(t("costs"), before.cost && short(before.cost), actual.cost && short(actual.cost)),
            line(t("tokens"), "", actual.tokens && number(actual.tokens)))));
}

// ---- what left ----

function releaseText({ who, from, to, reason }) {
    return t("{who} released it from {from} to {to}: {reason}", { who, reason,
        from: labelName(from), to: labelName(to) });
}

const KINDS = {
    request: () => t("It left this device"),
    completion: () => t("What came back"),
    refusal: () => t("It was kept back"),
    recovery: () => t("The ledger was mended"),
};

function entryPart(entry) {
    const came = entry.kind === "completion";
    const tokens = came && entry.tokens_out;
    return h("div", { class: "why-entry" },
        h("h3", null, KINDS[entry.kind]?.() ?? entry.kind, " ",
            came ? null : labelChip(entry.label)),
        rows([[t("When"), exactly(entry.time)],
            [t("To"), !came && entry.to && h("span", { dir: "ltr" }, entry.to)],
            [t("Model"), !came && entry.model && h("span", { dir: "ltr" }, entry.model)],
            [t("Size"), entry.bytes ? bytes(entry.bytes) : ""],
            [t("Tokens"), tokens ? number(tokens) : ""],
            [t("Cost"), cost(entry.cost_micro)],
            [t("Why"), reasonText(entry.reason)],
            [t("Replaced"), kindsText(entry.redactions)],
            [t("Released"), entry.release && releaseText(entry.release)],
            [t("Flagged in it"), kindsText(entry.flags)]]));
}

function leftStep(entries) {
    return h("li", null, h("h2", null, t("What left this device for it")),
        entries.length ? entries.map(entryPart) :
            h("p", { class: "promise" }, icon("lock"), t("Nothing.")));
}

function asked(entries) {
    const kept = entries.find((one) => one.kind === "refusal");
    const engine = entries[0]?.engine;
    if (kept) return t("You chose {engine}; it was kept back all the same.", { engine });
    return engine ? t("You chose {engine} yourself, so there was nothing to decide.", { engine }) :
        t("There was nothing to decide.");
}

function steps({ decision, entries }) {
    const tries = entries.filter((one) => one.kind === "request").length;
    return h("ol", { class: "steps" },
        decision ? [decisionStep(decision), afterStep(decision)] :
            h("li", null, h("h2", null, t("Who could have been asked")), h("p", null,
                asked(entries), " ", tries > 1 ? tn("It was asked once.", "It was asked {n} times.",
                    tries) : "")),
        leftStep(entries));
}

export const title = () => t("Why there?");

export function show(root, route) {
    const own = scope();
    const result = h("div", { class: "tour-result" });
    let ended = false;
    own(() => {
        ended = true;
    });

    async function load() {
        fill(result, h("div", { class: "bones wide" }, h("span"), h("span"), h("span")));
        try {
            const answer = await api.why(route.id ?? "");
            if (!ended) fill(result, steps(answer));
        } catch (error) {
            if (ended) return;
            fill(result, error.status === 404 || error.status === 400 ?
                h("div", { class: "empty" }, icon("lock"),
                    h("h2", null, t("Nothing is known of this request"))) :
                [h("p", { class: "failed", role: "alert" }, error.message),
                    h("p", { class: "actions" }, h("button", { type: "button", class: "button",
                        onclick: load }, t("Try again")))]);
        }
    }

    root.append(h("div", { class: "page tour" },
        h("h1", { tabindex: -1 }, t("Why did it run there?")),
        h("p", { class: "lead" }, t("One request, by what weft decided and by what the ledger " +
            "has of it."), " ", h("a", { href: href({ view: "left" }) }, t("See what left"))),
        result));
    load();
    return own.end;
}
