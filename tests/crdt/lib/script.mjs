// Commands for the driver (driver.c), and its answers.
import { spawnSync } from "node:child_process";
import * as encoding from "lib0/encoding";
import * as decoding from "lib0/decoding";

export const CMD = Object.fromEntries(
    `NEW BEGIN COMMIT APPLY ENCODE VECTOR ROOT READ MERGE DIFF CONVERT UPDATE_VECTOR TEXT_INSERT
    TEXT_EMBED TEXT_DELETE TEXT_FORMAT ARRAY_INSERT ARRAY_PUSH ARRAY_DELETE MAP_SET MAP_DELETE
    CLIENT FREE UNDO_NEW UNDO REDO UNDO_STOP UNDO_DEPTH POSITION POSITION_FIND SNAPSHOT RESTORE
    AWARE_NEW AWARE_SET AWARE_APPLY AWARE_ENCODE`.split(/\s+/).map((name, i) => [name, i + 1]));
const NAMES = Object.fromEntries(Object.entries(CMD).map(([k, v]) => [v, k]));
const DRIVER = `${process.env.B || "../../build"}/crdt-driver`;

export const bytesOf = (...args) => {
    const e = encoding.createEncoder();
    args.forEach((v) => encoding.writeAny(e, v));
    return encoding.toUint8Array(e);
};

// A script: each command may carry what the answer must be (bytes or text) and words for a person.
export class Script {
    constructor() {
        this.e = encoding.createEncoder();
        this.expected = [];
    }

    // Numbers, strings and bytes, as the command wants them.
    add(command, args, expect = null, note = "") {
        encoding.writeVarUint(this.e, command);
        for (const a of args) {
            if (typeof a === "number") encoding.writeVarUint(this.e, a);
            else if (typeof a === "string") encoding.writeVarString(this.e, a);
            else encoding.writeVarUint8Array(this.e, a);
        }
        this.expected.push({ command, expect, note, args });
    }

    // Runs it; the first difference as text, or null.
    run() {
        const input = encoding.toUint8Array(this.e);
        const r = spawnSync(DRIVER, [], { input, maxBuffer: 1 << 30 });
        const d = decoding.createDecoder(new Uint8Array(r.stdout ?? []));
        for (let i = 0; i < this.expected.length; i++) {
            const { command, expect, note, args } = this.expected[i];
            const where = `${i} ${NAMES[command]} ${note}`;
            if (!decoding.hasContent(d)) {
                return `the driver ended (${r.signal ?? r.status}) at ${where} ${r.stderr}`;
            }
            const status = decoding.readVarUint(d);
            const got = decoding.readVarUint8Array(d);
            if (status !== 0) return `${where}: error -${status} (${args.map(show)})`;
            const isText = typeof expect === "string";
            const wanted = isText ? new TextEncoder().encode(expect) : expect;
            if (wanted !== null && Buffer.compare(wanted, got) !== 0) {
                const told = isText ? new TextDecoder().decode(got) : got;
                return `${where}:\n wanted ${show(expect)}\n got    ${show(told)}`;
            }
        }
        return null;
    }
}

export const show = (v) => {
    if (v instanceof Uint8Array) return Buffer.from(v).toString("hex");
    return typeof v === "number" ? String(v) : JSON.stringify(v);
};
