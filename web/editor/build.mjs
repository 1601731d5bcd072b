// SPDX-License-Identifier: Apache-2.0
// Makes the editor one file, and the licences of what is in it another.
// usage: node build.mjs OUT.js OUT.txt

import fs from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const [out, licences] = process.argv.slice(2).map((name) => path.resolve(name));
const here = import.meta.dirname;

const { metafile } = await build({
    entryPoints: [path.join(here, "editor.mjs")],
    outfile: out, bundle: true, minify: true, format: "esm", target: "es2022", metafile: true,
    legalComments: "none", charset: "utf8", absWorkingDir: here,
    banner: { js: "/* Third-party code; its licences: /app/editor.txt */" },
});

// The packages that something of was taken.
const names = new Set(Object.keys(metafile.inputs)
    .map((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]).filter(Boolean));
const texts = [...names].sort().map((name) => {
    const folder = path.join(here, "node_modules", name);
    const { version, license } = JSON.parse(fs.readFileSync(path.join(folder, "package.json")));
    const file = fs.readdirSync(folder).find((f) => /^licen[cs]e/i.test(f));
    if (!/^(MIT|ISC|BSD-\d-Clause|Apache-2\.0)$/.test(license)) {
        throw new Error(`${name} is licensed ${license}: not for us`);
    }
    return `${name} ${version} (${license})\n\n` +
        (file ? fs.readFileSync(path.join(folder, file), "utf8").trim() : "");
});
fs.writeFileSync(licences, `${texts.join(`\n\n${"-".repeat(72)}\n\n`)}\n`);
