// SPDX-License-Identifier: Apache-2.0
// An edit on its way from one open page to another, and updates a second of eight clients: weft,
// which writes each to the disk before it is told, beside y-websocket's own server, which keeps
// them in memory. The same clients, one after the other. usage: node bench.mjs [--json]

import { spawn } from "node:child_process";
import net from "node:net";
import path from "node:path";
import * as encoding from "lib0/encoding";
import WebSocket from "ws";
import { WebsocketProvider } from "y-websocket";
import * as syncProtocol from "y-protocols/sync";
import * as Y from "yjs";
import { until, Weft } from "./lib/weft.mjs";

const EDITS = 300, EVERY_MS = 15, WARM = 20;
const CLIENTS = 8, UPDATES = 3000;
const P95_MUST_MS = 50;

async function startRival() {
    const port = await new Promise((resolve) => {
        const server = net.createServer().listen(0, "127.0.0.1", () => {
            const { port: free } = server.address();
            server.close(() => resolve(free));
        });
    });
    const file = path.join(import.meta.dirname, "node_modules/y-websocket-2/bin/server.cjs");
    const child = spawn(process.execPath, [file], {
        env: { ...process.env, HOST: "127.0.0.1", PORT: String(port) }, stdio: "ignore" });
    await until(() => new Promise((resolve) => {
        const probe = net.connect(port, "127.0.0.1", () => resolve(probe.destroy() && true));
        probe.on("error", () => resolve(false));
    }));
    return { url: `ws://127.0.0.1:${port}`, params: {}, stop: () => child.kill() };
}

async function startWeft() {
    const weft = await Weft.start();
    return { url: weft.ws, params: { token: weft.token }, stop: () => weft.stop() };
}

function page(server, name) {
    const doc = new Y.Doc();
    const provider = new WebsocketProvider(server.url, name, doc, {
        WebSocketPolyfill: WebSocket, disableBc: true, params: server.params });
    return { doc, provider, text: doc.getText("text"), end() {
        provider.destroy();
        doc.destroy();
    } };
}

// Milliseconds from an insertion to its being there in the other page.
async function latency(server) {
    const a = page(server, "latency"), b = page(server, "latency");
    const times = [];
    let sent = 0, done = null;
    await until(() => a.provider.synced && b.provider.synced);
    b.text.observe(() => done?.());
    for (let i = 0; i < EDITS + WARM; i++) {
        const there = new Promise((resolve) => {
            done = resolve;
        });
        sent = performance.now();
        a.text.insert(a.text.length, "x");
        await there;
        if (i >= WARM) times.push(performance.now() - sent);
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
    a.end();
    b.end();
    times.sort((x, y) => x - y);
    const at = (part) => times[Math.floor(times.length * part)];
    return { p50: at(0.5), p95: at(0.95) };
}

const frame = (write) => {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, 0);
    write(encoder);
    return encoding.toUint8Array(encoder);
};

// Updates as keystrokes make them, each for the wire.
function keystrokes() {
    const doc = new Y.Doc(), text = doc.getText("text"), frames = [];
    doc.on("update", (update) => frames.push(frame((e) => syncProtocol.writeUpdate(e, update))));
    for (let i = 0; i < UPDATES; i++) text.insert(i, "x");
    return frames;
}

// Clients that count: what Yjs needs to apply an update is not what is measured.
async function throughput(server) {
    const query = new URLSearchParams(server.params);
    const clients = await Promise.all([...Array(CLIENTS)].map(() => new Promise((resolve) => {
        const client = { got: 0, frames: keystrokes() };
        client.ws = new WebSocket(`${server.url}/throughput?${query}`);
        client.ws.on("open", () => {
            client.ws.send(frame((e) => syncProtocol.writeSyncStep1(e, new Y.Doc())));
            resolve(client);
        });
        client.ws.on("message", (data) => {
            if (data[0] === 0 && data[1] === 2) client.got++;
        });
    })));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const start = performance.now();
    for (let i = 0; i < UPDATES; i += 50) {
        for (const { ws, frames } of clients) {
            for (const one of frames.slice(i, i + 50)) ws.send(one);
        }
        await new Promise((resolve) => setImmediate(resolve));
    }
    const all = UPDATES * (CLIENTS - 1);
    await until(() => clients.every((client) => client.got >= all), 120000);
    const seconds = (performance.now() - start) / 1000;
    for (const { ws } of clients) ws.terminate();
    return (UPDATES * CLIENTS) / seconds;
}

async function measure(server) {
    const { p50, p95 } = await latency(server);
    const rate = await throughput(server);
    await server.stop();
    return { p50_ms: p50, p95_ms: p95, updates_s: rate };
}

const weft = await measure(await startWeft());
const rival = await measure(await startRival());
if (process.argv.includes("--json")) {
    console.log(JSON.stringify({ weft, rival }));
} else {
    const line = (name, r) => console.log(`${name.padEnd(24)} an edit in ${r.p50_ms.toFixed(2)} ` +
        `ms (p95 ${r.p95_ms.toFixed(2)}) to the other page, ${Math.round(r.updates_s)} ` +
        `updates/s of ${CLIENTS} clients`);
    line("weft, on the disk", weft);
    line("y-websocket, in memory", rival);
    console.log(`must: p95 under ${P95_MUST_MS} ms`);
}
process.exit(weft.p95_ms < P95_MUST_MS ? 0 : 1);
