// A recorded history of edits played into Yjs, as weft bench crdt plays it into a draft: node
// trace.mjs TRACE.json.gz
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import * as Y from "yjs";

const trace = JSON.parse(gunzipSync(readFileSync(process.argv[2])).toString());
const sha256 = (x) => createHash("sha256").update(x).digest("hex");

// Positions are code points: where the text has wide ones they become units.
const wide = JSON.stringify(trace).match(/[\u{10000}-\u{10ffff}]/u) !== null;
const points = [...trace.startContent];
const units = (list) => list.reduce((n, c) => n + c.length, 0);
const edits = trace.txns.map(({ patches }) => patches.map(([at, n, text]) => {
    if (!wide) return [at, n, text];
    const edit = [units(points.slice(0, at)), units(points.slice(at, at + n)), text];
    points.splice(at, n, ...text);
    return edit;
}));

const play = (oneTxn) => {
    const doc = new Y.Doc();
    doc.clientID = 1001;
    const text = doc.getText("text");
    if (trace.startContent) text.insert(0, trace.startContent);
    let bytes = 0;
    if (!oneTxn) doc.on("update", (u) => { bytes += u.length; });
    const one = (patches) => {
        for (const [at, n, s] of patches) {
            if (n > 0) text.delete(at, n);
            if (s) text.insert(at, s);
        }
    };
    const start = performance.now();
    if (oneTxn) doc.transact(() => edits.forEach(one));
    else edits.forEach((patches) => doc.transact(() => one(patches)));
    return { doc, bytes, ms: performance.now() - start };
};

const once = play(true);
const each = play(false);
const heap = () => {
    global.gc?.();
    return process.memoryUsage().heapUsed;
};
let start = performance.now();
const state = Y.encodeStateAsUpdate(each.doc);
const encodeMs = performance.now() - start;
const before = heap();
start = performance.now();
const loaded = new Y.Doc();
Y.applyUpdate(loaded, state);
const loadMs = performance.now() - start;
console.log(JSON.stringify({
    one_txn_ms: once.ms,
    per_edit_ms: each.ms,
    encode_ms: encodeMs,
    cold_load_ms: loadMs,
    resident_bytes: heap() - before,
    update_bytes: each.bytes,
    state_sha256: sha256(state),
    text_sha256: sha256(each.doc.getText("text").toString()),
}));
