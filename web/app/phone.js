// SPDX-License-Identifier: Apache-2.0
// Letting a phone in. Without TLS the page says how the home's certificate comes to be trusted, and
// sees when it is; over TLS it takes the code that the computer shows. The code stands behind the
// #, which nobody sends.

import { fill, h } from "./dom.js";
import { chooseLanguage, setLanguage, t } from "./i18n.js";

const LOOK_MS = 2500;
const isSafe = location.protocol === "https:";
const agent = navigator.userAgent;
// (An iPad says that it is a Mac.)
const isApple = /iPhone|iPad/.test(agent) ||
    (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1);
const isAndroid = /Android/.test(agent);
let kind = isApple ? "apple" : isAndroid ? "android" : "computer";

const KINDS = () => [["apple", t("iPhone, iPad")], ["android", t("Android")],
    ["computer", t("Computer")]];

function steps() {
    const list = (...items) => h("ol", null, items.map((item) => h("li", null, item)));
    if (kind === "apple") {
        return [h("a", { class: "button", href: "/weft.mobileconfig" }, t("Load the profile")),
            list(t("Settings: Profile Downloaded: Install."),
                t("Settings: General: About: Certificate Trust Settings: switch \"weft home CA\" " +
                    "on."))];
    }
    const load = h("a", { class: "button", href: "/ca.crt", download: "weft.crt" },
        t("Load the certificate"));
    if (kind === "android") {
        return [load, list(t("Settings: Security: Encryption & credentials: Install a " +
            "certificate: CA certificate."), t("Choose weft.crt among the downloads."))];
    }
    return [load, list(t("Chrome, Edge: Settings: Privacy and security: Security: Manage " +
        "certificates: Authorities: Import."),
    t("Firefox: Settings: Privacy & Security: Certificates: View Certificates: Authorities: " +
        "Import."))];
}

function trustCard(about) {
    const node = h("section", { class: "step" });
    const draw = () => fill(node, h("h2", null, t("1. Trust this home")),
        h("p", null, t("A certificate of your own makes the way to your computer safe. It counts " +
            "for devices of this home alone.")),
        h("div", { class: "kinds", role: "group", "aria-label": t("Kind of device") },
            KINDS().map(([name, words]) => h("button", { type: "button",
                "aria-pressed": String(name === kind), onclick: () => {
                    kind = name;
                    draw();
                } }, words))),
        steps(),
        h("p", { class: "hint" }, t("Compare its fingerprint (SHA-256) with the one that the " +
            "computer shows:")),
        h("p", { class: "fingerprint", dir: "ltr" }, about.fingerprint));
    draw();
    return node;
}

// Whether TLS holds by now: then the certificate is trusted.
async function isTrusted() {
    try {
        await fetch(`https://${location.host}/lan/about`, { mode: "no-cors", cache: "no-store" });
        return true;
    } catch {
        return false;
    }
}

function continueCard() {
    const state = h("p", { class: "hint", role: "status" }, t("Not trusted yet."));
    const link = `https://${location.host}/phone.html`;
    const look = async () => {
        if (await isTrusted()) {
            state.className = "good";
            state.textContent = t("This browser trusts your home.");
        } else {
            setTimeout(look, LOOK_MS);
        }
    };
    look();
    return h("section", { class: "step" }, h("h2", null, t("2. Go on")), state,
        h("a", { class: "button primary wide", href: link }, t("Go on")),
        h("p", { class: "hint" }, t("Then type the code that the computer shows, or scan its " +
            "second picture.")));
}

function guessName() {
    if (/iPad/.test(agent) || (isApple && /Macintosh/.test(agent))) return "iPad";
    if (isApple) return "iPhone";
    if (isAndroid) return "Android";
    return /Firefox/.test(agent) ? "Firefox" : "Browser";
}

function joinCard() {
    const said = h("div", { "aria-live": "polite" });
    const code = h("input", { class: "field code", autocomplete: "one-time-code", maxlength: 16,
        spellcheck: "false", autocapitalize: "characters", required: true,
        value: decodeURIComponent(location.hash.slice(1)), placeholder: "XXXXX-XXXXX" });
    const name = h("input", { class: "field", maxlength: 40, value: guessName(), dir: "auto" });
    history.replaceState(null, "", location.pathname); // it is not to stay in the address
    const join = async (event) => {
        event.preventDefault();
        fill(said);
        try {
            const answer = await fetch("/lan/join", { method: "POST",
                headers: { "content-type": "application/json" },
                body: JSON.stringify({ code: code.value, name: name.value }) });
            const body = await answer.json();
            if (answer.ok) location.replace("/");
            else fill(said, h("p", { class: "bad", role: "alert" }, body.detail));
        } catch {
            fill(said, h("p", { class: "bad", role: "alert" },
                t("The computer does not answer. Are both in the same network?")));
        }
    };
    return h("section", { class: "step" }, h("h2", null, t("Let this device in")),
        h("form", { onsubmit: join },
            h("label", null, t("Code that the computer shows"), code),
            h("label", null, t("What this device is called"), name),
            h("button", { type: "submit", class: "button primary wide" }, t("Let it in"))), said,
        h("p", { class: "hint" }, t("The code: weft phone, or \"Your devices\" in the app on the " +
            "computer.")));
}

async function start() {
    await setLanguage(chooseLanguage("auto"));
    const about = await (await fetch("/lan/about", { cache: "no-store" })).json();
    document.title = `${t("weft on this device")} · weft`;
    fill(document.getElementById("app"), h("main", { class: "door" },
        h("h1", null, t("weft on this device")),
        h("p", { class: "lead" }, t("What you write here stays between this device and your own " +
            "computer.")),
        isSafe ? joinCard() : [trustCard(about), continueCard()]));
}

start();
