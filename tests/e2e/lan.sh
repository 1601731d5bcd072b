#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# weft up --lan, in a network of its own: TLS under the home CA beside 127.0.0.1, only at private addresses; a phone is
# let in by a code that counts once; what it may do and what not; taken out, it is out at once; new addresses are
# followed; a core that was killed has its listeners back.
. "$(dirname "$0")/lib/tap.sh"

if [ "${1:-}" != inside ]; then
    if ! unshare -Urn ip link add weft0 type veth peer name weft1 2>/dev/null; then
        skip "weft up --lan" "no network of one's own here"
        exit 0
    fi
    WEFT=$(realpath "$WEFT") unshare -Urn bash "$0" inside || tap_failed=1
    exit $tap_failed
fi

json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }
ip link set lo up
ip link add wlan0 type veth peer name far0
ip link set wlan0 up
ip link set far0 up
ip addr add 203.0.113.9/24 dev wlan0
H=$TMP/h
weft() { "$WEFT" --home "$H" "$@"; }
up() {
    "$WEFT" --home "$H" up --lan --port 7790 "$@" >"$TMP/out" 2>"$TMP/log" &
    pid=$!
    for _ in $(seq 200); do
        grep -q "http://" "$TMP/out" && return
        sleep 0.05
    done
    cat "$TMP/log"
    return 1
}
stop() {
    kill $pid 2>/dev/null
    wait $pid 2>/dev/null
}
trap 'stop; rm -rf "$TMP"; [ $tap_failed -eq 0 ] || exit 1' EXIT
# until command...: waits at most 20 s for it to succeed
until_ok() {
    for _ in $(seq 200); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    return 1
}
ended() { ! grep -q "^State:.[RSD]" "/proc/$1/status" 2>/dev/null; }
listeners() { ss -Hltn | awk '{print $4}' | grep -v '^127.0.0.1:7790$' | sort | tr '\n' ' '; }
reaches() { curl -sf -m 5 --cacert "$TMP/ca.crt" "https://$1:7772/lan/about" -o /dev/null; }
status() { curl -s -m 10 -o "$TMP/answer" -w '%{http_code}' --cacert "$TMP/ca.crt" "$@"; }

# ---- public addresses alone ----
check "weft up --lan" up
until_ok grep -q "public addresses alone" "$TMP/log"
check "public addresses are refused in a sentence" grep -q "public addresses alone" "$TMP/log"
same "nothing listens there" "" "$(listeners)"
same "weft phone says why" 1 "$(weft phone >/dev/null 2>"$TMP/err"; echo $?)"
check "with the same sentence" grep -q "public addresses alone" "$TMP/err"

# ---- a private one comes ----
ip addr add 192.168.7.20/24 dev wlan0
until_ok sh -c "ss -Hltn | grep -q 192.168.7.20:7772"
same "a private address is listened at when it comes, the public one never" "192.168.7.20:7772 " "$(listeners)"
same "the CA's key is for its owner" 600 "$(stat -c %a "$H/lan/ca.key")"
B=https://192.168.7.20:7772
curl -s http://192.168.7.20:7772/ca.crt -o "$TMP/ca.crt"
cmp -s "$TMP/ca.crt" "$H/lan/ca.crt"
same "the certificate is had without TLS" 0 $?
until_ok weft phone --json
weft phone --json >"$TMP/invite"
same "the fingerprint is that of the certificate" \
    "$(openssl x509 -in "$TMP/ca.crt" -noout -fingerprint -sha256 | sed 's/.*=//')" "$(json 'd["fingerprint"]' <"$TMP/invite")"
check "TLS holds under the home CA" reaches 192.168.7.20
openssl s_client -connect 192.168.7.20:7772 -CAfile "$TMP/ca.crt" -verify_return_error </dev/null >"$TMP/tls" 2>&1
check "by OpenSSL's verifier" grep -q "Verify return code: 0" "$TMP/tls"
openssl s_client -connect 192.168.7.20:7772 -tls1_1 -cipher 'ALL:@SECLEVEL=0' </dev/null >"$TMP/tls" 2>&1
same "nothing older than TLS 1.2" 1 $?
for path in /ca.crt /weft.mobileconfig /phone.html /lan/about; do
    same "without TLS: $path" 200 "$(curl -s -o /dev/null -w '%{http_code}' "http://192.168.7.20:7772$path")"
done
same "without TLS / leads to the guide" 303 "$(curl -s -o /dev/null -w '%{http_code}' http://192.168.7.20:7772/)"
for path in /weft/v1/drafts /index.html /app/main.js /healthz /open/00112233445566778899aabbccddeeff; do
    same "without TLS not: $path" 403 "$(curl -s -o /dev/null -w '%{http_code}' "http://192.168.7.20:7772$path")"
done
curl -s http://192.168.7.20:7772/weft.mobileconfig | python3 -c '
import plistlib, sys, ssl
p = plistlib.loads(sys.stdin.buffer.read())
one = p["PayloadContent"][0]
assert one["PayloadType"] == "com.apple.security.root", one
assert one["PayloadContent"] == ssl.PEM_cert_to_DER_cert(open(sys.argv[1]).read())' "$TMP/ca.crt"
same "the profile for Apple's phones holds it" 0 $?

# ---- strangers ----
token=$(cat "$H/token")
same "no token: out" 401 "$(status $B/weft/v1/drafts)"
same "the home's token: out" 401 "$(status -H "Authorization: Bearer $token" $B/weft/v1/drafts)"
same "in the path, too" 401 "$(status "$B/t/$token/weft/v1/drafts")"
same "a wrong Host: out" 403 "$(status -H 'Host: evil.example:7772' $B/phone.html)"
same "a Host of the machine's own door: out" 403 "$(status -H 'Host: 127.0.0.1:7790' $B/phone.html)"
same "a wrong Origin: out" 403 "$(status -H 'Origin: https://evil.example' $B/phone.html)"
same "the door's Host is none of the machine's" 403 \
    "$(curl -s -o /dev/null -w '%{http_code}' -H 'Host: 192.168.7.20:7772' http://127.0.0.1:7790/phone.html)"
same "the machine's own door lets nobody in as a phone" 404 \
    "$(curl -s -o /dev/null -w '%{http_code}' -d '{"code":"x"}' http://127.0.0.1:7790/lan/join)"
same "joining needs TLS" 403 \
    "$(curl -s -o /dev/null -w '%{http_code}' -d '{"code":"x"}' http://192.168.7.20:7772/lan/join)"

# ---- a phone ----
code=$(json 'd["code"]' <"$TMP/invite")
same "a wrong code: out" 403 "$(status -d '{"code":"22222-22222"}' $B/lan/join)"
sleep 1.1
same "the right one: in" 201 "$(status -c "$TMP/jar" -d "{\"code\":\"$code\",\"name\":\"Ana's phone\"}" $B/lan/join)"
sleep 1.1
same "it counts once" 403 "$(status -d "{\"code\":\"$code\"}" $B/lan/join)"
check "its cookie is for TLS and this host alone" grep -q "__Host-weft_7772" "$TMP/jar"
secret=$(awk '/__Host-weft/ {print $7}' "$TMP/jar")
same "its token is nowhere in the home" "" "$(grep -rl "$secret" "$H")"
phone() { status -b "$TMP/jar" "$@"; }
same "it reads" 200 "$(phone $B/weft/v1/drafts)"
same "its token also counts as a header" 200 "$(status -H "Authorization: Bearer $secret" $B/weft/v1/drafts)"
same "it writes" 201 "$(phone -d '{"name":"List","text":"tea"}' $B/weft/v1/drafts)"
same "it keeps records" 200 "$(phone -X PUT -d '{"fields":{"text":"milk"}}' $B/weft/v1/records/me/task/1)"
same "from a wrong Origin: out" 403 "$(phone -H 'Origin: https://evil.example' $B/weft/v1/drafts)"
same "the machine's own door does not know it" 401 \
    "$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $secret" http://127.0.0.1:7790/weft/v1/drafts)"
while read -r method path; do
    same "not its to do: $method $path" 403 "$(phone -X "$method" -d '{}' "$B$path")"
done <<'LIST'
GET /weft/v1/phones
POST /weft/v1/phones
POST /weft/v1/phones/revoke
GET /weft/v1/pair
POST /weft/v1/pair
POST /weft/v1/pair/join
POST /weft/v1/nodes/revoke
POST /weft/v1/nodes/clear
POST /weft/v1/nodes/rename
POST /weft/v1/spaces
PATCH /weft/v1/settings
POST /weft/v1/release
GET /metrics
POST /api/pull
DELETE /api/delete
POST /anonymize
GET /open/00112233445566778899aabbccddeeff
LIST
# ---- what is secret is not there for it ----
weft spaces create ward --label secret >/dev/null
weft draft new ward/rota >/dev/null
echo "nobody else" | weft draft edit ward/rota >/dev/null
rota=$(weft draft cat ward/rota --json | json 'd["id"]')
weft record set ward bed/1 text=secret >/dev/null
same "its own page has a secret draft" 1 \
    "$(curl -s -H "Authorization: Bearer $token" http://127.0.0.1:7790/weft/v1/drafts | grep -c rota)"
same "a phone's list has it not" 0 "$(curl -s -b "$TMP/jar" --cacert "$TMP/ca.crt" $B/weft/v1/drafts | grep -c rota)"
for path in /weft/v1/drafts/$rota /weft/v1/drafts/$rota/history /weft/v1/records/ward/bed/1; do
    same "there is no such thing for a phone: $path" 404 "$(phone "$B$path")"
done
same "nor among the records" 0 \
    "$(curl -s -b "$TMP/jar" --cacert "$TMP/ca.crt" "$B/weft/v1/records?space=ward" | grep -c '"text"')"

# ---- what was done while weft was out of reach comes once, and the later write wins ----
draft_id=00112233445566778899aabbccddeeff
for n in 1 2; do
    same "a draft made elsewhere, sent $n times" 201 "$(phone -d "{\"id\":\"$draft_id\",\"name\":\"Made away\"}" $B/weft/v1/drafts)"
    same "a reminder, too" 201 "$(phone -d '{"id":"0a1b2c3d","text":"call","at":4102444800000}' $B/weft/v1/reminders)"
done
same "is one draft" 1 "$(weft draft list --json | json 'len([d1 for d1 in d["drafts"] if d1["name"] == "Made away"])')"
same "and one reminder" 1 "$(weft reminders --json | json 'len(d["reminders"])')"
now=$(date +%s%3N)
set_at() { phone -X PATCH -d "{\"set\":{\"text\":\"$1\"},\"made\":$2}" $B/weft/v1/records/me/task/2; }
text_is() { weft record get me task/2 --json | json 'd["fields"]["text"]'; }
same "a record set a minute ago" 200 "$(set_at first $((now - 60000)))"
same "is there" first "$(text_is)"
same "the same again, and an older one" "200 200" "$(set_at first $((now - 60000))) $(set_at older $((now - 90000)))"
same "do nothing" first "$(text_is)"
same "a later one" 200 "$(set_at later $((now + 60000)))"
same "wins" later "$(text_is)"
phone -X DELETE $B/weft/v1/records/me/task/2 >/dev/null
phone -X PATCH -d "{\"set\":{\"text\":\"ghost\"},\"made\":$now,\"there\":true}" $B/weft/v1/records/me/task/2 >/dev/null
same "what was removed does not come back" 404 "$(phone $B/weft/v1/records/me/task/2)"
same "nor what there is not" 404 "$(phone $B/weft/v1/nothing)"

# ---- a core that dies, addresses that change ----
core=$(pgrep -P $pid | head -1)
kill -9 "$core"
check "a killed core has its listeners back" until_ok reaches 192.168.7.20
knows() { [ "$(phone $B/weft/v1/drafts)" = 200 ]; }
check "and knows its phones" until_ok knows
check "it was the core" test "$(pgrep -P $pid | head -1)" != "$core"
ip addr add 10.1.2.3/8 dev wlan0
check "a second address is listened at" until_ok reaches 10.1.2.3
check "the first goes on" until_ok reaches 192.168.7.20
ip addr del 10.1.2.3/8 dev wlan0
until_ok sh -c "! ss -Hltn | grep -q 10.1.2.3"
same "and no more when it has gone" "192.168.7.20:7772 " "$(listeners)"
until_ok reaches 192.168.7.20

# ---- out ----
curl -sN -b "$TMP/jar" --cacert "$TMP/ca.crt" $B/weft/v1/events >"$TMP/events" 2>/dev/null &
stream=$!
until_ok grep -q hello "$TMP/events"
check "an event stream is open" kill -0 $stream
weft phones --json | json 'd["phones"][0]["name"]' >"$TMP/name"
same "it is listed" "Ana's phone" "$(cat "$TMP/name")"
weft phones --revoke "Ana's phone" >/dev/null
same "revoked" 0 $?
check "what it had open is closed at once" until_ok ended $stream
for path in /weft/v1/drafts /weft/v1/events /weft/v1/me /sync/me/List /v1/models /weft/v1/records; do
    same "and it is out: $path" 401 "$(phone $B$path)"
done
curl -s -D "$TMP/head" -o /dev/null -b "$TMP/jar" --cacert "$TMP/ca.crt" $B/weft/v1/me
check "what it kept is told to go" grep -qi 'clear-site-data.*storage' "$TMP/head"
stop
up
until_ok reaches 192.168.7.20
same "also after a start" 401 "$(phone $B/weft/v1/drafts)"
cmp -s "$TMP/ca.crt" "$H/lan/ca.crt"
same "the home CA is the same" 0 $?
stop

# ---- a port that is taken ----
python3 -c 'import socket,time
s=socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("192.168.7.20",7772)); s.listen(1); time.sleep(60)' &
holder=$!
until_ok sh -c "ss -Hltn | grep -q 192.168.7.20:7772"
check "weft starts where the port is taken" up
until_ok grep -q "taken" "$TMP/log"
check "and says so" grep -q "taken" "$TMP/log"
kill $holder
