// weft crdt on files: the same bytes as Yjs.
import test from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as Y from "yjs";
import { Room } from "./lib/room.mjs";

const WEFT = process.env.WEFT ?? "../../build/weft";
const dir = mkdtempSync(join(tmpdir(), "weft-crdt-"));
test.after(() => rmSync(dir, { recursive: true }));

let n = 0;
const file = (bytes) => {
    const path = join(dir, `${n++}`);
    writeFileSync(path, bytes);
    return path;
};
const run = (...args) => execFileSync(WEFT, ["crdt", ...args], { maxBuffer: 1 << 28 });
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const same = (got, wanted) => assert.equal(hex(got), hex(wanted));

const room = new Room(77, { steps: 80 });
room.play();
const { doc, log } = room.docs[0];

for (const [flag, encode, merge, diff, vector, convert] of [
    ["--v1", Y.encodeStateAsUpdate, Y.mergeUpdates, Y.diffUpdate, Y.encodeStateVectorFromUpdate,
        (u) => u],
    ["--v2", Y.encodeStateAsUpdateV2, Y.mergeUpdatesV2, Y.diffUpdateV2,
        Y.encodeStateVectorFromUpdateV2, Y.convertUpdateFormatV1ToV2],
]) {
    test(`weft crdt ${flag}: apply, merge, diff, vector, encode`, () => {
        const updates = log.map(convert);
        const files = updates.map(file);
        const all = new Y.Doc();
        const apply = flag === "--v1" ? Y.applyUpdate : Y.applyUpdateV2;
        updates.forEach((u) => apply(all, u));
        same(run("apply", flag, ...files), encode(all));
        same(run("merge", flag, ...files), merge(updates));
        const half = new Y.Doc();
        apply(half, updates[0]);
        const known = Y.encodeStateVector(half);
        const state = encode(doc);
        same(run("diff", flag, file(state), file(known)), diff(state, known));
        same(run("vector", flag, file(state)), vector(state));
        if (flag === "--v1") {
            const other = Y.encodeStateAsUpdateV2(doc);
            same(run("encode", flag, file(other)), Y.convertUpdateFormatV2ToV1(other));
        } else {
            const other = Y.encodeStateAsUpdate(doc);
            same(run("encode", flag, file(other)), Y.convertUpdateFormatV1ToV2(other));
        }
    });
}

test("weft crdt refuses what is cut off, in a sentence", () => {
    const state = Y.encodeStateAsUpdate(doc);
    const r = spawnSync(WEFT, ["crdt", "apply", file(state.slice(0, state.length / 2))]);
    assert.equal(r.status, 1);
    assert.match(r.stderr.toString(), /\w.*\./);
    assert.equal(r.stdout.length, 0);
});
