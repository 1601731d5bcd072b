// SPDX-License-Identifier: Apache-2.0
// A person's release: what the policy keeps here may leave once, for one engine, having been looked
// at. The dialog shows exactly what would go; it leaves only with a reason and the engine's name,
// both typed; every other way out keeps it here.

import { openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";
import { bytes } from "./format.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { kindsText, labelChip } from "./privacy.js";

const ROLES = {
    system: () => t("What the model is told beforehand"),
    user: () => t("You"),
    assistant: () => t("The model"),
    tool: () => t("A tool's result"),
};

const PLACEHOLDER = /(<[A-Z]+(?:_[A-Z]+)*_\d+[a-z]?>)/;

// A text with its placeholders marked.
const marked = (text) => text.split(PLACEHOLDER).map((part, i) =>
    (i % 2 ? h("mark", { class: "placeholder" }, part) : part));

const contentOf = ({ content, tool_calls: calls }) =>
    (typeof content === "string" && content ? content :
        JSON.stringify(calls ?? content ?? "", null, 2));

function messages(look) {
    return h("div", { class: "would-go", tabindex: 0, role: "region",
        "aria-label": t("Exactly this would go") }, look.messages.map((message) => [
        h("h4", null, ROLES[message.role]?.() ?? message.role),
        h("p", { dir: "auto" }, marked(contentOf(message)))]));
}

function facts(look) {
    const rows = [[t("To"), [h("strong", { dir: "auto" }, look.engine), " · ",
        h("span", { dir: "ltr" }, look.model)]],
    [t("Label"), [labelChip(look.from), " → ", labelChip(look.to)]],
    [t("Because"), h("span", { lang: "en", dir: "auto" }, look.reason)],
    [t("Replaced"), kindsText(look.redactions) || t("nothing")],
    look.as_is ? [t("Not replaced"), h("strong", null, kindsText(look.above))] : null];
    return h("dl", { class: "table-list" }, rows.filter(Boolean).map(([name, value]) =>
        h("div", null, h("dt", null, name), h("dd", null, value))));
}

function body(look) {
    return h("details", null, h("summary", null,
        t("Every byte of it ({size})", { size: bytes(look.bytes) })),
    h("pre", { class: "would-go", tabindex: 0, dir: "ltr" }, h("code", null, look.body)));
}

// look: what the server said; lookAgain(asIs) asks it anew. Gives {id, reason, fence}, or null.
export function askRelease(look, lookAgain) {
    let now = look;
    return openDialog(t("Let this leave, once?"), (close) => {
        const shown = h("div", { class: "release-shown" });
        const problem = h("p", { class: "failed", role: "alert", hidden: true });
        const reason = h("textarea", { class: "field", rows: 2, dir: "auto", required: true,
            maxlength: 300 });
        const name = h("input", { class: "field", dir: "auto", required: true, maxlength: 80,
            autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
        const send = h("button", { type: "submit", class: "button danger", disabled: true },
            t("Send it this once"));
        const asIs = h("input", { type: "checkbox" });
        const ready = () => {
            send.disabled = !reason.value.trim() || name.value.trim() !== now.engine;
        };
        const draw = () => {
            fill(shown, facts(now), h("h3", null, t("Exactly this would go")), messages(now),
                body(now));
            ready();
        };
        asIs.addEventListener("change", async () => {
            asIs.disabled = send.disabled = true;
            try {
                now = await lookAgain(asIs.checked);
                problem.hidden = true;
            } catch (error) {
                asIs.checked = now.as_is;
                problem.hidden = false;
                problem.textContent = error.message;
            }
            asIs.disabled = false;
            draw();
        });
        reason.addEventListener("input", ready);
        name.addEventListener("input", ready);
        draw();
        const choice = Object.keys(look.above).length ? h("label", { class: "check" }, asIs,
            h("span", null, t("Send as it is, not replaced: {kinds}",
                { kinds: kindsText(look.above) }))) : null;
        // The focus is where nothing is done by a key, and what is shown begins at its beginning.
        return [h("p", { tabindex: -1, autofocus: true },
            t("The policy keeps this on your device. You may release it, for this one request. " +
                "That is written down: who, when, why.")),
        shown, h("form", { class: "release-form", onsubmit: (event) => {
            event.preventDefault();
            if (!send.disabled) close({ id: now.id, reason: reason.value.trim(), ...(now.fence ?
                { fence: now.fence } : {}) });
        } }, choice, problem,
        h("label", { class: "labelled" }, h("span", null, t("Why is it to go?")), reason),
        h("label", { class: "labelled" }, h("span", null,
            t("Type {engine} to send it", { engine: look.engine })), name),
        h("div", { class: "dialog-actions" },
            h("button", { type: "button", class: "button",
                onclick: () => close(null) }, icon("lock"), t("Keep it here")), send))];
    }, "wide release");
}
