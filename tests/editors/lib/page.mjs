// SPDX-License-Identifier: Apache-2.0
// The page with the editors, bundled and served from a loopback port of its own.

import http from "node:http";
import path from "node:path";
import { build } from "esbuild";

const HTML = `<!doctype html><meta charset="utf-8"><title>editors</title><main></main>
<script type="module" src="/editors.js"></script>`;

export async function servePage() {
    const { outputFiles } = await build({ bundle: true, format: "esm", write: false,
        entryPoints: [path.join(import.meta.dirname, "editors.mjs")],
        define: { "process.env.NODE_ENV": '"production"' }, logLevel: "error" });
    const server = http.createServer((request, answer) => {
        const script = request.url === "/editors.js";
        answer.writeHead(200, { "content-type": script ? "text/javascript" : "text/html" });
        answer.end(script ? outputFiles[0].text : HTML);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { server, url: `http://127.0.0.1:${server.address().port}/` };
}
