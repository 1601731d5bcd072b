// SPDX-License-Identifier: Apache-2.0
// A draft's connection to weft: Hocuspocus's framing, because it says when a change is kept. What
// was written while nobody answered goes along when the two compare what they have.

import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import * as awarenessProtocol from "y-protocols/awareness";
import * as syncProtocol from "y-protocols/sync";

const SYNC = 0;
const AWARENESS = 1;
const KEPT = 8;
const REFUSED = 1008;
const PAUSE_MS = [300, 1000, 3000, 10000];

export class Provider {
    // `told` is called with "saved", "saving", "offline" or "gone" whenever that changes.
    // `ready`, a promise: it is not connected before.
    constructor(url, name, doc, awareness, told, ready = null) {
        Object.assign(this, { url, name, doc, awareness, told });
        this.failures = 0;
        this.waiting = 0; // messages with changes that weft has not confirmed
        this.synced = false; // weft has said what is lacking here
        this.asked = false; // and was told what it lacks
        this.status = "";
        this.onUpdate = (update, origin) => {
            if (origin !== this) this.sendChange(syncProtocol.writeUpdate, update);
        };
        this.onAwareness = ({ added, updated, removed }, origin) => {
            if (origin !== this) this.sendAwareness([...added, ...updated, ...removed]);
        };
        this.onOnline = () => this.connect();
        this.onHide = () => awarenessProtocol.removeAwarenessStates(awareness, [doc.clientID],
            "gone");
        doc.on("update", this.onUpdate);
        awareness.on("update", this.onAwareness);
        addEventListener("online", this.onOnline);
        addEventListener("pagehide", this.onHide);
        this.isReady = !ready;
        if (ready) this.tell();
        ready?.then(() => {
            this.isReady = true;
            this.connect();
        });
        this.connect();
    }

    tell() {
        const open = this.ws?.readyState === WebSocket.OPEN && this.synced && this.asked;
        const status = !open ? "offline" : this.waiting > 0 ? "saving" : "saved";
        if (status !== this.status) this.told(this.status = status);
    }

    connect() {
        clearTimeout(this.timer);
        if (this.ended || !this.isReady) return;
        if (this.ws && this.ws.readyState <= WebSocket.OPEN) return;
        const ws = this.ws = new WebSocket(this.url);
        ws.binaryType = "arraybuffer";
        ws.onopen = () => {
            this.failures = 0;
            this.send(SYNC, (e) => syncProtocol.writeSyncStep1(e, this.doc));
            this.sendAwareness([this.doc.clientID]);
        };
        ws.onmessage = (event) => this.receive(new Uint8Array(event.data));
        ws.onclose = ({ code }) => this.lost(ws, code);
    }

    lost(ws, code) {
        if (ws !== this.ws || this.ended) return;
        if (code === REFUSED) { // it was removed
            this.end();
            this.told(this.status = "gone");
            return;
        }
        this.synced = this.asked = false;
        this.waiting = 0; // comparing tells anew
        const others = [...this.awareness.getStates().keys()]
            .filter((client) => client !== this.doc.clientID);
        awarenessProtocol.removeAwarenessStates(this.awareness, others, this);
        const pause = PAUSE_MS[Math.min(this.failures++, PAUSE_MS.length - 1)];
        this.timer = setTimeout(() => this.connect(), pause * (0.5 + Math.random()));
        this.tell();
    }

    send(type, write) {
        if (this.ws?.readyState !== WebSocket.OPEN) return false;
        const encoder = encoding.createEncoder();
        encoding.writeVarString(encoder, this.name);
        encoding.writeVarUint(encoder, type);
        write(encoder);
        this.ws.send(encoding.toUint8Array(encoder));
        return true;
    }

    sendChange(write, update) {
        if (this.send(SYNC, (e) => write(e, update))) this.waiting++;
        this.tell();
    }

    sendAwareness(clients) {
        const known = clients.filter((client) => this.awareness.meta.has(client));
        if (!known.length) return;
        const bytes = awarenessProtocol.encodeAwarenessUpdate(this.awareness, known);
        this.send(AWARENESS, (e) => encoding.writeVarUint8Array(e, bytes));
    }

    receive(bytes) {
        const decoder = decoding.createDecoder(bytes);
        decoding.readVarString(decoder);
        const type = decoding.readVarUint(decoder);
        if (type === SYNC) {
            this.receiveSync(decoder);
        } else if (type === AWARENESS) {
            const update = decoding.readVarUint8Array(decoder);
            awarenessProtocol.applyAwarenessUpdate(this.awareness, update, this);
        } else if (type === KEPT) {
            this.waiting = Math.max(0, this.waiting - 1);
        }
        this.tell();
    }

    receiveSync(decoder) {
        const reply = encoding.createEncoder();
        const kind = syncProtocol.readSyncMessage(decoder, reply, this.doc, this);
        if (kind === syncProtocol.messageYjsSyncStep2) this.synced = true;
        if (kind === syncProtocol.messageYjsSyncStep1) this.asked = true;
        const bytes = encoding.toUint8Array(reply);
        if (!bytes.length) return;
        if (this.send(SYNC, (e) => encoding.writeUint8Array(e, bytes))) this.waiting++;
    }

    end() {
        this.onHide();
        this.ended = true;
        clearTimeout(this.timer);
        removeEventListener("online", this.onOnline);
        removeEventListener("pagehide", this.onHide);
        this.doc.off("update", this.onUpdate);
        this.awareness.off("update", this.onAwareness);
        this.ws?.close();
    }
}
