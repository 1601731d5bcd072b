#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The vector side of search through the whole program, with a lens of random weights: made in the
# background, gone on with after kill -9, gone with their documents, switched off. What they say is
# measured elsewhere (bench/bench_hybrid).
. "$(dirname "$0")/lib/tap.sh"
export WEFT_SEARCH_VECTORS=on

H=$TMP/home
D=$TMP/docs
mkdir -p "$D"
"$WEFT" models synth lens-shape q8_0 "$TMP/lens.gguf" >/dev/null 2>&1
for i in $(seq 40); do
    for line in $(seq 6); do
        echo "Report $i, line $line: the boiler of house $i was looked at, its pressure is $line bar."
    done >"$D/report-$i.txt"
done

start() {
    : >"$TMP/up.out" # the address of the one before must not be read
    "$WEFT" --home "$H" up --port 0 --lens "$TMP/lens.gguf" "$@" >"$TMP/up.out" 2>"$TMP/up.err" &
    up=$!
    for _ in $(seq 400); do
        grep -q http "$TMP/up.out" && break
        sleep 0.05
    done
    base=$(grep -o 'http://127.0.0.1:[0-9]*' "$TMP/up.out" | head -1)
    token=$(cat "$H/token")
}
stop() {
    kill "$up" 2>/dev/null
    wait "$up" 2>/dev/null
}
trap 'stop; rm -rf "$TMP"; [ $tap_failed -eq 0 ] || exit 1' EXIT
api() { curl -s -m 60 -H "Authorization: Bearer $token" "$@"; }
status() { api "$base/weft/v1/status" | python3 -c "import json,sys; d=json.load(sys.stdin); print($1)" 2>/dev/null; }
await() { # what python says of the status, for so long
    for _ in $(seq 1200); do
        [ "$(status "$1")" = True ] && return 0
        sleep 0.1
    done
    return 1
}

start
"$WEFT" --home "$H" add "$D" >/dev/null
check "vectors are being made" await 'd["vectors"]["chunks"] > 0'
core=$(pgrep -P "$up" | head -1)
kill -9 "$core"
check "a core that is killed goes on with them" await \
    'd["chunks"] > 0 and d["vectors"]["chunks"] == d["chunks"] and d["vectors"]["state"] == "idle"'
check "doctor says how many" grep -qE 'Search by meaning.*: ([0-9,]+) of \1 passages' <<<"$("$WEFT" --home "$H" doctor 2>/dev/null)"
check "metrics too" grep -qE '^weft_vectors [1-9]' <<<"$(api "$base/metrics")"
api "$base/weft/v1/search?q=boiler+of+house+17" >"$TMP/found"
check "words find what they found" grep -q 'report-17.txt' "$TMP/found"
id=$(python3 -c "import json; print(json.load(open('$TMP/found'))['hits'][0]['document'])")
before=$(status 'd["vectors"]["chunks"]')
api -X DELETE "$base/weft/v1/documents/$id" >/dev/null
check "a removed document takes its vectors along" await "d['vectors']['chunks'] < $before and d['vectors']['chunks'] == d['chunks']"
stop
WEFT_LENS=$TMP/lens.gguf "$WEFT" --home "$TMP/alone" add "$D"/report-1?.txt >/dev/null
check "without a daemon adding makes them" grep -qE 'meaning.*: [1-9][0-9,]* of' \
    <<<"$(WEFT_LENS=$TMP/lens.gguf "$WEFT" --home "$TMP/alone" doctor 2>/dev/null)"
start --search-vectors off
same "they can be switched off" off "$(status 'd["vectors"]["state"]')"
check "words go on alone" grep -q 'report-18.txt' <<<"$(api "$base/weft/v1/search?q=boiler+of+house+18")"
stop
start --lens off
check "without a lens there are none" await 'd["vectors"]["state"] == "absent"'
check "and doctor says so" grep -q 'words alone' <<<"$("$WEFT" --home "$H" doctor 2>/dev/null)"
