// SPDX-License-Identifier: Apache-2.0
// Drafts in the app: made, written by two at once who see each other, commented on, taken back to
// an older version, written while weft is away; the plain field where the editor was not built.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, assertNoProblems, launch, openContext, openPage, PHONE, shoot, until }
    from "./lib/browser.mjs";
import { Weft } from "./lib/weft.mjs";

const weft = new Weft();
let browser;
let context;
let hasEditor;

before(async () => {
    browser = await launch();
    await weft.start();
    context = await openContext(browser, weft);
    hasEditor = (await fetch(`${weft.origin}/app/editor.js`)).ok;
});

after(async () => {
    await browser?.close();
    await weft.end();
});

const PLAN = "# Summer fair\n\nStalls open at **ten**. Ana brings the tents.\n\n- tea\n- cake\n";

async function make(name, text) {
    return weft.call("POST", "drafts", { name, text });
}

const textOf = async (draft) => (await weft.call("GET", `drafts/${draft.id}`)).text;

// The editor's text as it is shown.
const shown = (page) => page.locator(".cm-content");

async function openDraft(where, draft) {
    const page = await openPage(where, weft, `#/draft/${draft.id}`);
    await shown(page).waitFor();
    await page.locator(".draft-status", { hasText: "Saved" }).waitFor();
    return page;
}

const noEditor = () => (hasEditor ? false : "the editor was not built: make editor");

test("a draft is made, written and found again", async (t) => {
    if (noEditor()) return t.skip(noEditor());
    const page = await openPage(context, weft, "#/drafts");
    await page.getByRole("heading", { name: "No drafts yet" }).waitFor();
    await page.locator(".page-head").getByRole("button", { name: "New draft" }).click();
    await page.locator("dialog input").fill("Shopping");
    await page.getByRole("button", { name: "Make it" }).click();
    await shown(page).click();
    await page.keyboard.type("apples and pears");
    await page.locator(".draft-status", { hasText: "Saved" }).waitFor();
    const { drafts } = await weft.call("GET", "drafts");
    await until("the text is kept", async () => (await textOf(drafts[0])) === "apples and pears");
    await page.getByRole("link", { name: "All drafts" }).click();
    await page.locator(".row", { hasText: "Shopping" }).waitFor();
    assertNoProblems(page);
    await page.close();
});

test("two write at once and see each other", async (t) => {
    if (noEditor()) return t.skip(noEditor());
    const draft = await make("Fair", PLAN);
    const a = await openDraft(context, draft);
    const other = await openContext(browser, weft, { viewport: PHONE });
    const b = await openDraft(other, draft);
    await b.locator(".person.me").click();
    await b.locator("dialog input").fill("Ben");
    await b.getByRole("button", { name: "Keep it" }).click();
    await a.locator(".person", { hasText: "Ben" }).waitFor();
    await shown(a).click();
    await a.keyboard.press("Control+End");
    await a.keyboard.type("- coffee");
    await shown(b).getByText("coffee").waitFor();
    await b.locator(".cm-line", { hasText: "Stalls open" }).click();
    await b.keyboard.press("Home");
    await b.keyboard.type("All ");
    await a.locator(".cm-peer-name", { hasText: "Ben" }).waitFor();
    await until("both have both", async () =>
        (await textOf(draft)).includes("All Stalls") && (await textOf(draft)).includes("- coffee"));
    await assertAccessible(a, "draft");
    await shoot(a, "desktop-draft");
    await assertAccessible(b, "draft on a phone");
    const wide_px = await b.evaluate(() =>
        document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide_px <= 0, `${wide_px} px too wide`);
    await shoot(b, "phone-draft");
    assertNoProblems(a);
    assertNoProblems(b);
    await b.close();
    await a.locator(".cm-peer-name").waitFor({ state: "detached" });
    await other.close();
    await a.close();
});

test("words are commented on, and the comment is done", async (t) => {
    if (noEditor()) return t.skip(noEditor());
    const draft = await make("Commented", PLAN);
    const page = await openDraft(context, draft);
    await page.locator(".cm-line", { hasText: "Stalls open" })
        .dblclick({ position: { x: 20, y: 10 } });
    await page.getByRole("button", { name: "Comment", exact: true }).click();
    await page.locator("dialog input").fill("Which ones?");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.locator(".note-card", { hasText: "Which ones?" }).waitFor();
    await page.locator(".cm-noted", { hasText: "Stalls" }).waitFor();
    const again = await openDraft(context, draft);
    await again.locator(".cm-noted", { hasText: "Stalls" }).waitFor();
    await assertAccessible(page, "comments");
    await shoot(page, "desktop-draft-comments");
    await page.getByRole("button", { name: "Done" }).click();
    await again.locator(".cm-noted").waitFor({ state: "detached" });
    assertNoProblems(page);
    await again.close();
    await page.close();
});

test("an older version is looked at and restored, by a new change", async (t) => {
    if (noEditor()) return t.skip(noEditor());
    const draft = await make("Versions", "first");
    await weft.call("PUT", `drafts/${draft.id}`, { text: "second" });
    const page = await openDraft(context, draft);
    await page.getByRole("button", { name: "Versions" }).click();
    await page.locator(".version").first().click();
    await page.locator(".version-text", { hasText: "second" }).waitFor();
    await shoot(page, "desktop-draft-versions");
    await assertAccessible(page, "versions");
    await weft.call("POST", `drafts/${draft.id}/restore`, { version: 1 });
    await shown(page).getByText("first", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Restore" }).click();
    await shown(page).getByText("second", { exact: true }).waitFor();
    assert.equal((await weft.call("GET", `drafts/${draft.id}`)).version > 3, true);
    assertNoProblems(page);
    await page.close();
});

test("an open draft is renamed, and its removal is seen", async (t) => {
    if (noEditor()) return t.skip(noEditor());
    const draft = await make("Called so", "words");
    const page = await openDraft(context, draft), other = await openDraft(context, draft);
    page.expected.push(/WebSocket/);
    other.expected.push(/WebSocket/);
    await page.locator(".draft-tools").getByRole("button", { name: "Rename" }).click();
    await page.locator("dialog input").fill("Called otherwise");
    await page.locator("dialog").getByRole("button", { name: "Rename" }).click();
    await page.getByRole("heading", { name: "Called otherwise" }).waitFor();
    await shown(other).click();
    await other.keyboard.press("Control+End");
    await other.keyboard.type(" and more");
    await shown(page).getByText("words and more").waitFor();
    await weft.call("DELETE", `drafts/${draft.id}`);
    await page.locator(".draft-status", { hasText: "removed" }).waitFor();
    await other.locator(".draft-status", { hasText: "removed" }).waitFor();
    const { drafts } = await weft.call("GET", "drafts");
    assert.ok(!drafts.some((d) => /^Called/.test(d.name)), "nobody has brought it back");
    assertNoProblems(page);
    await other.close();
    await page.close();
});

test("what is written while weft is away comes when it is back", async (t) => {
    if (noEditor()) return t.skip(noEditor());
    const draft = await make("Away", "before\n");
    const page = await openDraft(context, draft);
    page.expected.push(/ERR_|Failed to|WebSocket/);
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.reload(); // now the worker has seen every file
    await shown(page).getByText("before").waitFor();
    await weft.stop();
    await page.locator(".draft-status", { hasText: "Offline" }).waitFor();
    await shown(page).click();
    await page.keyboard.press("Control+End");
    await page.keyboard.type("written away");
    await page.waitForTimeout(300); // the browser's own store takes a moment
    await page.reload();
    await shown(page).getByText("written away").waitFor(); // opened without weft
    await page.keyboard.press("Escape");
    await weft.start();
    await page.locator(".draft-status", { hasText: "Saved" }).waitFor();
    await until("it has come", async () => (await textOf(draft)) === "before\nwritten away");
    await page.close();
});

test("without the editor a plain field does, and merges", async () => {
    const draft = await make("Plain", "one\ntwo\n");
    const plain = await openContext(browser, weft, { serviceWorkers: "block" });
    await plain.route("**/app/editor.js", (route) => route.fulfill({ status: 404, body: "" }));
    const page = await openPage(plain, weft, `#/draft/${draft.id}`);
    page.expected.push(/404|Failed to load/);
    const field = page.locator(".draft-plain");
    await until("the text is there", async () => (await field.inputValue()) === "one\ntwo\n");
    await weft.call("PUT", `drafts/${draft.id}`, { text: "zero\none\ntwo\n" });
    await field.fill("one\ntwo\nthree\n");
    await until("both changes are there", async () =>
        (await textOf(draft)) === "zero\none\ntwo\nthree\n");
    assertNoProblems(page);
    await plain.close();
});

test("a label is raised by a person and by what is written, and what is secret says that it stays",
    async (t) => {
        if (noEditor()) return t.skip(noEditor());
        await weft.call("POST", "spaces", { name: "fair", label: "internal" });
        const draft = await weft.call("POST", "drafts", { space: "fair", name: "Till", text: "" });
        const page = await openDraft(context, draft);
        const chip = page.locator("button.label-chip");
        assert.equal(await chip.textContent(), "internal");
        await weft.call("PATCH", `drafts/${draft.id}`, { label: "private" });
        await page.locator("button.label-chip.private").waitFor();
        await chip.click();
        await page.getByRole("heading", { name: "How sensitive is it?" }).waitFor();
        await assertAccessible(page);
        await shoot(page, "draft-label");
        await page.locator("dialog").getByText("For this device alone").click();
        await page.getByText("It is secret: it stays on this device.").waitFor();
        assert.equal((await weft.call("GET", `drafts/${draft.id}`)).label, "secret");
        assertNoProblems(page);
        await page.close();
    });

test("a draft is renamed and removed", async () => {
    await make("Old name", "x");
    const page = await openPage(context, weft, "#/drafts");
    const row = page.locator(".row", { hasText: "Old name" });
    await row.getByRole("button", { name: "Rename" }).click();
    await page.locator("dialog input").fill("New name");
    await page.locator("dialog").getByRole("button", { name: "Rename" }).click();
    const renamed = page.locator(".row", { hasText: "New name" });
    await renamed.waitFor();
    await assertAccessible(page, "drafts");
    await shoot(page, "desktop-drafts");
    await renamed.getByRole("button", { name: "Remove" }).click();
    await page.locator("dialog").getByRole("button", { name: "Remove" }).click();
    await renamed.waitFor({ state: "detached" });
    assertNoProblems(page);
    await page.close();
});
