// SPDX-License-Identifier: Apache-2.0
// What a person reads. English stands in the source: t("Add files"), tn("One page", "{n} pages",
// n). Other languages are catalogues made from po/*.po (tools/po2json), served as
// /locale/LANGUAGE.json: {"English": "translation" or ["form 0", "form 1"]}.

export const LANGUAGES = { en: "English", de: "Deutsch" };
const RTL = new Set(["ar", "fa", "he", "ur"]);
const ORDER = ["zero", "one", "two", "few", "many", "other"];

let language = "en";
let messages = {};
let plural = new Intl.PluralRules("en");
let forms = ["one", "other"];

function put(text, values) {
    return text.replace(/\{(\w+)\}/g, (whole, name) => values?.[name] ?? whole);
}

// The source keeps to ASCII (gettext wishes so); a person sees real quotation marks.
const typographic = (text) => text.replace(/"([^"]*)"/g, "\u201c$1\u201d").replace(/'/g, "\u2019");

export function t(text, values) {
    const found = messages[text];
    return put(typeof found === "string" && found ? found : typographic(text), values);
}

export function tn(one, many, n, values) {
    const all = { n: number(n), ...values };
    const found = messages[one];
    if (Array.isArray(found)) return put(found[forms.indexOf(plural.select(n))] ?? many, all);
    return put(typographic(n === 1 ? one : many), all);
}

export const number = (n) => new Intl.NumberFormat(language).format(n);
export const currentLanguage = () => language;

// "auto" is the first language of the browser's list that we have.
export function chooseLanguage(wish) {
    if (wish in LANGUAGES) return wish;
    const have = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES);
    return have ?? "en";
}

export async function setLanguage(next) {
    let catalogue = {};
    if (next !== "en") {
        const answer = await fetch(`/locale/${next}.json`).catch(() => null);
        if (!answer?.ok) return false;
        catalogue = await answer.json();
    }
    language = next;
    messages = catalogue;
    plural = new Intl.PluralRules(next);
    const known = plural.resolvedOptions().pluralCategories;
    forms = ORDER.filter((form) => known.includes(form));
    document.documentElement.lang = next;
    document.documentElement.dir = RTL.has(next) ? "rtl" : "ltr";
    return true;
}
