// SPDX-License-Identifier: Apache-2.0
// Every view on a phone and a desktop, light and dark: axe finds nothing, nothing is wider than the
// screen; a picture of each goes to build/web-shots for people to look at.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, assertAccessible, assertNoProblems, DESKTOP, launch, openContext, openPage, PHONE,
    shoot } from "./lib/browser.mjs";
import { book, fillLibrary } from "./lib/documents.mjs";
import { Weft } from "./lib/weft.mjs";

const weft = new Weft();
let browser;
let long;

before(async () => {
    browser = await launch();
    await weft.start();
    const first = await openContext(browser, weft);
    await first.close();
    await fillLibrary(weft);
    long = await weft.add("lighthouses.pdf", book(40, 7, "Thorvaldsen"));
});

after(async () => {
    await browser?.close();
    await weft.end();
});

async function look(page, name) {
    await assertAccessible(page, name);
    const wide_px = await page.evaluate(() =>
        document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide_px <= 0, `${name} is ${wide_px} px too wide`);
    await shoot(page, name);
}

async function lookAtAnswers(page, name) {
    await page.waitForSelector(".suggestions");
    await look(page, `${name}-1-ask`);
    await ask(page, "When does the lease end?");
    await look(page, `${name}-2-answer`);
    await page.locator(".chip").first().click();
    await page.waitForSelector("mark.cited");
    await look(page, `${name}-3-reader`);
    await page.getByRole("button", { name: "Summary" }).click();
    await page.waitForSelector(".summary li");
    await look(page, `${name}-4-summary`);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Outline" }).click();
    await look(page, `${name}-5-outline`);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.locator(".pane").waitFor({ state: "hidden" });
    await ask(page, "Which xylophone quartet toured Patagonia?");
    await look(page, `${name}-6-nothing`);
}

async function lookAtLists(page, name) {
    await page.goto(`${weft.origin}/#/search?q=rent+deposit`);
    await page.waitForSelector(".source");
    await look(page, `${name}-7-search`);
    await page.goto(`${weft.origin}/#/library`);
    await page.waitForSelector(".row");
    await look(page, `${name}-8-library`);
    await page.locator(".row", { hasText: "lease" }).or(
        page.locator(".row", { hasText: "Lease" })).first().hover();
    await page.getByRole("button", { name: /^Remove.*ease/ }).first().click();
    await look(page, `${name}-9-confirm`);
    await page.keyboard.press("Escape");
    await page.goto(`${weft.origin}/#/library?doc=${long.id}`);
    await page.waitForSelector(".text .sheet");
    await page.getByRole("button", { name: "Find in this document" }).click();
    await page.locator(".find-bar input").fill("lantern");
    await page.waitForSelector("mark.now");
    await look(page, `${name}-10-find`);
    await page.goto(`${weft.origin}/#/threads`);
    await page.waitForSelector(".row");
    await look(page, `${name}-11-history`);
    await page.goto(`${weft.origin}/#/settings`);
    await page.waitForSelector(".table-list");
    await look(page, `${name}-12-settings`);
}

for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    for (const colorScheme of ["light", "dark"]) {
        test(`${size}, ${colorScheme}`, async () => {
            const name = `${size}-${colorScheme}`;
            const context = await openContext(browser, weft, { viewport, colorScheme,
                hasTouch: size === "phone" });
            const page = await openPage(context, weft);
            await lookAtAnswers(page, name);
            await lookAtLists(page, name);
            assertNoProblems(page);
            await context.clearCookies();
            page.expected.push(/401/);
            await page.goto(`${weft.origin}/#/`);
            await page.reload();
            await page.waitForSelector(".signin");
            await look(page, `${name}-13-signin`);
            await context.close();
        });
    }
}

test("a language from right to left and large letters break nothing", async () => {
    const context = await openContext(browser, weft, { viewport: PHONE });
    const page = await openPage(context, weft, "#/library");
    await page.waitForSelector(".row");
    await page.evaluate(() => {
        document.documentElement.dir = "rtl";
    });
    await look(page, "phone-rtl-library");
    await page.evaluate(() => {
        document.documentElement.dir = "ltr";
        document.documentElement.style.fontSize = "200%";
    });
    const wide_px = await page.evaluate(() =>
        document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide_px <= 0, `${wide_px} px too wide at twice the letters`);
    await context.close();
});
