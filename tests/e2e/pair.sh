#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# weft pair, weft nodes: two real daemons on loopback come together by a code and by what is scanned; wrong codes, tries
# too soon, renaming, taking out, the words on paper; processes killed in the middle leave nothing half paired.
. "$(dirname "$0")/lib/tap.sh"

json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }
declare -A pids
n_ports=0

# up NAME: a daemon of its own home, with free ports.
up() {
    local h=$TMP/$1
    n_ports=$((n_ports + 1))
    [ -f "$h.port" ] || python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])' >"$h.port"
    rm -f "$h.out"
    "$WEFT" --home "$h" up --port 0 --link-port "$(cat "$h.port")" --link-host 127.0.0.1 \
        --node-name "$1" >"$h.out" 2>"$h.err" &
    pids[$1]=$!
    for _ in $(seq 200); do
        grep -q "http://" "$h.out" 2>/dev/null && return
        sleep 0.05
    done
    cat "$h.err"
    return 1
}
weft() { "$WEFT" --home "$TMP/$1" "${@:2}"; }
names() { weft "$1" nodes --json | json '",".join(sorted(n["name"] for n in d["nodes"] if n["revoked"] is None))'; }
show() { weft "$1" pair --show --json | json "d['$2']"; }
# until "EXPECTED" command...: what it prints at last, after 10 s at most
until_is() {
    local got=
    for _ in $(seq 100); do
        got=$("${@:2}" 2>&1)
        [ "$got" = "$1" ] && break
        sleep 0.1
    done
    echo "$got"
}
stop() {
    kill "${pids[@]}" 2>/dev/null
    wait 2>/dev/null
}
trap 'stop; rm -rf "$TMP"; [ $tap_failed -eq 0 ] || exit 1' EXIT

for n in laptop phone tablet box; do
    check "weft up on $n" up $n
done
[ $tap_failed -eq 0 ] || exit 1
same "a device is alone at first" "" "$(names laptop)"
weft laptop nodes rename laptop x >/dev/null 2>"$TMP/err"
same "nothing can be renamed then" 1 $?

weft laptop pair --show --json >"$TMP/shown"
same "a code has six digits" 6 "$(json 'len(d["code"])' <"$TMP/shown")"
same "the address is where it listens" "127.0.0.1:$(cat "$TMP/laptop.port")" "$(json 'd["address"]' <"$TMP/shown")"
same "the fingerprint is the node's" "$(weft laptop nodes --json | json 'd["nodes"][0]["fingerprint"]')" \
    "$(json 'd["fingerprint"]' <"$TMP/shown")"
target="$(json 'd["code"] + "@" + d["address"]' <"$TMP/shown")"
start=$(date +%s%N)
weft phone pair "$target" --json >"$TMP/joined" 2>"$TMP/err"
same "the phone joins" 0 $?
check "in under 10 s" test $((($(date +%s%N) - start) / 1000000)) -lt 10000
cat "$TMP/err" | sed 's/^/# /'
same "the laptop has both" "laptop,phone" "$(names laptop)"
same "the phone has both" "laptop,phone" "$(until_is laptop,phone names phone)"
same "three words" 3 "$(json 'len(d["words"].split())' <"$TMP/joined")"
token=$(cat "$TMP/laptop/token")
base=$(sed -n 's/.*\(http:[^ ]*\) .*/\1/p' "$TMP/laptop.out" | head -1)
same "the same on both" "$(json 'd["words"]' <"$TMP/joined")" \
    "$(curl -s -H "Authorization: Bearer $token" "$base/weft/v1/pair" | json 'd["words"]')"
same "they are connected" "True" "$(until_is True sh -c "'$WEFT' --home '$TMP/laptop' nodes --json | python3 -c '
import json,sys
print([n[\"connected\"] for n in json.load(sys.stdin)[\"nodes\"] if n[\"name\"] == \"phone\"][0])'")"

weft tablet pair "$target" >/dev/null 2>"$TMP/err"
same "a code counts once" 1 $?

# A wrong code, and the right one too soon, also when the daemon was killed in between.
code=$(show box code)
wrong=$(printf '%06d' $(((10#$code + 1) % 1000000)))
weft tablet pair "$wrong@127.0.0.1:$(cat "$TMP/box.port")" >/dev/null 2>"$TMP/err"
same "a wrong code is refused" 1 $?
check "and called wrong" grep -q "not the code" "$TMP/err"
same "nobody is paired by it" "box" "$(names box)"
same "nor there" "" "$(names tablet)"
weft tablet pair "$code@127.0.0.1:$(cat "$TMP/box.port")" >/dev/null 2>"$TMP/err"
same "a second try within the minute is refused" 1 $?
check "and says how long to wait" grep -Eq "Wait [0-9]+ seconds" "$TMP/err"
kill -9 "${pids[box]}"
wait "${pids[box]}" 2>/dev/null
sleep 0.3
check "weft up again" up box
weft tablet pair "$(show box code)@127.0.0.1:$(cat "$TMP/box.port")" >/dev/null 2>"$TMP/err"
same "no restart frees a guesser" 1 $?
check "who has to wait" grep -Eq "Wait [0-9]+ seconds" "$TMP/err"

# Names; lists travel; only the owner's key changes them.
weft laptop nodes rename phone "Ada's phone" >/dev/null
same "a new name arrives" "Ada's phone,laptop" "$(until_is "Ada's phone,laptop" names phone)"
weft laptop nodes clear "Ada's phone" internal >/dev/null
same "what it may see, too" internal "$(until_is internal sh -c "'$WEFT' --home '$TMP/phone' nodes --json | python3 -c '
import json,sys
print([n[\"clearance\"] for n in json.load(sys.stdin)[\"nodes\"] if n[\"this\"]][0])'")"
weft laptop nodes clear "Ada's phone" secret >/dev/null 2>&1
same "secret is for nobody else" 1 $?
weft phone nodes rename laptop x >/dev/null 2>"$TMP/err"
same "the phone has not the owner's key" 1 $?
weft phone pair --show --json >/dev/null 2>"$TMP/err"
same "and takes nobody in" 1 $?

check "the doctor calls the phone by its name" grep -q "Ada's phone" <<<"$(weft laptop doctor)"
check "and tells of words that are not on paper" grep -q "nodes paper" <<<"$(weft laptop doctor)"
for p in $(pgrep -P "${pids[laptop]}"); do
    grep -q "^Seccomp:.*2" "/proc/$p/status" || echo "$p"
done >"$TMP/open"
same "every process is locked in" "" "$(cat "$TMP/open")"

# The owner's words: once on paper, and back on another device.
words=$(weft laptop nodes paper | sed -n 's/^<li>\(.*\)<\/li>/\1/p')
same "twelve words" 12 "$(wc -w <<<"$words")"
weft laptop nodes paper >/dev/null 2>"$TMP/err"
same "are told once" 1 $?
sed 's/^\(....\).*/\1/' <<<"$words" | weft phone nodes recover --json >"$TMP/recovered"
same "typed back, cut short, they are the owner's key" "$(weft laptop nodes --json | json 'd["owner"]')" \
    "$(json 'd["owner"]' <"$TMP/recovered")"
echo "able able" | weft tablet nodes recover >/dev/null 2>"$TMP/err"
same "two words are none" 1 $?
weft phone pair --show --json >"$TMP/shown"
same "with the key the phone takes others in" 0 $?
weft tablet pair "$(json 'd["scan"]' <"$TMP/shown")" >/dev/null 2>"$TMP/err"
same "what is scanned pairs" 0 $?
sed 's/^/# /' "$TMP/err"
same "all three know it" "Ada's phone,laptop,tablet" "$(until_is "Ada's phone,laptop,tablet" names laptop)"

# Taken out.
weft laptop nodes revoke tablet >/dev/null
same "revoked" "Ada's phone,laptop" "$(names laptop)"
same "the phone hears of it" "Ada's phone,laptop" "$(until_is "Ada's phone,laptop" names phone)"
same "and cannot be named any more" 1 "$(weft laptop nodes revoke tablet >/dev/null 2>&1; echo $?)"
same "keys of spaces belong to a new epoch, as when it might see less" 2 "$(weft laptop nodes --json | json 'd["epoch"]')"

# Killed in the middle, now here, now there, at another moment each time.
core_of() { pgrep -P "${pids[$1]}" | while read -r p; do
    grep -q "^Seccomp:.*2" "/proc/$p/status" 2>/dev/null && ls -l "/proc/$p/fd" 2>/dev/null | grep -q 'weft.db' && echo "$p"
done | head -1; }
weft box nodes leave >/dev/null 2>&1
weft tablet nodes leave >/dev/null 2>&1
half=0 killed=0
for i in 1 2 3 4 5 6; do
    rm -f "$TMP/box/data/mesh/tries"
    at="$(show box code)@127.0.0.1:$(cat "$TMP/box.port")"
    victim=$([ $((i % 2)) = 0 ] && echo box || echo tablet)
    pid=$(core_of $victim)
    weft tablet pair "$at" >/dev/null 2>&1 &
    joining=$!
    sleep "0.0$((i * 2))"
    kill -9 "$pid" && killed=$((killed + 1))
    wait $joining
    for _ in $(seq 100); do # both answer again, and agree
        b=$(names box 2>/dev/null) t=$(names tablet 2>/dev/null)
        { [ "$b" = "box,tablet" ] && [ "$t" = "$b" ]; } || { [ "$b" = box ] && [ -z "$t" ]; } && break
        sleep 0.1
    done
    if ! { [ "$b" = "box,tablet" ] && [ "$t" = "$b" ]; } && ! { [ "$b" = box ] && [ -z "$t" ]; }; then
        echo "# $i, $victim killed: box has \"$b\", tablet \"$t\""
        half=$((half + 1))
    fi
    weft tablet nodes leave >/dev/null 2>&1
    weft box nodes revoke tablet >/dev/null 2>&1
done
same "six were killed" 6 $killed
same "nothing is half paired after kill -9" 0 $half
rm -f "$TMP/box/data/mesh/tries"
weft tablet pair "$(show box code)@127.0.0.1:$(cat "$TMP/box.port")" >/dev/null 2>"$TMP/err"
same "and it can be paired anew" "0 box,tablet" "$? $(names box)"
