// SPDX-License-Identifier: Apache-2.0
// An engine elsewhere, on loopback: it says what it was asked, and keeps all that reached it.

import { execFileSync } from "node:child_process";
import http from "node:http";

const chunk = (delta, reason = null) => `data: ${JSON.stringify({ id: "x", created: 1, model: "m",
    object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;

export class Provider {
    seen = "";

    async start() {
        this.server = http.createServer((request, response) => {
            let body = "";
            request.setEncoding("utf8");
            request.on("data", (data) => {
                body += data;
            });
            request.on("end", () => {
                this.seen += body;
                const said = `You wrote: ${JSON.parse(body).messages.at(-1).content}`;
                response.writeHead(200, { "content-type": "text/event-stream" });
                for (const piece of said.match(/.{1,4}/gsu)) {
                    response.write(chunk({ content: piece }));
                }
                response.end(`${chunk({}, "stop")}data: [DONE]\n\n`);
            });
        });
        await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
        return this;
    }

    // Makes it known to a weft that runs.
    async join(weft, name) {
        execFileSync(weft.program, ["--home", weft.home, "engines", "add", name, "--protocol",
            "openai", "--clearance", "internal", "--model", "small", "--no-key", "--url",
            `http://127.0.0.1:${this.server.address().port}/v1`], { stdio: "ignore" });
        const offers = async () => {
            const answer = await fetch(`${weft.origin}/v1/models`,
                { headers: { authorization: `Bearer ${weft.token}` } }).catch(() => null);
            return answer?.ok && (await answer.text()).includes(`"${name}/small"`);
        };
        for (const end = Date.now() + 60000; !(await offers());) {
            if (Date.now() > end) throw new Error(`${name} does not appear`);
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
    }

    end() {
        this.server?.closeAllConnections();
        this.server?.close();
    }
}
