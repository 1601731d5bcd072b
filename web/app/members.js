// SPDX-License-Identifier: Apache-2.0
// Spaces and who is in them: somebody is invited by a code, or one that was shown is typed;
// members are taken out, or one goes oneself. Shown on the machine's own page alone.

import { api } from "./api.js";
import { confirm } from "./dialog.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { changed, newest, on } from "./live.js";
import { failed } from "./toast.js";

const ROLES = {
    read: () => t("reads"),
    write: () => t("reads and writes"),
    admin: () => t("reads, writes and says who is in"),
};

async function remove(space, one) {
    const yes = await confirm({ title: t("Take {name} out?", { name: one.name }), danger: true,
        body: t("Nothing new goes there from now on. What is there stays there."),
        action: t("Take out") });
    if (!yes) return;
    await api.removeMember(space, one.name).catch(failed);
    changed("nodes");
}

async function leave(space) {
    const yes = await confirm({ title: t("Leave {name}?", { name: space }), danger: true,
        body: t("What is in it stays here as it is, and nothing new comes."),
        action: t("Leave") });
    if (!yes) return;
    await api.leaveSpace(space).catch(failed);
    changed("nodes");
}

function memberRow(space, one, mayChange) {
    const tools = one.self || one.founder || !mayChange ? null : h("span",
        { class: "row-actions" }, h("button", { type: "button", class: "icon-button",
            onclick: () => remove(space, one),
            "aria-label": t("Take {name} out", { name: one.name }) }, icon("remove")));
    return h("li", { class: "row member" }, h("span", { class: "row-text" },
        h("span", { class: "row-title", dir: "auto" }, one.name),
        h("span", { class: "row-note" }, [one.self ? t("you") : null, ROLES[one.role]?.()]
            .filter(Boolean).join(" · "))), tools);
}

function codePart(code, picture, hide) {
    return h("div", { class: "code-part" },
        h("p", null, t("The other person types, on a device of theirs:")),
        h("p", { class: "code-digits", dir: "ltr" }, code.code),
        h("p", null, h("code", { dir: "ltr" },
            `weft spaces join ${code.code}@${code.address}`)),
        code.qr ? picture(code.qr) : null,
        h("p", { class: "hint" }, t("The code counts once, for five minutes.")),
        h("p", { class: "actions" }, h("button", { type: "button", class: "button",
            onclick: hide }, t("Hide the code"))));
}

function words(text) {
    return h("p", { class: "compared" }, t("Both devices show these words:"), " ",
        h("strong", { dir: "ltr", lang: "en" }, text));
}

function spacePart(own, name, who, { picture, news }) {
    const inside = h("div", { class: "code-place", "aria-live": "polite" });
    const isAdmin = who.role === "admin";
    let code = null;
    const button = () => h("p", { class: "actions" },
        isAdmin ? h("button", { type: "button", class: "button", onclick: show,
            "aria-label": t("Invite somebody to {name}", { name }) },
        icon("plus"), t("Invite somebody")) : null,
        who.shared && who.role !== "out" ? h("button", { type: "button", class: "button",
            onclick: () => leave(name), "aria-label": t("Leave {name}", { name }) },
        t("Leave")) : null);
    const show = async () => {
        code = await api.inviteMember(name, "write").catch(failed);
        if (code) fill(inside, codePart(code, picture, hide));
    };
    const hide = async () => {
        code = null;
        await api.hidePairing().catch(failed);
        fill(inside, button());
    };
    const look = (state) => {
        if (!code || !["paired", "none"].includes(state.state)) return;
        code = null;
        fill(inside, button());
        fill(news, state.state === "paired" ? [h("p", { class: "promise" }, icon("check"),
            t("{name} is in.", { name: state.name })), words(state.words)] :
            h("p", { class: "failed", role: "alert" }, state.error ||
                t("The code counts no more, and nobody has joined.")));
    };
    fill(inside, button());
    own(on("pairing", () => code && api.pairing().then(look, () => {})));
    return h("div", null, h("h3", { dir: "auto" }, name),
        who.role === "out" ? h("p", { class: "hint" },
            t("You are no member any more. What was in it stays here as it is.")) : null,
        h("ul", { class: "rows" }, who.members.map((one) => memberRow(name, one, isAdmin))),
        inside);
}

function joinPart() {
    const said = h("div", { "aria-live": "polite" });
    const input = h("input", { class: "field", dir: "ltr", maxlength: 400, spellcheck: "false",
        autocomplete: "off", "aria-label": t("What they see"),
        placeholder: "482913@192.168.1.20:7771" });
    const join = async (event) => {
        event.preventDefault();
        fill(said, h("p", { class: "hint" }, t("Looking for the other device...")));
        try {
            const joined = await api.joinSpace(input.value);
            fill(said, h("p", { class: "promise" }, icon("check"),
                t("Joined through {name}.", { name: joined.name })), words(joined.words));
        } catch (error) {
            fill(said, h("p", { class: "failed", role: "alert" }, error.message));
        }
    };
    return [h("p", null, t("Somebody invited you? Type what they see.")),
        h("form", { class: "join", onsubmit: join }, input,
            h("button", { type: "submit", class: "button" }, t("Come in"))), said];
}

export function membersCard(own, picture) {
    const list = h("div");
    const news = h("div", { "aria-live": "polite" }); // stays when the list is drawn anew
    let shown = "";
    const load = async () => {
        const { spaces } = await api.spaces().catch(() => ({ spaces: [] }));
        const names = spaces.map((one) => one.name)
            .filter((one) => !["me", "manual"].includes(one));
        return Promise.all(names.map(async (name) =>
            ({ name, who: await api.members(name).catch(() => null) })));
    };
    const draw = newest(load, (all) => {
        const now = JSON.stringify(all);
        if (now === shown) return; // a code that is shown stays
        shown = now;
        fill(list, all.map(({ name, who }) =>
            (who ? spacePart(own, name, who, { picture, news }) : null)));
    });
    draw();
    own(on("nodes", draw));
    return h("section", { class: "card" }, h("h2", null, t("People")),
        h("p", null, t("Spaces can be shared with other people. The space \"me\" is yours alone.")),
        list, news, joinPart());
}
