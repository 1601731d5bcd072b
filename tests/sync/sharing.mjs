// SPDX-License-Identifier: Apache-2.0
// Two paired devices on loopback. How long all that one has takes to a new one, beside what the
// transport carries; how long an edit in an open page takes to the page that is open at the other.
// usage: node sharing.mjs [DRAFTS [RECORDS [TRANSPORT_MB_S]]]
// The last: what bench_link measured core to core; without it the share is not told.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import WebSocket from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { PROGRAM, until, Weft } from "./lib/weft.mjs";

const DRAFTS = Number(process.argv[2] ?? 1000), RECORDS = Number(process.argv[3] ?? 10000);
const TRANSPORT = Number(process.argv[4] ?? 0);
const DRAFT_BYTES = 1000, AT_ONCE = 1000, CALLERS = 16;
const EDITS = 200, EVERY_MS = 100, WARM = 10;
const P95_MUST_MS = 50, SHARE_MUST = 0.8;
const PATIENCE_S = 900;

const run = promisify(execFile);
const cli = async (weft, ...args) =>
    (await run(PROGRAM, ["--home", weft.home, ...args], { maxBuffer: 1 << 24 })).stdout;

// fn(i) for all below n, some at once.
async function each(n, fn) {
    let next = 0;
    const caller = async () => {
        while (next < n) await fn(next++);
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
}

const words = "harbour letter morning window river paper garden winter bridge music".split(" ");
function textOf(i) {
    let text = `Draft ${i}.`;
    for (let k = i + 1; text.length < DRAFT_BYTES; k = (k * 48271) % 2147483647)
        text += ` ${words[k % words.length]}`;
    return text.slice(0, DRAFT_BYTES);
}
const fieldsOf = (i) => ({ name: `Person ${i}`, town: words[i % words.length], visits: i });

async function fill(weft) {
    let bytes = DRAFTS * DRAFT_BYTES;
    await each(DRAFTS, (i) =>
        weft.api("POST", "drafts", { space: "me", name: `draft ${i}`, text: textOf(i) }));
    for (let at = 0; at < RECORDS; at += AT_ONCE) {
        const records = [];
        for (let i = at; i < Math.min(at + AT_ONCE, RECORDS); i++) {
            records.push({ collection: "people", key: `p${i}`, fields: fieldsOf(i) });
            bytes += JSON.stringify(records.at(-1)).length;
        }
        await weft.api("POST", "records", { space: "me", records });
    }
    return bytes;
}

// One hash of what the device shows of all that was written; the lists first.
async function digest(weft) {
    const drafts = new Map(), hash = createHash("sha256");
    let after = "", n = 0;
    do {
        const page = await weft.api("GET", `drafts?limit=1000${after && `&after=${after}`}`);
        for (const { id, name } of page.drafts) drafts.set(name, id);
        after = encodeURIComponent(page.next ?? "");
    } while (after);
    do {
        const page = await weft.api("GET", "records?space=me&collection=people&limit=1000" +
            (after && `&after=${after}`));
        for (const { key, fields } of page.records)
            hash.update(JSON.stringify([key, Object.entries(fields).sort()]));
        n += page.records.length;
        after = encodeURIComponent(page.next ?? "");
    } while (after);
    if (n !== RECORDS) return `only ${n} records`;
    n = 0;
    await each(DRAFTS, async (i) => {
        const id = drafts.get(`draft ${i}`);
        if (id && (await weft.api("GET", `drafts/${id}`)).text === textOf(i)) n++;
    });
    return n === DRAFTS ? hash.digest("hex") : `only ${n} drafts`;
}

async function newDevice(a, b) {
    const bytes = await fill(a);
    const { scan } = JSON.parse(await cli(a, "pair", "--show", "--json"));
    const start = performance.now();
    await cli(b, "pair", scan);
    const pairing = (performance.now() - start) / 1000;
    const wait = ["sync", "--wait", "--timeout", String(PATIENCE_S)];
    await cli(a, ...wait); // what A has is in batches, and B has them
    await cli(b, ...wait); // and has applied them
    const seconds = (performance.now() - start) / 1000;
    const there = await digest(b), here = await digest(a);
    return { bytes, pairing, seconds, same: there === here, there };
}

function page(weft, name) {
    const doc = new Y.Doc();
    const provider = new WebsocketProvider(weft.ws, name, doc, {
        WebSocketPolyfill: WebSocket, disableBc: true, params: { token: weft.token } });
    return { doc, provider, text: doc.getText("text"), end() {
        provider.destroy();
        doc.destroy();
    } };
}

async function latency(a, b) {
    const here = page(a, "latency");
    await until(() => here.provider.synced);
    here.text.insert(0, "x");
    await until(async () => (await b.api("GET", "drafts?limit=1000")).drafts
        .some((d) => d.name === "latency"));
    const there = page(b, "latency"), times = [], due = [];
    await until(() => there.provider.synced && there.text.length === here.text.length);
    there.text.observe(() => {
        while (due.length > 0 && there.text.length >= due[0].length)
            times.push(performance.now() - due.shift().sent);
    });
    for (let i = 0; i < EDITS + WARM; i++) {
        due.push({ length: here.text.length + 1, sent: performance.now() });
        here.text.insert(here.text.length, "x");
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
    await until(() => due.length === 0);
    here.end();
    there.end();
    times.splice(0, WARM);
    times.sort((x, y) => x - y);
    const at = (part) => times[Math.floor(times.length * part)];
    return { p50: at(0.5), p95: at(0.95), max: times.at(-1) };
}

const a = await Weft.start({ device: "laptop" }), b = await Weft.start({ device: "phone" });
let failed = false;
try {
    const all = await newDevice(a, b);
    const rate = all.bytes / 1e6 / all.seconds, items = (DRAFTS + RECORDS) / all.seconds;
    console.log(`a new device: ${DRAFTS} drafts of ${DRAFT_BYTES} bytes, ${RECORDS} records, ` +
        `${(all.bytes / 1e6).toFixed(2)} MB: ${all.seconds.toFixed(2)} s (of them pairing ` +
        `${all.pairing.toFixed(2)} s), ${rate.toFixed(2)} MB/s, ${Math.round(items)} items/s, ` +
        `${all.same ? "both show the same" : `NOT THE SAME: ${all.there}`}`);
    if (TRANSPORT > 0)
        console.log(`beside the transport's ${TRANSPORT} MB/s: ` +
            `${((100 * rate) / TRANSPORT).toFixed(2)}% (aim of issue 6: ${100 * SHARE_MUST}%)`);
    const edit = await latency(a, b);
    console.log(`an edit in the other device's page, ${1000 / EVERY_MS} a second: p50 ` +
        `${edit.p50.toFixed(1)} ms, p95 ${edit.p95.toFixed(1)} ms, most ` +
        `${edit.max.toFixed(1)} ms (must: p95 under ${P95_MUST_MS} ms)`);
    failed = !all.same || !(edit.p95 < P95_MUST_MS);
} finally {
    await Promise.all([a.stop(), b.stop()]);
}
process.exit(failed ? 1 : 0);
