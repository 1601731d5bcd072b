// Awareness beside y-protocols: states of clients that come, change and go, in any order.
import test from "node:test";
import assert from "node:assert/strict";
import * as Y from "yjs";
import * as awareness from "y-protocols/awareness";
import { CMD, Script } from "./lib/script.mjs";
import { random } from "./lib/room.mjs";

const STATES = [
    {},
    { user: { name: "Ö😀", color: "#f00" } },
    { cursor: { anchor: 1, head: 2.5 } },
    null,
];

const play = (seed) => {
    const rnd = random(seed);
    const s = new Script();
    const all = [1, 5, 2 ** 40].map((client, i) => {
        const doc = new Y.Doc();
        doc.clientID = client;
        const a = new awareness.Awareness(doc);
        s.add(CMD.AWARE_NEW, [i, client]);
        s.add(CMD.AWARE_SET, [i, "{}"]);
        return a;
    });
    const said = [];
    for (let k = 0; k < 60; k++) {
        const i = rnd(all.length);
        const a = all[i];
        if (rnd(3) === 0) {
            const state = STATES[rnd(STATES.length)];
            a.setLocalState(state);
            s.add(CMD.AWARE_SET, [i, state === null ? "" : JSON.stringify(state)]);
        } else if (rnd(2) && said.length) {
            const message = said[rnd(said.length)];
            awareness.applyAwarenessUpdate(a, message, "remote");
            s.add(CMD.AWARE_APPLY, [i, message]);
        }
        const clients = [...a.meta.keys()].filter(() => rnd(2));
        const message = awareness.encodeAwarenessUpdate(a, clients);
        s.add(CMD.AWARE_ENCODE, [i, clients.length, ...clients], message, `awareness ${i}`);
        said.push(message);
        if (rnd(4) === 0) said.push(gone(clients[0] ?? 5, a));
    }
    all.forEach((a) => a.destroy());
    return s;
};

// Somebody says that a client is gone.
const gone = (client, a) => {
    const states = new Map();
    if (!a.meta.has(client)) return awareness.encodeAwarenessUpdate(a, []);
    return awareness.encodeAwarenessUpdate(a, [client], states);
};

test("200 rooms of awareness: the same bytes as y-protocols", () => {
    for (let seed = 1; seed <= 200; seed++) {
        const difference = play(seed).run();
        assert.equal(difference, null, `seed ${seed}: ${difference}`);
    }
});
