#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Paired nodes find each other by mDNS in a network of their own, and again when that becomes another one.
. "$(dirname "$0")/lib/tap.sh"

if [ "${1-}" != inside ]; then
    if ! unshare -Urn ip link add weft0 type veth peer name weft1 2>/dev/null; then
        skip "nodes find each other by mDNS" "no network of one's own can be made"
        exit 0
    fi
    WEFT=$(realpath "$WEFT") unshare -Urn bash "$0" inside || tap_failed=1
    exit
fi

declare -A pids
up() {
    local h=$TMP/$1
    rm -f "$h.out"
    "$WEFT" --home "$h" up --port 0 --link-port "$2" --node-name "$1" >"$h.out" 2>"$h.err" &
    pids[$1]=$!
    for _ in $(seq 400); do
        grep -q "http://" "$h.out" 2>/dev/null && return
        sleep 0.05
    done
    cat "$h.err"
    return 1
}
weft() { "$WEFT" --home "$TMP/$1" "${@:2}"; }
until_has() {
    local got=
    for _ in $(seq 200); do
        got=$("${@:2}" 2>&1)
        grep -q "$1" <<<"$got" && return
        sleep 0.2
    done
    echo "$got"
    return 1
}
end() {
    kill "${pids[@]}" 2>/dev/null
    wait 2>/dev/null
}
trap 'end; rm -rf "$TMP"; [ $tap_failed -eq 0 ] || exit 1' EXIT

ip link set lo up
ip link add weft0 type veth peer name weft1
ip link set weft0 up
ip link set weft1 up
# Two addresses, one of them the way out to others.
ip addr add 10.66.0.1/24 dev weft1
ip addr add 10.77.0.1/24 dev weft0
ip route add default dev weft0

check "weft up on one" up one 7801
check "and another" up two 7802
target=$(weft one pair --show --json | python3 -c 'import json,sys; d=json.load(sys.stdin); print(d["code"]+"@"+d["address"])')
same "the address is that of the way out" 10.77.0.1:7801 "${target#*@}"
check "they are paired" weft two pair "$target"
check "and connected" until_has "one .*connected" weft two nodes
end
ip addr del 10.66.0.1/24 dev weft1
rm -f "$TMP/one/data/mesh/addresses" "$TMP/two/data/mesh/addresses"
check "both start with nothing remembered" up one 7801
check "the other, too" up two 7802
check "they find each other all the same" until_has "one .*connected" weft two nodes
ip addr del 10.77.0.1/24 dev weft0
ip addr add 10.78.0.1/24 dev weft0
check "also in another network" until_has "one .*connected *10.78.0.1" weft two nodes
check "seen from the other" until_has "two .*connected *10.78.0.1" weft one nodes
