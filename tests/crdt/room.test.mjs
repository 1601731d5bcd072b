// Rooms of random clients: documents of Yjs 13 and ours, the same bytes out of both. More and other
// seeds: node soak.mjs.
import test from "node:test";
import assert from "node:assert/strict";
import { Room } from "./lib/room.mjs";

const ROOMS = [
    ["plain text", 100, { kinds: "t", plain: true }],
    ["rich text", 100, { kinds: "t", steps: 80 }],
    ["arrays and maps", 60, { kinds: "am" }],
    ["XML", 60, { kinds: "x" }],
    ["all types", 100, { steps: 100, clients: 4 }],
    ["nothing collected", 40, { gc: false, steps: 60 }],
    ["undo and redo", 60, { undo: true, steps: 60 }],
];
for (const [name, n, options] of ROOMS) {
    test(`${n} rooms, ${name}: the same bytes as Yjs`, () => {
        for (let seed = 1; seed <= n; seed++) {
            const difference = new Room(seed, options).play().run();
            assert.equal(difference, null, `seed ${seed}: ${difference}`);
        }
    });
}

// A deleted value that replaces another's: formats are tidied in the order of deletes.
test("the room that found an order of deletes: the same bytes as Yjs", () => {
    const options = { clients: 3, steps: 57, gc: true, plain: false };
    assert.equal(new Room(900877, options).play().run(), null);
});
