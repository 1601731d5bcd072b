#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is open on one device opens in the page of another: from the command until it stands there,
# and from opening the app (tests/web/handoff-bench.mjs). usage: bench_handoff.sh [TRIES]
cd "$(dirname "$0")/.." || exit 1
if [ ! -d tests/web/node_modules/playwright-core ]; then
    echo "the browser's driver is not there: make test installs it"
    exit 77
fi
exec node tests/web/handoff-bench.mjs "$@"
