// SPDX-License-Identifier: Apache-2.0
// A weft of a home of its own, which can be killed and started again at the same port.

import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";

export const PROGRAM = process.env.WEFT ?? path.resolve(import.meta.dirname, "../../../build/weft");

const freePort = () => new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
        const { port } = server.address();
        server.close(() => resolve(port));
    });
});

export class Weft {
    // device: its name, for who wants to pair it; then it listens for nodes on loopback.
    // origins: of pages elsewhere that may come.
    static async start({ device, origins } = {}) {
        const weft = new Weft();
        weft.origins = origins ? ["--origins", origins] : [];
        if (device)
            weft.link = ["--link-host", "127.0.0.1", "--link-port", String(await freePort()),
                "--node-name", device];
        weft.home = fs.mkdtempSync(path.join(os.tmpdir(), "weft-sync-"));
        weft.port = await freePort();
        await weft.up();
        weft.token = fs.readFileSync(path.join(weft.home, "token"), "utf8").trim();
        return weft;
    }

    get ws() {
        return `ws://127.0.0.1:${this.port}/sync/me`;
    }

    async up() {
        this.child = spawn(PROGRAM, ["--home", this.home, "up", "--port", String(this.port),
            ...this.origins, ...(this.link ?? [])], { stdio: ["ignore", "pipe", "inherit"] });
        this.ended = new Promise((resolve) => this.child.on("exit", resolve));
        await new Promise((resolve, reject) => {
            let out = "";
            this.child.stdout.on("data", (chunk) => {
                out += chunk;
                if (out.includes("http://")) resolve();
            });
            this.ended.then(() => reject(new Error(`weft did not start: ${out}`)));
        });
        this.core = Number(this.children(this.child.pid)[0]);
    }

    // The processes that `pid` has started, the core first: it is the one that has the most memory.
    children(pid) {
        const list = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
        const status = (p) => fs.readFileSync(`/proc/${p}/status`, "utf8");
        const size = (p) => Number(/VmRSS:\s+(\d+)/.exec(status(p))?.[1] ?? 0);
        return list.filter(Boolean).sort((a, b) => size(b) - size(a));
    }

    // kill -9 of the core: the supervisor starts another one.
    killCore() {
        process.kill(Number(this.children(this.child.pid)[0]), "SIGKILL");
    }

    async api(method, url, body) {
        const answer = await fetch(`http://127.0.0.1:${this.port}/weft/v1/${url}`, {
            method,
            headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
            body: body && JSON.stringify(body),
        });
        if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status}`);
        return answer.status === 204 ? null : answer.json();
    }

    async stop() {
        this.child.kill("SIGTERM");
        const code = await this.ended;
        fs.rmSync(this.home, { recursive: true, force: true });
        return code;
    }
}

export async function until(what, ms = 20000) {
    const end = Date.now() + ms;
    for (;;) {
        const value = await what();
        if (value) return value;
        if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}
