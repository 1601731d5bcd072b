// SPDX-License-Identifier: Apache-2.0
// A person's release in the page, why a request ran where it ran, and the look ahead as the first
// thing that a newcomer is offered. The provider is one of our own on loopback; all else is real.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, assertNoProblems, DESKTOP, launch, openContext, openPage, PHONE, shoot }
    from "./lib/browser.mjs";
import { addModel } from "./lib/models.mjs";
import { Provider } from "./lib/provider.mjs";
import { Weft } from "./lib/weft.mjs";

const CARD = "Is 4111 1111 1111 1111 of anna.schmidt@example.org valid?";
const SECRET = "My password is hunter2-Xk9! and the key is AKIAIOSFODNN7EXAMPLE.";

const weft = new Weft();
const provider = new Provider();
let browser;

before(async () => {
    browser = await launch();
    await weft.start();
    await (await openContext(browser, weft)).close();
    await provider.start();
    addModel(weft, "tiny");
    await provider.join(weft, "gpt");
});

after(async () => {
    await browser?.close();
    provider.end();
    await weft.end();
});

async function look(page, name) {
    await assertAccessible(page, name);
    const wide_px = await page.evaluate(() =>
        document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide_px <= 0, `${name} is ${wide_px} px too wide`);
    await shoot(page, name);
}

// A chat in which the policy has kept a sentence here.
async function openKept(sentence, options = {}, elsewhere = "Elsewhere") {
    const own = await openContext(browser, weft, { serviceWorkers: "block", ...options });
    await own.addInitScript(() => {
        localStorage["weft.chat-settings"] ??= JSON.stringify({ maxTokens: "20", seed: "3" });
    });
    const page = await openPage(own, weft, "#/chat");
    page.expected.push(/403/);
    await page.locator(`.model-picker optgroup[label=${elsewhere}]`)
        .waitFor({ state: "attached" });
    await page.selectOption(".model-picker", "gpt/small");
    await page.fill("textarea[data-ask]", sentence);
    await page.keyboard.press("Enter");
    await page.locator(".refused").waitFor();
    return page;
}

const openDialog = async (page) => {
    await page.locator(".refused").getByRole("button", { name: "Let it leave, once" }).click();
    return page.locator("dialog.release");
};

test("a newcomer is offered a look ahead on a question of their own, once", async () => {
    const own = await openContext(browser, weft, { viewport: PHONE, hasTouch: true });
    const page = await openPage(own, weft);
    const offer = page.locator(".tour-offer");
    await offer.getByRole("heading", { name: "Who gets to see your question?" }).waitFor();
    await page.fill("textarea[data-ask]", "Why is the sky blue?");
    await offer.getByRole("link", { name: "Look first" }).click();
    await page.locator(".steps > li").first().waitFor();
    assert.equal(await page.inputValue(".tour textarea"), "Why is the sky blue?");
    assert.equal(provider.seen, "", "nothing was sent");
    assert.equal(await page.locator(".turn").count(), 0, "nor asked");
    await page.getByRole("button", { name: "Ask it" }).click();
    await page.locator(".turn", { hasText: "Why is the sky blue?" }).waitFor();
    await page.goto(`${weft.origin}/#/`);
    await page.locator(".tour-link").waitFor();
    assert.equal(await offer.count(), 0);
    assertNoProblems(page);
    await own.close();
});

test("the offer can be skipped, and does not come back", async () => {
    const own = await openContext(browser, weft);
    const page = await openPage(own, weft);
    await page.locator(".tour-offer").getByRole("button", { name: "Skip" }).click();
    await page.locator(".tour-link").waitFor();
    await page.reload();
    await page.locator(".tour-link").waitFor();
    assert.equal(await page.locator(".tour-offer").count(), 0);
    assertNoProblems(page);
    await own.close();
});

test("who has no question takes one, and sees what would go where", async () => {
    const own = await openContext(browser, weft);
    const page = await openPage(own, weft, "#/tour");
    await page.locator(".tour-examples").getByRole("button", { name: /card number/ }).click();
    await page.locator(".steps > li").first().locator(".label-chip.private").waitFor();
    assertNoProblems(page);
    await own.close();
});

test("a release shows exactly what would go, and sends that, once", async () => {
    const page = await openKept(CARD);
    await page.locator(".refused").getByText("gpt may see no more than").waitFor();
    assert.match(await page.locator(".refused").innerText(), /This is private/);
    const dialog = await openDialog(page);
    await dialog.locator("mark", { hasText: "<CARD_1>" }).waitFor();
    assert.match(await dialog.innerText(), /Label\s+private\s+→\s+internal/);
    assert.match(await dialog.innerText(), /Because[^]*card numbers/);
    const send = dialog.getByRole("button", { name: "Send it this once" });
    assert.ok(await send.isDisabled(), "nothing goes by a button alone");
    await dialog.getByLabel("Send as it is").check();
    await dialog.locator(".would-go", { hasText: "4111 1111 1111 1111" }).first().waitFor();
    await dialog.locator("mark", { hasText: "<EMAIL_1>" }).waitFor();
    await dialog.locator("summary").click();
    const body = await dialog.locator("pre code").innerText();
    await dialog.getByLabel("Why is it to go?").fill("the shop asks for it");
    assert.ok(await send.isDisabled());
    await dialog.getByLabel("Type gpt to send it").fill("gpt");
    await assertAccessible(page, "release");
    assert.equal(provider.seen, "");
    await send.click();
    const line = page.locator(".reply .left-line");
    await line.waitFor();
    assert.equal(provider.seen, body, "to the byte");
    assert.match(await line.innerText(), /internal\s*, released by you, it was private\s*,/);
    assert.match(await page.locator(".reply .prose").innerText(), /anna\.schmidt@example\.org/);
    await line.getByRole("link", { name: "Why there?" }).click();
    const steps = page.locator(".steps > li");
    await steps.last().getByText("the shop asks for it").waitFor();
    assert.match(await steps.first().innerText(), /You chose gpt yourself/);
    assert.match(await steps.last().innerText(),
        /It left this device[^]*Released[^]*from private to internal[^]*What came back/);
    await page.getByRole("link", { name: "See what left" }).click();
    const entry = page.locator(".entry", { hasText: "released by you" });
    await entry.locator("summary").click();
    assert.match(await entry.locator("dl").innerText(), /from private to internal: the shop/);
    await entry.getByRole("link", { name: "Why there?" }).click();
    await page.getByRole("heading", { name: "Why did it run there?" }).waitFor();
    assertNoProblems(page);
    await page.context().close();
});

test("any other way out of the dialog keeps it here", async () => {
    const page = await openKept(CARD);
    const before = provider.seen;
    let dialog = await openDialog(page);
    await page.keyboard.press("Enter"); // there is no button that this would press
    assert.ok(await dialog.isVisible());
    await dialog.getByRole("button", { name: "Keep it here" }).click();
    await dialog.waitFor({ state: "detached" });
    dialog = await openDialog(page);
    await dialog.getByLabel("Why is it to go?").fill("because");
    await dialog.getByLabel("Type gpt to send it").fill("yes");
    await page.keyboard.press("Enter");
    assert.ok(await dialog.isVisible(), "another word sends nothing");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.equal(provider.seen, before);
    await page.locator(".refused").waitFor();
    assertNoProblems(page);
    await page.context().close();
});

test("what is secret offers no release", async () => {
    const page = await openKept(SECRET);
    await page.locator(".refused").getByText("This is secret").waitFor();
    assert.equal(await page.getByRole("button", { name: "Let it leave, once" }).count(), 0);
    assertNoProblems(page);
    await page.context().close();
});

test("where weft chose, its page has who could have been asked", async () => {
    const own = await openContext(browser, weft, { serviceWorkers: "block" });
    await own.addInitScript(() => {
        localStorage["weft.chat-settings"] ??= JSON.stringify({ maxTokens: "20", seed: "3" });
    });
    const page = await openPage(own, weft, "#/chat");
    const before = provider.seen;
    await page.locator(".model-picker option", { hasText: "weft chooses" })
        .waitFor({ state: "attached" });
    await page.selectOption(".model-picker", "auto");
    await page.locator(".chat-note", { hasText: "weft chooses for each message" }).waitFor();
    await page.fill("textarea[data-ask]", "Why is the sky blue?");
    await page.keyboard.press("Enter");
    const line = page.locator(".reply .route", { hasText: "on this device" });
    const good = page.getByRole("button", { name: "A good answer" });
    await line.waitFor();
    await good.click();
    await page.locator(".toast", { hasText: "Noted." }).waitFor();
    assert.equal(await good.getAttribute("aria-pressed"), "true");
    await line.getByRole("link", { name: "Why here?" }).click();
    await page.getByText("You found the answer good.").waitFor();
    const steps = page.locator(".steps > li");
    await steps.nth(0).getByText("The choice").waitFor();
    assert.match(await steps.nth(0).locator(".candidate.out").innerText(), /gpt[^]*Out:/);
    assert.match(await steps.nth(1).innerText(), /It ran at[^]*ends after/);
    assert.match(await steps.nth(2).innerText(), /Nothing\./);
    assert.equal(provider.seen, before);
    await look(page, "desktop-light-why-chosen");
    assertNoProblems(page);
    await own.close();
});

test("an answer about documents that was made elsewhere leads to why", async () => {
    const own = await openContext(browser, weft, { serviceWorkers: "block" });
    const page = await openPage(own, weft);
    const answer = { found: true, answer: "In May.", citations: [], sources: [], thread: null,
        route: { place: "gpt", sent: "gpt; gpt/small; label=internal; redacted=0; id=r-9" } };
    await page.route("**/weft/v1/ask", (route) => route.fulfill({
        contentType: "text/event-stream",
        body: `event: done\ndata: ${JSON.stringify(answer)}\n\n` }));
    await page.fill("textarea[data-ask]", "When?");
    await page.keyboard.press("Enter");
    const link = page.locator(".turn .route").getByRole("link", { name: "Why there?" });
    await link.waitFor();
    assert.equal(await link.getAttribute("href"), "#/why/r-9");
    assertNoProblems(page);
    await own.close();
});

test("a decision is shown with its candidates, and predicted beside actual", async () => {
    const own = await openContext(browser, weft);
    const page = await openPage(own, weft);
    const one = { tier: "here", engine: "here/tiny", model: "tiny", allowed: true, why: "",
        ttft_ms: 300, total_ms: 2000, quality: 0.62, energy_j: 12, cost: 0, utility: 0.5 };
    await page.route("**/weft/v1/why/r-1", (route) => route.fulfill({ contentType:
        "application/json", body: JSON.stringify({ id: "r-1", entries: [], decision: { id: "r-1",
        label: "internal", kind: "chat", balance: "good", explored: false, chosen: "here/tiny",
        candidates: [one, { ...one, tier: "provider", engine: "gpt/small", allowed: false,
            why: "It may not see what has this label", cost: 0.002 }],
        actual: { engine: "here/tiny", failed: false, ttft_ms: 350, total_ms: 2400, tokens: 90,
            energy_j: 15, cost: 0 } } }) }));
    await page.goto(`${weft.origin}/#/why/r-1`);
    const steps = page.locator(".steps > li");
    await steps.nth(0).locator(".candidate.out", { hasText: "may not see" }).waitFor();
    assert.match(await steps.nth(0).innerText(), /here\/tiny[^]*The choice[^]*62%/);
    assert.match(await steps.nth(1).innerText(), /ends after\s+2 s\s+2.4 s/);
    assert.match(await steps.nth(2).innerText(), /Nothing\./);
    await look(page, "desktop-light-why-decision");
    await page.setViewportSize(PHONE);
    await look(page, "phone-light-why-decision");
    page.expected.push(/404/);
    await page.goto(`${weft.origin}/#/why/r-nobody`);
    await page.getByText("Nothing is known of this request").waitFor();
    assertNoProblems(page);
    await own.close();
});

test("in German", async () => {
    const page = await openKept(CARD, { locale: "de-DE" }, "Anderswo");
    await page.getByRole("button", { name: "Einmal hinauslassen" }).click();
    const dialog = page.locator("dialog.release");
    await dialog.getByText("Genau dies ginge hinaus").first().waitFor();
    await dialog.getByLabel("Tippen Sie gpt, um es zu senden").waitFor();
    await look(page, "desktop-german-release");
    await page.keyboard.press("Escape");
    await page.goto(`${weft.origin}/#/`);
    await page.getByRole("heading", { name: "Wer bekommt Ihre Frage zu sehen?" }).waitFor();
    assertNoProblems(page);
    await page.context().close();
});

for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    test(`release, why and first run: ${size}`, async () => {
        const name = `${size}-release`;
        const page = await openKept(CARD, { viewport, hasTouch: size === "phone",
            colorScheme: size === "phone" ? "dark" : "light" });
        await page.getByRole("button", { name: "Let it leave, once" }).waitFor();
        await look(page, `${name}-1-refused`);
        const dialog = await openDialog(page);
        await look(page, `${name}-2-dialog`);
        await dialog.getByLabel("Why is it to go?").fill("the shop asks for it");
        await dialog.getByLabel("Type gpt to send it").fill("gpt");
        await look(page, `${name}-3-dialog-ready`);
        await dialog.getByRole("button", { name: "Send it this once" }).click();
        await page.locator(".reply .left-line").waitFor();
        await look(page, `${name}-4-sent`);
        await page.locator(".left-line").getByRole("link", { name: "Why there?" }).click();
        await page.locator(".steps").waitFor();
        await look(page, `${name}-5-why`);
        await page.goto(`${weft.origin}/#/`);
        await page.locator(".tour-offer").waitFor();
        await look(page, `${name}-6-first-run`);
        await page.locator(".tour-offer").getByRole("link", { name: "Look first" }).click();
        await page.locator(".tour-examples").waitFor();
        await look(page, `${name}-7-examples`);
        assertNoProblems(page);
        await page.context().close();
    });
}
