// SPDX-License-Identifier: Apache-2.0
// A model's answer, over the API that other programs use too (POST /v1/chat/completions), and the
// download of a model (POST /api/pull).

import { api, Problem, send } from "./api.js";
import { t } from "./i18n.js";
import { readEvents, readLines } from "./sse.js";

// What the API knows of a message; thoughts go back only with the calls that they led to.
function plain(message, isRecent) {
    const { role, content, tool_calls, tool_call_id, reasoning_content } = message;
    return { role, content: content ?? "", tool_calls, tool_call_id,
        reasoning_content: isRecent ? reasoning_content : undefined };
}

export function bodyOf(model, messages, settings) {
    const lastQuestion = messages.findLastIndex((message) => message.role === "user");
    const all = messages.map((message, i) => plain(message, i > lastQuestion));
    if (settings.system.trim()) all.unshift({ role: "system", content: settings.system });
    const body = { model, messages: all, stream: true, stream_options: { include_usage: true } };
    if (settings.temperature !== "") body.temperature = Number(settings.temperature);
    if (settings.maxTokens !== "") body.max_tokens = Number(settings.maxTokens);
    if (settings.seed !== "") body.seed = Number(settings.seed);
    if (settings.tools.trim()) body.tools = JSON.parse(settings.tools);
    return body;
}

function addCalls(message, deltas) {
    message.tool_calls ??= [];
    for (const { index, id, function: part } of deltas) {
        const call = (message.tool_calls[index] ??=
            { id, type: "function", function: { name: "", arguments: "" } });
        if (id) call.id = id;
        call.function.name += part?.name ?? "";
        call.function.arguments += part?.arguments ?? "";
    }
}

// Fills `message` and calls changed() after each piece. `message.about` says where it ran, how fast
// and how much of the context it took; `finish` why it ended ("" while it has not).
// `release` is what the person said in the dialog of release.js, or null.
// `name` is what the answer can be followed and taken over by, on another device.
export async function complete({ model, messages, settings, message, changed, signal, release,
    name }) {
    const begin_ms = performance.now();
    const about = { model, finish: "", tokens: 0, used: 0, cached: 0, perSecond: 0, thought_ms: 0 };
    let first_ms = 0;
    Object.assign(message, { role: "assistant", content: "", about });
    const answer = await send("POST", "/v1/chat/completions",
        { body: { ...bodyOf(model, messages, settings),
            ...(name ? { weft_generation: name } : {}),
            ...(release ? { weft_release: release } : {}) }, signal });
    about.route = answer.headers.get("x-weft-route") ?? "";
    about.consent = answer.headers.get("x-weft-consent") ?? "";
    about.truncated = Number(answer.headers.get("x-weft-truncated") ?? 0);
    await readEvents(answer.body, (name, data) => {
        if (data.error) throw new Problem(data.error.status ?? 500, data.error.message, data);
        const [choice] = data.choices ?? [];
        const now_ms = performance.now();
        const { content, reasoning_content: thought, tool_calls: calls } = choice?.delta ?? {};
        if (content || thought || calls) first_ms ||= now_ms;
        if (thought) {
            message.reasoning_content = (message.reasoning_content ?? "") + thought;
            about.thought_ms = now_ms - begin_ms;
        }
        if (content) message.content += content;
        if (calls) addCalls(message, calls);
        if (choice?.finish_reason) about.finish = choice.finish_reason;
        if (data.model) about.model = data.model;
        if (data.usage) {
            about.tokens = data.usage.completion_tokens;
            about.used = data.usage.total_tokens;
            about.cached = data.usage.prompt_tokens_details?.cached_tokens ?? 0;
            const seconds = (now_ms - first_ms) / 1000;
            // What came at once says nothing of a rate.
            if (first_ms && seconds > 0.1) about.perSecond = (about.tokens - 1) / seconds;
        }
        changed();
    });
    if (!about.finish) throw new Problem(0, t("The answer broke off. Ask again."));
}

// The same for an answer that was begun on another device (`node`): it is taken over, or followed
// where it is; what was written comes again, first.
export async function followAnswer({ id, node, message, changed, signal }) {
    const about = { model: "", finish: "", tokens: 0, used: 0, cached: 0, perSecond: 0,
        thought_ms: 0, route: "" };
    const begin_ms = performance.now();
    Object.assign(message, { role: "assistant", content: "", about });
    await api.takeGeneration(id, node, signal);
    await api.followGeneration(id, (name, data) => {
        if (name === "text") message.content += data.text;
        else if (name === "reasoning") {
            message.reasoning_content = (message.reasoning_content ?? "") + data.text;
            about.thought_ms = performance.now() - begin_ms;
        } else if (name === "call") addCalls(message, [{ index: data.index, id: data.id,
            function: { name: data.name } }]);
        else if (name === "arguments") addCalls(message, [{ index: data.index,
            function: { arguments: data.text } }]);
        else if (name === "done") Object.assign(about, { finish: data.finish, model: data.model });
        else if (name === "error") throw new Problem(data.status ?? 500, data.detail, data);
        changed();
    }, signal);
    if (!about.finish) throw new Problem(0, t("The answer broke off. Ask again."));
}

// Calls progress(done, all), both 0 while it is not known.
export async function pull(name, progress, signal) {
    const answer = await send("POST", "/api/pull", { body: { model: name, stream: true }, signal });
    let ended = false;
    await readLines(answer.body, (line) => {
        if (line.error) throw new Problem(500, line.error);
        if (line.status === "success") ended = true;
        progress(line.completed ?? 0, line.total ?? 0, line.status);
    });
    if (!ended) {
        throw new Problem(0, t("The download broke off. The same again goes on from there."));
    }
}
