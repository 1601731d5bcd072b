// SPDX-License-Identifier: Apache-2.0
// A text as slides. Lines of --- part them; where there are none, headings of the first two levels
// do. What only who speaks is to see: comments <!-- ... -->, and lines that begin with "Note:".

const BREAK = /^ {0,3}(-{3,}|\*{3,}|_{3,})\s*$/;
const HEADING = /^#{1,2}\s/;
const FENCE = /^ {0,3}(```|~~~)/;
const NOTE = /^\s*(?:Note|Notes|Notiz|Notizen):\s*/i;

const SLIDE_CHARACTERS = 1200; // of a document without pages

function parts(lines) {
    const marked = lines.map((line) => line);
    let fenced = false;
    const kinds = marked.map((line) => {
        if (FENCE.test(line)) fenced = !fenced;
        if (fenced) return "";
        return BREAK.test(line) ? "break" : HEADING.test(line) ? "heading" : "";
    });
    const byBreaks = kinds.includes("break");
    const found = [[]];
    lines.forEach((line, i) => {
        if (byBreaks && kinds[i] === "break") return found.push([]);
        if (!byBreaks && kinds[i] === "heading") found.push([]);
        return found.at(-1).push(line);
    });
    return found;
}

function slideOf(lines) {
    const notes = [];
    const text = lines.join("\n").replace(/<!--([\s\S]*?)-->/g, (_, words) => {
        notes.push(words.trim());
        return "";
    });
    const rest = text.split("\n").filter((line) => {
        if (!NOTE.test(line)) return true;
        notes.push(line.replace(NOTE, ""));
        return false;
    }).join("\n").trim();
    return { text: rest, notes: notes.filter(Boolean).join("\n") };
}

// [{text, notes}]; never empty.
export function slidesOf(text) {
    const slides = parts(text.replace(/\r\n?/g, "\n").split("\n")).map(slideOf)
        .filter((slide) => slide.text || slide.notes);
    return slides.length ? slides : [{ text: "", notes: "" }];
}

// A document's: by its pages where the outline tells, else by its headings, else by length.
export function slidesOfDocument(text, outline) {
    const points = [...text];
    const starts = [...new Set([0, ...(outline ?? []).filter(({ level }) => level <= 2)
        .map(({ start }) => start)])].sort((a, b) => a - b);
    const cut = starts.map((start, i) => points.slice(start, starts[i + 1]).join("").trim());
    const short = cut.flatMap((one) => {
        const found = [];
        for (let rest = one; rest; ) {
            let end = rest.length <= SLIDE_CHARACTERS ? rest.length :
                rest.lastIndexOf("\n", SLIDE_CHARACTERS);
            if (end <= 0) end = SLIDE_CHARACTERS;
            found.push({ text: rest.slice(0, end).trim(), notes: "" });
            rest = rest.slice(end).trim();
        }
        return found;
    });
    return short.length ? short : [{ text: "", notes: "" }];
}
