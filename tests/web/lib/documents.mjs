// SPDX-License-Identifier: Apache-2.0
// Documents for the tests, made here so that every place in them is known.

export const LEASE = `# Lease agreement

## Term

The lease begins on 1 April 2024 and ends on 31 March 2027 unless it is extended in writing. \
Either party may end it early with three months' notice.

## Rent

The monthly rent is 940 euros, payable by the third working day of each month. Heating and water \
are paid in advance with 165 euros a month.

## Deposit

The tenant pays a deposit of 1,880 euros before moving in. The landlord returns the deposit within \
sixty days after the end of the lease.

## Pets

Cats and other small animals may be kept without asking. A dog needs the landlord's consent.
`;

// Emoji are two UTF-16 units but one code point: everything behind them tests positions.
export const GARDEN = `# Garden diary 🌻🌱

On 3 May 🌧️ the beans were sown in the third bed. The apple tree 🍎 by the wall was pruned \
on 12 February by the gardener Ingrid Solheim.

The compost 🪱 is turned every second Sunday. Slugs are kept away with a copper band 🐌.
`;

export const EXPENSES = ["date,item,amount", "2026-01-03,Groceries,84.20",
    "2026-01-09,Train to Lyon,61.00", "2026-01-15,Rent,940.00", ""].join("\n");

export const MAIL = ["From: Marta Lindqvist <marta@example.org>",
    "To: Ann Okafor <ann@example.org>", "Subject: Boiler appointment",
    "Date: Mon, 12 Oct 2026 09:30:00 +0200",
    "Content-Type: text/plain; charset=utf-8", "",
    "Hello Ann,", "", "the engineer for the boiler comes on Thursday 22 October between 8 and 10.",
    "Please make sure that someone is at home.", "", "Best wishes", "Marta", ""].join("\r\n");

// A PDF of plain text: pages is a list of lists of lines.
export function pdf(pages) {
    const objects = ["<< /Type /Catalog /Pages 2 0 R >>", null,
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"];
    const kids = [];
    for (const lines of pages) {
        const shown = lines.map((line) => `(${line.replace(/[\\()]/g, "\\$&")}) Tj T*`).join("\n");
        const stream = `BT /F1 11 Tf 14 TL 60 780 Td\n${shown}\nET`;
        objects.push(`<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`);
        objects.push("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources " +
            `<< /Font << /F1 3 0 R >> >> /Contents ${objects.length} 0 R >>`);
        kids.push(`${objects.length} 0 R`);
    }
    objects[1] = `<< /Type /Pages /Kids [${kids.join(" ")}] /Count ${kids.length} >>`;
    let out = "%PDF-1.4\n";
    const offsets = objects.map((object, i) => {
        const at = out.length;
        out += `${i + 1} 0 obj\n${object}\nendobj\n`;
        return at;
    });
    const start = out.length;
    const rows = offsets.map((at) => `${String(at).padStart(10, "0")} 00000 n \n`).join("");
    out += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows}trailer\n` +
        `<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`;
    return new TextEncoder().encode(out);
}

const WORDS = ("river stone lantern harbour winter garden letter window bridge morning copper " +
    "meadow thunder velvet orchard compass island silver market candle shadow timber").split(" ");

// A book whose page n says so, with one rare word on `rarePage`.
export function book(pageCount, rarePage, rareWord) {
    const pages = [];
    for (let page = 1; page <= pageCount; page++) {
        const lines = [`This is leaf number ${page} of the long book.`, ""];
        for (let line = 0; line < 24; line++) {
            const pick = (k) => WORDS[(page * 7 + line * 5 + k * 3) % WORDS.length];
            lines.push(`The ${pick(0)} and the ${pick(1)} stood by the ${pick(2)} near the ` +
                `${pick(3)}, and the ${pick(4)} kept still.`);
        }
        if (page === rarePage) lines.push(`The keeper of the lighthouse was called ${rareWord}.`);
        pages.push(lines);
    }
    return pdf(pages);
}

export async function fillLibrary(weft) {
    await weft.add("garden.md", GARDEN);
    await weft.add("expenses.csv", EXPENSES);
    await weft.add("boiler.eml", MAIL);
    return weft.add("lease.md", LEASE);
}
