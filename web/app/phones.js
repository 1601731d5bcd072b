// SPDX-License-Identifier: Apache-2.0
// Phones: letting one in, and those that were. Shown on the machine's own page alone.

import { api } from "./api.js";
import { confirm } from "./dialog.js";
import { fill, h } from "./dom.js";
import { when } from "./format.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { on } from "./live.js";
import { failed } from "./toast.js";

async function revoke(one) {
    const yes = await confirm({ title: t("Take {name} out?", { name: one.name }), danger: true,
        body: t("It is out at once. What it keeps of weft goes when it is opened the next time."),
        action: t("Take out") });
    if (yes) await api.revokePhone(one.name).catch(failed);
}

function phoneRow(one) {
    return h("li", { class: "row node" }, icon("device"), h("span", { class: "row-text" },
        h("span", { class: "row-title", dir: "auto" }, one.name),
        h("span", { class: "row-note" }, t("last seen {when}", { when: when(one.seen) }))),
    h("span", { class: "row-actions" }, h("button", { type: "button", class: "icon-button",
        onclick: () => revoke(one), "aria-label": t("Take {name} out", { name: one.name }) },
    icon("remove"))));
}

// Two pictures, one behind the other: first where it learns to trust, then the link.
function invitation(invite, picture, hide) {
    return h("div", { class: "code-part" },
        h("h3", null, t("1. Trust this home")),
        h("p", null, t("Scan this with the phone, in the same network, or open"), " ",
            h("code", { dir: "ltr" }, invite.guide)),
        picture(invite.guide_qr),
        h("p", { class: "hint" }, t("There, compare the fingerprint:")),
        h("p", null, h("code", { dir: "ltr" }, invite.fingerprint)),
        h("h3", null, t("2. Let it in")),
        h("p", null, t("Then scan this, or type the code there:")),
        h("p", { class: "code-digits", dir: "ltr" }, invite.code),
        picture(invite.link_qr),
        h("p", { class: "hint" }, t("The code counts once, for five minutes.")),
        h("p", { class: "actions" }, h("button", { type: "button", class: "button",
            onclick: hide }, t("Hide the code"))));
}

export function phonesCard(own, picture) {
    const list = h("div");
    const inside = h("div", { class: "code-place", "aria-live": "polite" });
    let invite = null;
    const button = () => h("p", { class: "actions" }, h("button", { type: "button",
        class: "button primary", onclick: show }, icon("plus"), t("Add a phone")));
    const show = async () => {
        invite = await api.invitePhone().catch(failed);
        if (invite) fill(inside, invitation(invite, picture, hide));
    };
    const hide = async () => {
        invite = null;
        await api.uninvitePhone().catch(failed);
        fill(inside, button());
    };
    const draw = async () => {
        const { phones, lan } = await api.phones().catch(() => ({ phones: [], lan: null }));
        fill(list, phones.length ? h("ul", { class: "rows" }, phones.map(phoneRow)) : null);
        if (!lan) {
            fill(inside, h("p", { class: "hint" }, t("Phones cannot connect yet. Start weft with:"),
                " ", h("code", { dir: "ltr" }, "weft up --lan")));
        } else if (lan.problem) {
            fill(inside, h("p", { class: "failed" }, lan.problem));
        } else if (!invite) {
            fill(inside, button());
        } else if (phones.some((one) => one.created > invite.until - 300000)) {
            const { name } = phones.at(-1);
            invite = null;
            fill(inside, h("p", { class: "promise" }, icon("check"),
                t("{name} is in.", { name })), button());
        }
    };
    draw();
    own(on("phones", draw));
    return h("section", { class: "card" }, h("h2", null, t("Phones")),
        h("p", null, t("A phone uses weft on this machine in its browser, also as an app, and " +
            "works on when it is out of reach.")), list, inside);
}
