// A room: some clients that change documents at random and exchange some of what they did. Each has
// a document of Yjs and one of ours; everything that leaves either must be the same bytes.
import * as Y from "yjs";
import * as encoding from "lib0/encoding";
import { CMD, Script, bytesOf } from "./script.mjs";

// xorshift128+, so that a seed plays the same room everywhere.
export const random = (seed) => {
    let a = (seed ^ 0x9e3779b9) >>> 0 || 1, b = Math.imul(seed + 1, 0x85ebca6b) >>> 0 || 2;
    const next = () => {
        let x = a;
        a = b;
        x ^= x << 23;
        x ^= x >>> 17;
        x ^= b ^ (b >>> 26);
        b = x >>> 0;
        return (a + b) >>> 0;
    };
    for (let i = 0; i < 16; i++) next();
    return (n) => next() % n;
};

const ROOTS = [
    ["t", 2, (d) => d.getText("t")],
    ["a", 0, (d) => d.getArray("a")],
    ["m", 1, (d) => d.getMap("m")],
    ["x", 4, (d) => d.getXmlFragment("x")],
];
const PIECES = ["a", "b", "word ", "é", "日本", "😀", "👨‍👩‍👧", "x", "\n", "𝒳y"];
const ATTRS = ["bold", "em", "color", "link"];
const VALUES = [true, null, "red", 1, "blue"];

export class Room {
    constructor(seed, options = {}) {
        const { clients = 3, steps = 40, kinds = "tamx", gc = true } = options;
        const { plain = false, undo = false } = options;
        Object.assign(this, { seed, steps, kinds, gc, plain, rnd: random(seed), s: new Script() });
        this.snapshots = [];
        this.docs = [];
        for (let i = 0; i < clients; i++) {
            const doc = new Y.Doc({ gc });
            const ids = [i + 1, 1000 + i * 7, 0x7fffffff - i, 2 ** 40 + i, 2 ** 53 - 1 - i];
            doc.clientID = this.pick(ids);
            const told = [];
            doc.on("update", (u) => told.push(u));
            this.docs.push({ doc, told, log: [], undo: null });
            this.s.add(CMD.NEW, [i, doc.clientID, gc ? 0 : 1]);
            for (const [name, kind, get] of ROOTS) {
                get(doc);
                this.s.add(CMD.ROOT, [i, name, kind]);
            }
            if (undo) this.watch(i);
        }
    }

    // An undo manager of all roots; its steps are single transactions, or end when told.
    watch(i) {
        const { doc } = this.docs[i];
        const captureTimeout = this.rnd(2) ? 0 : 1e9;
        const scope = ROOTS.map(([, , get]) => get(doc));
        this.docs[i].undo = new Y.UndoManager(scope, { captureTimeout });
        this.s.add(CMD.UNDO_NEW, [i, captureTimeout]);
    }

    // Undoes or redoes, or ends a step.
    back(i) {
        const { doc, told, log, undo } = this.docs[i];
        const roll = this.rnd(7);
        told.length = 0;
        if (roll < 2) {
            undo.stopCapturing();
            this.s.add(CMD.UNDO_STOP, [i]);
        } else if (roll < 5) {
            undo.undo();
            this.s.add(CMD.UNDO, [i], joined(told), `doc ${i}`);
        } else {
            undo.redo();
            this.s.add(CMD.REDO, [i], joined(told), `doc ${i}`);
        }
        log.push(...told);
        const e = encoding.createEncoder();
        encoding.writeVarUint(e, undo.undoStack.length);
        encoding.writeVarUint(e, undo.redoStack.length);
        this.s.add(CMD.UNDO_DEPTH, [i], encoding.toUint8Array(e), `doc ${i}`);
    }

    // A position made in one document and looked for in another; a snapshot, and an older one.
    look(i) {
        const { doc } = this.docs[i];
        const type = this.pick(this.types(doc).filter((t) => !(t instanceof Y.Map)));
        if (type) {
            const at = this.rnd(type.length + 1);
            const assoc = this.rnd(2) ? 0 : -1;
            const p = Y.createRelativePositionFromTypeIndex(type, at, assoc);
            const bytes = Y.encodeRelativePosition(p);
            const left = assoc < 0 ? 1 : 0;
            this.s.add(CMD.POSITION, [i, ...this.ref(type), at, left], bytes, "position");
            const to = this.rnd(this.docs.length);
            const found = Y.createAbsolutePositionFromRelativePosition(p, this.docs[to].doc);
            const e = encoding.createEncoder();
            encoding.writeVarUint(e, found === null ? 0 : found.index + 1);
            this.s.add(CMD.POSITION_FIND, [to, bytes], encoding.toUint8Array(e), `doc ${to}`);
        }
        const snapshot = Y.snapshot(doc);
        this.s.add(CMD.SNAPSHOT, [i, 1], Y.encodeSnapshot(snapshot), `doc ${i}`);
        this.s.add(CMD.SNAPSHOT, [i, 2], Y.encodeSnapshotV2(snapshot), `doc ${i}`);
        if (this.gc) return;
        this.snapshots.push([i, snapshot]);
        const [of, old] = this.pick(this.snapshots);
        const was = Y.createDocFromSnapshot(this.docs[of].doc, old, new Y.Doc({ gc: false }));
        this.s.add(CMD.NEW, [60, 7, 1]);
        this.s.add(CMD.RESTORE, [of, 1, Y.encodeSnapshot(old), 60], null, `doc ${of}`);
        this.s.add(CMD.ENCODE, [60, 1, ""], Y.encodeStateAsUpdate(was), `doc ${of} as it was`);
    }

    pick(list) {
        return list[this.rnd(list.length)];
    }

    // Where a type is: its root's name, or the id of the item that holds it.
    ref(type) {
        const item = type._item;
        if (item !== null) return [1, item.id.client, item.id.clock];
        return [0, ROOTS.find(([name]) => type.doc.share.get(name) === type)[0]];
    }

    // A place in a text that is not within a pair.
    place(str, n) {
        const at = this.rnd(n + 1);
        const unit = at > 0 && at < str.length ? str.charCodeAt(at) : 0;
        return unit >= 0xdc00 && unit < 0xe000 ? at - 1 : at;
    }

    // All live types of a document.
    types(doc) {
        const roots = ROOTS.filter(([name]) => this.kinds.includes(name));
        const found = roots.map(([, , get]) => get(doc));
        const look = (n) => {
            if (!n.deleted && n.content instanceof Y.ContentType) found.push(n.content.type);
        };
        for (let i = 0; i < found.length && found.length < 40; i++) {
            const type = found[i];
            for (let n = type._start; n !== null; n = n.right) look(n);
            type._map.forEach(look);
        }
        return found;
    }

    value() {
        switch (this.rnd(9)) {
        case 0: return this.rnd(1000) - 500;
        case 1: return this.rnd(1000) / 8;
        case 2: return 2 ** 31 + this.rnd(10);
        case 3: return this.pick(PIECES);
        case 4: return null;
        case 5: return this.rnd(2) === 0;
        case 6: return { b: this.rnd(5), a: [1, "x"], 3: 1.1 };
        case 7: return [this.rnd(9), -0, { k: "😀" }];
        default: return "v" + this.rnd(100);
        }
    }

    // Something to put into an array or map: for Yjs, and for the driver.
    put(xml) {
        const roll = xml ? this.rnd(3) + 20 : this.rnd(20);
        const type = (make, kind, name = "") => [make, [2, 0, kind, name, new Uint8Array(0)]];
        switch (roll) {
        case 0: return type(new Y.Map(), 1);
        case 1: return type(new Y.Array(), 0);
        case 2: return type(new Y.Text(), 2);
        case 3: {
            const bytes = Uint8Array.from({ length: this.rnd(6) }, () => this.rnd(256));
            return [bytes, [1, 0, 0, "", bytes]];
        }
        case 4: {
            const more = this.rnd(2) ? { autoLoad: true, meta: { a: 1 } } : {};
            const sub = new Y.Doc({ guid: "guid-" + this.rnd(1e6), ...more });
            const e = encoding.createEncoder();
            encoding.writeAny(e, createOpts(sub));
            return [sub, [3, 0, 0, sub.guid, encoding.toUint8Array(e)]];
        }
        case 20: {
            const name = this.pick(["p", "heading", "li"]);
            return type(new Y.XmlElement(name), 3, name);
        }
        case 21: return type(new Y.XmlText(), 6);
        case 22: {
            const name = this.pick(["hook", "h2"]);
            return this.rnd(4) ? type(new Y.XmlText(), 6) : type(new Y.XmlHook(name), 5, name);
        }
        default: {
            const v = this.value();
            return [v, [0, 1, 0, "", bytesOf(v)]];
        }
        }
    }

    attributes() {
        const o = {};
        for (let i = this.rnd(2) + 1; i > 0; i--) o[this.pick(ATTRS)] = this.pick(VALUES);
        return o;
    }

    text(i, type) {
        const str = flat(type, "\ufffc");
        const ref = this.ref(type);
        const roll = this.plain ? this.rnd(7) : this.rnd(12);
        const at = this.place(str, type.length);
        if (roll < 4 || type.length === 0) {
            let piece = "";
            for (let k = this.rnd(3) + 1; k > 0; k--) piece += this.pick(PIECES);
            if (this.plain || this.rnd(3) > 0) {
                type.insert(at, piece);
                this.s.add(CMD.TEXT_INSERT, [i, ...ref, at, piece, 0, ""]);
            } else {
                const attrs = this.attributes();
                this.s.add(CMD.TEXT_INSERT, [i, ...ref, at, piece, 1, bytesOf(attrs)]);
                type.insert(at, piece, { ...attrs });
            }
        } else if (roll < 7) {
            const end = this.place(str.slice(at), Math.min(type.length - at, 12)) + at;
            if (end > at) {
                type.delete(at, end - at);
                this.s.add(CMD.TEXT_DELETE, [i, ...ref, at, end - at]);
            }
        } else if (roll < 10) {
            const end = this.place(str.slice(at), Math.min(type.length - at, 20)) + at;
            if (end > at) {
                const attrs = this.attributes();
                this.s.add(CMD.TEXT_FORMAT, [i, ...ref, at, end - at, bytesOf(attrs)]);
                type.format(at, end - at, { ...attrs });
            }
        } else if (roll === 10) {
            const attrs = this.rnd(2) ? this.attributes() : null;
            const embed = { src: "i" + this.rnd(9), w: this.rnd(9) / 2 };
            const given = attrs ? [1, bytesOf(attrs)] : [0, ""];
            this.s.add(CMD.TEXT_EMBED, [i, ...ref, at, 0, 1, 0, "", bytesOf(embed), ...given]);
            if (attrs) type.insertEmbed(at, embed, { ...attrs });
            else type.insertEmbed(at, embed);
        } else {
            this.keys(i, type);
        }
    }

    list(i, type, xml) {
        const ref = this.ref(type);
        const n = type.length;
        const roll = this.rnd(10);
        if (roll < 5 || n === 0) {
            const at = this.rnd(n + 1);
            const [value, put] = this.put(xml);
            type.insert(at, [value]);
            this.s.add(CMD.ARRAY_INSERT, [i, ...ref, at, ...put]);
        } else if (roll < 7 && !xml) {
            const values = Array.from({ length: this.rnd(4) + 1 }, () => this.value());
            const put = [0, values.length, 0, "", bytesOf(...values)];
            if (this.rnd(2)) {
                type.push(values);
                this.s.add(CMD.ARRAY_PUSH, [i, ...ref, ...put]);
            } else {
                const at = this.rnd(n + 1);
                type.insert(at, values);
                this.s.add(CMD.ARRAY_INSERT, [i, ...ref, at, ...put]);
            }
        } else {
            const at = this.rnd(n);
            const len = this.rnd(Math.min(n - at, 4)) + 1;
            type.delete(at, len);
            this.s.add(CMD.ARRAY_DELETE, [i, ...ref, at, len]);
        }
    }

    keys(i, type) {
        const ref = this.ref(type);
        const key = this.pick(["k1", "k2", "日", "😀k"]);
        const isMap = type instanceof Y.Map;
        if (this.rnd(4) === 0) {
            if (isMap) type.delete(key);
            else type.removeAttribute(key);
            this.s.add(CMD.MAP_DELETE, [i, ...ref, key]);
        } else if (isMap) {
            const [value, put] = this.put(false);
            type.set(key, value);
            this.s.add(CMD.MAP_SET, [i, ...ref, key, ...put]);
        } else {
            const value = "v" + this.rnd(9);
            type.setAttribute(key, value);
            this.s.add(CMD.MAP_SET, [i, ...ref, key, 0, 1, 0, "", bytesOf(value)]);
        }
    }

    change(i) {
        const { doc, told, log } = this.docs[i];
        told.length = 0;
        this.s.add(CMD.BEGIN, [i]);
        doc.transact(() => {
            for (let n = this.rnd(3) + 1; n > 0; n--) {
                const types = this.types(doc);
                const type = this.pick(types);
                if (type instanceof Y.Text) this.text(i, type);
                else if (type instanceof Y.Array) this.list(i, type, false);
                else if (type instanceof Y.Map) this.keys(i, type);
                else if (type instanceof Y.XmlElement && this.rnd(3) === 0) this.keys(i, type);
                else this.list(i, type, true);
            }
        });
        this.s.add(CMD.COMMIT, [i], joined(told), `doc ${i}`);
        log.push(...told);
    }

    apply(i, update) {
        const { doc, told, log } = this.docs[i];
        told.length = 0;
        if (this.rnd(3) === 0) {
            const v2 = Y.convertUpdateFormatV1ToV2(update);
            this.s.add(CMD.CONVERT, [1, 2, update], v2, "to v2");
            this.s.add(CMD.CONVERT, [2, 1, v2], Y.convertUpdateFormatV2ToV1(v2), "to v1");
            Y.applyUpdateV2(doc, v2, "remote");
            this.s.add(CMD.APPLY, [i, 2, v2], joined(told), `doc ${i}`);
        } else {
            Y.applyUpdate(doc, update, "remote");
            this.s.add(CMD.APPLY, [i, 1, update], joined(told), `doc ${i}`);
        }
        log.push(...told.slice(1)); // what tidying added
    }

    // One client learns something of another: single updates (perhaps with gaps), some merged, or
    // what it lacks.
    exchange() {
        const to = this.rnd(this.docs.length);
        const from = this.rnd(this.docs.length);
        const { doc, log } = this.docs[from];
        if (to === from || log.length === 0) return;
        const roll = this.rnd(8);
        if (roll < 3) {
            this.apply(to, log[this.rnd(log.length)]);
        } else if (roll < 5) {
            const some = Array.from({ length: this.rnd(5) + 2 }, () => log[this.rnd(log.length)]);
            const merged = Y.mergeUpdates(some);
            this.s.add(CMD.MERGE, [1, some.length, ...some], merged, "merge");
            const vector = Y.encodeStateVector(this.docs[to].doc);
            const diff = Y.diffUpdate(merged, vector);
            this.s.add(CMD.DIFF, [1, merged, vector], diff, "diff");
            const known = Y.encodeStateVectorFromUpdate(merged);
            this.s.add(CMD.UPDATE_VECTOR, [1, merged], known, "vector of update");
            const v2 = some.map((u) => Y.convertUpdateFormatV1ToV2(u));
            this.s.add(CMD.MERGE, [2, v2.length, ...v2], Y.mergeUpdatesV2(v2), "merge v2");
            this.apply(to, this.rnd(2) ? merged : diff);
        } else {
            const vector = Y.encodeStateVector(this.docs[to].doc);
            this.s.add(CMD.VECTOR, [to], vector, `doc ${to}`);
            const update = Y.encodeStateAsUpdate(doc, vector);
            this.s.add(CMD.ENCODE, [from, 1, vector], update, `diff of ${from}`);
            this.apply(to, update);
        }
    }

    // Everything of a document beside ours.
    compare(i, whole) {
        const { doc } = this.docs[i];
        this.s.add(CMD.VECTOR, [i], Y.encodeStateVector(doc), `doc ${i}`);
        this.s.add(CMD.ENCODE, [i, 1, ""], Y.encodeStateAsUpdate(doc), `state v1 of ${i}`);
        this.s.add(CMD.ENCODE, [i, 2, ""], Y.encodeStateAsUpdateV2(doc), `state v2 of ${i}`);
        if (!whole) return;
        this.s.add(CMD.READ, [i, 0, "t", 0], flat(doc.getText("t")), "text");
        if (this.kinds.includes("t")) {
            const delta = JSON.stringify(doc.getText("t").toDelta());
            this.s.add(CMD.READ, [i, 0, "t", 1], delta, "delta");
        }
        this.s.add(CMD.READ, [i, 0, "a", 2], sorted(doc.getArray("a")), "array");
        this.s.add(CMD.READ, [i, 0, "m", 2], sorted(doc.getMap("m")), "map");
        if (this.kinds.includes("x")) {
            // Ours shows neither hooks nor formats.
            const shown = doc.getXmlFragment("x").toString()
                .replace(/\[object Object\]|<\/?(bold|em|color|link)[^>]*>/g, "");
            this.s.add(CMD.READ, [i, 0, "x", 2], JSON.stringify(shown), "xml");
        }
    }

    play() {
        for (let k = 0; k < this.steps; k++) {
            const roll = this.rnd(10);
            const i = this.rnd(this.docs.length);
            if (roll < 6) this.change(i);
            else if (roll === 6) this.look(i);
            else if (roll === 7 && this.docs[i].undo) this.back(i);
            else this.exchange();
            if (this.rnd(20) === 0) this.compare(this.rnd(this.docs.length), false);
        }
        this.docs.forEach((_, i) => this.compare(i, true));
        // Twice around, so that what tidying adds arrives, too.
        for (let round = 0; round < 2; round++) {
            for (let from = 0; from < this.docs.length; from++) {
                for (let to = 0; to < this.docs.length; to++) {
                    const vector = Y.encodeStateVector(this.docs[to].doc);
                    const update = Y.encodeStateAsUpdate(this.docs[from].doc, vector);
                    if (to !== from) this.apply(to, update);
                }
            }
        }
        this.docs.forEach((_, i) => this.compare(i, true));
        return this.s;
    }
}

const createOpts = (doc) => {
    const opts = {};
    if (!doc.gc) opts.gc = false;
    if (doc.autoLoad) opts.autoLoad = true;
    if (doc.meta !== null) opts.meta = doc.meta;
    return opts;
};

const joined = (updates) => {
    const e = encoding.createEncoder();
    updates.forEach((u) => encoding.writeVarUint8Array(e, u));
    return encoding.toUint8Array(e);
};

// The text, with a placeholder for each embed where positions must fit.
const flat = (type, place = "") => {
    let s = "";
    for (let n = type._start; n !== null; n = n.right) {
        if (n.deleted || !n.countable) continue;
        s += n.content instanceof Y.ContentString ? n.content.str : place;
    }
    return s;
};

// JSON with the keys of maps in the order of their UTF-8 bytes, as ours writes them.
const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const sorted = (type) => {
    const one = (v) => {
        if (v instanceof Y.Doc) return JSON.stringify({ guid: v.guid });
        if (v instanceof Y.XmlHook || v instanceof Y.Map) return sorted(v);
        if (v instanceof Y.Array) return sorted(v);
        if (v instanceof Y.Text) return JSON.stringify(v.toString());
        return JSON.stringify(v === undefined ? null : v);
    };
    if (type instanceof Y.Array) return `[${type.toArray().map(one).join(",")}]`;
    const keys = [...type.keys()].sort(byBytes);
    return `{${keys.map((k) => `${JSON.stringify(k)}:${one(type.get(k))}`).join(",")}}`;
};
