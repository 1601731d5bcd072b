// SPDX-License-Identifier: Apache-2.0
// The person's devices: which there are, one more by a code that is shown or typed, names, taking
// one out. The words on paper are never shown here: the command line has them.

import { api } from "./api.js";
import { askText, confirm } from "./dialog.js";
import { fill, h, scope, svg } from "./dom.js";
import { when } from "./format.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { changed, newest, on } from "./live.js";
import { membersCard } from "./members.js";
import { phone } from "./offline.js";
import { phonesCard } from "./phones.js";
import { labelName } from "./privacy.js";
import { failed, toast } from "./toast.js";

const QUIET = 4; // modules around a code

const TIERS = {
    device: () => t("in a hand or on a desk"),
    edge: () => t("always on, nearby"),
    cloud: () => t("rented"),
};

// ---- the code ----

// Rows of "0" and "1" as one path, black on white in both themes: scanners need it so.
function picture(rows) {
    const side = rows.length + 2 * QUIET;
    const path = rows.flatMap((row, y) => [...row].map((one, x) =>
        (one === "1" ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : ""))).join("");
    return svg("svg", { viewBox: `0 0 ${side} ${side}`, class: "qr", role: "img",
        "aria-label": t("The code as a picture, to be scanned"), "shape-rendering": "crispEdges" },
    svg("rect", { width: side, height: side, fill: "#fff" }),
    svg("path", { d: path, fill: "#000" }));
}

function words(text) {
    return h("p", { class: "compared" }, t("Both devices show these words:"), " ",
        h("strong", { dir: "ltr", lang: "en" }, text));
}

function codePart(code, hide) {
    return h("div", { class: "code-part" },
        h("p", null, t("On the other device, where weft runs, type:")),
        h("p", { class: "code-digits", dir: "ltr" }, code.code),
        h("p", null, h("code", { dir: "ltr" }, `weft pair ${code.code}@${code.address}`)),
        code.qr ? picture(code.qr) : null,
        h("p", { class: "hint" }, t("The code counts once, for five minutes.")),
        h("p", { class: "actions" }, h("button", { type: "button", class: "button",
            onclick: hide }, t("Hide the code"))));
}

function addCard(own) {
    const inside = h("div", { class: "code-place", "aria-live": "polite" });
    let code = null;
    const show = async () => {
        code = await api.showPairing().catch(failed);
        draw(null);
    };
    const hide = async () => {
        code = null;
        await api.hidePairing().catch(failed);
        draw(null);
    };
    const draw = (state) => {
        if (state?.state === "paired" && code) {
            code = null;
            fill(inside, h("p", { class: "promise" }, icon("check"),
                t("Paired with {name}.", { name: state.name })), words(state.words));
        } else if (code && state?.state === "none") {
            code = null;
            fill(inside, h("p", { class: "failed", role: "alert" }, state.error ||
                t("The code counts no more, and nothing was paired.")), button());
        } else if (code) {
            fill(inside, codePart(code, hide), state?.error ? h("p", { class: "failed",
                role: "alert" }, state.error) : null);
        } else if (!state) {
            fill(inside, button());
        }
    };
    const button = () => h("p", { class: "actions" }, h("button", { type: "button",
        class: "button primary", onclick: show }, icon("plus"), t("Show a code")));
    draw(null);
    own(on("pairing", () => code && api.pairing().then(draw, () => {})));
    const timer = setInterval(() => code && api.pairing().then(draw, () => {}), 3000);
    own(() => clearInterval(timer));
    return h("section", { class: "card" }, h("h2", null, t("Add a device")),
        h("p", null, t("Show a code here, on the device that is yours already.")), inside);
}

function joinCard() {
    const said = h("div", { "aria-live": "polite" });
    const input = h("input", { class: "field", dir: "ltr", maxlength: 400, spellcheck: "false",
        autocomplete: "off", "aria-label": t("Code and address"),
        placeholder: "482913@192.168.1.20:7771" });
    const join = async (event) => {
        event.preventDefault();
        fill(said, h("p", { class: "hint" }, t("Looking for the other device...")));
        try {
            const paired = await api.joinPairing(input.value);
            fill(said, h("p", { class: "promise" }, icon("check"),
                t("Paired with {name}.", { name: paired.name })), words(paired.words));
        } catch (error) {
            fill(said, h("p", { class: "failed", role: "alert" }, error.message));
        }
    };
    return h("section", { class: "card" }, h("h2", null, t("Join another device")),
        h("p", null, t("This one is new? Type what the other one shows.")),
        h("form", { class: "join", onsubmit: join }, input,
            h("button", { type: "submit", class: "button" }, t("Join"))), said);
}

// ---- the list ----

function seen(node) {
    if (node.revoked) return t("taken out");
    if (node.this) return t("this device");
    if (node.connected) return t("connected");
    return node.last_seen ? t("last seen {when}", { when: when(node.last_seen) }) :
        t("not seen yet");
}

async function rename(node) {
    const to = await askText({ title: t("Rename this device"), label: t("Name"),
        value: node.name, action: t("Rename") });
    if (!to || to === node.name) return;
    await api.renameNode(node.name, to).catch(failed);
    changed("nodes");
}

async function handOver(node) {
    try {
        const { pages } = await api.handoff(node.name);
        toast(pages ? t("It is open on {name} now.", { name: node.name }) :
            t("It opens on {name} when the app is opened there.", { name: node.name }));
    } catch (error) {
        failed(error);
    }
}

async function revoke(node) {
    const yes = await confirm({ title: t("Take {name} out?", { name: node.name }), danger: true,
        body: t("It learns nothing new from now on. What it has, it keeps."),
        action: t("Take out") });
    if (!yes) return;
    await api.revokeNode(node.name).catch(failed);
    changed("nodes");
}

// What it offers to the others.
function models(node) {
    const list = (node.engine?.models ?? []).map((one) => one.write_ms > 0 ?
        t("{name} ({n} tokens/s)", { name: one.name, n: Math.round(1000 / one.write_ms) }) :
        one.name);
    return list.length ?
        h("span", { class: "row-note" }, t("Models: {list}", { list: list.join(", ") })) : null;
}

function nodeRow(node, mayChange) {
    const hand = node.connected && !node.this ? h("button", { type: "button",
        class: "icon-button", onclick: () => handOver(node),
        title: t("Open there what is open here"),
        "aria-label": t("Open on {name} what is open here", { name: node.name }) },
    icon("forward")) : null;
    const tools = !node.revoked && (mayChange || hand) ? h("span", { class: "row-actions" }, hand,
        mayChange ? h("button", { type: "button", class: "icon-button",
            onclick: () => rename(node),
            "aria-label": t("Rename {name}", { name: node.name }) }, icon("rename")) : null,
        !mayChange || node.this ? null : h("button", { type: "button", class: "icon-button",
            onclick: () => revoke(node),
            "aria-label": t("Take {name} out", { name: node.name }) }, icon("remove"))) : null;
    return h("li", { class: `row node${node.revoked ? " revoked" : ""}` }, icon("device"),
        h("span", { class: "row-text" }, h("span", { class: "row-title", dir: "auto" }, node.name),
            h("span", { class: "row-note" }, [seen(node), TIERS[node.tier]?.(),
                node.roles?.includes("ciphertext") ? t("relay: keeps what it cannot read") : null,
                t("sees up to {label}", { label: labelName(node.clearance) })]
                .filter(Boolean).join(" · ")), models(node),
            h("code", { class: "row-note", dir: "ltr" }, node.fingerprint)), tools);
}

function notes(list) {
    return [list.fork ? h("p", { class: "failed", role: "alert" }, list.fork) : null,
        list.unfinished ? h("p", { class: "hint" }, t("A pairing with {name} is not finished: it " +
            "ends by itself when the two see each other.", { name: list.unfinished })) : null,
        list.paper ? h("p", { class: "hint" }, t("If this device is lost, words on paper bring " +
            "the others back. Print them once:"), " ",
        h("code", { dir: "ltr" }, "weft nodes paper > page.html")) : null];
}

export const title = () => t("Your devices");

export function show(root) {
    const own = scope();
    const list = h("section", { class: "card" });
    const draw = newest(() => api.nodes().catch(() => ({})), (nodes) => {
        if (!nodes.nodes) return fill(list, h("p", { class: "hint" }, t("weft isn't running.")));
        return fill(list, h("h2", null, t("Paired")), nodes.nodes.length ?
            h("ul", { class: "rows" }, nodes.nodes.map((one) =>
                nodeRow(one, nodes.owner_key && !phone.value))) :
            h("p", null, t("This device is alone.")), notes(nodes));
    });
    root.append(h("div", { class: "page settings" }, h("h1", { tabindex: -1 }, t("Your devices")),
        h("div", { class: "cards" }, list, phone.value ? null : [phonesCard(own, picture),
            addCard(own), joinCard(), membersCard(own, picture)])));
    draw();
    own(on("nodes", draw));
    return own.end;
}
