#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Kill -9 at 200 random moments while documents are taken in, replaced and removed: after each the
# database opens, nothing acknowledged is missing, nothing is half there. Must: no mistake.
set -u
test=$B/tests/test_kill9
[ -x "$test" ] || exit 77
WEFT_KILL9_ROUNDS=${WEFT_KILL9_ROUNDS:-200} WEFT_KILL9_SEED=${WEFT_KILL9_SEED:-2} \
    "$test" >"$B/kill9.out" 2>&1
status=$?
grep -E '^(round |[0-9]+ rounds:)' "$B/kill9.out"
[ $status -eq 0 ] && echo "missing, half there or damaged: 0   must: 0"
exit $status
