// SPDX-License-Identifier: Apache-2.0
// Editors that others made, as they come from npm, each in two browsers on one draft: what is typed
// and made bold in one is in the other, what is written apart comes together, and weft keeps it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import WebSocket from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { until, Weft } from "../sync/lib/weft.mjs";
import { contentOf } from "./lib/content.mjs";
import { servePage } from "./lib/page.mjs";

let weft;
let page;
let browser;

before(async () => {
    page = await servePage();
    weft = await Weft.start({ origins: new URL(page.url).origin });
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
        args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update"] });
});

after(async () => {
    await browser?.close();
    page?.server.close();
    assert.equal(await weft.stop(), 0);
});

async function open(editor) {
    const tab = await (await browser.newContext()).newPage();
    tab.problems = [];
    tab.on("console", (said) => said.type() === "error" && tab.problems.push(said.text()));
    tab.on("pageerror", (error) => tab.problems.push(String(error)));
    await tab.goto(`${page.url}#${editor};${weft.ws};${editor};${weft.token}`);
    await tab.waitForSelector("body[data-ready]", { state: "attached", timeout: 20000 })
        .catch((error) => { throw new Error(`${error} ${tab.problems}`); });
    return tab;
}

const text = (tab) => tab.locator("main").innerText().then((words) => words.trim());
const content = (tab) => tab.evaluate(() => window.draft.content());
const sees = (tab, words) => until(async () => (await text(tab)).includes(words));

async function type(tab, words) {
    await tab.locator("main[contenteditable=true], main [contenteditable=true]").first().click();
    await tab.keyboard.press("Control+End");
    await tab.keyboard.type(words);
}

// What weft gives to one who comes anew. (Bytes may differ: what somebody can undo is kept there.)
async function kept(name) {
    const doc = new Y.Doc();
    const provider = new WebsocketProvider(weft.ws, name, doc, { WebSocketPolyfill: WebSocket,
        disableBc: true, params: { token: weft.token } });
    await until(() => provider.synced);
    const words = contentOf(doc, name);
    provider.destroy();
    doc.destroy();
    return words;
}

for (const editor of ["codemirror", "prosemirror", "tiptap", "quill", "blocknote"]) {
    test(`two of ${editor} write one draft`, async () => {
        const a = await open(editor);
        await type(a, "Morning 😀 by the river. ");
        const b = await open(editor);
        await sees(b, "Morning 😀 by the river.");
        await type(b, "Evening there.");
        await sees(a, "Evening there.");
        if (editor !== "codemirror") { // which knows no marks
            await type(a, " ");
            await a.keyboard.press("Control+b");
            await a.keyboard.type("bold");
            await until(() => b.locator("main strong", { hasText: "bold" }).count());
            await a.keyboard.press("Control+b");
        }
        for (const tab of [a, b]) await tab.evaluate(() => window.draft.cut());
        await type(a, " One apart.");
        await type(b, " Other apart.");
        for (const tab of [a, b]) await tab.evaluate(() => window.draft.join());
        for (const tab of [a, b]) {
            await sees(tab, "One apart.");
            await sees(tab, "Other apart.");
        }
        await until(async () => await content(a) === await content(b));
        const now = await content(a);
        assert.match(now, /Morning 😀 by the river/);
        await until(async () => await kept(editor) === now);
        for (const tab of [a, b]) {
            assert.deepEqual(tab.problems, []);
            await tab.close();
        }
    });
}
