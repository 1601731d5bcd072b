// SPDX-License-Identifier: Apache-2.0
// Words for what may leave and what did: labels, kinds of data, where an answer came from.

import { api } from "./api.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { number, t, tn } from "./i18n.js";
import { handOver, href } from "./route.js";
import { toast } from "./toast.js";

const LABELS = {
    public: () => t("public"),
    internal: () => t("internal"),
    private: () => t("private"),
    secret: () => t("secret"),
};

export const labelName = (label) => LABELS[label]?.() ?? label;

export const labelChip = (label) => h("span", { class: `label-chip ${label}` }, labelName(label));

const KINDS = [
    [/^(PERSON|PER|NAME)$/, () => t("names")],
    [/EMAIL/, () => t("e-mail addresses")],
    [/PHONE|FAX/, () => t("phone numbers")],
    [/^(IP|MAC)_|^URL$/, () => t("network addresses")],
    [/CARD/, () => t("card numbers")],
    [/IBAN|BANK|BIC|SWIFT/, () => t("bank accounts")],
    [/CRYPTO|WALLET/, () => t("crypto wallets")],
    [/BIRTH|DOB/, () => t("dates of birth")],
    [/DATE|TIME/, () => t("dates and times")],
    [/ADDRESS|POSTCODE|ZIP|STREET/, () => t("addresses")],
    [/LOCATION|GPE|PLACE|CITY|COUNTRY|GEO/, () => t("places")],
    [/ORG|COMPANY/, () => t("organisations")],
    [/PASSPORT/, () => t("passport numbers")],
    [/PASSWORD|KEY|TOKEN|JWT|SECRET|CONNECTION|ENTROPY/, () => t("credentials")],
    [/INSTRUCTION|INJECTION/, () => t("injected instructions")],
    [/USER/, () => t("user names")],
];

// A detector's type as people call it: "US_SSN" has no row, so it stays as it is, but readable.
export function kindName(type) {
    const row = KINDS.find(([pattern]) => pattern.test(type));
    return row ? row[1]() : type.toLowerCase().replaceAll("_", " ");
}

export const countOf = (counts) => Object.values(counts ?? {}).reduce((sum, n) => sum + n, 0);

// {PERSON: 2, EMAIL_ADDRESS: 1} as "names (2), e-mail addresses (1)"; kinds of one name together.
export function kindsText(counts) {
    const named = new Map();
    for (const [type, n] of Object.entries(counts ?? {})) {
        const name = kindName(type);
        named.set(name, (named.get(name) ?? 0) + n);
    }
    return [...named].sort((a, b) => b[1] - a[1])
        .map(([kind, n]) => t("{kind} ({n})", { kind, n: number(n) })).join(", ");
}

// The reasons that weft itself writes; others are shown as they are.
export const reasonText = (reason) =>
    (reason === "asked for by name" ? t("you chose this engine") : reason);

const PLACES = {
    here: () => t("on this device"),
    device: () => t("on another device of yours"),
    edge: () => t("on a node of yours nearby"),
    cloud: () => t("on a node of yours in a data centre"),
    provider: () => t("at a provider"),
};

export const placeOf = (tier) => PLACES[tier]?.() ?? tier;

export function timeText(ms) {
    if (!ms) return "";
    if (ms < 1000) return t("{n} ms", { n: number(Math.round(ms)) });
    return t("{n} s", { n: number(Number((ms / 1000).toPrecision(2))) });
}

export function replacedText(n) {
    if (!n) return t("nothing had to be replaced");
    return tn("one detail was replaced", "{n} details were replaced", n);
}

// Money comes in millionths of whatever the prices are in.
export function cost(micro) {
    return micro ? number(Number((micro / 1e6).toPrecision(2))) : "";
}

// What the header x-weft-route says: "gpt; gpt/small; label=internal; redacted=1; id=r-7".
export function readRoute(header) {
    const [engine = "", model = "", ...rest] = (header ?? "").split(";").map((one) => one.trim());
    const facts = Object.fromEntries(rest.map((one) => one.split("=")));
    return { engine, model, isHere: !engine || engine === "local", label: facts.label ?? "",
        redacted: facts.redacted === undefined ? null : Number(facts.redacted),
        released: facts.released ?? "", isChosen: Boolean(facts.tier),
        id: facts.id ?? "" };
}

// The line below an answer that came from elsewhere: what went there, as what.
export function leftLine(route) {
    return h("p", { class: "route left-line" }, icon("send"), h("span", null,
        t("What left this device: labelled"), " ", labelChip(route.label), ", ",
        route.released ?
            [t("released by you, it was"), " ", labelChip(route.released), ", "] : null,
        route.redacted === null ? t("chosen by weft") : replacedText(route.redacted), ". ",
        route.id ? [h("a", { href: href({ view: "why", id: route.id }) }, t("Why there?")), " "] :
            null,
        h("a", { href: href({ view: "left" }) }, t("See what left"))));
}

// ---- a person's word ----

// Two buttons: what the answer was like, for who chooses the next engine. null where nothing was
// chosen. A second word takes the first one back.
export function feedbackTools(route) {
    if (!route.isChosen || !route.id) return null;
    const buttons = [["good", t("A good answer")], ["bad", t("A bad answer")]]
        .map(([rating, name]) => h("button", { type: "button", class: "icon-button small",
            "aria-label": name, title: name, "aria-pressed": "false",
            onclick: () => say(rating) }, icon(rating)));
    async function say(rating) {
        try {
            await api.feedback(route.id, rating);
        } catch (error) {
            toast(error.message);
            return;
        }
        buttons.forEach((one, i) => one.setAttribute("aria-pressed",
            String((i === 0) === (rating === "good"))));
        toast(t("Noted. It counts when the next engine is chosen."));
    }
    return buttons;
}

// ---- a refusal by the policy ----

// Whether a failure is none: the policy kept the request here.
export const isRefusal = (error) => error.code === "kept_by_policy";

// What the server says of such a request (POST /weft/v1/release); null: it could not be asked.
function refusalText(message, look) {
    if (!look?.needed) return h("p", { lang: "en" }, message);
    const { engine, clearance } = look;
    const may = clearance === "nothing" ? t("{engine} may see nothing.", { engine }) :
        t("{engine} may see no more than what is {clearance}.",
            { engine, clearance: labelName(clearance) });
    return [h("p", null, t("This is"), " ", labelChip(look.from), ". ", may, " ",
        t("So nothing was sent.")),
    look.reason ? h("p", { class: "hint" }, t("Because:"), " ",
        h("span", { lang: "en" }, look.reason)) : null];
}

// here() answers on this device instead; null where nothing here can. look is a promise of what the
// server says; release(look) asks the person whether it may leave once.
export function refusedNode(error, question, { here, look, release }) {
    const why = h("div", { class: "refused-why" });
    const open = h("button", { type: "button", class: "text-button", hidden: true },
        t("Let it leave, once …"));
    look.then((answer) => {
        fill(why, refusalText(error.message, answer));
        open.hidden = !answer?.possible;
        open.addEventListener("click", () => release(answer));
    });
    return h("div", { class: "refused", role: "alert" },
        h("h3", null, icon("lock"), t("This stayed on your device")), why,
        h("p", { class: "actions" },
            here ? h("button", { type: "button", class: "button primary", onclick: here },
                icon("device"), t("Answer it here")) : null,
            h("a", { class: "button", href: href({ view: "tour" }),
                onclick: () => handOver(question) }, t("Where could it run?")), open));
}
