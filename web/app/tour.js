// SPDX-License-Identifier: Apache-2.0
// A look ahead on a person's own question: what is in it, where it would run and why, who else
// could, and what would change it. Nothing is sent anywhere.

import { api } from "./api.js";
import { fill, h, scope } from "./dom.js";
import { icon } from "./icons.js";
import { t, tn } from "./i18n.js";
import { labelChip, labelName, placeOf, replacedText, timeText } from "./privacy.js";
import { tourWasSeen } from "./prefs.js";
import { go, handOver, href, takeOver } from "./route.js";
import { say } from "./toast.js";

const QUESTION_MAX = 20000;
// A number that every payment system keeps for tests.
const CARD = "4111 1111 1111 1111";

const BARRIERS = {
    clearance: () => t("It may not see what has this label."),
    secret: () => t("What is secret stays on this device."),
    policy: () => t("A sentence of the policy forbids it."),
    here: () => t("Only this device is wanted."),
    consent: () => t("You would be asked first."),
    offline: () => t("There is no network."),
    breaker: () => t("It failed a moment ago."),
    ability: () => t("It cannot do what the request needs."),
    context: () => t("The question is longer than it can read."),
    budget: () => t("The budget would be overdrawn."),
    battery: () => t("Its battery is low."),
    heat: () => t("Its device is too hot."),
    deadline: () => t("It would not be finished in time."),
};

const placeName = (candidate) => placeOf(candidate.tier);
const chosenOf = (answer) => answer.candidates.find((one) => one.engine === answer.chosen);

const shortName = (candidate) => (candidate.tier === "here" ?
    candidate.model.replace(/:latest$/, "") : candidate.engine);

function whereText(answer) {
    const chosen = chosenOf(answer);
    if (!chosen) return t("nowhere");
    return t("{place}, with {name}", { place: placeName(chosen), name: shortName(chosen) });
}

const seconds = (candidate) => t("begins after {first}, ends after {all}",
    { first: timeText(candidate.ttft_ms), all: timeText(candidate.total_ms) });

// ---- the steps ----

function labelStep(answer) {
    return h("li", null, h("h2", null, t("What is in it")),
        h("p", null, t("weft calls your question"), " ", labelChip(answer.label), "."),
        answer.reasons.length ? h("details", null, h("summary", null, t("Why?")),
            h("ul", { class: "reasons", lang: "en" },
                answer.reasons.map((reason) => h("li", { dir: "auto" }, reason)))) : null);
}

function whereStep(answer) {
    const chosen = chosenOf(answer);
    const may = answer.candidates.filter((one) => one.allowed).length;
    const text = () => {
        if (!answer.candidates.length) {
            return t("Nowhere yet: there is no model on this device and no engine elsewhere. " +
                "Questions about your documents are answered all the same, in their own words.");
        }
        if (!chosen) return t("Nowhere: none of them may be asked.");
        return tn("It is the only one that may be asked.",
            "Of the {n} that may be asked it is likely the best: how right, how soon, how " +
            "frugal, how near.", may);
    };
    const left = () => (chosen.tier === "here" ? t("Nothing of it would leave.") :
        t("It would leave labelled {label}; {replaced}.", { label: labelName(chosen.label),
            replaced: replacedText(chosen.redacted) }));
    return h("li", null, h("h2", null, t("Where it would run")),
        chosen ? h("p", { class: "tour-where" }, icon(chosen.tier === "here" ? "device" : "send"),
            h("strong", null, whereText(answer))) : null,
        h("p", null, text(), " ", chosen ? left() : ""),
        answer.candidates.length ? null : h("p", null, h("a", { class: "button",
            href: href({ view: "chat" }) }, t("Get a model"))));
}

function candidateRow(candidate, chosen) {
    const why = BARRIERS[candidate.barrier]?.() ?? candidate.why;
    // The policy's own sentence stands behind the first colon.
    const sentence = candidate.why.split(/: (.*)/s)[1];
    return h("li", { class: `candidate${candidate.allowed ? "" : " out"}` },
        icon(candidate.allowed ? "check" : "lock"), h("div", null,
            h("p", null, h("strong", { dir: "auto" }, shortName(candidate)), " ",
                h("span", { class: "hint" }, placeName(candidate))),
            h("p", { class: "hint" }, candidate.allowed ?
                [candidate === chosen ? t("The choice") : t("It could, too"), " · ",
                    seconds(candidate)] : why),
            !candidate.allowed && sentence ?
                h("p", { class: "hint", lang: "en" }, sentence) : null));
}

function othersStep(answer) {
    if (answer.candidates.length < 1) return null;
    const chosen = chosenOf(answer);
    return h("li", null, h("h2", null, t("Who could see it")),
        h("ul", { class: "candidates" },
            answer.candidates.map((one) => candidateRow(one, chosen))));
}

// What would be different, each with what is asked for then.
const CHANGES = (question) => [
    [t("If you agreed that it may leave"), { consent: true }, question],
    [t("If nearness counted most"), { consent: true, balance: "private" }, question],
    [t("If there were no network"), { consent: true, offline: true }, question],
    [t("If a card number stood in it"), { consent: true }, `${question}\n${CARD}`],
];

function changeRow(name, before, after) {
    const same = before.chosen === after.chosen && before.label === after.label;
    return h("div", null, h("dt", null, name), h("dd", null, same ?
        h("span", { class: "hint" }, t("the same")) :
        [whereText(after), after.label === before.label ? null :
            [" ", labelChip(after.label)]]));
}

function changesStep(answer, changes) {
    return h("li", null, h("h2", null, t("What would change it")),
        h("dl", { class: "table-list" }, changes.map(([name, after]) =>
            changeRow(name, answer, after))),
        h("p", { class: "hint" }, t("The policy decides first, and you can change it."), " ",
            h("a", { href: href({ view: "settings" }) }, t("Read the policy"))));
}

// The next step: to ask it, of the documents.
function askStep(question) {
    return h("li", { class: "ask-it" },
        h("p", null, t("Now you know. You can look again any time.")),
        h("p", { class: "actions" }, h("button", { type: "button", class: "button primary",
            onclick: () => {
                handOver(question);
                go({});
            } }, t("Ask it"))));
}

// Questions of others, for whoever has none at hand: each shows something else.
function examples(take) {
    const questions = [t("Why is the sky blue?"),
        t("Write to Anna Schmidt, anna@example.org, that I come on Monday."),
        t("Is {card} a valid card number?", { card: CARD })];
    return h("div", { class: "tour-examples" }, h("p", { class: "hint" },
        t("Or take one of these:")),
    h("ul", { class: "suggestions" }, questions.map((question) => h("li", null,
        h("button", { type: "button", class: "suggestion", onclick: () => take(question) },
            h("span", null, question), icon("forward"))))));
}

const requestOf = (content) => ({ messages: [{ role: "user", content }] });

async function look(question) {
    const changes = CHANGES(question);
    const [answer, ...after] = await Promise.all([api.route({ request: requestOf(question) }),
        ...changes.map(([, wishes, text]) => api.route({ ...wishes, request: requestOf(text) }))]);
    return [answer, changes.map(([name], i) => [name, after[i]])];
}

export const title = () => t("Where would it run?");

export function show(root, route) {
    const own = scope();
    const result = h("div", { class: "tour-result" });
    const given = takeOver() || route.q;
    const field = h("textarea", { class: "field", rows: 3, dir: "auto", required: true,
        maxlength: QUESTION_MAX, value: given, "aria-label": t("Your question"),
        placeholder: t("A question of yours, as you would ask it") });
    let ended = false;
    own(() => {
        ended = true;
    });

    async function run() {
        const question = field.value.trim();
        if (!question) return;
        fill(result, h("div", { class: "bones wide" }, h("span"), h("span"), h("span")));
        try {
            const [answer, changes] = await look(question);
            if (ended) return;
            fill(result, h("ol", { class: "steps" }, labelStep(answer), whereStep(answer),
                othersStep(answer), changesStep(answer, changes), askStep(question)));
            say(t("It would run {place}.", { place: whereText(answer) }));
        } catch (error) {
            fill(result, h("p", { class: "failed", role: "alert" }, error.message));
        }
    }

    field.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        field.form.requestSubmit();
    });
    root.append(h("div", { class: "page tour" },
        h("h1", { tabindex: -1 }, t("Where would your question run?")),
        h("p", { class: "lead" }, t("A look ahead: nothing is sent. weft asks an engine " +
            "elsewhere only where you choose it yourself and the policy lets it.")),
        h("form", { class: "tour-form", onsubmit: (event) => {
            event.preventDefault();
            run();
        } }, field, h("button", { type: "submit", class: "button primary" }, t("Look"))), result));
    tourWasSeen();
    if (given) run();
    else {
        fill(result, examples((question) => {
            field.value = question;
            run();
        }));
    }
    if (given) return own.end;
    if (matchMedia("(hover: hover)").matches) field.focus();
    return own.end;
}
