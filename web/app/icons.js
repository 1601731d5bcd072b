// SPDX-License-Identifier: Apache-2.0
// The page's own icons: strokes on a 24 by 24 field, drawn in the colour of the text.

import { svg } from "./dom.js";

const SHAPES = {
    ask: "M4 5.5h16v11h-8.5L7 20v-3.5H4z",
    chat: "M4 12a8 7 0 1 1 3.6 5.9L4 19.5l1-3.6A6.6 6.6 0 0 1 4 12zM8.5 12v.1M12 12v.1M15.5 12v.1",
    library: "M5 4v16M9.5 4v16M14 4.6l4.6 15M14 4.6l3.6-1 4.6 15-3.6 1",
    history: "M4 12a8 8 0 1 0 2.6-5.9M4 4.5v4h4M12 8v4.4l3 1.8",
    settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.8v4.4M9 14.8v4.4",
    search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.4 15.4 20 20",
    plus: "M12 5v14M5 12h14",
    send: "M12 19V5M6 11l6-6 6 6",
    stop: "M7.5 7.5h9v9h-9z",
    again: "M19 12a7 7 0 1 1-2.3-5.2M19 4v4h-4",
    close: "M6 6l12 12M18 6 6 18",
    back: "M15 5l-7 7 7 7",
    forward: "M9 5l7 7-7 7",
    up: "M6 15l6-6 6 6",
    down: "M6 9l6 6 6-6",
    remove: "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7M10 11v5M14 11v5",
    rename: "M5 19l.8-3.8L16 5l3 3L8.8 18.2 5 19zM14 7l3 3",
    download: "M12 4v11M7 10.5 12 15.5l5-5M5 20h14",
    outline: "M4 6h16M8 12h12M8 18h12",
    summary: "M5 6h14M5 10.5h14M5 15h8M17 14.5l.9 2.1 2.1.9-2.1.9-.9 2.1-.9-2.1-2.1-.9 2.1-.9z",
    expand: "M14 5h5v5M19 5l-6 6M10 19H5v-5M5 19l6-6",
    shrink: "M19 10h-5V5M14 10l6-6M5 14h5v5M10 14l-6 6",
    check: "M5 12.5 10 17.5 19.5 7",
    alert: "M12 4 2.8 19.5h18.4zM12 10v4.5M12 17.2v.1",
    copy: "M9 9h10.5v10.5H9zM15 9V4.5H4.5V15H9",
    upload: "M12 16V5M7 9.5 12 4.5l5 5M5 20h14",
    folder: "M3.5 6h6l2 2.5h9V18.5h-17z",
    device: "M4 5.5h16v10H4zM8 19.5h8M12 15.5v4",
    offline: "M4 4l16 16M8.5 15.5a5 5 0 0 1 7 0M5.5 12.3a9 9 0 0 1 4-2.3M14 9.8a9 9 0 0 1 " +
        "4.5 2.5M12 19v.1",
    lock: "M6 11h12v8.5H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
    file: "M6 3.5h8l4 4v13H6zM14 3.5v4h4",
    pdf: "M6 3.5h8l4 4v13H6zM14 3.5v4h4M9 17c3-2 4-6 3-7.5s-1 4 4 6c-3-.5-5 0-7 1.5z",
    text: "M6 3.5h8l4 4v13H6zM14 3.5v4h4M9 12h6M9 15h6M9 9h2",
    note: "M5 4.5h14v11L14.5 20H5zM14.5 20v-4.5H19M8.5 9h7M8.5 12.5h4",
    sheet: "M4.5 5h15v14h-15zM4.5 10h15M4.5 14.5h15M10 5v14",
    slides: "M4 5h16v10.5H4zM12 15.5v4M8.5 19.5h7M8 12l2.5-3 2 2L16 8.5",
    mail: "M4 6h16v12H4zM4 7l8 6 8-6",
    calendar: "M5 6h14v13.5H5zM5 10.5h14M9 4v4M15 4v4",
    book: "M12 6.5C10 5 7 4.5 4 5v13c3-.5 6 0 8 1.5 2-1.5 5-2 8-1.5V5c-3-.5-6 0-8 1.5zM12 6.5V19.5",
    image: "M4 5h16v14H4zM4 16l4.5-4.5 4 4 2.5-2.5 5 4.5M15.5 9.5v.1",
    web: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM3.5 12h17M12 3.5c-4.5 5-4.5 12 0 17 " +
        "4.5-5 4.5-12 0-17z",
    good: "M4 11h3.5v8.5H4zM7.5 11l4-7c1.7 0 2.6 1 2.3 2.7L13.2 10h6.3l-1.6 9.5H7.5",
    bad: "M20 13h-3.5V4.5H20zM16.5 13l-4 7c-1.7 0-2.6-1-2.3-2.7l.6-3.3H4.5L6.1 4.5h10.4",
    code: "M8.5 7.5 4 12l4.5 4.5M15.5 7.5 20 12l-4.5 4.5M13.5 5l-3 14",
};

export function icon(name, className = "") {
    return svg(
        "svg",
        { viewBox: "0 0 24 24", class: `icon ${className}`.trim(), "aria-hidden": "true" },
        svg("path", { d: SHAPES[name] ?? SHAPES.file }),
    );
}

// Two threads over and under two others.
export function logo() {
    return svg(
        "svg",
        { viewBox: "0 0 64 64", class: "logo", "aria-hidden": "true" },
        svg("path", { class: "warp", d: "M24 10v22M24 48v6M40 10v6M40 32v22" }),
        svg("path", { class: "weft", d: "M10 24h6M32 24h22M10 40h22M48 40h6" }),
    );
}
