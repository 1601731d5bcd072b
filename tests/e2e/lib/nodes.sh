# SPDX-License-Identifier: Apache-2.0
# For scripts with several daemons on loopback, each of a home of its own: sourced behind tap.sh.
#
#   up NAME [OPTION...]          starts NAME's, with ports that are free; again at the same link port
#   weft NAME WORD...            a command there
#   pair ONE OTHER [OPTION...]   OTHER joins ONE
#   until_is EXPECTED COMMAND... prints what the command says: EXPECTED, or what it still says after 45 s
#                                (TRIES=n: tenths of a second)
#   json EXPRESSION              of stdin as d
# They all end with the script, which shows their last words where something has failed.

json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }
declare -A pids
up() {
    local h=$TMP/$1
    [ -f "$h.port" ] || python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])' >"$h.port"
    rm -f "$h.out" # of the one before
    "$WEFT" --home "$h" up --port 0 --link-port "$(cat "$h.port")" --link-host 127.0.0.1 \
        --node-name "$@" >"$h.out" 2>>"$h.err" &
    pids[$1]=$!
    for _ in $(seq 400); do
        grep -qs "http://" "$h.out" && return
        sleep 0.05
    done
    cat "$h.err"
    return 1
}
weft() { "$WEFT" --home "$TMP/$1" "${@:2}"; }
pair() {
    local target
    rm -f "$TMP/$2/data/mesh/tries" "$TMP/$1/data/mesh/tries" # one try a minute is pair.sh's to look at
    target="$(weft "$1" pair --show --json | json 'd["scan"]')"
    weft "$2" pair "${@:3}" "$target" >/dev/null
}
until_is() {
    local got=
    for _ in $(seq "${TRIES:-450}"); do
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
trap 'stop; [ $tap_failed -eq 0 ] || { tail -n 5 "$TMP"/*.err; exit 1; }; rm -rf "$TMP"' EXIT
