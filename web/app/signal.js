// SPDX-License-Identifier: Apache-2.0
// A value that tells who listens when it changes.

export function signal(value) {
    const listeners = new Set();
    return {
        get value() {
            return value;
        },
        set(next) {
            if (Object.is(next, value)) return;
            value = next;
            for (const listener of [...listeners]) listener(value);
        },
        // For values that are changed in place.
        touch() {
            for (const listener of [...listeners]) listener(value);
        },
        // Calls `listener` now and after each change; returns what ends it.
        on(listener) {
            listeners.add(listener);
            listener(value);
            return () => listeners.delete(listener);
        },
        // The same, without the call now.
        later(listener) {
            listeners.add(listener);
            return () => listeners.delete(listener);
        },
    };
}
