// SPDX-License-Identifier: Apache-2.0
// Language, theme and keys. Language and theme are kept by the server, so that all browsers of a
// home agree; a copy here makes the next start right before the server has answered.

import { api } from "./api.js";
import { chooseLanguage, currentLanguage, setLanguage } from "./i18n.js";
import { signal } from "./signal.js";

const saved = (name, otherwise) => localStorage.getItem(`weft.${name}`) ?? otherwise;

export const prefs = {
    language: saved("language", "auto"),
    theme: saved("theme", "auto"),
    keys: saved("keys", "on") === "on",
};

// Counts up when the page has to be drawn anew in another language.
export const languageChanged = signal(0);

function keep(name, value) {
    prefs[name] = value;
    localStorage.setItem(`weft.${name}`, value);
}

function applyTheme(theme) {
    keep("theme", theme);
    dispatchEvent(new Event("weft-theme"));
}

async function applyLanguage(wish) {
    keep("language", wish);
    const language = chooseLanguage(wish);
    if (language === currentLanguage()) return;
    if (await setLanguage(language)) languageChanged.set(languageChanged.value + 1);
}

export async function startLanguage() {
    await setLanguage(chooseLanguage(prefs.language));
}

// What the server keeps wins over the copy here.
export async function refreshPrefs() {
    const settings = await api.settings();
    if (settings.theme !== prefs.theme) applyTheme(settings.theme);
    if (settings.language !== prefs.language) await applyLanguage(settings.language);
}

export async function choosePref(name, value) {
    if (name === "theme") applyTheme(value);
    if (name === "language") await applyLanguage(value);
    await api.changeSettings({ [name]: value });
}

// The look ahead is offered once in a browser.
export const tourIsNew = () => saved("tour", "new") === "new";
export const tourWasSeen = () => localStorage.setItem("weft.tour", "seen");

export function chooseKeys(on) {
    keep("keys", on ? "on" : "off");
    prefs.keys = on;
}
