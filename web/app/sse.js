// SPDX-License-Identifier: Apache-2.0
// Reads an event stream out of a response body: onEvent(name, data) for each event. (EventSource
// cannot send a question, so that answers come over fetch.)

export async function readEvents(body, onEvent) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let name = "message";
    let data = [];
    const line = (text) => {
        if (text === "") {
            if (data.length) onEvent(name, JSON.parse(data.join("\n")));
            name = "message";
            data = [];
        } else if (text.startsWith("event:")) name = text.slice(6).trim();
        else if (text.startsWith("data:")) data.push(text.slice(5).replace(/^ /, ""));
    };
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            rest += value;
            const lines = rest.split(/\r\n|\n|\r/);
            rest = lines.pop();
            lines.forEach(line);
        }
    } finally {
        reader.cancel().catch(() => {});
    }
}
