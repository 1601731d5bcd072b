// What @y/y 14 makes of a room's updates: loaded whole it writes the same bytes as we do, in both
// formats.
import test from "node:test";
import assert from "node:assert/strict";
import * as Y from "yjs";
import * as Y14 from "@y/y";
import { CMD } from "./lib/script.mjs";
import { Room } from "./lib/room.mjs";

test("80 rooms: @y/y 14 writes the same states", () => {
    for (let seed = 1; seed <= 80; seed++) {
        const room = new Room(seed, { steps: 50 });
        const script = room.play();
        room.docs.forEach(({ doc }, i) => {
            const state = Y.encodeStateAsUpdate(doc);
            const other = new Y14.Doc();
            Y14.applyUpdate(other, state);
            script.add(CMD.NEW, [50, 99, 0]);
            script.add(CMD.APPLY, [50, 1, state]);
            script.add(CMD.ENCODE, [50, 1, ""], Y14.encodeStateAsUpdate(other), `v1 of ${i}`);
            script.add(CMD.ENCODE, [50, 2, ""], Y14.encodeStateAsUpdateV2(other), `v2 of ${i}`);
        });
        const difference = script.run();
        assert.equal(difference, null, `seed ${seed}: ${difference}`);
    }
});
