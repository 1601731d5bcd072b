// SPDX-License-Identifier: Apache-2.0
// Elements. h("p", {class: "x", onclick: f}, "text", node, [more]) makes one; text always becomes
// a text node, so that nothing a document says can turn into markup.

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "indeterminate", "open"]);

function setAttribute(node, name, value) {
    if (value === null || value === undefined) return;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name)) node[name] = value;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false) node.setAttribute(name, String(value));
}

function append(node, kids) {
    for (const kid of kids.flat(Infinity)) {
        if (kid === null || kid === undefined || kid === false || kid === "") continue;
        node.append(kid);
    }
    return node;
}

export function h(tag, attributes, ...kids) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) setAttribute(node, name, value);
    return append(node, kids);
}

export function svg(tag, attributes, ...kids) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes ?? {})) setAttribute(node, name, value);
    return append(node, kids);
}

export function fill(node, ...kids) {
    node.replaceChildren();
    return append(node, kids);
}

// What a view owns: own(f) keeps a clean-up, own.listen adds a listener that goes with it,
// own.end() runs them all once.
export function scope() {
    let ends = [];
    const own = (end) => {
        if (end) ends.push(end);
    };
    own.listen = (target, type, listener, options) => {
        target.addEventListener(type, listener, options);
        ends.push(() => target.removeEventListener(type, listener, options));
    };
    own.end = () => {
        for (const end of ends.reverse()) end();
        ends = [];
    };
    return own;
}

// Leaves out calls that come faster than `wait_ms`, keeping the last one.
export function debounce(f, wait_ms) {
    let timer = 0;
    const later = (...args) => {
        clearTimeout(timer);
        timer = setTimeout(() => f(...args), wait_ms);
    };
    later.cancel = () => clearTimeout(timer);
    return later;
}
