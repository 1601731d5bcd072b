// SPDX-License-Identifier: Apache-2.0
// Ollama's own client against a real weft.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { Ollama } from "ollama";
import { Registry } from "./lib/registry.mjs";
import { MODEL, Served, WEATHER, all } from "./lib/served.mjs";

const weft = new Served();
const hello = [{ role: "user", content: "Hello there" }];
const options = { seed: 1, temperature: 0, num_predict: 24 };
const base = { model: MODEL, messages: hello, options };
const tools = [{ type: "function", function: { name: WEATHER.name,
    description: WEATHER.description, parameters: WEATHER.schema } }];
let client;

before(async () => {
    await weft.serve();
    client = new Ollama({ host: weft.secret });
});

after(() => weft.end());

test("a chat", async () => {
    const answer = await client.chat(base);
    assert.equal(answer.model, MODEL);
    assert.equal(answer.message.role, "assistant");
    assert.ok(answer.message.content.length > 0);
    assert.equal(answer.done, true);
    assert.equal(answer.done_reason, "length");
    assert.equal(answer.eval_count, 24);
    assert.ok(answer.prompt_eval_count > 2);
    for (const key of ["total_duration", "eval_duration"]) assert.ok(answer[key] > 0, key);
    assert.ok(!Number.isNaN(new Date(answer.created_at).getTime()));
});

test("a streamed chat says the same", async () => {
    const whole = await client.chat(base);
    const parts = await all(await client.chat({ ...base, stream: true }));
    assert.ok(parts.length > 1);
    assert.equal(parts.map((part) => part.message.content).join(""), whole.message.content);
    assert.ok(parts.slice(0, -1).every((part) => part.done === false));
    assert.equal(parts.at(-1).done, true);
    assert.equal(parts.at(-1).eval_count, 24);
});

test("generating, and going on with its context", async () => {
    const first = await client.generate({ model: MODEL, prompt: "One", options });
    assert.ok(first.response.length > 0);
    assert.ok(first.context.length > 2);
    const parts = await all(await client.generate({ model: MODEL, prompt: "Two", options,
        context: first.context, stream: true }));
    assert.ok(parts.at(-1).prompt_eval_count > first.prompt_eval_count);
    const lone = await client.generate({ model: MODEL, prompt: "Two", options });
    assert.notEqual(parts.map((part) => part.response).join(""), lone.response);
});

test("a raw prompt is not a chat", async () => {
    const raw = await client.generate({ model: MODEL, prompt: "One", raw: true, options });
    const chat = await client.generate({ model: MODEL, prompt: "One", options });
    assert.ok(raw.prompt_eval_count < chat.prompt_eval_count);
    assert.equal(raw.context, undefined);
});

test("stop texts end it", async () => {
    const { message } = await client.chat(base);
    const stop = message.content.slice(4, 6);
    const answer = await client.chat({ ...base, options: { ...options, stop: [stop] } });
    assert.equal(answer.message.content,
        message.content.slice(0, message.content.indexOf(stop)));
    assert.equal(answer.done_reason, "stop");
});

test("a format is kept to", async () => {
    const answer = await client.chat({ ...base, format: WEATHER.schema,
        options: { ...options, num_predict: 300 } });
    assert.ok(["Bonn", "Oslo"].includes(JSON.parse(answer.message.content).place));
    const json = await client.generate({ model: MODEL, prompt: "One", format: "json",
        options: { ...options, num_predict: 60 } });
    assert.equal(typeof JSON.parse(json.response), "object");
});

test("tools are offered, and their results read", async () => {
    const answer = await client.chat({ ...base, tools });
    assert.equal(answer.done, true);
    const after = await client.chat({ ...base, tools, messages: [...hello,
        { role: "assistant", content: "", tool_calls: [{ function: { name: "weather",
            arguments: { place: "Bonn", days: 1 } } }] },
        { role: "tool", tool_name: "weather", content: "Sun" }] });
    assert.ok(after.prompt_eval_count > answer.prompt_eval_count);
});

test("logprobs", async () => {
    const answer = await client.chat({ ...base, logprobs: true, top_logprobs: 2 });
    assert.equal(answer.logprobs.length, 24);
    assert.equal(answer.logprobs[0].top_logprobs.length, 2);
    assert.ok(answer.logprobs[0].logprob <= 0);
});

test("embeddings have length 1, and the older call gives the model's own", async () => {
    const { embeddings, prompt_eval_count: n } = await client.embed({ model: MODEL,
        input: ["one", "two", "one"] });
    assert.equal(embeddings.length, 3);
    assert.deepEqual(embeddings[0], embeddings[2]);
    assert.notDeepEqual(embeddings[0], embeddings[1]);
    assert.ok(Math.abs(Math.hypot(...embeddings[0]) - 1) < 1e-3);
    assert.ok(n >= 3);
    const { embedding } = await client.embeddings({ model: MODEL, prompt: "one" });
    const scale = Math.hypot(...embedding);
    assert.ok(Math.abs(embedding[0] / scale - embeddings[0][0]) < 1e-4);
});

test("models: listed, shown, loaded, let go, copied, deleted", async () => {
    const { models } = await client.list();
    assert.deepEqual(models.map((model) => model.name), [`${MODEL}:latest`]);
    assert.equal(models[0].details.family, "llama");
    const shown = await client.show({ model: MODEL });
    assert.deepEqual(shown.capabilities, ["completion", "tools"]);
    assert.equal(shown.model_info["general.architecture"], "llama");
    await client.generate({ model: MODEL, prompt: "" });
    const loaded = (await client.ps()).models;
    assert.equal(loaded[0].name, `${MODEL}:latest`);
    assert.ok(loaded[0].size > 0);
    await client.generate({ model: MODEL, prompt: "", keep_alive: 0 });
    assert.deepEqual((await client.ps()).models, []);
    assert.equal((await client.copy({ source: MODEL, destination: "second" })).status, "success");
    assert.equal((await client.list()).models.length, 2);
    assert.equal((await client.delete({ model: "second" })).status, "success");
    assert.equal((await client.list()).models.length, 1);
    assert.match((await client.version()).version, /^\d+\.\d+\.\d+$/);
});

test("a model is pulled from a registry, with its parameters", async () => {
    const file = path.join(weft.home, "other.gguf");
    weft.run("models", "synth", "tiny", "F32", file, "--seed", "8");
    const registry = await new Registry(fs.readFileSync(file), { temperature: 0, seed: 1 }).start();
    const model = `${registry.host}/pulled:1b`;
    const told = await all(await client.pull({ model, stream: true }));
    const statuses = told.map((line) => line.status);
    assert.equal(statuses[0], "pulling manifest");
    assert.ok(statuses.includes(`pulling ${registry.model.slice(7, 19)}`));
    assert.equal(statuses.at(-1), "success");
    assert.ok((await client.list()).models.some((entry) => entry.name === model));
    assert.match((await client.show({ model })).parameters, /temperature +0/);
    const chat = { model, messages: hello, options: { num_predict: 24 } };
    const [first, second] = [await client.chat(chat), await client.chat(chat)];
    assert.equal(first.message.content, second.message.content);
    assert.equal((await client.pull({ model })).status, "success"); // it is there already
    await assert.rejects(client.pull({ model: `${registry.host}/other:1c` }),
        { name: "ResponseError" });
    await client.delete({ model });
    registry.end();
});

test("errors are the client's own class, with the status", async () => {
    const failed = (promise, status, text) => assert.rejects(promise, (error) => {
        assert.equal(error.name, "ResponseError");
        assert.equal(error.status_code, status);
        assert.match(error.message, text);
        return true;
    });
    await failed(client.chat({ ...base, model: "nobody" }), 404, /model 'nobody' not found/);
    await failed(client.show({ model: "nobody" }), 404, /not found/);
    await failed(client.delete({ model: "nobody" }), 404, /not found/);
    await failed(client.chat({ ...base, options: { temprature: 1 } }), 400, /temprature/);
    await failed(client.generate({ model: MODEL, prompt: "x", images: ["aGk="] }), 400, /picture/);
    await failed(client.chat({ ...base, messages: [{ role: "user",
        content: "long ".repeat(20000) }] }), 400, /\d/);
    await failed(client.create({ model: "x", from: MODEL }), 400, /weft models/);
    await failed(new Ollama({ host: weft.origin }).list(), 401, /token/);
});

test("what does not fit is cut when that is asked for, and said", async () => {
    const answer = await client.chat({ ...base, truncate: true, messages: [
        { role: "user", content: "long ".repeat(20000) }, { role: "assistant", content: "So" },
        ...hello] });
    assert.ok(answer.prompt_truncated > 1000);
});

test("a stream that is given up frees its place", async () => {
    for (let i = 0; i < 4; i++) {
        const stream = await client.chat({ ...base, stream: true,
            options: { ...options, num_predict: -1, ignore_eos: true } });
        await assert.rejects(async () => {
            for await (const part of stream) {
                assert.equal(part.done, false);
                stream.abort();
            }
        }, { name: "AbortError" });
    }
    assert.equal((await client.chat(base)).eval_count, 24);
});
