// SPDX-License-Identifier: Apache-2.0
// The reader with a book of 1,000 pages: windows in both directions, pages, find, place, outline,
// summary, tables.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoProblems, launch, openContext, openPage, PHONE, until } from "./lib/browser.mjs";
import { book, EXPENSES, LEASE } from "./lib/documents.mjs";
import { Weft } from "./lib/weft.mjs";

const PAGES = 1000;
const RARE_PAGE = 640;
const RARE_WORD = "Thorvaldsen";

const weft = new Weft();
let browser;
let context;
let long;
let lease;
let table;

before(async () => {
    browser = await launch();
    await weft.start();
    context = await openContext(browser, weft);
    long = await weft.add("long.pdf", book(PAGES, RARE_PAGE, RARE_WORD));
    lease = await weft.add("lease.md", LEASE);
    table = await weft.add("expenses.csv", EXPENSES);
});

after(async () => {
    await browser?.close();
    await weft.end();
});

const openDocument = async (id, rest = "", ctx = context) => {
    const page = await openPage(ctx, weft, `#/library?doc=${id}${rest}`);
    await page.waitForSelector(".text .sheet");
    return page;
};
const shownLeaves = (page) => page.evaluate(() =>
    [...document.querySelector(".text").innerText.matchAll(/leaf number (\d+) of/g)]
        .map((found) => Number(found[1])));

test("a long book opens at its first page and loads what comes as it is read", async () => {
    assert.equal(long.pages, PAGES);
    const page = await openDocument(long.id);
    assert.equal((await shownLeaves(page))[0], 1);
    await until("the page's number is shown", async () =>
        await page.inputValue(".page-field") === "1");
    await page.locator(".reader-scroll").hover();
    let leaves = [];
    await until("a hundred pages are gone through", async () => {
        await page.mouse.wheel(0, 3000);
        leaves = await shownLeaves(page);
        return leaves.at(-1) > 100;
    });
    leaves.slice(1).forEach((leaf, i) => assert.equal(leaf, leaves[i] + 1, "pages in order"));
    assert.ok(leaves.length < 250, `${leaves.length} pages kept in the page`);
    assertNoProblems(page);
    await page.close();
});

test("a page number leads to that page, and reading backwards what is before it", async () => {
    const page = await openDocument(long.id);
    await page.fill(".page-field", String(RARE_PAGE));
    await page.keyboard.press("Enter");
    await page.waitForFunction((leaf) => document.querySelector(".text").innerText
        .includes(`leaf number ${leaf} of`), RARE_PAGE);
    await until("the page is in view", () => page.locator(".reader-scroll").evaluate((node, at) => {
        const top = node.getBoundingClientRect().top;
        return [...node.querySelectorAll(".page-label")].some((label) => {
            const y = label.getBoundingClientRect().top - top;
            return label.textContent === `Page ${at}` && y > -60 && y < 500;
        });
    }, RARE_PAGE));
    await page.locator(".reader-scroll").hover();
    let leaves = [];
    await until("thirty pages are gone back", async () => {
        await page.mouse.wheel(0, -3000);
        leaves = await shownLeaves(page);
        return leaves[0] < RARE_PAGE - 30;
    });
    leaves.slice(1).forEach((leaf, i) => assert.equal(leaf, leaves[i] + 1, "pages in order"));
    assertNoProblems(page);
    await page.close();
});

test("loading before does not move what is being read", async () => {
    const at = Math.floor(long.characters / 2);
    const page = await openDocument(long.id, `&start=${at}&end=${at + 20}`);
    await page.waitForSelector("mark.cited");
    const y = () => page.locator("mark.cited").first()
        .evaluate((mark) => mark.getBoundingClientRect().top);
    await until("the marked words are in view", async () => await y() > 0 && await y() < 900);
    const first = await y();
    await page.waitForTimeout(800);
    assert.ok(Math.abs((await y()) - first) < 3, "the marked words stay where they are");
    assertNoProblems(page);
    await page.close();
});

test("the marked words are those of the positions", async () => {
    const text = [...await weft.text(long.id)];
    const start = Math.floor(long.characters * 0.7);
    const wanted = text.slice(start, start + 60).join("").replace(/\s+/g, "");
    const page = await openDocument(long.id, `&start=${start}&end=${start + 60}`);
    await page.waitForSelector("mark.cited");
    const marked = (await page.locator("mark.cited").allInnerTexts()).join("").replace(/\s+/g, "");
    assert.equal(marked, wanted);
    assertNoProblems(page);
    await page.close();
});

test("find reaches a word far away, counts all places and goes through them", async () => {
    const page = await openDocument(long.id);
    await page.locator(".reader-scroll").click();
    await page.keyboard.press("Control+f");
    await page.keyboard.type(RARE_WORD.toLowerCase());
    await page.locator("mark.now", { hasText: RARE_WORD }).waitFor();
    await page.locator(".find-count", { hasText: /^1 of 1$/ }).waitFor();
    await page.fill(".find-bar input", "leaf number");
    await page.waitForFunction(() => / of 1,000$/.test(
        document.querySelector(".find-count").textContent));
    const now = await page.locator(".find-count").innerText();
    await page.keyboard.press("Enter");
    await page.waitForFunction((before_) =>
        document.querySelector(".find-count").textContent !== before_, now);
    await page.fill(".find-bar input", "qqqzzz");
    await page.getByText("Not found", { exact: true }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".find-bar").waitFor({ state: "hidden" });
    assertNoProblems(page);
    await page.close();
});

test("the outline lists the headings and leads to them", async () => {
    const page = await openDocument(lease.id);
    await page.getByRole("button", { name: "Outline" }).click();
    await page.locator(".outline button", { hasText: "Pets" }).waitFor();
    const entries = await page.locator(".outline button").allInnerTexts();
    assert.deepEqual(entries.map((text) => text.trim()),
        ["Lease agreement", "Term", "Rent", "Deposit", "Pets"]);
    await page.locator(".outline button", { hasText: "Deposit" }).click();
    await page.locator(".text h3", { hasText: "Deposit" }).waitFor();
    await page.keyboard.press("Escape");
    assertNoProblems(page);
    await page.close();
});

test("a summary gives sentences that lead to their places", async () => {
    const page = await openDocument(lease.id);
    await page.getByRole("button", { name: "Summary" }).click();
    await page.getByLabel("Length").selectOption("3");
    await page.getByRole("button", { name: "Summarize" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".summary li").length === 3);
    const sentence = (await page.locator(".summary li button span").first().innerText()).trim();
    await page.locator(".summary li button").first().click();
    await page.locator("mark.cited").first().waitFor();
    const marked = (await page.locator("mark.cited").allInnerTexts()).join(" ");
    assert.equal(marked.replace(/\s+/g, ""), sentence.replace(/\s+/g, ""));
    assertNoProblems(page);
    await page.close();
});

test("a table is shown with its cells", async () => {
    const page = await openDocument(table.id);
    await page.locator(".text", { hasText: "Train to Lyon" }).waitFor();
    assertNoProblems(page);
    await page.close();
});

test("a document that is gone says so", async () => {
    const page = await openPage(context, weft, "#/document/0123456789abcdef");
    page.expected.push(/404/);
    await page.getByText("This document is no longer in the library.").waitFor();
    assertNoProblems(page);
    await page.close();
});

test("on a phone the reader covers everything and goes back to the answer", async () => {
    const phone = await openContext(browser, weft, { viewport: PHONE, hasTouch: true });
    const page = await openPage(phone, weft, "#/search?q=deposit");
    await page.locator(".source-link").first().click();
    await page.waitForSelector("mark.cited");
    await page.locator(".pane").evaluate((pane) =>
        Promise.all(pane.getAnimations().map((a) => a.finished)),
    );
    const box = await page.locator(".pane").boundingBox();
    assert.equal(Math.round(box.width), PHONE.width);
    await page.getByRole("button", { name: "Close the document" }).click();
    await page.waitForSelector(".source-link", { state: "visible" });
    assertNoProblems(page);
    await phone.close();
});
