#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How long an edit in an open page takes to the page that is open at the other of two paired
# machines, each in a network of its own: on a LAN, over 100 ms there and back, and each way; and
# what the two cost when nothing happens.
cd "$(dirname "$0")/.." || exit 1
. tests/e2e/lib/tap.sh
. tests/e2e/lib/net.sh
if [ ! -d tests/sync/node_modules/yjs ]; then
    echo "the clients are not there: make test installs them"
    exit 77
fi
net_inside "$@" || exit $tap_failed

EDITS=200
declare -A pids ports
json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }
up() {
    setsid nsenter -t "${net_pids[$1]}" -n "$WEFT" --home "$TMP/$1" up --port 0 \
        --node-name "$1" >"$TMP/$1.out" 2>"$TMP/$1.err" &
    pids[$1]=$!
    for _ in $(seq 400); do grep -qs http:// "$TMP/$1.out" && break; sleep 0.05; done
    ports[$1]=$(grep -o '127.0.0.1:[0-9]*' "$TMP/$1.out" | head -1 | cut -d: -f2)
}
weft() { net_in "$1" "$WEFT" --home "$TMP/$1" "${@:2}"; }
end() {
    kill "${pids[@]}" 2>/dev/null
    net_end
}
trap 'end; rm -rf "$TMP"' EXIT
far() { net_in "$1" node tests/sync/far.mjs "${ports[$1]}" "$(cat "$TMP/$1/token")" far "${@:2}"; }
until_ready() { for _ in $(seq 400); do grep -qs ready "$1" && return; sleep 0.05; done; return 1; }

measure() { # WHAT MUST
    far phone read $EDITS >"$TMP/times" &
    local reader=$!
    until_ready "$TMP/times" && far laptop write $EDITS 50 >/dev/null && wait $reader
    grep -v ready "$TMP/times" | sort -n | awk -v what="$1" -v must="$2" '{ t[NR] = $1 } END {
        if (NR < 1) { print what ": nothing came"; exit 1 }
        printf "%s: %d edits, p50 %.1f ms, p95 %.1f, most %.1f (must: p95 under %s ms)\n", what, NR,
            t[int((NR + 1) / 2)], t[int(NR * 0.95)], t[NR], must }'
}

# What all processes of a machine have used, in ticks of 10 ms.
ticks() {
    cat $(pgrep -s "${pids[$1]}" | sed 's|.*|/proc/&/stat|') 2>/dev/null |
        sed 's/^.*) //' | awk '{ n += $12 + $13 } END { print n }'
}
bytes() { weather stats | awk '{ n += $3 } END { print n }'; }
IDLE_S=${IDLE_S:-120}
idle() {
    local a b c d
    sleep 20 # what was just done comes to rest
    a=$(ticks laptop) b=$(ticks phone) c=$(bytes)
    sleep "$IDLE_S"
    d=$(bytes)
    awk -v a="$a" -v b="$b" -v a2="$(ticks laptop)" -v b2="$(ticks phone)" -v n=$((d - c)) \
        -v s="$IDLE_S" 'BEGIN {
        printf "idle, %d s: %.0f bytes a minute both ways, frames and all (must: 1000 a node)", s,
            n * 60 / s
        printf "; %.3f and %.3f %% of a core (must: 0.1)\n", (a2 - a) / s, (b2 - b) / s }'
}

net_make 1 laptop phone
uname -srm
up laptop
up phone
weft phone pair "$(weft laptop pair --show --json | json 'd["scan"]')" >/dev/null
weft laptop draft new far </dev/null >/dev/null
for _ in $(seq 200); do weft phone draft cat far >/dev/null 2>&1 && break; sleep 0.1; done
weather link phone rate=100000
measure "LAN" 50
weather link phone delay=50 jitter=1 rate=10000
measure "100 ms there and back" 250
weather link phone delay=100 jitter=2 rate=10000
measure "100 ms each way" 250
weather link phone delay=50 jitter=10 drop=10 rate=2000 queue=256
measure "100 ms there and back, 1 % lost" 250
weather link phone rate=100000
idle
