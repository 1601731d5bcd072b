// SPDX-License-Identifier: Apache-2.0
// Installing: the service worker that opens the page offline, and the browser's offer to keep weft
// as an app.

import { api } from "./api.js";
import { signal } from "./signal.js";

const WARM_AFTER_MS = 1500;
const WARM_THREADS = 10;

export const canInstall = signal(false);
let offer = null;

// Fetches once what should be there when weft is not: the lists and the newest conversations.
async function warm() {
    await navigator.serviceWorker.ready;
    await new Promise((resolve) => setTimeout(resolve, WARM_AFTER_MS));
    const lists = [api.threads({ limit: 50 }), api.documents({ limit: 50 }), api.status()];
    const [{ threads }] = await Promise.all(lists);
    for (const thread of threads.slice(0, WARM_THREADS)) await api.thread(thread.id);
}

export function startInstall() {
    if (navigator.serviceWorker) {
        navigator.serviceWorker.register("/sw.js").then(warm).catch(() => {});
    }
    addEventListener("beforeinstallprompt", (event) => {
        event.preventDefault();
        offer = event;
        canInstall.set(true);
    });
    addEventListener("appinstalled", () => canInstall.set(false));
}

export async function install() {
    await offer?.prompt();
    offer = null;
    canInstall.set(false);
}
