# SPDX-License-Identifier: Apache-2.0
# Machines of a test, each in a network namespace of its own, joined by tests/net/weather.c.
# Sourced after tap.sh, within a user namespace of one's own (net_inside):
#
#   net_inside "$@" || exit $tap_failed   starts the script once more within; 1 once that has ended
#   net_make SEED NAME...        machines: 10.9.0.1/24, .2, ... and fd09::1, ... in this order
#   net_in NAME command...       runs in NAME's namespace
#   weather ORDER...             an order for the network (see weather.c)
#   net_end

net_inside() {
    [ "${1-}" = inside ] && return 0
    if [ ! -w /dev/net/tun ] || ! unshare -Urn ip tuntap add weft0 mode tap 2>/dev/null; then
        skip "$(basename "$0" .sh): machines in networks of their own" "no network of one's own can be made"
        return 1
    fi
    WEFT=$(realpath "$WEFT") WEATHER=$(realpath "$(dirname "$WEFT")/weather") unshare -Urn bash "$0" inside "${@}" ||
        tap_failed=1
    return 1
}

declare -A net_pids net_addresses
net_make() {
    local seed=$1 name i=0 word
    shift
    ip link set lo up
    mkfifo "$TMP/orders" "$TMP/answers"
    "$WEATHER" "$seed" "$@" <"$TMP/orders" >"$TMP/answers" &
    net_weather=$!
    exec 7>"$TMP/orders" 8<"$TMP/answers"
    read -r -t 10 word <&8
    [ "$word" = ready ] || return 1
    for name in "$@"; do
        i=$((i + 1))
        unshare -n sleep 100000 &
        net_pids[$name]=$!
        net_addresses[$name]=10.9.0.$i
        for _ in $(seq 100); do # until it has left this namespace
            [ "$(readlink /proc/self/ns/net)" != "$(readlink "/proc/${net_pids[$name]}/ns/net")" ] && break
            sleep 0.01
        done
        ip link set dev "$name" netns "${net_pids[$name]}" || return 1
        net_in "$name" sh -c "ip link set lo up; ip link set dev $name up; ip addr add 10.9.0.$i/24 dev $name
            ip addr add fd09::$i/64 dev $name nodad; ip route add default dev $name"
    done
}
net_in() { nsenter -t "${net_pids[$1]}" -n "${@:2}"; }
weather() {
    local answer
    echo "$*" >&7
    while read -r -t 10 answer <&8; do
        [ "$answer" = ok ] && return 0
        echo "$answer"
        [ "${answer#there is no}" = "$answer" ] || return 1
    done
    return 1
}
net_end() {
    kill "${net_pids[@]}" "$net_weather" 2>/dev/null
    wait 2>/dev/null
}
