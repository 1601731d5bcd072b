// SPDX-License-Identifier: Apache-2.0
// A real weft with a home of its own for one test file, and its HTTP interface for setting up.

import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const BUILD = path.resolve(process.env.B ?? path.join(ROOT, "build"));
const PROGRAM = process.env.WEFT ?? path.join(BUILD, "weft");
const START_MS = 60000;

export const shotsFolder = path.join(BUILD, "web-shots");

export function freePort() {
    return new Promise((resolve) => {
        const probe = net.createServer().listen(0, "127.0.0.1", () => {
            const { port } = probe.address();
            probe.close(() => resolve(port));
        });
    });
}

function firstLink(child) {
    return new Promise((resolve, reject) => {
        let seen = "";
        const timer = setTimeout(() => reject(new Error(`weft gave no link: ${seen}`)), START_MS);
        child.stdout.on("data", (data) => {
            seen += data;
            const link = /https?:\/\/[^\s/]+\/open\/\w+/.exec(seen);
            if (!link) return;
            clearTimeout(timer);
            resolve(link[0]);
        });
        child.stderr.on("data", (data) => {
            seen += data;
        });
        child.on("exit", (status) => reject(new Error(`weft up ended with ${status}: ${seen}`)));
    });
}

export class Weft {
    program = PROGRAM;

    // More arguments of `weft up`.
    constructor(args = []) {
        this.args = args;
        this.home = fs.mkdtempSync(path.join(os.tmpdir(), "weft-web-"));
    }

    async start() {
        this.port ??= await freePort();
        this.child = spawn(PROGRAM, ["--home", this.home, "up", "--port", String(this.port),
            ...this.args],
            { stdio: ["ignore", "pipe", "pipe"] });
        this.link = await firstLink(this.child);
        this.origin = new URL(this.link).origin;
        this.token = fs.readFileSync(path.join(this.home, "token"), "utf8").trim();
        return this;
    }

    async stop() {
        const { child } = this;
        if (!child || child.exitCode !== null) return;
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGTERM");
        const timer = setTimeout(() => child.kill("SIGKILL"), 20000);
        await ended;
        clearTimeout(timer);
    }

    async end() {
        await this.stop();
        fs.rmSync(this.home, { recursive: true, force: true });
    }

    async call(method, what, body, type = "application/json") {
        const answer = await fetch(`${this.origin}/weft/v1/${what}`, {
            method,
            headers: { authorization: `Bearer ${this.token}`, "content-type": type },
            body: body === undefined || typeof body === "string" || body instanceof Uint8Array ?
                body : JSON.stringify(body),
        });
        if (answer.status === 204) return null;
        return answer.json();
    }

    // Adds a document and gives it, or fails with the reason.
    async add(name, content) {
        const { results, detail } = await this.call("POST",
            `documents?name=${encodeURIComponent(name)}`, content, "application/octet-stream");
        if (!results?.[0].document) throw new Error(`${name}: ${results?.[0].reason ?? detail}`);
        return results[0].document;
    }

    async text(id) {
        const answer = await fetch(`${this.origin}/weft/v1/documents/${id}/text`,
            { headers: { authorization: `Bearer ${this.token}` } });
        return answer.text();
    }
}
