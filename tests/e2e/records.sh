#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Records on the command line and over HTTP: fields, counters, sets, their history; labels; deletion
# for good; events; a core that is killed.
. "$(dirname "$0")/lib/tap.sh"

H=$TMP/home
weft() { "$WEFT" --home "$H" "$@"; }
json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }
fields() { weft record get me "$1" --json | json 'json.dumps(d["fields"], sort_keys=True)'; }

weft record set me contacts/ana name='Ana M' age=41 'tags=["a", 1]' >/dev/null
same "a record is what was set" '{"age": 41, "name": "Ana M", "tags": ["a", 1]}' "$(fields contacts/ana)"
weft record set me contacts/ana age=42 >/dev/null
weft record unset me contacts/ana tags >/dev/null
same "a field is set anew, another unset" '{"age": 42, "name": "Ana M"}' "$(fields contacts/ana)"
weft record count me contacts/ana calls=5 >/dev/null
weft record count me contacts/ana calls=-2 >/dev/null
weft record add me contacts/ana groups=family groups=choir >/dev/null
weft record take me contacts/ana groups=family >/dev/null
same "counters count, sets change" '{"age": 42, "calls": 3, "groups": ["choir"], "name": "Ana M"}' \
    "$(fields contacts/ana)"
weft record take me contacts/ana groups=family 2>/dev/null
same "what is not in a set cannot be taken" 1 $?
weft record set me contacts/ana 'no field' 2>/dev/null
same "an argument that is no field is an error" 1 $?
weft record set me contacts name=x 2>/dev/null
same "a record has a key" 1 $?
weft record set nowhere a/b c=1 2>/dev/null
same "a space must be there" 1 $?
same "history tells what was done, the newest first" "take groups" \
    "$(weft record history me contacts/ana --json | json 'd["history"][0]["ops"][0]["op"]+" "+d["history"][0]["ops"][0]["field"]')"
same "all of it" 7 "$(weft record history me contacts/ana --json | json 'len(d["history"])')"
weft record set me 'notes/a/b c' text=x >/dev/null
same "a key may hold slashes and blanks" '{"text": "x"}' "$(fields 'notes/a/b c')"
same "a list has all" "contacts/ana notes/a/b c" \
    "$(weft record list me --json | json '" ".join(r["collection"]+"/"+r["key"] for r in d["records"])')"
same "or a collection" 1 "$(weft record list me notes --json | json 'len(d["records"])')"

# Labels: at least the space's; what stands in it raises it before it is stored.
same "a record has its space's label" private "$(weft record get me contacts/ana --json | json 'd["label"]')"
weft record set me logins/mail 'password=hunter2xyzQ!9' >/dev/null
same "a password is secret, without a daemon, too" secret \
    "$(weft record get me logins/mail --json | json 'd["label"]')"
weft record set me logins/mail password=none >/dev/null
same "what is no longer there does not count" private \
    "$(weft record get me logins/mail --json | json 'd["label"]')"
weft record set me logins/mail --label secret >/dev/null
same "a label that somebody gave stays" secret \
    "$(weft record set me logins/mail password=x --json | json 'd["label"]')"

label_of_last() {
    python3 - "$H/data/weft.db" <<'PY'
import sqlite3, sys
c = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
print(c.execute("SELECT label FROM record_change ORDER BY hlc DESC LIMIT 1").fetchone()[0])
PY
}
weft record set me logins/bank 'password=hunter2xyzQ!9' >/dev/null
weft record rm me logins/bank >/dev/null
same "that a secret record was deleted is secret" 3 "$(label_of_last)"
weft record set me logins/shop user=ana >/dev/null
weft record set me logins/shop 'password=hunter2xyzQ!9' >/dev/null
weft record rm me logins/shop >/dev/null
same "who knew some of a record learns that it is gone" 2 "$(label_of_last)"
weft record set me weft.draft/x name=y >/dev/null 2>&1
same "collections of weft's own are not written" 1 $?

# Deleted for good.
weft record set me diary/1 text=Wolkenkuckucksheim >/dev/null
weft record rm me diary/1 >/dev/null
gone() { ! grep -qa Wolkenkuckucksheim "$H"/data/weft.db*; }
check "a command leaves nothing of what it deleted in any file" gone
weft record get me diary/1 >/dev/null 2>&1
same "a removed record is gone" 1 $?
weft record rm me diary/1 >/dev/null 2>&1
same "and is removed once" 1 $?
weft record set me diary/1 text=new >/dev/null
weft record set me diary/2 text=Wolkenkuckucksheim >/dev/null
same "it can be made anew" '{"text": "new"}' "$(fields diary/1)"

# Over HTTP, in a running weft.
start() {
    "$WEFT" --home "$H" up --port 0 >"$TMP/up.out" 2>"$TMP/up.err" &
    up=$!
    for _ in $(seq 200); do
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
start
trap 'stop; rm -rf "$TMP"; [ $tap_failed -eq 0 ] || exit 1' EXIT
api() { curl -s -o "$TMP/body" -w '%{http_code}' -m 20 -H "Authorization: Bearer $token" "$@"; }
body() { python3 -c "import json; d=json.load(open('$TMP/body')); print($1)"; }
at=weft/v1/records

curl -sN -m 20 -H "Authorization: Bearer $token" "$base/weft/v1/events" >"$TMP/events" &
listener=$!
sleep 0.3
same "GET reads a record" 200 "$(api "$base/$at/me/contacts/ana")"
same "with its fields" "42" "$(body 'd["fields"]["age"]')"
same "PUT makes it that" 200 "$(api -X PUT --json '{"fields":{"name":"Ana","born":null}}' "$base/$at/me/contacts/ana")"
same "and nothing else" '{"born": null, "name": "Ana"}' "$(body 'json.dumps(d["fields"], sort_keys=True)')"
same "PATCH changes fields" 200 \
    "$(api -X PATCH --json '{"set":{"name":"Anna"},"count":{"n":2},"add":{"s":["x"]},"unset":["born"]}' "$base/$at/me/contacts/ana")"
same "those alone" '{"n": 2, "name": "Anna", "s": ["x"]}' "$(body 'json.dumps(d["fields"], sort_keys=True)')"
same "a malformed one is refused" 400 "$(api -X PATCH --json '{"count":{"n":1.5}}' "$base/$at/me/contacts/ana")"
same "an unknown parameter is refused" 400 "$(api -X PATCH --json '{"sett":{"n":1}}' "$base/$at/me/contacts/ana")"
same "POST writes many" 200 \
    "$(api --json '{"records":[{"collection":"m","key":"2","fields":{"v":2}},{"collection":"m","key":"1","fields":{"v":1}}]}' "$base/$at")"
same "all of them" 2 "$(body 'd["written"]')"
same "GET lists a collection in pages" 200 "$(api "$base/$at?space=me&collection=m&limit=1")"
same "in the order of keys" "1" "$(body 'd["records"][0]["key"]')"
same "the next page is behind it" 200 "$(api -G --data-urlencode "after=$(body 'd["next"]')" "$base/$at?collection=m&limit=1")"
same "it is" "2" "$(body 'd["records"][0]["key"]')"
same "GET tells its history" 200 "$(api "$base/$at/me/contacts/ana?history=2")"
same "as much as was asked for" 2 "$(body 'len(d["history"])')"
same "the command line sees it" '{"n": 2, "name": "Anna", "s": ["x"]}' "$(fields contacts/ana)"
same "DELETE removes it" 204 "$(api -X DELETE "$base/$at/me/contacts/ana")"
same "then it is gone" 404 "$(api "$base/$at/me/contacts/ana")"
kill "$listener" 2>/dev/null
wait "$listener" 2>/dev/null
check "listeners hear of changes" grep -q '"collection":"contacts","key":"ana"' "$TMP/events"

# What was deleted is destroyed soon, in the stored changes, too.
api -X DELETE "$base/$at/me/diary/2" >/dev/null
for _ in $(seq 100); do
    python3 - "$H/data/weft.db" <<'PY' && break
import sqlite3, sys
c = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
n = c.execute("SELECT count(*) FROM record_change WHERE instr(bytes,'Wolkenkuckucksheim')>0").fetchone()[0]
sys.exit(0 if n == 0 else 1)
PY
    sleep 0.1
done
stop
check "what was deleted is in no file" gone

# A clock that was set back.
same "doctor says nothing of a clock that is right" 0 "$(weft doctor --json | json 'sum(c["what"]=="Clock" for c in d["checks"])')"
python3 - "$H/data/weft.db" <<'PY'
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("UPDATE device_clock SET hlc=hlc+(3600000<<16)")
c.commit()
PY
same "doctor tells of one that was set back" 1 "$(weft doctor --json | json 'sum("set back" in c["detail"] for c in d["checks"])')"

# Killed in the midst of writing: what was acknowledged is there.
start
for i in $(seq 1 90); do
    api -X PATCH --json "{\"set\":{\"v\":$i}}" "$base/$at/me/k/$((i % 7))" >/dev/null || break
    [ "$(body 'd["fields"]["v"]' 2>/dev/null)" = "$i" ] || break
    echo "$i" >"$TMP/acked"
done &
writer=$!
sleep 1
kill -9 $(pgrep -P "$up") 2>/dev/null
wait "$writer" 2>/dev/null
stop
last=$(cat "$TMP/acked")
# shellcheck disable=SC2016
same "kill -9 loses nothing that was acknowledged" True \
    "$(weft record list me k --json | LAST=$last python3 -c '
import json, os, sys
last = int(os.environ["LAST"])
have = {r["key"]: r["fields"]["v"] for r in json.load(sys.stdin)["records"]}
want = {str(i % 7): i for i in range(1, last + 1)}
print(last > 0 and all(have.get(k) in (v, last + 1) for k, v in want.items()))')"
