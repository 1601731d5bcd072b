#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A day in a person's life: five machines (workstation, tablet, phone at home, an edge box there, a rented cloud
# node), each in a network of its own with the links that such machines have; the phone goes out and comes back, the
# network is cut, processes are killed at random. In the evening all is everywhere where it may be, and nowhere else.
# SEED=n: another day.
. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/net.sh"
net_inside "$@" || exit $tap_failed

RANDOM=${SEED:-7}
NODES="workstation tablet phone edge cloud"
# Texts that are looked for in what nodes keep: what is private is at home, what is secret where it was written.
PRIVATE=marker-of-what-is-private SECRET=marker-of-what-is-secret
json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }
declare -A pids
tier() { case $1 in edge | cloud) echo "$1" ;; *) echo device ;; esac; }
up() {
    local h=$TMP/$1
    rm -f "$h.out" # of the one before
    # A session of its own, so that the whole of a machine can lose its power at once.
    setsid nsenter -t "${net_pids[$1]}" -n "$WEFT" --home "$h" up --port 0 --link-port 7771 --node-name "$1" \
        --node-tier "$(tier "$1")" $([ "$1" != workstation ] || echo --lan) >"$h.out" 2>>"$h.err" &
    pids[$1]=$!
    for _ in $(seq 600); do
        grep -qs "http://" "$h.out" && return
        sleep 0.05
    done
    cat "$h.err"
    return 1
}
weft() { net_in "$1" "$WEFT" --home "$TMP/$1" "${@:2}"; }
until_is() {
    local got=
    for _ in $(seq 450); do
        got=$("${@:2}" 2>&1)
        [ "$got" = "$1" ] && break
        sleep 0.1
    done
    echo "$got"
}
until_has() {
    local got=
    for _ in $(seq 300); do
        got=$("${@:2}" 2>&1)
        grep -q "$1" <<<"$got" && return
        sleep 0.1
    done
    echo "$got"
    return 1
}
power_off() { # NAME: all its processes at once, as when the battery is taken out
    pkill -9 -s "${pids[$1]}" 2>/dev/null
    wait "${pids[$1]}" 2>/dev/null
}
end() {
    for n in $NODES; do [ -n "${pids[$n]-}" ] && kill "${pids[$n]}" 2>/dev/null; done
    sleep 0.3
    for n in $NODES; do [ -n "${pids[$n]-}" ] && pkill -9 -s "${pids[$n]}" 2>/dev/null; done
    net_end
}
trap 'end; [ $tap_failed -eq 0 ] || { tail -n 5 "$TMP"/*.err; exit 1; }; rm -rf "$TMP"' EXIT
pair() { # NAME: joins the workstation
    local target
    rm -f "$TMP/$1/data/mesh/tries" "$TMP/workstation/data/mesh/tries"
    target="$(weft workstation pair --show --json | json 'd["scan"]')"
    weft "$1" pair "$target" >/dev/null
}
edit() { # NAME DRAFT: its text becomes what stands on stdin; it is made when there is none
    weft "$1" draft new "$2" </dev/null >/dev/null 2>&1
    weft "$1" draft edit "$2" >/dev/null
}
field() { weft "$1" record get me "$2" --json 2>/dev/null | json "d['fields'].get('$3')"; }
ms_since() { echo $((($(date +%s%N) - $1) / 1000000)); }
n_with() { # WORD NAME: files of its home in which the word stands
    grep -rlas "$1" "$TMP/$2" | wc -l
}
at_home() { # the phone has left its house, or is back
    if [ "$1" = yes ]; then
        weather join phone '*' && weather link phone delay=1 jitter=2 drop=3 rate=8000
    else
        for n in workstation tablet edge; do weather cut phone "$n"; done
        weather link phone delay=35 jitter=15 drop=8 reorder=5 twice=2 rate=1500 queue=256
    fi
}

# ---- 07:00, at home ----
check "five machines in networks of their own" net_make "$RANDOM" $NODES stranger pocket
check "each with its link" eval 'weather link workstation rate=100000 && weather link edge rate=100000 &&
    weather link tablet delay=1 jitter=2 drop=3 rate=8000 && at_home yes && weather link cloud delay=20 jitter=3 rate=10000'
mkdir -p "$TMP/edge"
"$WEFT" models synth tiny F32 "$TMP/tiny.gguf" --vocab 400 >/dev/null 2>&1
"$WEFT" --home "$TMP/edge" models import "$TMP/tiny.gguf" tiny >/dev/null 2>&1
for n in $NODES; do check "weft up on the $n" up "$n"; done
[ $tap_failed -eq 0 ] || exit 1
for n in tablet phone edge cloud; do
    start=$(date +%s%N)
    check "the $n is paired" pair "$n"
    echo "# after $(ms_since "$start") ms"
done
all_connected() { [ "$(weft workstation nodes --json | json 'sum(n["connected"] and not n["this"] for n in d["nodes"])')" = 4 ]; }
same "all find each other" yes "$(until_is yes eval 'all_connected && echo yes')"

# ---- 08:00, begun on the tablet, gone on with at the workstation ----
weft workstation spaces create work --label internal >/dev/null
echo "Plan for today" | edit tablet plan
start=$(date +%s%N)
same "what is begun on the tablet is at the workstation" "Plan for today" "$(until_is "Plan for today" weft workstation draft cat plan)"
echo "# after $(ms_since "$start") ms, with the command line's own time"
echo "Plan for today: $PRIVATE" | edit workstation plan
same "what is changed there is on the phone" "Plan for today: $PRIVATE" "$(until_is "Plan for today: $PRIVATE" weft phone draft cat plan)"
weft workstation draft new hidden </dev/null >/dev/null
weft workstation draft label hidden secret >/dev/null
echo "$SECRET" | weft workstation draft edit hidden >/dev/null
same "what is secret is where it was written" "$SECRET" "$(weft workstation draft cat hidden)"
echo "Agenda" | edit workstation work/agenda
same "what work may see is in the cloud" "Agenda" "$(until_is "Agenda" weft cloud draft cat work/agenda)"

# ---- 08:30, the box in the cupboard has the model; a conversation goes from the workstation to the phone ----
api() { # NAME METHOD PATH [BODY]
    net_in "$1" curl -s -m 60 -X "$2" -H "Authorization: Bearer $(cat "$TMP/$1/token")" -H 'Content-Type: application/json' \
        ${4:+-d "$4"} "$(grep -o 'http://[0-9.:]*' "$TMP/$1.out" | head -1)$3"
}
asks() { # NAME MODEL TEXT: how the answer ended, or what was wrong
    api "$1" POST /v1/chat/completions "{\"model\":\"$2\",\"max_tokens\":8,\"messages\":[{\"role\":\"user\",\"content\":\"$3\"}]}" |
        json 'd["choices"][0]["finish_reason"] if "choices" in d else d["error"]["message"]'
}
same "the phone asks the edge's model" length "$(until_is length asks phone edge/tiny "Say something")"
weft workstation ask --json "How do I add a folder?" >"$TMP/asked"
thread=$(json 'd["thread"]' <"$TMP/asked")
api workstation PUT /weft/v1/presence/p1 "{\"view\":\"thread\",\"ref\":\"$thread\",\"title\":\"Folders\",\"text\":\"and then\"}" >/dev/null
unsent() {
    api phone GET /weft/v1/presence |
        json '[i.get("text") for o in d["others"] if o["node"] == "workstation" for i in o["items"]]'
}
same "what is not sent yet is on the phone" "['and then']" "$(until_is "['and then']" unsent)"
check "and is handed over" weft workstation handoff phone
turns() { api "$1" GET "/weft/v1/threads/$thread" | json 'len(d["turns"])' 2>/dev/null; }
same "the conversation, too" 1 "$(until_is 1 turns phone)"

# ---- 08:45, a document ----
echo "The boiler was serviced on 3 March. Its pressure is 1.4 bar, says $PRIVATE." >"$TMP/boiler.txt"
weft workstation add "$TMP/boiler.txt" >/dev/null
found() { weft "$1" search "boiler pressure" --json | json 'sorted({r["title"] for r in d["hits"] if "boiler" in r["title"]})'; }
same "a document that the workstation took in is found on the tablet" "['boiler.txt']" "$(until_is "['boiler.txt']" found tablet)"
same "and not in the cloud" "[]" "$(found cloud)"

# ---- 09:00, the phone is out: a mobile network, from which only the cloud is reached ----
at_home no
echo "Plan for today: $PRIVATE, bread" | edit phone plan
echo "Agenda, written on the train" | edit phone work/agenda
weft phone record set me contacts/eve name=Eve >/dev/null
same "work goes by the cloud" "Agenda, written on the train" \
    "$(until_is "Agenda, written on the train" weft workstation draft cat work/agenda)"
same "what is private waits" "Plan for today: $PRIVATE" "$(weft workstation draft cat plan)"
check "the edge's model is out of reach, in words" grep -qi "edge" <<<"$(asks phone edge/tiny "Say something")"
echo "Milk, Plan for today: $PRIVATE" | edit workstation plan

# ---- 10:00, somebody is in the network at home who should not be ----
openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=weft -keyout "$TMP/stranger.key" -out "$TMP/stranger.crt" 2>/dev/null
cat >"$TMP/stranger.py" <<'P'
# What a node says to somebody without a key that it knows: nothing that is weft's.
import os, socket, ssl, sys
folder, hosts = sys.argv[1], sys.argv[2:]
upgrade = b"GET /mesh/1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
def tls(cert):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if cert:
        c.load_cert_chain(folder + "/stranger.crt", folder + "/stranger.key")
    return c
said = []
for host in hosts:
    for context in (None, tls(False), tls(True)):
        try:
            s = socket.create_connection((host, 7771), 5)
            s.settimeout(5)
            if context:
                s = context.wrap_socket(s)
            s.sendall(upgrade)
            got = s.recv(4096)
            if b"101" in got or b"weft" in got.lower():
                said.append((host, context is None, got))
        except (OSError, ssl.SSLError):
            pass
    for port in map(int, open(folder + "/ports").read().split()):
        try:
            socket.create_connection((host, port), 1)
            said.append((host, port))
        except OSError:
            pass
print(said or 0)
P
grep -oh '127.0.0.1:[0-9]*' "$TMP"/*.out | cut -d: -f2 | sort -u >"$TMP/ports"
same "a stranger is told nothing" 0 \
    "$(net_in stranger python3 "$TMP/stranger.py" "$TMP" "${net_addresses[workstation]}" "${net_addresses[edge]}")"
check "and changes bytes on their way" weather link edge rate=100000 spoil=150
for i in 1 2 3 4 5; do
    echo "Groceries, page $i: $(seq 1 400 | tr '\n' ' ')" | edit workstation groceries
    sleep 0.2
done
same "what arrives is what was written" "$(weft workstation draft cat groceries)" \
    "$(until_is "$(weft workstation draft cat groceries)" weft edge draft cat groceries)"
check "though some of it was changed" eval "weather stats | grep -q '^edge .* [1-9][0-9]*$\|^workstation .* [1-9][0-9]*$'"
check "the stranger goes" weather link edge rate=100000

# ---- 12:00, machines lose their power and processes die, while people write ----
write() { # NAME ROUND K...: records, those that were acknowledged noted
    local k
    for k in "${@:3}"; do
        weft "$1" record set work "day/$2-$k" at="$2" >/dev/null 2>&1 && echo "day/$2-$k $2" >>"$TMP/acked"
    done
}
victim() { # a process of that machine, whichever
    local all
    mapfile -t all < <(pgrep -s "${pids[$1]}")
    [ ${#all[@]} -gt 0 ] && kill -9 "${all[$((RANDOM % ${#all[@]}))]}" 2>/dev/null
}
for i in 1 2 3 4 5 6 7 8; do
    names=(workstation tablet phone edge cloud)
    n=${names[$((RANDOM % 5))]}
    writers=()
    for m in workstation tablet phone; do
        write "$m" $i "$m-1" "$m-2" &
        writers+=($!)
    done
    sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
    if [ $((RANDOM % 2)) = 0 ]; then
        power_off "$n"
        wait "${writers[@]}"
        check "power off at the $n, and on again" up "$n"
    else
        victim "$n"
        wait "${writers[@]}"
        sleep 0.1 # a process that is killed takes a moment
        grep -q '^State:.[RSD]' "/proc/${pids[$n]}/status" 2>/dev/null || {
            power_off "$n"
            check "the $n had lost its supervisor; up again" up "$n"
        }
    fi
done
[ $tap_failed -eq 0 ] || exit 1

# ---- 18:00, at home again ----
at_home yes
both="Milk, Plan for today: $PRIVATE, bread"
start=$(date +%s%N)
same "what was written apart comes together" "$both" "$(until_is "$both" weft workstation draft cat plan)"
echo "# after $(ms_since "$start") ms"
same "on the tablet, too" "$both" "$(until_is "$both" weft tablet draft cat plan)"
same "and on the phone" "$both" "$(until_is "$both" weft phone draft cat plan)"
same "the phone's record is at the workstation" Eve "$(until_is Eve field workstation contacts/eve name)"
for n in $NODES; do
    same "the $n has all there is" 0 "$(weft "$n" sync --wait --timeout 90 >/dev/null; echo $?)"
done
missing=0
work() { weft "$1" record get work "$2" --json 2>/dev/null | json "d['fields'].get('at')"; }
while read -r key value; do
    for n in $NODES; do
        [ "$(until_is "$value" work "$n" "$key")" = "$value" ] || { missing=$((missing + 1)); echo "# $key on the $n"; }
    done
done <"$TMP/acked"
same "nothing of $(wc -l <"$TMP/acked") acknowledged records is lost anywhere" 0 "$missing"

# ---- 19:00, a phone that has a browser alone, over TLS, at the workstation ----
if [ -z "$(command -v certutil)" ] || [ ! -d tests/web/node_modules/playwright-core ]; then
    skip "a phone's browser over TLS" "no certutil, or no browser's driver"
else
    printf "Shopping list" | edit workstation shopping
    weft workstation phone --json >"$TMP/invite"
    said() {
        for _ in $(seq 600); do
            grep -qx "$1" "$TMP/pocket.out" && return
            sleep 0.1
        done
        cat "$TMP/pocket.out" "$TMP/pocket.err"
        return 1
    }
    net_in pocket env HOME="$HOME" node tests/web/lib/pocket.mjs "https://${net_addresses[workstation]}:7772" \
        "$(json 'd["code"]' <"$TMP/invite")" "$TMP/workstation/lan/ca.crt" shopping "$TMP" >"$TMP/pocket.out" 2>"$TMP/pocket.err" &
    pocket=$!
    check "a phone's browser is let in, in a secure context" said in
    check "and has the draft" said seen
    weather cut pocket workstation
    touch "$TMP/cut"
    check "it writes while it reaches nobody" said typed
    sleep 1
    same "which nobody has yet" "Shopping list" "$(weft workstation draft cat shopping)"
    weather join pocket workstation
    touch "$TMP/joined"
    same "and has arrived once it does" "Shopping list, from the pocket" \
        "$(until_is "Shopping list, from the pocket" weft workstation draft cat shopping)"
    same "on the edge, too" "Shopping list, from the pocket" "$(until_is "Shopping list, from the pocket" weft edge draft cat shopping)"
    check "the browser says that it is saved" said saved
    wait $pocket
fi

# ---- 20:00, the tablet is lost ----
check "the tablet is taken out" weft workstation nodes revoke tablet
echo "After the tablet was lost" | edit workstation after
same "the phone has what comes after" "After the tablet was lost" "$(until_is "After the tablet was lost" weft phone draft cat after)"
sleep 1
same "the tablet has not" 0 "$(n_with "After the tablet was lost" tablet)"

# ---- 23:00, who has what ----
for n in phone edge; do
    same "what is private is on the $n" yes "$([ "$(n_with "$PRIVATE" "$n")" -gt 0 ] && echo yes)"
done
same "and not in the cloud" 0 "$(n_with "$PRIVATE" cloud)"
for n in tablet phone edge cloud; do
    same "what is secret is not on the $n" 0 "$(n_with "$SECRET" "$n")"
done
weather stats | sed 's/^/# frames, bytes, lost, spoilt: /'
