// A recorded history of edits played into Yjs, as weft bench crdt plays it into a draft: node
// trace.mjs TRACE.json.gz. Where several wrote at once each has a copy, which gets what its next
// edit builds on; then all updates go into a new one.
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import * as Y from "yjs";

const trace = JSON.parse(gunzipSync(readFileSync(process.argv[2])).toString());
const sha256 = (x) => createHash("sha256").update(x).digest("hex");

// Positions are code points: where the text has wide ones they become units.
const wide = JSON.stringify(trace).match(/[\u{10000}-\u{10ffff}]/u) !== null;
const points = [...(trace.startContent ?? "")];
const units = (list) => list.reduce((n, c) => n + c.length, 0);
const alone = trace.numAgents ? [] : trace.txns;
const edits = alone.map(({ patches }) => patches.map(([at, n, text]) => {
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

const playTogether = () => {
    const n = trace.numAgents;
    const docs = Array.from({ length: n }, (_, g) => {
        const doc = new Y.Doc();
        doc.clientID = 1001 + g;
        return doc;
    });
    const known = [], lines = docs.map(() => []), has = docs.map(() => docs.map(() => 0));
    let last = null;
    docs.forEach((doc) => doc.on("update", (u, origin) => { if (origin !== "theirs") last = u; }));
    const start = performance.now();
    for (const { parents, agent, patches } of trace.txns) {
        const v = docs.map((_, g) => Math.max(0, ...parents.map((p) => known[p][g])));
        docs.forEach((_, g) => {
            for (; g !== agent && has[agent][g] < v[g]; has[agent][g]++)
                Y.applyUpdate(docs[agent], lines[g][has[agent][g]], "theirs");
        });
        const text = docs[agent].getText("text");
        docs[agent].transact(() => {
            for (const [at, n, s] of patches) {
                const now = wide ? [...text.toString()] : null;
                const from = wide ? units(now.slice(0, at)) : at;
                if (n > 0) text.delete(from, wide ? units(now.slice(at, at + n)) : n);
                if (s) text.insert(from, s);
            }
        });
        lines[agent].push(last);
        v[agent]++;
        known.push(v);
    }
    const each = { ms: performance.now() - start, bytes: 0 };
    const next = docs.map(() => 0);
    const all = trace.txns.map(({ agent }) => lines[agent][next[agent]++]);
    each.bytes = all.reduce((sum, u) => sum + u.length, 0);
    const begin = performance.now();
    each.doc = new Y.Doc();
    all.forEach((u) => Y.applyUpdate(each.doc, u));
    return [{ ms: performance.now() - begin }, each];
};

const [once, each] = trace.numAgents ? playTogether() : [play(true), play(false)];
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
const held = heap() - before;
start = performance.now();
const second = Y.encodeStateAsUpdateV2(each.doc);
const encodeSecondMs = performance.now() - start;
start = performance.now();
Y.applyUpdateV2(new Y.Doc(), second);
const loadSecondMs = performance.now() - start;
console.log(JSON.stringify({
    one_txn_ms: once.ms,
    per_edit_ms: each.ms,
    encode_ms: encodeMs,
    cold_load_ms: loadMs,
    encode_v2_ms: encodeSecondMs,
    cold_load_v2_ms: loadSecondMs,
    resident_bytes: held,
    update_bytes: each.bytes,
    state_sha256: sha256(state),
    text_sha256: sha256(each.doc.getText("text").toString()),
}));
