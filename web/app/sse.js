// SPDX-License-Identifier: Apache-2.0
// Reads an event stream out of a response body: onEvent(name, data) for each event. (EventSource
// cannot send a question, so that answers come over fetch.)

async function eachLine(body, onLine) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            rest += value;
            const lines = rest.split(/\r\n|\n|\r/);
            rest = lines.pop();
            lines.forEach(onLine);
        }
    } finally {
        reader.cancel().catch(() => {});
    }
}

export function readEvents(body, onEvent) {
    let name = "message";
    let data = [];
    return eachLine(body, (text) => {
        if (text === "") {
            const whole = data.join("\n");
            if (whole && whole !== "[DONE]") onEvent(name, JSON.parse(whole));
            name = "message";
            data = [];
        } else if (text.startsWith("event:")) name = text.slice(6).trim();
        else if (text.startsWith("data:")) data.push(text.slice(5).replace(/^ /, ""));
    });
}

// The same for bodies of one JSON value a line.
export const readLines = (body, onValue) => eachLine(body, (text) => {
    if (text) onValue(JSON.parse(text));
});
