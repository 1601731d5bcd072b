// SPDX-License-Identifier: Apache-2.0
// The library: adding by picker, drop and from elsewhere; progress and failures; filter, download,
// remove.

import assert from "node:assert/strict";
import fs from "node:fs";
import { after, before, test } from "node:test";
import { assertNoProblems, launch, openContext, openPage, until } from "./lib/browser.mjs";
import { LEASE } from "./lib/documents.mjs";
import { Weft } from "./lib/weft.mjs";

const weft = new Weft();
let browser;
let context;

before(async () => {
    browser = await launch();
    await weft.start();
    context = await openContext(browser, weft);
});

after(async () => {
    await browser?.close();
    await weft.end();
});

const file = (name, text) => ({ name, mimeType: "application/octet-stream",
    buffer: Buffer.from(text) });

async function pick(page, files) {
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"),
        page.locator(".page-head").getByRole("button", { name: "Add files" }).click()]);
    await chooser.setFiles(files);
}

test("picked files show their progress and their results, failures with the reason", async () => {
    const page = await openPage(context, weft, "#/library");
    page.expected.push(/422/);
    await pick(page, [file("lease.md", LEASE), file("noise.pdf", "no PDF\u0000\u0001\u0002"),
        file("twin.md", LEASE)]);
    await page.locator(".tray-line.added", { hasText: "lease.md" }).waitFor();
    await page.locator(".tray-line.unchanged", { hasText: "twin.md" }).waitFor();
    const bad = page.locator(".tray-line.failed", { hasText: "noise.pdf" });
    await bad.waitFor();
    assert.ok((await bad.locator(".tray-note").innerText()).length > 10, "a reason is given");
    await page.locator(".row", { hasText: "Lease agreement" }).or(
        page.locator(".row", { hasText: "lease" })).first().waitFor();
    await page.locator(".tray").getByRole("button", { name: "Close" }).click();
    await page.locator(".tray").waitFor({ state: "hidden" });
    assertNoProblems(page);
    await page.close();
});

test("a file dropped anywhere on the page is added and can be opened", async () => {
    const page = await openPage(context, weft);
    const transfer = await page.evaluateHandle(() => {
        const data = new DataTransfer();
        data.items.add(new File(["The ferry to Hiddensee leaves at 9:40.\n"], "ferry.txt",
            { type: "text/plain" }));
        return data;
    });
    await page.dispatchEvent("body", "dragenter", { dataTransfer: transfer });
    assert.ok(await page.locator(".drop").isVisible(), "the page shows that it takes files");
    await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
    const line = page.locator(".tray-line.added", { hasText: "ferry.txt" });
    await line.waitFor();
    assert.equal(await page.locator(".drop").isVisible(), false);
    await line.getByRole("button", { name: "Open" }).click();
    await page.locator(".reader-scroll", { hasText: "Hiddensee" }).waitFor();
    assertNoProblems(page);
    await page.close();
});

test("the upload's progress moves with the bytes that were sent", async () => {
    // The file goes on its way once the page was drawn with it; a service worker would hide it.
    const own = await openContext(browser, weft, { serviceWorkers: "block" });
    const page = await openPage(own, weft, "#/library");
    await page.route("**/weft/v1/documents?*", async (route) => {
        if (route.request().method() === "POST") await page.waitForSelector(".tray-line.sending");
        await route.continue();
    });
    const seen = page.evaluate(() => new Promise((resolve) => {
        const states = new Set();
        const watcher = new MutationObserver(() => {
            const line = document.querySelector(".tray-line");
            if (line) states.add(line.className.split(" ")[1]);
            if (states.has("added")) resolve([...states]);
        });
        watcher.observe(document.body, { subtree: true, childList: true, attributes: true });
    }));
    const line = "A line of a large text file with a few words in it.\n";
    await pick(page, [file("large.txt", line.repeat(60000))]);
    const states = await seen;
    assert.ok(states.includes("sending"), states.join());
    assertNoProblems(page);
    await own.close();
});

test("what is added elsewhere appears without reloading", async () => {
    const page = await openPage(context, weft, "#/library");
    await page.waitForSelector(".row");
    await page.live;
    await weft.add("elsewhere.txt", "This came over the interface, not from the page.\n");
    await page.locator(".row", { hasText: "elsewhere" }).waitFor();
    assertNoProblems(page);
    await page.close();
});

test("the filter finds by title, and says when nothing is called that", async () => {
    const page = await openPage(context, weft, "#/library");
    await page.waitForSelector(".row");
    await page.fill('.page input[type="search"]', "ferry");
    await page.waitForFunction(() => document.querySelectorAll(".row").length === 1);
    await page.fill('.page input[type="search"]', "zzzzqqq");
    await page.getByText("No document is called that").waitFor();
    assertNoProblems(page);
    await page.close();
});

test("the list goes on below: 70 documents are all reached", async () => {
    for (let i = 0; i < 70; i++) await weft.add(`number-${i}.txt`, `Document number ${i}.\n`);
    const { total } = await weft.call("GET", "documents?limit=1");
    const page = await openPage(context, weft, "#/library");
    await page.waitForSelector(".row");
    await page.locator("main").hover();
    await until("all documents are listed", async () => {
        await page.mouse.wheel(0, 2000);
        return await page.locator(".row").count() >= total;
    });
    assert.equal(await page.locator(".row").count(), total);
    assertNoProblems(page);
    await page.close();
});

test("the original can be downloaded, byte for byte", async () => {
    const page = await openPage(context, weft, "#/library");
    await page.fill('.page input[type="search"]', "ferry");
    const row = page.locator(".row", { hasText: "ferry" });
    await row.waitFor();
    await row.hover();
    const [download] = await Promise.all([page.waitForEvent("download"),
        row.getByRole("link", { name: /^Download/ }).click()]);
    assert.equal(fs.readFileSync(await download.path(), "utf8"),
        "The ferry to Hiddensee leaves at 9:40.\n");
    assertNoProblems(page);
    await page.close();
});

test("removing asks first, then the document is gone for good", async () => {
    const page = await openPage(context, weft, "#/library");
    await page.fill('.page input[type="search"]', "ferry");
    const row = page.locator(".row", { hasText: "ferry" });
    await row.waitFor();
    await row.hover();
    await row.getByRole("button", { name: /^Remove/ }).click();
    await page.locator("dialog").getByRole("button", { name: "Cancel" }).click();
    assert.equal(await row.count(), 1);
    await row.hover();
    await row.getByRole("button", { name: /^Remove/ }).click();
    await page.locator("dialog").getByRole("button", { name: "Remove" }).click();
    await row.waitFor({ state: "detached" });
    const { hits } = await weft.call("GET", "search?q=Hiddensee");
    assert.deepEqual(hits, []);
    assertNoProblems(page);
    await page.close();
});
