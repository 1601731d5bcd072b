// SPDX-License-Identifier: Apache-2.0
// A registry on loopback that holds one model, as Ollama's does: a manifest and its blobs.

import { createHash } from "node:crypto";
import http from "node:http";

const digestOf = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

export class Registry {
    constructor(model, params) {
        this.blobs = new Map();
        const layer = (bytes, mediaType) => {
            this.blobs.set(digestOf(bytes), bytes);
            return { mediaType, digest: digestOf(bytes), size: bytes.length };
        };
        this.model = digestOf(model);
        this.manifest = Buffer.from(JSON.stringify({
            schemaVersion: 2,
            mediaType: "application/vnd.docker.distribution.manifest.v2+json",
            config: layer(Buffer.from("{}"), "application/vnd.docker.container.image.v1+json"),
            layers: [layer(model, "application/vnd.ollama.image.model"),
                layer(Buffer.from(JSON.stringify(params)), "application/vnd.ollama.image.params")],
        }));
    }

    async start() {
        this.server = http.createServer((request, answer) => this.#answer(request, answer));
        await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
        this.host = `127.0.0.1:${this.server.address().port}`;
        return this;
    }

    end() {
        this.server.closeAllConnections();
        this.server.close();
    }

    #answer(request, answer) {
        const [, kind, name] = /\/(manifests|blobs)\/([^/]+)$/.exec(request.url) ?? [];
        const bytes = kind === "blobs" ? this.blobs.get(name)
            : name === "1b" ? this.manifest : undefined;
        if (!bytes) {
            answer.writeHead(404).end();
            return;
        }
        const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
        const from = range ? Number(range[1]) : 0;
        const to = range?.[2] ? Number(range[2]) + 1 : bytes.length;
        answer.writeHead(range ? 206 : 200, {
            "content-length": to - from,
            "accept-ranges": "bytes",
            ...range && { "content-range": `bytes ${from}-${to - 1}/${bytes.length}` },
        });
        answer.end(request.method === "HEAD" ? undefined : bytes.subarray(from, to));
    }
}
