#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two devices on loopback: an edit from page to page, and all there is to a new device
# (tests/sync/sharing.mjs). usage: bench_sharing.sh [DRAFTS [RECORDS [TRANSPORT_MB_S]]]
cd "$(dirname "$0")/.." || exit 1
if [ ! -d tests/sync/node_modules/yjs ]; then
    echo "the clients are not there: make test installs them"
    exit 77
fi
exec node tests/sync/sharing.mjs "$@"
