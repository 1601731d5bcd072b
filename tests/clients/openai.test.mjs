// SPDX-License-Identifier: Apache-2.0
// OpenAI's own client against a real weft.

import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { writeBert } from "./lib/bert.mjs";
import { MODEL, Served, WEATHER, all } from "./lib/served.mjs";

const weft = new Served();
const hello = [{ role: "user", content: "Hello there" }];
const base = { model: MODEL, messages: hello, max_tokens: 24, temperature: 0, seed: 1 };
const tools = [{ type: "function", function: { name: WEATHER.name,
    description: WEATHER.description, parameters: WEATHER.schema, strict: true } }];
const flatTools = [{ type: "function", name: WEATHER.name, description: WEATHER.description,
    parameters: WEATHER.schema, strict: true }];
const format = { type: "json_schema",
    json_schema: { name: "weather", strict: true, schema: WEATHER.schema } };
let client;

before(async () => {
    await weft.serve();
    client = new OpenAI({ baseURL: `${weft.origin}/v1`, apiKey: weft.token, maxRetries: 0 });
});

after(() => weft.end());

const textOf = (completion) => completion.choices[0].message.content;

function assertWeather(text) {
    const value = JSON.parse(text);
    assert.ok(["Bonn", "Oslo"].includes(value.place));
    assert.ok(Number.isInteger(value.days));
    assert.deepEqual(Object.keys(value).sort(), ["days", "place"]);
}

// Joins the deltas of a stream of chunks, choice by choice.
function joined(chunks) {
    const choices = [];
    for (const { choices: [choice] } of chunks) {
        if (!choice) continue;
        const to = choices[choice.index] ??= { content: "", calls: [], finish: null };
        to.content += choice.delta.content ?? "";
        for (const call of choice.delta.tool_calls ?? []) {
            const known = to.calls[call.index] ??= { id: call.id, name: call.function.name,
                arguments: "" };
            known.arguments += call.function.arguments ?? "";
        }
        to.finish = choice.finish_reason ?? to.finish;
    }
    return choices;
}

// ---- models ----

test("models are listed and found", async () => {
    const models = await all(client.models.list());
    const one = models.find((model) => model.id === `${MODEL}:latest`);
    assert.equal(one.object, "model");
    assert.equal((await client.models.retrieve(MODEL)).id, one.id);
    await assert.rejects(client.models.retrieve("nobody"), OpenAI.NotFoundError);
});

// ---- chat ----

test("a chat", async () => {
    const { data, response } = await client.chat.completions.create(base).withResponse();
    assert.equal(data.object, "chat.completion");
    assert.equal(data.model, `${MODEL}:latest`);
    assert.match(data.id, /^chatcmpl-/);
    assert.equal(data.choices.length, 1);
    assert.equal(data.choices[0].finish_reason, "length");
    assert.equal(data.usage.completion_tokens, 24);
    assert.ok(data.usage.prompt_tokens > 2);
    assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + 24);
    assert.ok(textOf(data).length > 0);
    assert.equal(response.headers.get("x-weft-route"), `local; ${MODEL}:latest`);
});

test("the same seed gives the same answer, another one another", async () => {
    const hot = { ...base, temperature: 1 };
    const first = await client.chat.completions.create(hot);
    const second = await client.chat.completions.create(hot);
    const other = await client.chat.completions.create({ ...hot, seed: 2 });
    assert.equal(textOf(first), textOf(second));
    assert.notEqual(textOf(first), textOf(other));
    assert.ok(second.usage.prompt_tokens_details.cached_tokens > 0);
});

test("a stream says what the answer says, and its usage", async () => {
    const whole = await client.chat.completions.create(base);
    const chunks = await all(await client.chat.completions.create({ ...base, stream: true,
        stream_options: { include_usage: true } }));
    assert.ok(chunks.length > 1); /* how many depends on how fast the two sides are */
    assert.equal(chunks[0].choices[0].delta.role, "assistant");
    const [choice] = joined(chunks);
    assert.equal(choice.content, textOf(whole));
    assert.equal(choice.finish, "length");
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.equal(chunks.at(-1).usage.completion_tokens, 24);
    assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
});

test("the client's own helper reads the stream", async () => {
    const stream = client.chat.completions.stream(base);
    const pieces = [];
    stream.on("content", (delta) => pieces.push(delta));
    const completion = await stream.finalChatCompletion();
    assert.equal(pieces.join(""), textOf(completion));
});

test("n answers differ, and the first is that of n = 1", async () => {
    const hot = { ...base, temperature: 1 };
    const two = await client.chat.completions.create({ ...hot, n: 2 });
    assert.equal(two.choices.length, 2);
    assert.notEqual(two.choices[0].message.content, two.choices[1].message.content);
    assert.equal(two.usage.completion_tokens, 48);
    const chunks = await all(await client.chat.completions.create({ ...hot, n: 2, stream: true }));
    assert.deepEqual(joined(chunks).map((choice) => choice.content),
        two.choices.map((choice) => choice.message.content));
});

test("stop texts end it, and are not in it", async () => {
    const text = textOf(await client.chat.completions.create(base));
    const stop = text.slice(4, 6);
    const completion = await client.chat.completions.create({ ...base, stop: [stop, "never"] });
    assert.equal(completion.choices[0].finish_reason, "stop");
    assert.equal(textOf(completion), text.slice(0, text.indexOf(stop)));
});

test("logprobs are of the tokens that were written", async () => {
    const completion = await client.chat.completions.create({ ...base, logprobs: true,
        top_logprobs: 3 });
    const { content } = completion.choices[0].logprobs;
    assert.equal(content.length, 24);
    for (const token of content) {
        assert.ok(token.logprob <= 0);
        assert.equal(token.top_logprobs.length, 3);
        assert.equal(token.top_logprobs[0].logprob, token.logprob, "the likeliest was taken");
        assert.ok(token.top_logprobs[0].logprob >= token.top_logprobs[2].logprob);
    }
    const bytes = content.flatMap((token) => token.bytes);
    assert.equal(Buffer.from(bytes).toString("utf8"), textOf(completion));
});

test("biases favour tokens and ban them", async () => {
    const tokens = async (bias) => (await client.completions.create({ model: MODEL, prompt: "a",
        max_tokens: 4, temperature: 0, logprobs: 1, logit_bias: bias })).choices[0].logprobs.tokens;
    const favoured = await tokens({ 300: 90 });
    const other = await tokens({ 301: 90 });
    assert.equal(new Set(favoured).size, 1);
    assert.notDeepEqual(favoured, other);
    assert.deepEqual(await tokens({ 300: 100, 301: 90 }), favoured);
    assert.deepEqual(await tokens({ 300: -100, 301: 90 }), other);
});

// ---- tools and schemas ----

test("a tool is called when it must be, with arguments by its schema", async () => {
    const completion = await client.chat.completions.create({ ...base, max_tokens: 300, tools,
        tool_choice: "required", parallel_tool_calls: false });
    const { message, finish_reason: finish } = completion.choices[0];
    assert.equal(finish, "tool_calls");
    assert.equal(message.tool_calls.length, 1);
    assert.equal(message.tool_calls[0].type, "function");
    assert.equal(message.tool_calls[0].function.name, WEATHER.name);
    assertWeather(message.tool_calls[0].function.arguments);
    const after = await client.chat.completions.create({ ...base, tools,
        messages: [...hello, message, { role: "tool", tool_call_id: message.tool_calls[0].id,
            content: "Sun" }] });
    assert.ok(after.usage.prompt_tokens > completion.usage.prompt_tokens);
    const none = await client.chat.completions.create({ ...base, tools, tool_choice: "none" });
    assert.equal(none.choices[0].message.tool_calls, undefined);
});

test("a call is streamed as pieces of JSON", async () => {
    const chunks = await all(await client.chat.completions.create({ ...base, max_tokens: 300,
        tools, tool_choice: { type: "function", function: { name: WEATHER.name } },
        parallel_tool_calls: false, stream: true }));
    const [choice] = joined(chunks);
    assert.equal(choice.finish, "tool_calls");
    assert.equal(choice.calls.length, 1);
    assert.ok(choice.calls[0].id.length > 0);
    assertWeather(choice.calls[0].arguments);
});

test("an answer keeps to a schema, whatever the seed", async () => {
    for (const seed of [1, 2, 3]) {
        const completion = await client.chat.completions.create({ ...base, max_tokens: 300,
            temperature: 1, seed, response_format: format });
        assertWeather(textOf(completion));
    }
    const object = await client.chat.completions.create({ ...base, max_tokens: 100,
        response_format: { type: "json_object" } });
    assert.equal(typeof JSON.parse(textOf(object)), "object");
});

test("an answer keeps to a grammar", async () => {
    const completion = await client.chat.completions.create({ ...base,
        grammar: "root ::= (\"yes\" | \"no\")" });
    assert.ok(["yes", "no"].includes(textOf(completion)));
});

// ---- completions ----

test("completions go on with texts", async () => {
    const one = { model: MODEL, max_tokens: 8, temperature: 0 };
    const completion = await client.completions.create({ ...one, prompt: ["One", "Two"],
        echo: true });
    assert.deepEqual(completion.choices.map((choice) => choice.index), [0, 1]);
    assert.ok(completion.choices[0].text.startsWith("One"));
    assert.equal(completion.usage.completion_tokens, 16);
    const chunks = await all(await client.completions.create({ ...one, prompt: "One",
        stream: true }));
    assert.equal(`One${chunks.map((chunk) => chunk.choices[0]?.text ?? "").join("")}`,
        completion.choices[0].text);
});

// ---- embeddings ----

test("embeddings of a text are the same in both encodings", async () => {
    const packed = await client.embeddings.create({ model: MODEL, input: ["one", "two", "one"] });
    const plain = await client.embeddings.create({ model: MODEL, input: "one",
        encoding_format: "float" });
    assert.equal(packed.data.length, 3);
    assert.deepEqual(packed.data[0].embedding, packed.data[2].embedding);
    assert.notDeepEqual(packed.data[0].embedding, packed.data[1].embedding);
    packed.data[0].embedding.forEach((x, i) =>
        assert.ok(Math.abs(x - plain.data[0].embedding[i]) < 1e-5));
    assert.ok(Math.abs(Math.hypot(...plain.data[0].embedding) - 1) < 1e-3);
    const short = await client.embeddings.create({ model: MODEL, input: "one", dimensions: 8 });
    assert.equal(short.data[0].embedding.length, 8);
    assert.ok(Math.abs(Math.hypot(...short.data[0].embedding) - 1) < 1e-3);
});

// ---- responses ----

test("a response, and one that goes on with it", async () => {
    const ask = { model: MODEL, temperature: 0, max_output_tokens: 12, seed: 1 };
    const first = await client.responses.create({ ...ask, input: "Hello there" });
    assert.match(first.id, /^resp_/);
    assert.equal(first.status, "incomplete");
    assert.equal(first.incomplete_details.reason, "max_output_tokens");
    assert.equal(first.usage.output_tokens, 12);
    assert.ok(first.output_text.length > 0);
    const next = await client.responses.create({ ...ask, input: "And then?",
        previous_response_id: first.id });
    assert.equal(next.previous_response_id, first.id);
    assert.ok(next.usage.input_tokens > first.usage.input_tokens + 12);
    assert.equal((await client.responses.retrieve(first.id)).output_text, first.output_text);
    await client.responses.delete(first.id);
    await assert.rejects(client.responses.retrieve(first.id), OpenAI.NotFoundError);
    await assert.rejects(client.responses.create({ ...ask, input: "x",
        previous_response_id: first.id }), OpenAI.BadRequestError);
});

test("a response's events build the response", async () => {
    const stream = client.responses.stream({ model: MODEL, temperature: 0, seed: 1,
        max_output_tokens: 12, input: [{ role: "user", content: "Hello there" }] });
    const events = [];
    for await (const event of stream) events.push(event);
    const types = events.map((event) => event.type);
    assert.deepEqual(types.slice(0, 4), ["response.created", "response.in_progress",
        "response.output_item.added", "response.content_part.added"]);
    assert.equal(types.at(-1), "response.incomplete");
    assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, i) => i));
    const text = events.filter((event) => event.type === "response.output_text.delta")
        .map((event) => event.delta).join("");
    assert.equal(events.at(-1).response.output[0].content[0].text, text);
});

test("a response calls a tool, and reads what it said", async () => {
    const first = await client.responses.create({ model: MODEL, temperature: 0,
        max_output_tokens: 300, input: "Hello there", tools: flatTools, tool_choice: "required",
        parallel_tool_calls: false });
    const call = first.output.find((item) => item.type === "function_call");
    assert.equal(call.name, WEATHER.name);
    assertWeather(call.arguments);
    const next = await client.responses.create({ model: MODEL, max_output_tokens: 4,
        previous_response_id: first.id, tools: flatTools,
        input: [{ type: "function_call_output", call_id: call.call_id, output: "Sun" }] });
    assert.ok(next.usage.input_tokens > first.usage.input_tokens);
    const shaped = await client.responses.create({ model: MODEL, input: "Hello there",
        max_output_tokens: 300, text: { format: { type: "json_schema", name: "weather",
            strict: true, schema: WEATHER.schema } } });
    assertWeather(shaped.output_text);
});

// ---- errors, cancellation ----

test("errors are the client's own", async () => {
    const create = (more) => client.chat.completions.create({ ...base, ...more });
    await assert.rejects(create({ model: "nobody" }), (error) => {
        assert.ok(error instanceof OpenAI.NotFoundError);
        assert.equal(error.code, "model_not_found");
        return true;
    });
    await assert.rejects(create({ temprature: 1 }), (error) => {
        assert.ok(error instanceof OpenAI.BadRequestError);
        assert.equal(error.param, "temprature");
        assert.match(error.message, /temperature/);
        return true;
    });
    await assert.rejects(create({ messages: [{ role: "user", content: [{ type: "image_url",
        image_url: { url: "data:image/png;base64,AA==" } }] }] }), OpenAI.BadRequestError);
    await assert.rejects(create({ response_format: { type: "json_schema", json_schema: {
        name: "x", schema: { type: "nothing" } } } }), OpenAI.BadRequestError);
    await assert.rejects(create({ messages: [{ role: "user",
        content: "word ".repeat(200000) }] }), (error) => {
        assert.ok(error instanceof OpenAI.BadRequestError);
        assert.equal(error.code, "context_length_exceeded");
        return true;
    });
    // Templates and schemas of strangers end at their limits, and the next request is answered.
    const hostile = [
        { chat_template: "{% macro f(n) %}{{ f(n+1) }}{% endmacro %}{{ f(0) }}" },
        { chat_template: `{{ ${"(".repeat(5000)}1${")".repeat(5000)} }}` },
        { grammar: `root ::= ${"(".repeat(5000)}"a"${")".repeat(5000)}` },
        { guided_json: { type: "string", pattern: "((a{1,1000}){1,1000}){1,1000}" } },
        { stop: ["x".repeat(100000)] },
    ];
    for (const more of hostile) {
        await assert.rejects(create(more), (error) => {
            assert.ok(error instanceof OpenAI.BadRequestError, String(error));
            assert.notEqual(error.code, "context_length_exceeded");
            return true;
        });
    }
    const stranger = new OpenAI({ baseURL: `${weft.origin}/v1`, apiKey: "no", maxRetries: 0 });
    await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
});

test("what changes nothing is told", async () => {
    const { response } = await client.chat.completions.create({ ...base, user: "ann",
        store: true }).withResponse();
    assert.equal(response.headers.get("x-weft-ignored"), "store");
});

test("a client that goes away frees its place", async () => {
    const long = { ...base, max_tokens: 100000, ignore_eos: true, stream: true };
    for (let i = 0; i < 3; i++) {
        const stream = await client.chat.completions.create(long);
        for await (const chunk of stream) {
            assert.ok(chunk.id);
            break;
        }
        stream.controller.abort();
    }
    const stop = new AbortController();
    const waiting = client.chat.completions.create({ ...long, stream: false },
        { signal: stop.signal });
    setTimeout(() => stop.abort(), 300);
    await assert.rejects(waiting, OpenAI.APIUserAbortError);
    for (let i = 0; ; i++) { // soon, but the test has no clock
        const answer = await fetch(`${weft.secret}/metrics`);
        const [, busy] = /^weft_http_generating (\d+)$/m.exec(await answer.text());
        if (busy === "0") break;
        assert.ok(i < 200, `${busy} are still written`);
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
});

// ---- encoders ----

test("an encoder embeds, a reranker ranks, and neither chats", async () => {
    for (const ranks of [false, true]) {
        const file = path.join(weft.home, `bert-${ranks}.gguf`);
        writeBert(file, { ranks });
        weft.run("models", "import", file, ranks ? "ranker" : "encoder");
    }
    const { data, usage } = await client.embeddings.create({ model: "encoder",
        input: ["a cat", "a dog", "a cat"] });
    assert.equal(data[0].embedding.length, 32);
    assert.deepEqual(data[0].embedding, data[2].embedding);
    assert.notDeepEqual(data[0].embedding, data[1].embedding);
    assert.ok(Math.abs(Math.hypot(...data[1].embedding) - 1) < 1e-3);
    assert.ok(usage.prompt_tokens > 6);
    const long = "word ".repeat(100);
    await assert.rejects(client.embeddings.create({ model: "encoder", input: long }),
        OpenAI.BadRequestError);
    const cut = await client.embeddings.create({ model: "encoder", input: long,
        overflow: "truncate" }).withResponse();
    assert.ok(Number(cut.response.headers.get("x-weft-truncated")) > 0);

    const documents = ["a cat", { text: "a dog" }, "the sea", "a cat"];
    const body = { model: "ranker", query: "which animal", documents, return_documents: true };
    const ranked = await client.post("/rerank", { body });
    assert.equal(ranked.model, "ranker:latest");
    assert.deepEqual(ranked.results.map((one) => one.index).sort(), [0, 1, 2, 3]);
    const scores = ranked.results.map((one) => one.relevance_score);
    assert.deepEqual(scores, scores.toSorted((a, b) => b - a));
    const score = (i) => ranked.results.find((one) => one.index === i).relevance_score;
    assert.equal(score(0), score(3));
    assert.notEqual(score(0), score(1));
    assert.equal(ranked.results.find((one) => one.index === 1).document.text, "a dog");
    const top = await client.post("/rerank", { body: { ...body, top_n: 1 } });
    assert.deepEqual(top.results, ranked.results.slice(0, 1));

    await assert.rejects(client.chat.completions.create({ ...base, model: "encoder" }),
        OpenAI.BadRequestError);
    await assert.rejects(client.post("/rerank", { body: { ...body, model: MODEL } }),
        OpenAI.BadRequestError);
});
