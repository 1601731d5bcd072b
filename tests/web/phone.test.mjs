// SPDX-License-Identifier: Apache-2.0
// A phone in the local network, in a browser that trusts the home CA as one trusts it for good (in
// its own store of certificates): the guide without TLS, being let in, a secure context, drafts and
// tasks written while weft is out of reach, presenting with a remote, being taken out.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { assertAccessible, assertNoProblems, launch, openContext, openPage, PHONE, shoot, until }
    from "./lib/browser.mjs";
import { freePort, Weft } from "./lib/weft.mjs";

// The machine's name as it would be found in the network; the browser is told where it is. So the
// page comes from no loopback address, which browsers take for safe without TLS.
const HOST = `${os.hostname().split(".")[0].toLowerCase()}.local`;
const HAS_CERTUTIL = spawnSync("certutil", ["-H"]).status !== null;

const port = await freePort();
const weft = new Weft(["--lan", "--lan-host", "127.0.0.1", "--lan-port", String(port)]);
const safe = { origin: `https://${HOST}:${port}` };
const plain = { origin: `http://${HOST}:${port}` };
const store = fs.mkdtempSync(path.join(os.tmpdir(), "weft-nss-"));
let browser;
let phone; // the context of the one that was let in
let hasEditor;

// As somebody does who installs a certificate.
function trust(file) {
    const nss = path.join(store, ".pki", "nssdb");
    fs.mkdirSync(nss, { recursive: true });
    execFileSync("certutil", ["-d", `sql:${nss}`, "-N", "--empty-password"]);
    execFileSync("certutil", ["-d", `sql:${nss}`, "-A", "-t", "C,,", "-n", "weft", "-i", file]);
}

const start = () => launch([`--host-resolver-rules=MAP ${HOST} 127.0.0.1`],
    { ...process.env, HOME: store });

const asPhone = { viewport: PHONE, hasTouch: true, isMobile: true, locale: "en-GB",
    colorScheme: "light",
    userAgent: "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari" };

before(async () => {
    if (!HAS_CERTUTIL) return;
    await weft.start();
    await until("the home CA is there", () => fs.existsSync(path.join(weft.home, "lan/ca.crt")));
    await until("phones can connect", async () => (await weft.call("GET", "phones")).lan?.port);
    hasEditor = (await fetch(`${weft.origin}/app/editor.js`)).ok;
});

after(async () => {
    await browser?.close();
    await weft.end();
    fs.rmSync(store, { recursive: true, force: true });
});

const skipped = (t, needsEditor = false) => {
    const why = !HAS_CERTUTIL ? "no certutil (libnss3-tools)" :
        needsEditor && !hasEditor ? "the editor was not built: make editor" : "";
    if (why) t.skip(why);
    return Boolean(why);
};

const tooWide = (page) => page.evaluate(() =>
    document.documentElement.scrollWidth - document.documentElement.clientWidth);

async function watch(context, url) {
    const page = await context.newPage();
    Object.assign(page, { problems: [], expected: [] });
    page.on("pageerror", (error) => page.problems.push(String(error)));
    page.on("console", (message) => {
        if (message.type() === "error") page.problems.push(message.text());
    });
    await page.goto(url);
    return page;
}

test("without the CA the way in is refused by the browser, and the guide says what to do",
    async (t) => {
        if (skipped(t)) return;
        browser = await start();
        const context = await browser.newContext(asPhone);
        const page = await watch(context, `${plain.origin}/`);
        page.expected.push(/ERR_CERT_AUTHORITY_INVALID/);
        await page.getByRole("heading", { name: "1. Trust this home" }).waitFor();
        assert.equal(await page.evaluate(() => window.isSecureContext), false);
        const { lan } = await weft.call("GET", "phones");
        await page.getByText(lan.fingerprint).waitFor();
        await page.getByText("Not trusted yet").waitFor();
        await assertAccessible(page, "guide");
        assert.ok(await tooWide(page) <= 0);
        await shoot(page, "phone-guide");
        await page.getByRole("button", { name: "iPhone, iPad" }).click();
        await page.getByText("Certificate Trust Settings").waitFor();
        await assert.rejects(page.goto(`${safe.origin}/phone.html`), /ERR_CERT_AUTHORITY_INVALID/);
        await browser.close();
    });

test("with the CA trusted a code lets it in, into a secure context", async (t) => {
    if (skipped(t)) return;
    trust(path.join(weft.home, "lan/ca.crt"));
    browser = await start();
    phone = await browser.newContext(asPhone);
    phone.setDefaultTimeout(45000);
    const guide = await watch(phone, `${plain.origin}/`);
    await guide.getByText("This browser trusts your home.").waitFor();
    await guide.close();
    const { code, link } = await weft.call("POST", "phones", {});
    assert.ok(link.endsWith(`/phone.html#${code}`));
    const page = await watch(phone, `${safe.origin}/phone.html#${code}`);
    await page.getByRole("heading", { name: "Let this device in" }).waitFor();
    assert.equal(new URL(page.url()).hash, "", "the code does not stay in the address");
    assert.equal(await page.getByLabel("What this device is called").inputValue(), "Android");
    await assertAccessible(page, "joining");
    await shoot(page, "phone-join");
    await page.getByLabel("What this device is called").fill("Ana's phone");
    await page.getByRole("button", { name: "Let it in" }).click();
    await page.waitForSelector("textarea[data-ask]");
    assert.equal(await page.evaluate(() => window.isSecureContext), true);
    const scope = await page.evaluate(async () => (await navigator.serviceWorker.ready).scope);
    assert.equal(scope, `${safe.origin}/`);
    const [cookie] = await phone.cookies();
    assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.sameSite], [true, true, "Strict"]);
    const { phones } = await weft.call("GET", "phones");
    assert.deepEqual(phones.map(({ name }) => name), ["Ana's phone"]);
    const session = await phone.newCDPSession(page);
    const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
    assert.deepEqual(installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito"), []);
    assertNoProblems(page);
    await page.close();
});

test("its settings and devices show what is its own to do", async (t) => {
    if (skipped(t)) return;
    const page = await openPage(phone, safe, "#/devices");
    await page.getByRole("heading", { name: "Your devices" }).waitFor();
    assert.equal(await page.getByText("Add a device").count(), 0);
    await page.goto(`${safe.origin}/#/settings`);
    await page.getByText("This phone is known as Ana's phone.").waitFor();
    assert.ok(await tooWide(page) <= 0);
    await shoot(page, "phone-settings");
    assertNoProblems(page);
    await page.close();
});

const shown = (page) => page.locator(".cm-content");
const textOf = async (id) => (await weft.call("GET", `drafts/${id}`)).text;

test("drafts that were never opened are there when weft is out of reach", async (t) => {
    if (skipped(t, true)) return;
    const one = await weft.call("POST", "drafts", { name: "Never opened", text: "from the desk" });
    const page = await openPage(phone, safe, "#/drafts");
    page.expected.push(/ERR_|Failed to|WebSocket/);
    await page.getByText("Never opened").waitFor();
    await until("it is kept", () => page.evaluate((id) =>
        JSON.parse(localStorage.getItem("weft.kept") ?? "{}")[id], one.id));
    await weft.stop();
    await page.reload();
    await page.getByText("Never opened").click();
    await shown(page).getByText("from the desk").waitFor();
    await shown(page).click();
    await page.keyboard.press("Control+End");
    await page.keyboard.type(", and the train");
    await page.locator(".draft-status", { hasText: "Offline" }).waitFor();
    await page.waitForTimeout(300); // the browser's own store takes a moment
    await page.goto(`${safe.origin}/#/drafts`);
    await page.locator(".page-head").getByRole("button", { name: "New draft" }).click();
    await page.locator("dialog input").fill("Made on the train");
    await page.getByRole("button", { name: "Make it" }).click();
    await shown(page).click();
    await page.keyboard.type("window seat");
    await page.waitForTimeout(300);
    await shoot(page, "phone-draft-offline");
    await page.close(); // the app is closed, and opened elsewhere in it
    const again = await openPage(phone, safe, "#/drafts");
    again.expected.push(/ERR_|Failed to|WebSocket/);
    const made = again.locator(".row", { hasText: "Made on the train" });
    await made.getByText("not sent yet").waitFor();
    await assertAccessible(again, "drafts out of reach");
    await made.locator("a").click();
    await shown(again).getByText("window seat").waitFor();
    await again.goto(`${safe.origin}/#/tasks`);
    await weft.start();
    await until("the edit has come, though it is not open", async () =>
        (await textOf(one.id)) === "from the desk, and the train");
    const find = async () => (await weft.call("GET", "drafts")).drafts
        .filter(({ name }) => /^Made on the train/.test(name));
    await until("the new one has come", async () => (await find()).length === 1);
    const [{ id }] = await find();
    await until("with its text", async () => (await textOf(id)) === "window seat");
    assert.equal((await find()).length, 1);
    await again.close();
});

test("tasks and reminders are read and set out of reach, and come once", async (t) => {
    if (skipped(t)) return;
    const page = await openPage(phone, safe, "#/tasks");
    page.expected.push(/ERR_|Failed to|WebSocket/);
    const add = async (text) => {
        await page.getByLabel("New task").fill(text);
        await page.keyboard.press("Enter");
        await page.locator(".task", { hasText: text }).waitFor();
    };
    await add("buy stamps");
    const records = async () => (await weft.call("GET", "records?collection=task")).records
        .map(({ fields }) => `${fields.text}:${fields.done}`).sort();
    await until("it is kept", async () => (await records()).join() === "buy stamps:false");
    await page.reload(); // the list as it is now is what is kept
    await page.locator(".task", { hasText: "buy stamps" }).waitFor();
    await weft.stop();
    await page.reload();
    await page.locator(".task", { hasText: "buy stamps" }).getByRole("checkbox").check();
    await add("call the plumber");
    await page.getByLabel("New reminder").fill("water the plants");
    await page.getByLabel("When").fill("2031-05-04T09:30");
    await page.keyboard.press("Enter");
    await page.locator(".row", { hasText: "water the plants" }).getByText("not sent yet").waitFor();
    await page.reload();
    await page.locator(".task.done", { hasText: "buy stamps" }).waitFor();
    await assertAccessible(page, "tasks out of reach");
    assert.ok(await tooWide(page) <= 0);
    await shoot(page, "phone-tasks-offline");
    await weft.start();
    await until("both are there", async () =>
        (await records()).join() === "buy stamps:true,call the plumber:false");
    await until("and the reminder, once", async () =>
        (await weft.call("GET", "reminders")).reminders.length === 1);
    await page.getByText("not sent yet").first().waitFor({ state: "detached" });
    await page.close();
});

test("a screen is presented, and the phone is its remote", async (t) => {
    if (skipped(t)) return;
    const draft = await weft.call("POST", "drafts", { name: "Talk", text:
        "# Welcome\n\nto the fair\n\nNote: smile\n\n---\n\n## Numbers\n\n- ten stalls\n- rain\n\n" +
        "<!-- breathe -->\n\n---\n\nThank you" });
    const desk = await openContext(browser, weft);
    const screen = await openPage(desk, weft, `#/present/${draft.id}`);
    await screen.getByText("to the fair").waitFor();
    assert.equal(await screen.getByText("smile").count(), 0, "notes are not on the screen");
    const remote = await openPage(phone, safe, "#/remote");
    await remote.getByText("1 of 3").waitFor();
    await remote.locator(".remote-notes", { hasText: "smile" }).waitFor();
    await remote.locator(".remote-next", { hasText: "Numbers" }).waitFor();
    await remote.getByRole("button", { name: "Next", exact: true }).click();
    await screen.getByText("ten stalls").waitFor();
    await remote.locator(".remote-notes", { hasText: "breathe" }).waitFor();
    await assertAccessible(screen, "screen");
    await shoot(screen, "desktop-present");
    await assertAccessible(remote, "remote");
    assert.ok(await tooWide(remote) <= 0);
    await shoot(remote, "phone-remote");
    const box = await remote.locator(".remote-now").boundingBox();
    await remote.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await remote.mouse.down();
    await remote.mouse.move(box.x + box.width / 2 + 9, box.y + box.height / 2);
    await screen.locator(".pointer").waitFor();
    await remote.mouse.up();
    await screen.locator(".pointer").waitFor({ state: "hidden" });
    await screen.keyboard.press("ArrowRight");
    await screen.getByText("Thank you").waitFor();
    await remote.getByText("3 of 3").waitFor();
    await remote.getByText("The last one.").waitFor();
    await weft.call("PUT", `drafts/${draft.id}`, { text: "# Anew\n\nedited meanwhile" });
    await screen.getByText("edited meanwhile").waitFor();
    await remote.getByText("1 of 1").waitFor();
    await screen.keyboard.press("Escape");
    await remote.getByText("Nothing is presented").waitFor();
    await shoot(remote, "phone-remote-none");
    const doc = await weft.add("fair.md",
        "# Stalls\n\nten of them\n\n# Weather\n\nrain, they say\n");
    await screen.goto(`${weft.origin}/#/document/${doc.id}`);
    await screen.getByRole("button", { name: "Present" }).click();
    await screen.locator(".slide", { hasText: "ten of them" }).waitFor();
    await remote.getByRole("button", { name: "Next", exact: true }).click();
    await screen.locator(".slide", { hasText: "rain, they say" }).waitFor();
    await remote.getByText("2 of 2").waitFor();
    assertNoProblems(screen);
    assertNoProblems(remote);
    await desk.close();
    await remote.close();
});

test("the machine's own page lets phones in and takes them out, which empties them", async (t) => {
    if (skipped(t)) return;
    const page = await openPage(phone, safe, "#/drafts");
    page.expected.push(/401|ERR_|Failed to|WebSocket/);
    await page.locator(".row").first().waitFor();
    const desk = await openContext(browser, weft);
    const own = await openPage(desk, weft, "#/devices");
    const row = own.locator(".row", { hasText: "Ana's phone" });
    await row.waitFor();
    await own.getByRole("button", { name: "Add a phone" }).click();
    await own.getByText("2. Let it in").waitFor();
    await assertAccessible(own, "phones");
    await own.locator(".qr").first().scrollIntoViewIfNeeded();
    await shoot(own, "desktop-phones");
    await row.getByRole("button", { name: "Take Ana's phone out" }).click();
    await own.locator("dialog").getByRole("button", { name: "Take out" }).click();
    await row.waitFor({ state: "detached" });
    await page.getByRole("heading", { name: "This device is not let in" }).waitFor();
    await until("nothing is left in it", () => page.evaluate(async () =>
        (await indexedDB.databases()).filter(({ name }) => name.startsWith("weft-")).length === 0 &&
        !(await caches.has("weft-data")) &&
        Object.keys(localStorage).filter((key) => /^weft\.(draft|kept|unsent|phone)/.test(key))
            .length === 0));
    await shoot(page, "phone-out");
    assertNoProblems(own);
    await desk.close();
    await page.close();
});
