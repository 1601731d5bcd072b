// SPDX-License-Identifier: Apache-2.0
// Yjs's own clients at weft: y-websocket's and Hocuspocus's providers, several at once, with lost
// connections and weft's core killed between: all come to the same bytes, and what was confirmed
// is on the disk.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { HocuspocusProvider } from "@hocuspocus/provider";
import WebSocket from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { until, Weft } from "./lib/weft.mjs";

let weft;
const open = [];

before(async () => {
    weft = await Weft.start();
});

after(async () => {
    for (const { doc, provider } of open) {
        provider.destroy();
        doc.destroy(); // with the clock of its awareness
    }
    assert.equal(await weft.stop(), 0);
});

function client(name, options = {}) {
    const doc = new Y.Doc();
    const provider = new WebsocketProvider(weft.ws, name, doc, {
        WebSocketPolyfill: WebSocket, disableBc: true, params: { token: weft.token },
        maxBackoffTime: 300, ...options,
    });
    open.push({ doc, provider });
    return { doc, provider, text: doc.getText("text") };
}

function hocuspocus(name, said = name) {
    const doc = new Y.Doc();
    const provider = new HocuspocusProvider({
        url: `${weft.ws}/${name}?token=${weft.token}`, name: said, document: doc, token: "any",
        WebSocketPolyfill: WebSocket, delay: 50, minDelay: 50, maxDelay: 300,
    });
    open.push({ doc, provider });
    return { doc, provider, text: doc.getText("text") };
}

const bytes = (doc) => Buffer.from(Y.encodeStateAsUpdate(doc)).toString("hex");
const same = (...all) => all.every((c) => bytes(c.doc) === bytes(all[0].doc));

test("what one types is read by another", async () => {
    const a = client("typed"), b = client("typed");
    await until(() => a.provider.synced && b.provider.synced);
    a.text.insert(0, "hello 😀 world");
    await until(() => b.text.toString() === "hello 😀 world");
    b.text.delete(0, 6);
    b.text.insert(0, "bye ");
    await until(() => a.text.toString() === "bye 😀 world");
    assert.ok(same(a, b));
});

test("who comes later gets everything, the command line too", async () => {
    const a = client("later");
    await until(() => a.provider.synced);
    a.text.insert(0, "written before");
    const drafts = await until(async () => {
        const list = await weft.api("GET", "drafts?space=me");
        const d = list.drafts.find((x) => x.name === "later");
        const got = await weft.api("GET", `drafts/${d.id}`);
        return got.text === "written before" && got;
    });
    const b = client("later");
    await until(() => b.text.toString() === "written before");
    await weft.api("PUT", `drafts/${drafts.id}`, { text: "written before and after" });
    await until(() => a.text.toString() === "written before and after"
        && b.text.toString() === "written before and after");
    assert.ok(same(a, b));
});

test("the two protocols meet in one draft", async () => {
    const a = client("both"), b = hocuspocus("both"), c = hocuspocus("both", "me/both");
    await until(() => a.provider.synced && b.provider.synced && c.provider.synced);
    a.text.insert(0, "a");
    await until(() => b.text.toString() === "a" && c.text.toString() === "a");
    b.text.insert(1, "b");
    c.text.insert(0, "c");
    await until(() => same(a, b, c) && a.text.length === 3);
});

test("Hocuspocus's client hears when a change is kept", async () => {
    const a = hocuspocus("kept");
    await until(() => a.provider.synced && !a.provider.hasUnsyncedChanges);
    a.text.insert(0, "x");
    assert.ok(a.provider.hasUnsyncedChanges);
    await until(() => !a.provider.hasUnsyncedChanges);
});

test("others' cursors come, and go with the connection", async () => {
    const a = client("presence"), b = client("presence");
    await until(() => a.provider.synced && b.provider.synced);
    a.provider.awareness.setLocalStateField("user", { name: "Ana" });
    await until(() => [...b.provider.awareness.getStates().values()]
        .some((s) => s.user?.name === "Ana"));
    const c = hocuspocus("presence");
    await until(() => [...c.provider.awareness.getStates().values()]
        .some((s) => s.user?.name === "Ana"));
    a.provider.ws.terminate();
    a.provider.shouldConnect = false;
    await until(() => ![...b.provider.awareness.getStates().keys()].includes(a.doc.clientID));
});

const closed = (url, options) => new Promise((resolve) => {
    const ws = new WebSocket(url, options);
    ws.on("unexpected-response", (_, answer) => resolve(answer.statusCode));
    ws.on("close", (code) => resolve(code));
    ws.on("error", () => {});
});

test("who has no token, or comes from another page, is refused", async () => {
    const root = `ws://127.0.0.1:${weft.port}/sync`, url = `${root}/me/typed`;
    const token = `token=${weft.token}`;
    assert.equal(await closed(url), 401);
    assert.equal(await closed(`${url}?token=${"0".repeat(64)}`), 401);
    assert.equal(await closed(`${url}?${token}`, { origin: "http://evil.example" }), 403);
    assert.equal(await closed(`${url}?${token}`, { headers: { host: "evil.example" } }), 403);
    assert.equal(await closed(`${root}/nowhere/x?${token}`), 1008);
    assert.equal(await closed(`${root}/typed?${token}`), 1006); // no draft is called so
});

test("malformed messages close their connection, and change nothing", async () => {
    const a = client("hostile");
    await until(() => a.provider.synced);
    a.text.insert(0, "good");
    const url = `${weft.ws}/hostile?token=${weft.token}`;
    const bad = [[0, 2, 5, 1, 2], [0, 2, 3, 255, 255, 255], [0, 0, 1, 200], [9], [1, 3, 1, 1, 9],
        [0, 7, 0], [2, 0], []];
    for (const message of bad) {
        const code = await new Promise((resolve) => {
            const ws = new WebSocket(url);
            ws.on("open", () => ws.send(Buffer.from(message)));
            ws.on("close", resolve);
            ws.on("error", () => {});
        });
        assert.equal(code, 1007, `${message}`);
    }
    const text = await new Promise((resolve) => {
        const ws = new WebSocket(url);
        ws.on("open", () => ws.send("text"));
        ws.on("close", resolve);
    });
    assert.equal(text, 1003);
    const b = client("hostile");
    await until(() => b.text.toString() === "good");
});

// Deterministic noise, so that a failure comes again.
function random(seed) {
    let state = seed;
    return (n) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor(state / 2 ** 32 * n);
    };
}

test("many edit at once while connections break and the core is killed", async () => {
    const pick = random(5);
    const all = [client("storm"), client("storm"), client("storm"), hocuspocus("storm"),
        hocuspocus("storm")];
    await until(() => all.every((c) => c.provider.synced));
    const letters = ["a", "b", "ü", "😀", "\n", "word "];
    for (let round = 0; round < 6; round++) {
        for (let i = 0; i < 120; i++) {
            const c = all[pick(all.length)], at = pick(c.text.length + 1);
            if (pick(10) < 7) {
                c.doc.transact(() => c.text.insert(at, letters[pick(letters.length)]));
            } else if (c.text.length > 0) {
                const from = pick(c.text.length);
                c.text.delete(from, Math.min(1 + pick(3), c.text.length - from));
            }
            if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, pick(8)));
        }
        if (round % 2 === 0) {
            all[pick(3)].provider.ws?.terminate();
        } else {
            weft.killCore();
        }
    }
    await until(() => all.every((c) => c.provider.synced) && same(...all), 60000);
    // What every client has is what weft has: a new one gets the same.
    const late = client("storm");
    await until(() => late.provider.synced && same(late, all[0]));
    assert.ok(late.text.length > 100);
});

test("a confirmed change is there after the core was killed at once", async () => {
    for (let i = 0; i < 2; i++) { // a core that dies again and again is given up
        const a = hocuspocus(`acked-${i}`);
        await until(() => a.provider.synced && !a.provider.hasUnsyncedChanges);
        a.text.insert(0, `confirmed ${i}`);
        await until(() => !a.provider.hasUnsyncedChanges);
        a.provider.destroy(); // it must not bring it again
        weft.killCore();
        const b = client(`acked-${i}`);
        await until(() => b.provider.synced);
        assert.equal(b.text.toString(), `confirmed ${i}`);
    }
});

test("who does not read is let go, and has lost nothing when it asks anew", async () => {
    const a = client("slow"), ws = new WebSocket(`${weft.ws}/slow?token=${weft.token}`);
    let code = 0;
    ws.on("error", () => {});
    ws.on("close", (why) => {
        code = why || 1;
    });
    await until(() => a.provider.synced && ws.readyState === WebSocket.OPEN);
    ws.send(Buffer.from([0, 0, 1, 0]));
    await new Promise((resolve) => setTimeout(resolve, 200));
    ws.pause(); // from now on what comes fills the buffers on its way
    const piece = "0123456789abcdef".repeat(8192); // 128 kB
    for (let i = 0; i < 280; i++) {
        a.doc.transact(() => {
            if (a.text.length > 0) a.text.delete(0, a.text.length);
            a.text.insert(0, piece);
        });
        if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    a.text.insert(0, "end ");
    const b = client("slow");
    await until(() => b.provider.synced && b.text.toString().startsWith("end "));
    assert.ok(same(a, b));
    ws.resume();
    await until(() => code !== 0);
});

test("what another editor makes is shown, and not written over as a text", async () => {
    const a = client("tree");
    await until(() => a.provider.synced);
    a.doc.transact(() => {
        const paragraph = new Y.XmlElement("paragraph");
        paragraph.insert(0, [new Y.XmlText("in a tree")]);
        a.doc.getXmlFragment("default").insert(0, [paragraph]);
        a.doc.getMap("settings").set("wide", true);
        a.doc.getArray("rows").insert(0, [1, "two"]);
    });
    const { drafts } = await weft.api("GET", "drafts");
    const id = drafts.find((d) => d.name === "tree").id;
    const got = await until(async () => {
        const draft = await weft.api("GET", `drafts/${id}`);
        return Object.keys(draft.others).length === 3 && draft;
    });
    assert.deepEqual(got.others, { default: "<paragraph>in a tree</paragraph>",
        settings: { wide: true }, rows: [1, "two"] });
    assert.equal(got.text, null);
    await assert.rejects(weft.api("PUT", `drafts/${id}`, { text: "x" }), /501|422|400|415/);
    await assert.rejects(weft.api("POST", `drafts/${id}/restore`, { version: 1 }));
});

test("a large document comes in one piece", async () => {
    const a = client("large");
    await until(() => a.provider.synced);
    const long = "All work and no play. ".repeat(120000); // 2.6 MB
    a.text.insert(0, long);
    const b = client("large");
    await until(() => b.text.length === long.length);
    assert.ok(same(a, b));
});
