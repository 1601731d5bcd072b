// SPDX-License-Identifier: Apache-2.0
// Settings, and what there is to know about this weft.

import { api } from "./api.js";
import { confirm } from "./dialog.js";
import { fill, h, scope } from "./dom.js";
import { bytes } from "./format.js";
import { icon } from "./icons.js";
import { LANGUAGES, number, t, tn } from "./i18n.js";
import { canInstall, install } from "./install.js";
import { showKeys } from "./keys.js";
import { on } from "./live.js";
import { phone, waiting, wipe } from "./offline.js";
import { chooseKeys, choosePref, prefs } from "./prefs.js";
import { href } from "./route.js";
import { failed, toast } from "./toast.js";

function section(title, ...inside) {
    return h("section", { class: "card" }, h("h2", null, title), ...inside);
}

function choices(name, legend, values) {
    return h("fieldset", { class: "segments" }, h("legend", null, legend),
        h("div", null, values.map(([value, label]) => h("label", null,
            h("input", { type: "radio", name, value, checked: prefs[name] === value,
                onchange: () => choosePref(name, value).catch(failed) }),
            h("span", null, label)))));
}

function appearance() {
    const languages = Object.entries(LANGUAGES);
    return section(t("Appearance"),
        choices("theme", t("Colours"), [["auto", t("As the system")], ["light", t("Light")],
            ["dark", t("Dark")]]),
        choices("language", t("Language"), [["auto", t("As the browser")], ...languages]));
}

function keyboard() {
    return section(t("Keyboard"),
        h("label", { class: "switch" }, h("input", { type: "checkbox", role: "switch",
            checked: prefs.keys, onchange: (event) => chooseKeys(event.target.checked) }),
        h("span", null, t("Single keys such as / and n"))),
        h("p", null, h("button", { type: "button", class: "text-button", onclick: showKeys },
            t("Show the keys"))));
}

function command(text) {
    return h("div", { class: "command" }, h("code", { dir: "ltr" }, text),
        h("button", { type: "button", class: "icon-button small", title: t("Copy"),
            "aria-label": t("Copy \"{command}\"", { command: text }), onclick: async () => {
                await navigator.clipboard.writeText(text);
                toast(t("Copied."));
            } }, icon("copy")));
}

function watchState(state) {
    const names = { watched: t("watched"), missing: t("missing") };
    return names[state] ?? state;
}

function watched(status) {
    return section(t("Watched folders"),
        h("p", { class: "hint" }, t("weft takes in what is in a watched folder, and follows when " +
            "files there change. For safety a folder is chosen on the command line, not here:")),
        status?.watched?.length ? h("ul", { class: "facts" }, status.watched.map((folder) =>
            h("li", null, icon("folder"), h("span", { dir: "auto" }, folder.path),
                h("span", { class: "fact-note" }, watchState(folder.state))))) : null,
        command("weft watch ~/Documents"));
}

function sandbox({ seccomp, landlock }) {
    if (seccomp && landlock) return t("On: system calls and files are restricted");
    if (seccomp) return t("On: system calls are restricted (this kernel cannot restrict files)");
    return t("Off: run \"weft doctor\" to see why");
}

function about(status) {
    if (!status) return section(t("This weft"), h("div", { class: "bones" }, h("span"), h("span")));
    const rows = [[t("Documents"), number(status.documents)],
        [t("Size of the originals"), bytes(status.bytes)],
        [t("Text"), t("{n} characters", { n: number(status.characters) })],
        [t("Data folder"), h("code", { dir: "ltr" }, status.home)],
        [t("Text recognition"), status.ocr && (status.ocr.join(", ") || t("not installed"))],
        [t("Sandbox"), sandbox(status.sandbox)],
        [t("Version"), status.version]];
    return section(t("This weft"),
        h("p", { class: "promise" }, icon("lock"), t("The program that " +
            "holds your documents cannot open a connection to the internet.")),
        h("dl", { class: "table-list" }, rows.filter(([, value]) => value).map(([name, value]) =>
            h("div", null, h("dt", null, name), h("dd", null, value)))),
        status.formats ? h("details", null, h("summary", null, t("Kinds of files it reads")),
            h("p", { class: "formats", dir: "ltr" }, status.formats.join(", "))) : null);
}

// A phone that leaves takes nothing along.
function signOut() {
    const leave = async () => {
        const unsent = waiting.value.length ?
            t("What was not sent yet is lost.") : t("What it keeps of weft goes.");
        const yes = await confirm({ title: t("Sign this phone out?"), body: unsent,
            action: t("Sign out"), danger: true });
        if (!yes) return;
        try {
            await api.leave();
            await wipe();
            location.replace("/phone.html");
        } catch (error) {
            failed(error);
        }
    };
    return [h("p", null, t("This phone is known as {name}.", { name: phone.value.name })),
        h("p", { class: "actions" },
            h("a", { class: "button", href: href({ view: "remote" }) }, icon("slides"),
                t("Remote for a screen")),
            h("button", { type: "button", class: "button", onclick: leave }, t("Sign out")))];
}

function thisBrowser() {
    const node = section(t("This browser"));
    const draw = () => fill(node, h("h2", null, t("This browser")),
        canInstall.value ? h("p", null, h("button", { type: "button", class: "button",
            onclick: install }, icon("device"), t("Install weft as an app"))) : null,
        phone.value ? signOut() : [h("p", { class: "hint" },
            t("To open weft in another browser, make a one-time link:")), command("weft link")]);
    return { node, end: canInstall.on(draw) };
}

// ---- the policy ----

const sentences = (list) => h("ul", { class: "sentences", lang: "en" },
    list.map((one) => h("li", { dir: "ltr" }, one.text)));

function policyCard(policy) {
    if (!policy) return section(t("Who may see what"), h("div", { class: "bones" }, h("span")));
    const own = policy.sentences.filter((one) => !one.built_in);
    const built = policy.sentences.filter((one) => one.built_in);
    return section(t("Who may see what"), policy.readable ? [
        h("p", { class: "hint" }, t("The policy decides what may leave this device, in plain " +
            "sentences. It is changed in its file alone, never from here:"), " ",
        h("code", { dir: "ltr" }, "weft.policy")),
        own.length ? [h("h3", null, t("Yours")), sentences(own)] :
            h("p", null, t("You have added no sentence; those built in are in force.")),
        h("details", null, h("summary", null, tn("One built-in sentence",
            "{n} built-in sentences", built.length)), sentences(built))] :
        h("p", { class: "failed", role: "alert" }, t("The policy cannot be read, so everything " +
            "is secret and nothing leaves this device. Run \"weft policy check\" to see why.")),
    h("p", { class: "actions" },
        h("a", { class: "button", href: href({ view: "left" }) }, icon("lock"),
            t("What left this device")),
        h("a", { class: "button", href: href({ view: "tour" }) },
            t("Where would a question run?"))));
}

function devicesCard() {
    return section(t("Your devices"), h("p", null, t("One context on all of your machines: they " +
        "come to know each other by a code.")), h("p", { class: "actions" },
    h("a", { class: "button", href: href({ view: "devices" }) }, icon("device"),
        t("See or add devices"))));
}

export const title = () => t("Settings");

export function show(root) {
    const own = scope();
    const fromStatus = h("div", { class: "cards" });
    const policy = h("div", { class: "cards" });
    const browser = thisBrowser();
    own(browser.end);
    const load = async () => {
        const status = await api.status().catch(() => null);
        fill(fromStatus, watched(status), about(status));
    };
    root.append(h("div", { class: "page settings" }, h("h1", { tabindex: -1 }, t("Settings")),
        h("div", { class: "cards" }, appearance(), keyboard(), devicesCard()), policy, fromStatus,
        h("div", { class: "cards" }, browser.node)));
    fill(fromStatus, about(null));
    fill(policy, policyCard(null));
    api.policy().then((one) => fill(policy, policyCard(one)), () => fill(policy));
    load();
    own(on("documents", load));
    return own.end;
}
