#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The process link between two real daemons on loopback: off until it is wanted, paired nodes find each other again
# after any process has died, strangers get nothing, and weft doctor says why two nodes do not see each other.
. "$(dirname "$0")/lib/tap.sh"

json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }
declare -A pids
free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }

# up NAME PORT: a daemon of its own home.
up() {
    local h=$TMP/$1
    rm -f "$h.out"
    "$WEFT" --home "$h" up --port 0 --link-port "$2" --link-host 127.0.0.1 --link-discover off --node-name "$1" \
        >"$h.out" 2>"$h.err" &
    pids[$1]=$!
    for _ in $(seq 400); do
        grep -q "http://" "$h.out" 2>/dev/null && return
        sleep 0.05
    done
    cat "$h.err"
    return 1
}
weft() { "$WEFT" --home "$TMP/$1" "${@:2}"; }
# What doctor says of it: details of the lines whose name begins so.
doctor() { weft "$1" doctor --json | json "'; '.join(c['detail'] for c in d['checks'] if c['what'].startswith('$2'))"; }
listens() { python3 -c 'import socket,sys; s=socket.create_connection(("127.0.0.1",int(sys.argv[1])),2)' "$1" 2>/dev/null; }
# The process that has the port.
holder() {
    python3 - "$1" <<'END'
import glob, os, sys
inodes = {l.split()[9] for l in list(open("/proc/net/tcp"))[1:]
          if l.split()[1].endswith(":%04X" % int(sys.argv[1])) and l.split()[3] == "0A"}
for fd in glob.glob("/proc/[0-9]*/fd/*"):
    try:
        if os.readlink(fd)[8:-1] in inodes:
            print(fd.split("/")[2])
            break
    except OSError:
        pass
END
}
# until "PATTERN" command...: succeeds once what it prints has it, within 30 s.
until_has() {
    local got=
    for _ in $(seq 150); do
        got=$("${@:2}" 2>&1)
        grep -q "$1" <<<"$got" && return
        sleep 0.2
    done
    echo "$got"
    return 1
}
stop() {
    kill "${pids[@]}" 2>/dev/null
    wait 2>/dev/null
}
trap 'stop; rm -rf "$TMP"; [ $tap_failed -eq 0 ] || exit 1' EXIT

A=$(free_port) B=$(free_port)
check "weft up on one" up one "$A"
check "and another" up two "$B"
[ $tap_failed -eq 0 ] || exit 1

listens "$A"
same "nothing listens for others at first" 1 $?
same "which doctor says" "none is paired: nothing listens for them" "$(doctor one 'Other devices')"
target=$(weft one pair --show --json | json 'd["code"] + "@" + d["address"]')
check "while a code is shown it listens" listens "$A"
same "the key of link is nobody else's to read" 600 "$(stat -c %a "$TMP/one/link/key")"
weft two pair "$target" >/dev/null 2>"$TMP/err"
same "the other joins" 0 $?
sed 's/^/# /' "$TMP/err"
check "they are connected, doctor says" until_has "^connected at 127.0.0.1:" doctor one "Device "
check "on the other, too" until_has "^connected at 127.0.0.1:" doctor two "Device "
check "and where it is reached" until_has "^reachable at 127.0.0.1:$B" doctor two "Other devices"

# Strangers.
same "TLS 1.2 is refused" "" "$(openssl s_client -connect "127.0.0.1:$A" -tls1_2 </dev/null 2>/dev/null | grep -o 'Cipher is TLS.*')"
printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' |
    timeout 5 openssl s_client -connect "127.0.0.1:$A" -tls1_3 -quiet >"$TMP/answer" 2>/dev/null
same "without a key that is paired nobody gets a byte" "" "$(cat "$TMP/answer")"
printf 'GET / HTTP/1.1\r\n\r\n' | timeout 20 python3 -c '
import socket,sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 15); s.sendall(sys.stdin.buffer.read())
try: print(s.recv(100)[:4])
except OSError: print("closed")' "$A" >"$TMP/answer"
check "nor without TLS" grep -Eq "closed|b''|\\\\x15\\\\x03" "$TMP/answer"

# What link has in its memory: not the token of the page, with which it could ask core like any client, nor the keys of
# others; its own path it has, so that the search is one.
search() {
    python3 - "$@" <<'END'
import sys
pid, words = sys.argv[1], [w.encode() for w in sys.argv[2:]]
found = set()
with open("/proc/%s/mem" % pid, "rb", 0) as mem:
    for line in open("/proc/%s/maps" % pid):
        span, mode = line.split()[:2]
        if mode[:2] != "rw" or "[v" in line:
            continue
        a, b = (int(x, 16) for x in span.split("-"))
        try:
            mem.seek(a)
            bytes_ = mem.read(b - a)
        except OSError:
            continue
        found |= {w for w in words if w in bytes_}
print(len(found))
END
}
link=$(holder "$A")
if [ "$(search "$link" "$TMP/one" 2>/dev/null)" = 1 ]; then
    same "link does not have the token" 0 "$(search "$link" "$(cat "$TMP/one/token")")"
    same "nor the keys of owner, node and device, as their files have them" 0 \
        "$(search "$link" "$(cat "$TMP/one/owner/key")" "$(cat "$TMP/one/node/key")" "$(cat "$TMP/one/keys/device")")"
else
    skip "what link has in its memory" "the system does not show it"
fi

# Processes die.
link=$(holder "$B")
check "link is a process of its own" test -n "$link" -a "$link" != "${pids[two]}"
kill -9 "$link"
check "killed, it is started again" until_has "[0-9]" bash -c "sleep 0.3; $(declare -f holder); holder $B"
check "and connected again" until_has "^connected at" doctor two "Device "
check "seen from the other" until_has "^connected at" doctor one "Device "
kill -9 "${pids[two]}"
wait "${pids[two]}" 2>/dev/null
check "a node that is gone: doctor says so" until_has "no weft listens there" doctor one "Device "
check "weft up again" up two "$B"
check "and both find each other" until_has "^connected at" doctor one "Device "

# Where nothing is remembered and nobody is heard, a person says where.
kill "${pids[one]}" "${pids[two]}"
wait "${pids[one]}" "${pids[two]}" 2>/dev/null
rm -f "$TMP/one/data/mesh/addresses" "$TMP/two/data/mesh/addresses"
check "both start with nothing remembered" up one "$A"
check "the other, too" up two "$B"
check "doctor says that no address is known" until_has "no address of it is known" doctor two "Device one"
weft two nodes address nobody "127.0.0.1:$A" >/dev/null 2>&1
same "of nobody there is none" 1 $?
weft two nodes address one "no address" >/dev/null 2>&1
same "and not every word is one" 1 $?
weft two nodes address one "127.0.0.1:$A" >/dev/null
same "an address is said" 0 $?
check "and they are connected" until_has "^connected at" doctor two "Device one"

# A port that another program has.
check "a third, with the port of the first" up three "$A"
weft three pair --show --json >/dev/null 2>"$TMP/err"
same "cannot be reached" 1 $?
check "and says why" grep -q "link_port" "$TMP/err"
check "doctor, too" until_has "cannot reach this device: port $A .* is taken" doctor three "Other devices"

# Taken out, it is not let in any more, and says so; nothing is paired, nothing listens.
weft one nodes revoke two >/dev/null 2>"$TMP/err" || weft one nodes remove two >/dev/null 2>>"$TMP/err"
check "one that is taken out is told" until_has "does not know this device\|none is paired" bash -c \
    "$(declare -f json doctor weft); WEFT=$WEFT TMP=$TMP; doctor two 'Device '; doctor two 'Other devices'"
