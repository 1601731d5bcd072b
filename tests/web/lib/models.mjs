// SPDX-License-Identifier: Apache-2.0
// A model for the tests: random weights, so that what it says is nonsense, but it says it.

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ENDLESS = fileURLToPath(new URL("../../e2e/lib/endless", import.meta.url));

function run(weft, ...args) {
    execFileSync(weft.program, ["--home", weft.home, ...args],
        { stdio: ["ignore", "ignore", "inherit"] });
}

// Makes a model file in the home's folder; gives its path. Its answers end only at a limit.
export function synth(weft, name) {
    const file = path.join(weft.home, `${name}.gguf`);
    run(weft, "models", "synth", "tiny", "Q8_0", file);
    execFileSync(ENDLESS, [file]);
    return file;
}

// Makes a model of that name.
export function addModel(weft, name) {
    const file = synth(weft, name);
    run(weft, "models", "import", file, name);
    fs.rmSync(file);
}
