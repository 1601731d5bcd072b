#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Drafts over WebSocket: an edit from page to page, updates a second of eight clients, beside
# y-websocket's own server (tests/sync/bench.mjs).
cd "$(dirname "$0")/.." || exit 1
if [ ! -d tests/sync/node_modules/yjs ]; then
    echo "the clients are not there: make test installs them"
    exit 77
fi
exec node tests/sync/bench.mjs "$@"
