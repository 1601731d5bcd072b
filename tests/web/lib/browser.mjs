// SPDX-License-Identifier: Apache-2.0
// Chromium, and what every test asks of a page: no error in its console, nothing asked of others,
// no violation that axe knows.

import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";
import { shotsFolder } from "./weft.mjs";

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

// What takes so long on a machine that does much else hangs.
const PATIENCE_MS = 45000;

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1440, height: 900 };

// `more`: arguments; `env`: of the browser.
export function launch(more = [], env = process.env) {
    return chromium.launch({
        env,
        executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
        args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            ...more],
    });
}

// A browser of someone who opened the one-time link (once a test file: it works once; later
// contexts take its cookie).
export async function openContext(browser, weft, options = {}) {
    const context = await browser.newContext({ viewport: DESKTOP, colorScheme: "light",
        locale: "en-GB", ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    if (weft.cookies) {
        await context.addCookies(weft.cookies);
        return context;
    }
    const page = await context.newPage();
    await page.goto(weft.link);
    await page.waitForSelector("textarea[data-ask]");
    weft.cookies = await context.cookies();
    assert.equal(weft.cookies.length, 1, "the link sets one cookie");
    assert.equal(weft.cookies[0].httpOnly, true);
    await page.close();
    return context;
}

// Waits until check() gives true: for what no event tells.
export async function until(what, check) {
    for (const end = Date.now() + PATIENCE_MS; !(await check());) {
        assert.ok(Date.now() < end, `in vain: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 30));
    }
}

// A page that remembers what went wrong on it. `expected` names console errors that a test causes.
export async function openPage(context, weft, at = "#/") {
    const page = await context.newPage();
    page.problems = [];
    page.expected = [];
    page.on("pageerror", (error) => page.problems.push(String(error)));
    page.on("console", (message) => {
        if (message.type() === "error") page.problems.push(message.text());
    });
    page.on("request", (request) => {
        const where = request.url();
        if (!where.startsWith(weft.origin) && !/^(data|blob):/.test(where)) {
            page.problems.push(`asked a stranger: ${where}`);
        }
    });
    // From then on it is told of what changes elsewhere.
    page.live = page.waitForResponse((answer) => answer.url().endsWith("/weft/v1/events"));
    page.live.catch(() => {}); // not all wait for it
    await page.goto(`${weft.origin}/${at}`);
    await page.waitForSelector("#app h1", { state: "attached" });
    return page;
}

export function assertNoProblems(page) {
    const left = page.problems.filter((text) => !page.expected.some((one) => one.test(text)));
    assert.deepEqual(left, [], "errors on the page");
}

export async function assertAccessible(page, name) {
    // Fading in, text has a contrast that it will not keep.
    await page.evaluate(() => Promise.allSettled(
        document.getAnimations().filter((one) => one.effect.getTiming().iterations !== Infinity)
            .map((one) => one.finished)));
    if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
    const { violations } = await page.evaluate((rules) =>
        window.axe.run(document, { runOnly: rules }), RULES);
    const found = violations.map(({ id, nodes }) =>
        `${name}: ${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
    assert.deepEqual(found, [], "axe");
}

export async function shoot(page, name) {
    fs.mkdirSync(shotsFolder, { recursive: true });
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: path.join(shotsFolder, `${name}.png`) });
}

export async function ask(page, question) {
    const before = await page.locator(".turn").count();
    await page.fill("textarea[data-ask]", question);
    await page.keyboard.press("Enter");
    const turn = page.locator(".turn").nth(before);
    await turn.locator(".answer:not(.waiting)").waitFor();
    return turn;
}
