// SPDX-License-Identifier: Apache-2.0
// What may leave and what did, as a person sees it: the list of what left, an answer from
// elsewhere, what the policy kept here, the look ahead, the policy's sentences. The provider is
// one of our own on loopback; all else is real.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, assertAccessible, assertNoProblems, DESKTOP, launch, openContext, openPage, PHONE,
    shoot } from "./lib/browser.mjs";
import { addModel } from "./lib/models.mjs";
import { Provider } from "./lib/provider.mjs";
import { Weft } from "./lib/weft.mjs";

const CARD = "4111 1111 1111 1111";
const SECRET = "My password is hunter2-Xk9! and the key is AKIAIOSFODNN7EXAMPLE.";

const weft = new Weft();
const provider = new Provider();
let browser;
let context;

before(async () => {
    browser = await launch();
    await weft.start();
    context = await openContext(browser, weft);
    await provider.start();
});

after(async () => {
    await browser?.close();
    provider.end();
    await weft.end();
});

async function say(page, text) {
    await page.fill("textarea[data-ask]", text);
    await page.keyboard.press("Enter");
}

test("before anything left, the list says so", async () => {
    const page = await openPage(context, weft);
    await page.locator(".privacy a").click();
    await page.getByRole("heading", { name: "Nothing has left this device" }).waitFor();
    assert.equal(await page.locator(".privacy a").getAttribute("aria-current"), "page");
    assert.equal(await page.locator(".entry").count(), 0);
    assertNoProblems(page);
    await page.close();
});

test("without any engine the look ahead says so, and how to get one", async () => {
    const page = await openPage(context, weft, "#/tour?q=Why%20is%20the%20sky%20blue%3F");
    await page.locator(".steps").getByText("Nowhere yet").waitFor();
    await page.getByRole("link", { name: "Get a model" }).click();
    await page.getByText("There is no model here yet").waitFor();
    assertNoProblems(page);
    await page.close();
});

test("the newcomer's own question leads to the look ahead", async () => {
    addModel(weft, "tiny");
    await provider.join(weft, "gpt");
    const page = await openPage(context, weft);
    await page.locator(".tour-link").waitFor(); // it was seen above
    await page.fill("textarea[data-ask]", "Why is the sky blue?");
    await page.locator(".tour-link a").click();
    const steps = page.locator(".steps > li");
    await steps.first().waitFor();
    assert.equal(await page.inputValue(".tour textarea"), "Why is the sky blue?");
    await steps.nth(0).locator(".label-chip.internal").waitFor();
    assert.doesNotMatch(page.url(), /sky/, "an address would be remembered");
    assert.match(await steps.nth(1).innerText(), /on this device, with tiny/i);
    const out = page.locator(".candidate.out");
    assert.match(await out.innerText(), /gpt[^]*You would be asked first/);
    const changes = steps.nth(3).locator("dl > div");
    assert.match(await changes.nth(0).innerText(), /If you agreed[^]*at a provider, with gpt/);
    assert.match(await changes.nth(3).innerText(), /card number[^]*on this device[^]*private/);
    assert.equal(provider.seen, "", "nothing was sent");
    assertNoProblems(page);
    await page.close();
});

test("the look ahead says what is in a question, and who may not see it", async () => {
    const page = await openPage(context, weft, "#/tour");
    await page.fill(".tour textarea", `Is ${CARD} a good number?`);
    await page.keyboard.press("Enter");
    const steps = page.locator(".steps > li");
    await steps.nth(0).locator(".label-chip.private").waitFor();
    await steps.nth(0).locator("summary").click();
    assert.match(await steps.nth(0).innerText(), /card numbers/);
    assert.match(await page.locator(".candidate.out").innerText(), /may not see/);
    assertNoProblems(page);
    await page.close();
});

test("an answer on this device says why it was given here", async () => {
    const page = await openPage(context, weft);
    const turn = await ask(page, "Which kinds of files can weft read?");
    await turn.getByRole("link", { name: "Why here?" }).click();
    await page.locator(".steps").waitFor();
    assert.equal(await page.inputValue(".tour textarea"), "Which kinds of files can weft read?");
    assertNoProblems(page);
    await page.close();
});

async function openChat(options = {}) {
    const own = await openContext(browser, weft, { serviceWorkers: "block", ...options });
    await own.addInitScript(() => {
        localStorage["weft.chat-settings"] ??= JSON.stringify({ maxTokens: "20", seed: "3" });
    });
    const page = await openPage(own, weft, "#/chat");
    await page.locator(".model-picker optgroup[label=Elsewhere]").waitFor({ state: "attached" });
    return page;
}

test("an answer from elsewhere says what left, as what, and what was replaced", async () => {
    const page = await openChat();
    assert.equal(await page.inputValue(".model-picker"), "tiny:latest", "near comes first");
    await page.locator(".chat-note", { hasText: "on this device" }).waitFor();
    await page.selectOption(".model-picker", "gpt/small");
    await page.locator(".chat-note", { hasText: "leaves this device" }).waitFor();
    await say(page, "Write to anna.schmidt@example.org about the garden.");
    const line = page.locator(".reply .left-line");
    await line.waitFor();
    assert.match(await line.innerText(), /labelled\s+internal\s*, one detail was replaced/);
    assert.match(await page.locator(".reply .about").innerText(), /Answered elsewhere, by gpt/);
    assert.match(await page.locator(".reply .prose").innerText(), /anna\.schmidt@example\.org/);
    assert.match(provider.seen, /<EMAIL_1>/);
    assert.doesNotMatch(provider.seen, /anna/);
    await line.getByRole("link", { name: "See what left" }).click();
    const entry = page.locator(".entry").first();
    await entry.waitFor();
    assert.match(await entry.innerText(), /gpt\s+internal[^]*one detail replaced[^]*you chose/);
    assert.match(await page.locator(".sum").first().innerText(),
        /gpt\s+internal[^]*one request[^]*sent[^]*e-mail addresses \(1\)/);
    await entry.locator("summary").click();
    assert.match(await entry.locator("dl").innerText(), /e-mail addresses \(1\)/);
    assert.match(await page.locator(".card", { hasText: "trusted" }).innerText(),
        /signed,? last at|ledger verify/);
    assertNoProblems(page);
    await page.context().close();
});

test("what the policy keeps here is told as that, with its reason, and answered here", async () => {
    const page = await openChat();
    page.expected.push(/403/);
    const before = provider.seen;
    await page.selectOption(".model-picker", "gpt/small");
    await say(page, SECRET);
    const kept = page.locator(".refused");
    await kept.getByRole("heading", { name: "This stayed on your device" }).waitFor();
    await kept.getByText("Because:").waitFor();
    assert.match(await kept.innerText(),
        /This is secret. gpt may see no more than what is internal. So nothing was sent./);
    assert.match(await kept.innerText(), /Because:[^]*credentials/);
    assert.equal(await page.locator(".failed").count(), 0, "not a failure");
    assert.equal(provider.seen, before);
    await assertAccessible(page, "refused");
    await kept.getByRole("button", { name: "Answer it here" }).click();
    await page.locator(".reply:not([aria-busy]) .route", { hasText: "on this device" }).waitFor();
    assert.equal(await page.inputValue(".model-picker"), "tiny:latest");
    assert.equal(provider.seen, before);
    assertNoProblems(page);
    await page.context().close();
});

test("the settings show the policy in its sentences, and change none", async () => {
    const page = await openPage(context, weft, "#/settings");
    const card = page.locator(".card", { hasText: "Who may see what" });
    await card.locator("details summary").click();
    const { sentences } = await weft.call("GET", "policy");
    assert.ok(sentences.length > 10);
    assert.equal(await card.locator(".sentences li").count(), sentences.length);
    await card.getByText("ask before anything goes to providers").waitFor();
    assert.equal(await card.locator("input, textarea, select").count(), 0);
    assertNoProblems(page);
    await page.close();
});

test("a ledger that cannot be read is told, and read again", async () => {
    const page = await openPage(context, weft);
    page.expected.push(/500/);
    await page.route("**/weft/v1/ledger*", (route) => route.fulfill({ status: 500,
        contentType: "application/problem+json",
        body: JSON.stringify({ status: 500, detail: "The ledger is damaged." }) }), { times: 1 });
    await page.goto(`${weft.origin}/#/left`);
    await page.locator(".failed", { hasText: "The ledger is damaged." }).waitFor();
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".entry").first().waitFor();
    assertNoProblems(page);
    await page.close();
});

test("by keyboard: g w leads to what left, an entry opens", async () => {
    const page = await openPage(context, weft, "#/threads");
    await page.locator("body").click({ position: { x: 5, y: 890 } });
    await page.keyboard.press("g");
    await page.keyboard.press("w");
    await page.waitForSelector("h1:focus", { state: "attached" });
    const summary = page.locator(".entry summary").first();
    await summary.focus();
    await page.keyboard.press("Enter");
    await page.locator(".entry details[open]").waitFor();
    assertNoProblems(page);
    await page.close();
});

test("all of it in German", async () => {
    const german = await openContext(browser, weft, { locale: "de-DE" });
    const page = await openPage(german, weft, "#/left");
    await page.getByRole("heading", { name: "Was dieses Gerät verließ" }).waitFor();
    assert.match(await page.locator(".entry").first().innerText(),
        /intern[^]*eine Angabe ersetzt · Sie haben diese Engine gewählt/);
    await page.goto(`${weft.origin}/#/tour`);
    await page.fill(".tour textarea", `Ist ${CARD} gut?`);
    await page.keyboard.press("Enter");
    await page.locator(".steps .label-chip", { hasText: "privat" }).first().waitFor();
    await page.locator(".tour-where", { hasText: /auf diesem Gerät, mit tiny/i }).waitFor();
    assertNoProblems(page);
    await german.close();
});

async function look(page, name) {
    await assertAccessible(page, name);
    const wide_px = await page.evaluate(() =>
        document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide_px <= 0, `${name} is ${wide_px} px too wide`);
    await shoot(page, name);
}

for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    for (const colorScheme of ["light", "dark"]) {
        test(`what left, look ahead, policy: ${size}, ${colorScheme}`, async () => {
            const name = `${size}-${colorScheme}-privacy`;
            const page = await openChat({ viewport, colorScheme, hasTouch: size === "phone" });
            page.expected.push(/403/);
            await page.selectOption(".model-picker", "gpt/small");
            await say(page, "Write to ben@example.org about the garden.");
            await page.locator(".reply .left-line").waitFor();
            await say(page, SECRET);
            await page.locator(".refused").waitFor();
            await look(page, `${name}-1-chat`);
            await page.goto(`${weft.origin}/#/left`);
            await page.locator(".entry summary").first().click();
            await look(page, `${name}-2-left`);
            await page.goto(`${weft.origin}/#/tour?q=Why%20is%20the%20sky%20blue%3F`);
            await page.locator(".steps").waitFor();
            await look(page, `${name}-3-tour`);
            await page.goto(`${weft.origin}/#/settings`);
            await page.locator(".card", { hasText: "Who may see what" })
                .locator("details summary").click();
            await look(page, `${name}-4-policy`);
            assertNoProblems(page);
            await page.context().close();
        });
    }
}
