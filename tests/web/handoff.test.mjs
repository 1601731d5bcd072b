// SPDX-License-Identifier: Apache-2.0
// Two weft on one machine, the laptop's page and the phone's at its size: what is open on the one
// can be continued on the other, with what was not sent; handed over it opens by itself; an answer
// that is being written goes on there.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { ask, assertAccessible, assertNoProblems, launch, openContext, openPage, PHONE, shoot,
    until } from "./lib/browser.mjs";
import { Weft } from "./lib/weft.mjs";

const laptop = new Weft();
const phone = new Weft();
let browser;
let onLaptop;
let onPhone;

const freePort = () => new Promise((resolve) => {
    const probe = net.createServer().listen(0, "127.0.0.1", () => {
        const { port } = probe.address();
        probe.close(() => resolve(port));
    });
});

const run = (weft, ...args) => execFileSync(weft.program, ["--home", weft.home, ...args],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

async function begin(weft, name, options) {
    fs.writeFileSync(path.join(weft.home, "weft.conf"), `link_port = ${await freePort()}\n` +
        `link_host = 127.0.0.1\nnode_name = ${name}\n`);
    await weft.start();
    return openContext(browser, weft, options);
}

before(async () => {
    browser = await launch();
    onLaptop = await begin(laptop, "laptop");
    onPhone = await begin(phone, "phone", { viewport: PHONE, hasTouch: true });
    run(phone, "pair", JSON.parse(run(laptop, "pair", "--show", "--json")).scan);
    const model = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "weft-model-")), "tiny.gguf");
    run(laptop, "models", "synth", "tiny", "Q8_0", model, "--vocab", "400");
    run(laptop, "models", "import", model, "tiny");
    run(phone, "models", "import", model, "tiny");
});

after(async () => {
    await browser?.close();
    await laptop.end();
    await phone.end();
});

test("a conversation goes on on the phone, with what was not sent", async () => {
    const here = await openPage(onLaptop, laptop);
    await ask(here, "How do I add a folder?");
    await here.fill("textarea[data-ask]", "and how do I take it");
    const there = await openPage(onPhone, phone);
    const card = there.locator(".continue");
    await card.waitFor();
    await until("the words are there", async () =>
        (await (await fetch(`${phone.origin}/weft/v1/presence`, { headers: {
            authorization: `Bearer ${phone.token}` } })).text()).includes("and how do I take it"));
    assert.match(await card.textContent(), /Continue from laptop/);
    assert.match(await card.textContent(), /How do I add a folder/);
    await assertAccessible(there, "card");
    await shoot(there, "handoff-card");
    await card.getByRole("button", { name: "Continue" }).click();
    await there.locator(".turn .answer").waitFor();
    assert.match(await there.locator(".turn").textContent(), /How do I add a folder/);
    await until("the words are in the box", async () =>
        (await there.inputValue("textarea[data-ask]")) === "and how do I take it");
    await there.locator(".also-open").waitFor();
    await shoot(there, "handoff-thread");
    assertNoProblems(here);
    assertNoProblems(there);
    // What is asked there is here.
    await ask(there, "Which files can weft read?");
    await here.locator(".turn").nth(1).waitFor();
    await there.close();
    await here.close();
});

test("what is handed over opens by itself, soon", async () => {
    const there = await openPage(onPhone, phone);
    await there.live;
    const here = await openPage(onLaptop, laptop);
    await ask(here, "Does anything leave this device?");
    await here.fill("textarea[data-ask]", "never?");
    await until("weft knows", async () => JSON.parse(run(laptop, "handoff", "--json")).here
        .some((item) => item.text === "never?" && item.ref));
    const start_ms = Date.now();
    const command = spawn(laptop.program, ["--home", laptop.home, "handoff", "phone"]);
    await there.waitForFunction(() => performance.getEntriesByName("weft-continued").length > 0);
    const open_ms = Date.now() - start_ms;
    console.log(`# opened on the phone ${open_ms} ms after the command began`);
    await there.locator(".turn .answer").waitFor();
    assert.match(await there.locator(".turn").textContent(), /Does anything leave this device/);
    assert.equal(await there.inputValue("textarea[data-ask]"), "never?");
    command.kill();
    assertNoProblems(here);
    assertNoProblems(there);
    await there.close();
    await here.close();
});

test("a screen on the laptop is moved from the phone", async () => {
    const draft = await laptop.call("POST", "drafts", { name: "Talk", text:
        "# Welcome\n\nto the fair\n\nNote: smile\n\n---\n\n## Numbers\n\n- ten stalls\n\n---\n\n" +
        "Thank you" });
    await until("the draft is on the phone", async () =>
        (await phone.call("GET", "drafts")).drafts.some(({ id }) => id === draft.id));
    const screen = await openPage(onLaptop, laptop, `#/present/${draft.id}`);
    await screen.getByText("to the fair").waitFor();
    const remote = await openPage(onPhone, phone, "#/remote");
    await remote.getByText("1 of 3").waitFor();
    await remote.locator(".remote-notes", { hasText: "smile" }).waitFor();
    await remote.getByRole("button", { name: "Next", exact: true }).click();
    await screen.getByText("ten stalls").waitFor();
    await remote.getByText("2 of 3").waitFor();
    const box = await remote.locator(".remote-now").boundingBox();
    await remote.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await remote.mouse.down();
    await remote.mouse.move(box.x + box.width / 2 + 9, box.y + box.height / 2);
    await screen.locator(".pointer").waitFor();
    await remote.mouse.up();
    await screen.locator(".pointer").waitFor({ state: "hidden" });
    // With one here, too, it is chosen which.
    const own = await openPage(onPhone, phone, `#/present/${draft.id}`);
    await own.getByText("to the fair").waitFor();
    await remote.getByRole("group", { name: "Screens" }).getByRole("button", { name: "laptop" })
        .click();
    await remote.getByRole("button", { name: "Next", exact: true }).click();
    await screen.getByText("Thank you").waitFor();
    await own.getByText("to the fair").waitFor();
    await assertAccessible(remote, "remote of another device");
    await shoot(remote, "handoff-remote");
    await own.keyboard.press("Escape");
    await screen.keyboard.press("Escape");
    await remote.getByText("Nothing is presented").waitFor();
    for (const page of [screen, remote, own]) {
        assertNoProblems(page);
        await page.close();
    }
});

test("an answer that is being written goes on on the phone", async () => {
    const question = "Tell me of the sea.";
    const there = await openPage(onPhone, phone);
    await there.live;
    const here = await openPage(onLaptop, laptop, "#/chat");
    await here.evaluate(() => localStorage.setItem("weft.chat-settings",
        JSON.stringify({ maxTokens: "3000", seed: "7", temperature: "1" })));
    // The model's weights are random: it is not to end where it happens to.
    await here.route("**/v1/chat/completions", (route) => route.continue({ postData:
        JSON.stringify({ ...route.request().postDataJSON(), ignore_eos: true }) }));
    await here.fill("textarea[data-ask]", question);
    await here.keyboard.press("Enter");
    const card = there.locator(".continue", { hasText: "an answer is being written" });
    await card.getByRole("button", { name: "Continue" }).click();
    const isDone = (page) => page.locator(".reply .about").count().then((n) => n > 0);
    await until("it came to an end there", () => isDone(there));
    await until("the laptop says that it went on", () => isDone(here));
    const texts = (page) => page.locator(".reply").last().evaluate((node) => {
        const copy = node.cloneNode(true);
        copy.querySelector(".answer-foot").remove();
        return copy.textContent;
    });
    await until("both show the same", async () => (await texts(here)) === (await texts(there)));
    assert.ok((await texts(there)).length > 500, await texts(there));
    await shoot(there, "handoff-chat");
    assertNoProblems(here);
    assertNoProblems(there);
});
