// SPDX-License-Identifier: Apache-2.0
// What someone sees whose browser weft does not know (yet).

import { h } from "./dom.js";
import { icon, logo } from "./icons.js";
import { t } from "./i18n.js";

// The server leads a spent link here.
const wasUsed = () => new URLSearchParams(location.search).get("link") === "used";

// At the door for phones there is another way in.
const phonePage = () => h("main", { class: "signin", id: "main", tabindex: -1 },
    h("p", { class: "brand" }, logo(), "weft"),
    h("h1", null, t("This device is not let in")),
    h("p", { class: "lead" }, t("On the computer where weft runs, show a code:")),
    h("div", { class: "command" }, h("code", { dir: "ltr" }, "weft phone")),
    h("p", null, h("a", { class: "button primary", href: "/phone.html" }, t("I have a code"))));

export const signinPage = () => (location.protocol === "https:" ? phonePage() : linkPage());

const linkPage = () => h("main", { class: "signin", id: "main", tabindex: -1 },
    h("p", { class: "brand" }, logo(), "weft"),
    h("h1", null, t("Open weft with your link")),
    wasUsed() ? h("p", { class: "failed" }, icon("alert"),
        t("This link was used already, or is too old.")) : null,
    h("p", { class: "lead" }, t("Your documents are open to nobody who does not hold a link. " +
        "Make one on the machine where weft runs:")),
    h("div", { class: "command" }, h("code", { dir: "ltr" }, "weft link")),
    h("p", { class: "hint" }, t("Then open the address that it prints. It works once and lets " +
        "this browser in. Starting weft again with \"weft up\" prints one, too.")),
    h("p", null, h("button", { type: "button", class: "button", onclick: () => location.reload() },
        icon("check"), t("I have opened it"))));
