// SPDX-License-Identifier: Apache-2.0
// Two weft on one machine, each with its page: a code that is shown in one is typed in the other;
// both show the same words; a new name arrives; one is taken out. A third is somebody else's: he
// is invited to a space, comes in, and is taken out of it.

import assert from "node:assert/strict";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { after, before, test } from "node:test";
import { assertAccessible, assertNoProblems, launch, openContext, openPage, shoot }
    from "./lib/browser.mjs";
import { Weft } from "./lib/weft.mjs";

const laptop = new Weft();
const tablet = new Weft();
const bens = new Weft();
let browser;
let onLaptop;
let onTablet;
let onBens;

const freePort = () => new Promise((resolve) => {
    const probe = net.createServer().listen(0, "127.0.0.1", () => {
        const { port } = probe.address();
        probe.close(() => resolve(port));
    });
});

async function begin(weft, name) {
    fs.writeFileSync(path.join(weft.home, "weft.conf"), `link_port = ${await freePort()}\n` +
        `link_host = 127.0.0.1\nnode_name = ${name}\n`);
    await weft.start();
    return openContext(browser, weft);
}

before(async () => {
    browser = await launch();
    onLaptop = await begin(laptop, "laptop");
    onTablet = await begin(tablet, "tablet");
    onBens = await begin(bens, "Ben");
});

after(async () => {
    await browser?.close();
    await laptop.end();
    await tablet.end();
    await bens.end();
});

test("a code shown in one page and typed in another pairs the two", async () => {
    const here = await openPage(onLaptop, laptop, "#/settings");
    await here.getByRole("link", { name: "See or add devices" }).click();
    await here.getByText("This device is alone.").waitFor();
    await here.getByRole("button", { name: "Show a code" }).click();
    const digits = here.locator(".code-digits");
    await digits.waitFor();
    assert.match(await digits.textContent(), /^\d{6}$/);
    assert.ok(await here.locator("svg.qr path").getAttribute("d"));
    await assertAccessible(here);
    await shoot(here, "devices-code");
    const command = await here.locator(".code-part code").textContent();

    const there = await openPage(onTablet, tablet, "#/devices");
    await there.getByRole("textbox", { name: "Code and address" })
        .fill(command.replace("weft pair ", ""));
    await there.getByRole("button", { name: "Join" }).click();
    await there.locator(".compared strong").waitFor();
    await here.getByText("Paired with tablet.").waitFor();
    assert.equal(await there.locator(".compared strong").textContent(),
        await here.locator(".compared strong").textContent());
    for (const page of [here, there]) {
        await page.locator(".node").nth(1).waitFor();
        assert.deepEqual((await page.locator(".node .row-title").allTextContents()).sort(),
            ["laptop", "tablet"]);
        await assertAccessible(page);
        assertNoProblems(page);
        await page.close();
    }
});

test("a wrong code says so", async () => {
    const page = await openPage(onTablet, tablet, "#/devices");
    await page.getByRole("textbox", { name: "Code and address" }).fill("12@nowhere");
    await page.getByRole("button", { name: "Join" }).click();
    await page.getByRole("alert").getByText("CODE@HOST:PORT").waitFor();
    await page.close();
});

test("where the owner's key is, devices are named and taken out", async () => {
    const there = await openPage(onTablet, tablet, "#/devices");
    await there.locator(".node").nth(1).waitFor();
    assert.equal(await there.getByRole("button", { name: /^(Rename|Take) / }).count(), 0,
        "the tablet has not the key");
    const here = await openPage(onLaptop, laptop, "#/devices");
    await here.getByRole("button", { name: "Rename tablet" }).click();
    await here.getByRole("textbox", { name: "Name" }).fill("Ada's tablet");
    await here.getByRole("button", { name: "Rename", exact: true }).click();
    await here.getByText("Ada's tablet").waitFor();
    await there.getByText("Ada's tablet").waitFor(); // the list has travelled
    await here.getByRole("button", { name: "Take Ada's tablet out" }).click();
    await here.getByRole("button", { name: "Take out" }).click();
    await here.locator(".node.revoked").waitFor();
    assertNoProblems(here);
    await here.close();
    await there.close();
});

test("somebody else is invited to a space, comes in and is taken out", async () => {
    await laptop.call("POST", "spaces", { name: "plans" });
    const here = await openPage(onLaptop, laptop, "#/devices");
    await here.getByRole("button", { name: "Invite somebody to plans" }).click();
    await here.locator(".code-digits").waitFor();
    await assertAccessible(here);
    const command = await here.locator(".code-part code").textContent();
    const there = await openPage(onBens, bens, "#/devices");
    await there.getByRole("textbox", { name: "What they see" })
        .fill(command.replace("weft spaces join ", ""));
    await there.getByRole("button", { name: "Come in" }).click();
    await there.locator(".compared strong").waitFor();
    await here.getByText("Ben is in.").waitFor();
    assert.equal(await there.locator(".compared strong").textContent(),
        await here.locator(".compared strong").textContent());
    await here.reload();
    await here.locator(".member").nth(1).waitFor();
    assert.deepEqual((await here.locator(".member .row-title").allTextContents()).sort(),
        ["Ben", "laptop"]);
    await here.getByRole("button", { name: "Take Ben out" }).click();
    await here.getByRole("button", { name: "Take out" }).click();
    await here.locator(".member .row-title", { hasText: "Ben" }).waitFor({ state: "detached" });
    await assertAccessible(here);
    await assertAccessible(there);
    assertNoProblems(here);
    await here.close();
    await there.close();
});
