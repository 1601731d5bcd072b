// SPDX-License-Identifier: Apache-2.0
// A phone's browser in the day of tests/e2e/day.sh, in a network of its own: it trusts the home CA,
// is let in by a code, writes while it reaches nobody, and catches up.
// usage: node pocket.mjs HTTPS-ORIGIN CODE CA-FILE DRAFT FOLDER
// Says a word a line: "in", "seen", then waits for FOLDER/cut, "typed", for FOLDER/joined, "saved".

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { launch, PHONE, until } from "./browser.mjs";

const [origin, code, ca, draft, folder] = process.argv.slice(2);
const nss = path.join(folder, "pocket", ".pki", "nssdb");
fs.mkdirSync(nss, { recursive: true });
execFileSync("certutil", ["-d", `sql:${nss}`, "-N", "--empty-password"]);
execFileSync("certutil", ["-d", `sql:${nss}`, "-A", "-t", "C,,", "-n", "weft", "-i", ca]);
const told = (name) => until(name, () => fs.existsSync(path.join(folder, name)));

const browser = await launch([], { ...process.env, HOME: path.join(folder, "pocket") });
try {
    const context = await browser.newContext({ viewport: PHONE, hasTouch: true, isMobile: true,
        locale: "en-GB" });
    context.setDefaultTimeout(45000);
    const page = await context.newPage();
    await page.goto(`${origin}/phone.html#${code}`);
    await page.getByLabel("What this device is called").fill("pocket");
    await page.getByRole("button", { name: "Let it in" }).click();
    await page.waitForSelector("textarea[data-ask]");
    console.log(await page.evaluate(() => window.isSecureContext) ? "in" : "in, but not safe");
    await page.goto(`${origin}/#/drafts`);
    await page.getByText(draft, { exact: true }).click();
    const text = page.locator(".cm-content, .draft-plain").first();
    await text.waitFor();
    await page.locator(".draft-status", { hasText: "Saved" }).waitFor();
    console.log("seen");
    await told("cut");
    await text.click();
    await page.keyboard.press("Control+End");
    await page.keyboard.type(", from the pocket");
    console.log("typed");
    await told("joined");
    await page.locator(".draft-status", { hasText: "Saved" }).waitFor();
    console.log("saved");
    await page.waitForTimeout(500);
} finally {
    await browser.close();
}
