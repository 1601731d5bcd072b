// SPDX-License-Identifier: Apache-2.0
// A real weft with a model of random weights: what it says means nothing, and everything else is
// as with one that was trained. The same seed gives the same answer, which ends only at a limit.

import { execFileSync } from "node:child_process";
import path from "node:path";
import { Weft } from "../../web/lib/weft.mjs";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const PROGRAM = process.env.WEFT ?? path.join(process.env.B ?? path.join(ROOT, "build"), "weft");

export const MODEL = "tiny";

export class Served extends Weft {
    // Runs a command of weft's on this home; gives what it prints.
    run(...args) {
        return execFileSync(PROGRAM, ["--home", this.home, ...args], { encoding: "utf8" });
    }

    async serve() {
        const file = path.join(this.home, "tiny.gguf");
        await this.start();
        this.run("models", "synth", "tiny", "F32", file, "--seed", "7");
        execFileSync(path.join(ROOT, "tests/e2e/lib/endless"), [file]);
        this.run("models", "import", file, MODEL);
        return this;
    }

    // For clients that can only change a base address.
    get secret() {
        return `${this.origin}/t/${this.token}`;
    }
}

// Reads a stream to its end.
export async function all(stream) {
    const parts = [];
    for await (const part of stream) parts.push(part);
    return parts;
}

export const WEATHER = {
    name: "weather",
    description: "The weather of a place.",
    schema: {
        type: "object",
        properties: { place: { enum: ["Bonn", "Oslo"] }, days: { type: "integer" } },
        required: ["place", "days"],
        additionalProperties: false,
    },
};
