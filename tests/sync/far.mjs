// SPDX-License-Identifier: Apache-2.0
// An open page of a draft in one machine's network namespace; bench/bench_far.sh starts two.
// usage: node far.mjs PORT TOKEN DRAFT write EDITS EVERY_MS | read EDITS
// What is written is the moment of writing, on the clock that all namespaces share; who reads
// prints how long each took, in milliseconds.

import WebSocket from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const [port, token, name, what, edits, every] = process.argv.slice(2);
const PATIENCE_MS = 60000, MS = 1e6;
const doc = new Y.Doc(), text = doc.getText("text");
const provider = new WebsocketProvider(`ws://127.0.0.1:${port}/sync/me`, name, doc, {
    WebSocketPolyfill: WebSocket, disableBc: true, params: { token } });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const now = () => Number(process.hrtime.bigint() / 1000n) / 1000;

setTimeout(() => {
    console.error("far: in vain");
    process.exit(1);
}, PATIENCE_MS + Number(edits) * Number(every ?? 50)).unref();
while (!provider.synced) await pause(5);
if (what === "write") {
    console.log("ready");
    for (let i = 0; i < Number(edits); i++) {
        text.insert(text.length, `${process.hrtime.bigint()} `);
        await pause(Number(every));
    }
    await pause(2000);
    process.exit(0);
}
let seen = text.length, n = 0;
console.log("ready");
text.observe(() => {
    const at = now();
    for (const word of text.toString().slice(seen).trim().split(" ")) {
        console.log((at - Number(word) / MS).toFixed(3));
        if (++n === Number(edits)) process.exit(0);
    }
    seen = text.length;
});
