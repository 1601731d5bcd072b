// SPDX-License-Identifier: Apache-2.0
// Anthropic's own client against a real weft.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { MODEL, Served, WEATHER, all } from "./lib/served.mjs";

const weft = new Served();
const hello = [{ role: "user", content: "Hello there" }];
const base = { model: MODEL, max_tokens: 24, messages: hello, temperature: 0, seed: 1 };
const tools = [{ name: WEATHER.name, description: WEATHER.description,
    input_schema: WEATHER.schema }];
let client;

before(async () => {
    await weft.serve();
    client = new Anthropic({ baseURL: weft.origin, apiKey: weft.token, maxRetries: 0 });
});

after(() => weft.end());

const textOf = (message) => message.content.map((block) => block.text ?? "").join("");

test("a message", async () => {
    const { data: message, response } = await client.messages.create(base).withResponse();
    assert.equal(message.type, "message");
    assert.equal(message.role, "assistant");
    assert.equal(message.model, `${MODEL}:latest`);
    assert.match(message.id, /^msg_/);
    assert.equal(message.stop_reason, "max_tokens");
    assert.equal(message.usage.output_tokens, 24);
    assert.ok(message.usage.input_tokens + message.usage.cache_read_input_tokens > 2);
    assert.ok(textOf(message).length > 0);
    assert.match(response.headers.get("x-weft-route"), /local/);
});

test("the same seed gives the same answer, and the prefix comes from the cache", async () => {
    const first = await client.messages.create(base);
    const second = await client.messages.create(base);
    assert.equal(textOf(first), textOf(second));
    assert.ok(second.usage.cache_read_input_tokens > 0);
    const other = await client.messages.create({ ...base, temperature: 1, seed: 2 });
    assert.notEqual(textOf(other), textOf(first));
});

test("a stream says what the message says", async () => {
    const whole = await client.messages.create(base);
    const stream = client.messages.stream(base);
    const pieces = [];
    stream.on("text", (piece) => pieces.push(piece));
    const message = await stream.finalMessage();
    assert.equal(pieces.join(""), textOf(whole));
    assert.ok(pieces.length > 0);
    assert.equal(textOf(message), textOf(whole));
    assert.equal(message.stop_reason, "max_tokens");
    assert.equal(message.usage.output_tokens, 24);
});

test("the stream's events are in order", async () => {
    const events = await all(await client.messages.create({ ...base, stream: true }));
    const types = events.map((event) => event.type);
    assert.equal(types[0], "message_start");
    assert.equal(types[1], "content_block_start");
    assert.deepEqual(types.slice(-3), ["content_block_stop", "message_delta", "message_stop"]);
});

test("a stop sequence ends it and is said", async () => {
    const text = textOf(await client.messages.create(base));
    const stop = text.slice(4, 6);
    const message = await client.messages.create({ ...base, stop_sequences: [stop] });
    assert.equal(message.stop_reason, "stop_sequence");
    assert.equal(message.stop_sequence, stop);
    assert.equal(textOf(message), text.slice(0, text.indexOf(stop)));
});

test("a begun answer goes on", async () => {
    const text = textOf(await client.messages.create(base));
    const begun = [...hello, { role: "assistant", content: "Well" }];
    const message = await client.messages.create({ ...base, messages: begun });
    assert.notEqual(textOf(message), text);
});

test("a tool is called when it must be, with arguments by its schema", async () => {
    const message = await client.messages.create({ ...base, max_tokens: 300, tools,
        tool_choice: { type: "tool", name: WEATHER.name } });
    const call = message.content.find((block) => block.type === "tool_use");
    assert.equal(message.stop_reason, "tool_use");
    assert.equal(call.name, WEATHER.name);
    assert.ok(["Bonn", "Oslo"].includes(call.input.place));
    assert.ok(Number.isInteger(call.input.days));
    const after = await client.messages.create({ ...base, tools, messages: [...hello,
        { role: "assistant", content: message.content },
        { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "Sun" },
            { type: "text", text: "And?" }] }], tool_choice: { type: "none" } });
    assert.equal(after.type, "message");
});

test("a call is streamed as pieces of JSON", async () => {
    const stream = client.messages.stream({ ...base, max_tokens: 300, tools,
        tool_choice: { type: "any", disable_parallel_tool_use: true } });
    const pieces = [];
    stream.on("inputJson", (piece) => pieces.push(piece));
    const message = await stream.finalMessage();
    const calls = message.content.filter((block) => block.type === "tool_use");
    assert.equal(calls.length, 1);
    assert.deepEqual(JSON.parse(pieces.join("")), calls[0].input);
});

test("an answer keeps to a schema", async () => {
    const message = await client.messages.create({ ...base, max_tokens: 300,
        output_config: { format: { type: "json_schema", schema: WEATHER.schema } } });
    const value = JSON.parse(textOf(message));
    assert.ok(["Bonn", "Oslo"].includes(value.place));
});

test("tokens are counted as the message counts them", async () => {
    const { input_tokens: n } = await client.messages.countTokens({ model: MODEL,
        system: "Be brief.", messages: hello });
    const { usage } = await client.messages.create({ ...base, system: "Be brief." });
    assert.equal(n, usage.input_tokens + usage.cache_read_input_tokens);
    const { input_tokens: more } = await client.messages.countTokens({ model: MODEL, tools,
        messages: hello });
    assert.ok(more > n);
});

test("models are listed in its form", async () => {
    const page = await client.models.list();
    assert.deepEqual(page.data.map((model) => model.id), [`${MODEL}:latest`]);
    assert.equal(page.data[0].type, "model");
    assert.equal((await client.models.retrieve(MODEL)).id, `${MODEL}:latest`);
});

test("errors are the client's own classes", async () => {
    const create = (change) => client.messages.create({ ...base, ...change });
    await assert.rejects(create({ model: "nobody" }), (error) => {
        assert.ok(error instanceof Anthropic.NotFoundError);
        assert.equal(error.error.error.type, "not_found_error");
        assert.match(error.requestID, /^req_/);
        assert.equal(error.error.request_id, error.requestID);
        return true;
    });
    await assert.rejects(create({ max_tokens: 0 }), Anthropic.BadRequestError);
    await assert.rejects(create({ temprature: 1 }), /Did you mean \\?"temperature/);
    await assert.rejects(create({ messages: [] }), Anthropic.BadRequestError);
    await assert.rejects(create({ messages: [{ role: "user", content: "long ".repeat(20000) }] }),
        /prompt is too long/);
    await assert.rejects(create({ messages: [{ role: "user", content: [{ type: "image",
        source: { type: "base64", media_type: "image/png", data: "aGk=" } }] }] }), /picture/);
    const stranger = new Anthropic({ baseURL: weft.origin, apiKey: "no", maxRetries: 0 });
    await assert.rejects(stranger.messages.create(base), Anthropic.AuthenticationError);
    await assert.rejects(stranger.models.list(), Anthropic.AuthenticationError);
});

test("a stream that is given up frees its place", async () => {
    const long = { ...base, max_tokens: 100000, stop_sequences: [], ignore_eos: true };
    for (let i = 0; i < 4; i++) {
        const stream = client.messages.stream(long);
        await new Promise((resolve) => stream.once("text", resolve));
        stream.abort();
        await assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError);
    }
    const message = await client.messages.create(base); // its turn comes
    assert.equal(message.usage.output_tokens, 24);
});
