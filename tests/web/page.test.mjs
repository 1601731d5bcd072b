// SPDX-License-Identifier: Apache-2.0
// The page as a whole: weight, first render, policy, who is let in, offline, installing, German,
// colours, keys.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, assertNoProblems, launch, openContext, openPage } from "./lib/browser.mjs";
import { fillLibrary } from "./lib/documents.mjs";
import { Weft } from "./lib/weft.mjs";

const PAGE_KB_MAX = 150;
const FIRST_RENDER_MS_MAX = 1000;
const POLICY = ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
    "frame-ancestors 'none'", "base-uri 'none'"];

const weft = new Weft();
let browser;
let context;

before(async () => {
    browser = await launch();
    await weft.start();
    context = await openContext(browser, weft);
    await fillLibrary(weft);
});

after(async () => {
    await browser?.close();
    await weft.end();
});

async function firstVisit() {
    const fresh = await openContext(browser, weft, { serviceWorkers: "block" });
    const page = await fresh.newPage();
    const session = await fresh.newCDPSession(page);
    await session.send("Network.enable");
    const seen = { bytes: 0, files: 0 };
    session.on("Network.loadingFinished", (event) => {
        seen.bytes += event.encodedDataLength;
        seen.files++;
    });
    await page.goto(`${weft.origin}/`);
    await page.waitForSelector("textarea[data-ask]");
    await page.waitForFunction(() => ["first-contentful-paint", "weft-ready"]
        .every((name) => performance.getEntriesByName(name).length > 0));
    await page.waitForTimeout(300);
    Object.assign(seen, await page.evaluate(() => ({
        paint_ms: performance.getEntriesByName("first-contentful-paint")[0].startTime,
        ready_ms: performance.getEntriesByName("weft-ready")[0].startTime,
    })));
    await fresh.close();
    return seen;
}

test("the page weighs little and renders at once", async (t) => {
    // Other programs on the machine can only make it slower: the best of a few visits counts.
    let best = await firstVisit();
    for (let i = 0; i < 4; i++) {
        const visit = await firstVisit();
        if (visit.paint_ms < best.paint_ms) best = visit;
    }
    t.diagnostic(`page weight ${(best.bytes / 1000).toFixed(1)} kB in ${best.files} answers ` +
        `(limit ${PAGE_KB_MAX}); first contentful paint ${Math.round(best.paint_ms)} ms ` +
        `(limit ${FIRST_RENDER_MS_MAX}); ready to ask ${Math.round(best.ready_ms)} ms`);
    assert.ok(best.bytes < PAGE_KB_MAX * 1000, `${best.bytes} bytes`);
    assert.ok(best.paint_ms < FIRST_RENDER_MS_MAX, `${best.paint_ms} ms`);
});

test("the policy forbids everything foreign and everything inline", async () => {
    const answer = await fetch(`${weft.origin}/`);
    const policy = answer.headers.get("content-security-policy");
    for (const rule of POLICY) assert.ok(policy.includes(rule), `${rule} in ${policy}`);
    const html = await answer.text();
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/);
});

test("who has no link sees how to get one", async () => {
    const stranger = await browser.newContext();
    const page = await stranger.newPage();
    await page.goto(`${weft.origin}/`);
    await page.getByText("Open weft with your link").waitFor();
    assert.match(await page.locator("main").innerText(), /weft link/);
    await stranger.close();
});

// Until the service worker holds the history with this question, and a conversation.
async function untilSaved(page, question) {
    for (let tries = 0; tries < 150; tries++) {
        const there = await page.evaluate(async (wanted) => {
            const cache = await caches.open("weft-data");
            const list = await (await cache.match("/weft/v1/threads?limit=50"))?.text();
            const keys = await cache.keys();
            return Boolean(list?.includes(wanted)) &&
                keys.some((key) => /threads\/\w/.test(key.url));
        }, question);
        if (there) return;
        await page.waitForTimeout(100);
    }
    assert.fail("nothing was saved for offline");
}

test("offline the page opens with the conversations and the library as last seen", async () => {
    const own = await openContext(browser, weft);
    const page = await openPage(own, weft);
    await ask(page, "When does the lease end?");
    await page.locator(".tab", { hasText: "Library" }).click();
    await page.locator(".row", { hasText: /lease/i }).first().waitFor();
    await untilSaved(page, "When does the lease end?");
    await weft.stop();
    page.expected.push(/Failed to load|ERR_|net::|EventSource/);
    await page.goto(`${weft.origin}/`);
    await page.getByText("weft isn’t running.").waitFor();
    await page.locator(".recent a", { hasText: "When does the lease end?" }).click();
    await page.locator(".answer-text", { hasText: "31 March 2027" }).waitFor();
    await page.locator(".tab", { hasText: "Library" }).click();
    await page.locator(".row", { hasText: /lease/i }).first().waitFor();
    await page.locator(".tab[data-view=ask]").click();
    await page.fill("textarea[data-ask]", "Is anybody there?");
    await page.keyboard.press("Enter");
    await page.locator(".answer.failed", { hasText: "isn’t answering" }).waitFor();
    await weft.start();
    await page.locator(".offline").waitFor({ state: "detached" });
    assertNoProblems(page);
    await own.close();
});

test("deleting takes the saved copies along", async () => {
    const own = await openContext(browser, weft);
    const page = await openPage(own, weft);
    await ask(page, "How much is the deposit?");
    await untilSaved(page, "How much is the deposit?");
    await page.locator(".tab", { hasText: "History" }).click();
    const row = page.locator(".row", { hasText: "How much is the deposit?" });
    await row.hover();
    await row.getByRole("button", { name: /^Delete/ }).click();
    await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
    await row.waitFor({ state: "detached" });
    const left = await page.evaluate(async () => {
        const cache = await caches.open("weft-data");
        const texts = await Promise.all((await cache.keys()).map(async (key) =>
            (await (await cache.match(key))?.text()) ?? ""));
        return texts.join("\n");
    });
    assert.doesNotMatch(left, /How much is the deposit/); // others may cite the same
    assertNoProblems(page);
    await own.close();
});

test("it can be installed: manifest, icons and service worker are in order", async () => {
    const page = await openPage(context, weft);
    const session = await context.newCDPSession(page);
    const { errors, data } = await session.send("Page.getAppManifest");
    assert.deepEqual(errors, []);
    const manifest = JSON.parse(data);
    for (const { src, sizes, type } of manifest.icons) {
        const answer = await fetch(weft.origin + src);
        assert.equal(answer.status, 200, src);
        assert.match(answer.headers.get("content-type"), new RegExp(type.replace("+", "\\+")));
        if (sizes === "any") continue;
        const png = Buffer.from(await answer.arrayBuffer());
        assert.equal(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`, sizes, src);
    }
    const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
    const serious = installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito");
    assert.deepEqual(serious, []);
    await page.evaluate(() => navigator.serviceWorker.ready);
    assertNoProblems(page);
    await page.close();
});

test("every file of the app is kept for offline", async () => {
    const worker = await (await fetch(`${weft.origin}/sw.js`)).text();
    const page = await openPage(context, weft, "#/settings");
    await page.goto(`${weft.origin}/#/library`);
    await page.waitForSelector(".row");
    await page.locator(".row-link").first().click();
    await page.waitForSelector(".text");
    const loaded = await page.evaluate(() => performance.getEntriesByType("resource")
        .map((entry) => new URL(entry.name).pathname).filter((name) => /^\/app\//.test(name)));
    for (const name of new Set(loaded)) {
        assert.ok(worker.includes(`"${name.replace(/^\/app\/|\.\w+$/g, "")}"`), name);
    }
    await page.close();
});

test("German: chosen in the settings, kept, complete", async () => {
    const page = await openPage(context, weft, "#/settings");
    await page.getByText("Deutsch").click();
    await page.getByRole("heading", { name: "Einstellungen" }).waitFor();
    await page.waitForSelector("html[lang=de]");
    await page.reload();
    await page.getByRole("heading", { name: "Einstellungen" }).waitFor();
    for (const [tab, heading] of [["Bibliothek", "Bibliothek"], ["Verlauf", "Verlauf"],
        ["Suche", "Suche"], ["Fragen", "Was möchten Sie wissen?"]]) {
        await page.locator(".tab", { hasText: tab }).click();
        await page.getByRole("heading", { name: heading, level: 1 }).waitFor();
    }
    assert.equal((await weft.call("GET", "settings")).language, "de");
    await page.goto(`${weft.origin}/#/settings`);
    await page.getByText("English").click();
    await page.getByRole("heading", { name: "Settings" }).waitFor();
    assertNoProblems(page);
    await page.close();
});

test("German comes by itself to a browser that wishes it", async () => {
    await weft.call("PATCH", "settings", { language: "auto" });
    const german = await openContext(browser, weft, { locale: "de-DE" });
    const page = await openPage(german, weft);
    await page.getByRole("heading", { name: "Was möchten Sie wissen?" }).waitFor();
    assertNoProblems(page);
    await german.close();
});

test("dark colours: as the system, or chosen", async () => {
    const dark = await openContext(browser, weft, { colorScheme: "dark" });
    const page = await openPage(dark, weft, "#/settings");
    await page.waitForSelector("html[data-theme=dark]");
    await page.getByText("Light", { exact: true }).click();
    await page.waitForSelector("html[data-theme=light]");
    await page.reload();
    await page.waitForSelector("html[data-theme=light]");
    await page.getByText("As the system").click();
    await page.waitForSelector("html[data-theme=dark]");
    assertNoProblems(page);
    await dark.close();
});

test("settings tell what there is to know", async () => {
    const page = await openPage(context, weft, "#/settings");
    const { documents, version } = await weft.call("GET", "status");
    await page.locator(".table-list").waitFor();
    const facts = await page.locator(".table-list").innerText();
    assert.ok(facts.includes(String(documents)), facts);
    assert.ok(facts.includes(version), facts);
    assert.ok(facts.includes(weft.home), facts);
    assertNoProblems(page);
    await page.close();
});

test("a reminder is told on the page, and stays until it is done", async () => {
    const page = await openPage(context, weft);
    await page.live;
    await weft.call("POST", "reminders", { text: "call Ana", at: Date.now() + 1000 });
    await page.locator(".toast", { hasText: "call Ana" }).waitFor();
    await page.reload();
    const note = page.locator(".toast", { hasText: "call Ana" });
    await note.waitFor();
    await note.getByRole("button", { name: "Done" }).click();
    await note.waitFor({ state: "detached" });
    const left = async () => (await weft.call("GET", "reminders")).reminders.length;
    while (await left() > 0) await page.waitForTimeout(50);
    assertNoProblems(page);
    await page.close();
});

test("everything works by keyboard: skip link, keys, focus", async () => {
    const page = await openPage(context, weft, "#/threads");
    await page.locator("body").click({ position: { x: 5, y: 890 } });
    await page.keyboard.press("g");
    await page.keyboard.press("l");
    await page.waitForSelector(".row");
    await page.waitForSelector("h1:focus", { state: "attached" });
    await page.keyboard.press("?");
    await page.locator("dialog", { hasText: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    const link = page.locator(".row-link").first();
    await link.focus();
    await page.keyboard.press("Enter");
    await page.waitForSelector(".reader-title h1:focus");
    await page.keyboard.press("Escape");
    await page.waitForSelector(".row-link:focus");
    await page.keyboard.press("n");
    await page.waitForSelector("textarea:focus");
    await page.goto(`${weft.origin}/#/settings`);
    await page.reload();
    await page.waitForSelector(".card");
    await page.keyboard.press("Tab");
    await page.waitForSelector("[class*=skip]:focus", { state: "attached" });
    await page.keyboard.press("Enter");
    await page.waitForSelector("#main:focus");
    assertNoProblems(page);
    await page.close();
});

test("a document cannot bring markup into the page", async () => {
    await weft.add("<img src=x onerror=alert(1)>.txt",
        "<script>window.broken = 1</script> <b>The parrot's name is <i>Rosalind</i>.</b>\n");
    const page = await openPage(context, weft);
    const turn = await ask(page, "What is the parrot's name?");
    assert.equal(await turn.locator("b, i, script, img").count(), 0);
    await page.goto(`${weft.origin}/#/library`);
    await page.waitForSelector(".row");
    assert.equal(await page.locator("main img").count(), 0);
    assert.equal(await page.evaluate(() => window.broken), undefined);
    assertNoProblems(page);
    await page.close();
});
