#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What one device writes is on the others: drafts and records, what was there before pairing, renaming, removing, both
# at once; nothing above a clearance; nothing new for who is taken out; nothing lost when processes are killed.
. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/nodes.sh"

# edit NAME DRAFT: its text becomes what stands on stdin; it is made when there is none
edit() {
    weft "$1" draft new "$2" </dev/null >/dev/null 2>&1
    weft "$1" draft edit "$2" >/dev/null
}
drafts() { weft "$1" draft list --json | json '",".join(sorted(x["name"] for x in d["drafts"] if x["name"][:5] != "many "))'; }
field() { weft "$1" record get me "$2" --json | json "d['fields'].get('$3')"; }

for n in laptop phone; do
    check "weft up on $n" up $n
done
[ $tap_failed -eq 0 ] || exit 1

# What is there before anybody is paired.
echo "written on the laptop" | edit laptop notes
weft laptop record set me contacts/ana name=Ana >/dev/null
weft phone record set me contacts/ben name=Ben >/dev/null
echo "written on the phone" | edit phone list
# Many at once: more than a round of batches takes.
cat >"$TMP/many.py" <<'P'
import json, sys, urllib.request
token, out = open(sys.argv[1] + "/token").read().strip(), open(sys.argv[1] + ".out").read()
url = "http://" + out.split("http://")[1].split("/")[0].split()[0] + "/weft/v1/drafts"
for i in range(300):
    body = json.dumps({"space": "me", "name": "many %d" % i, "text": "text %d" % i}).encode()
    urllib.request.urlopen(urllib.request.Request(url, body, {
        "Authorization": "Bearer " + token, "Content-Type": "application/json"})).read()
P
check "300 drafts" python3 "$TMP/many.py" "$TMP/laptop"
weft phone sync --json >"$TMP/alone"
same "alone nothing is the same" "False" "$(json 'd["converged"]' <"$TMP/alone")"
check "the phone is paired" pair laptop phone
same "the laptop waits for the phone" 0 "$(weft laptop sync --wait --timeout 60 --json >"$TMP/sync"; echo $?)"
sed 's/^/# /' "$TMP/sync"
many() { weft phone draft cat "many $1" 2>/dev/null; }
same "many are on the phone" "text 299" "$(until_is "text 299" many 299)"
weft laptop sync --wait --timeout 20 >/dev/null
for i in $(seq 0 299); do echo "many $i"; done | sort >"$TMP/many"
names() { weft phone draft list --json | json '"\n".join(sorted(x["name"] for x in d["drafts"] if x["name"][:5] == "many "))'; }
names | sort >"$TMP/came"
check "all of them" cmp "$TMP/many" "$TMP/came"
same "the draft is on the phone" "written on the laptop" "$(until_is "written on the laptop" weft phone draft cat notes)"
same "the phone's on the laptop" "written on the phone" "$(until_is "written on the phone" weft laptop draft cat list)"
same "the record is on the phone" "Ana" "$(until_is Ana field phone contacts/ana name)"
same "the phone's on the laptop" "Ben" "$(until_is Ben field laptop contacts/ben name)"

# Changes, both at once; names; removal.
start=$(date +%s%N)
echo "written on the laptop, and more" | edit laptop notes
same "a change arrives" "written on the laptop, and more" "$(until_is "written on the laptop, and more" weft phone draft cat notes)"
echo "# after $((($(date +%s%N) - start) / 1000000)) ms"
# Written while the other was off, at both ends.
off() { kill "${pids[$1]}"; wait "${pids[$1]}" 2>/dev/null; }
off laptop
echo "written on the laptop, and more, bottom" | edit phone notes
off phone
up laptop
echo "top, written on the laptop, and more" | edit laptop notes
up phone
both="top, written on the laptop, and more, bottom"
same "both at once" "$both" "$(until_is "$both" weft phone draft cat notes)"
same "on both" "$both" "$(until_is "$both" weft laptop draft cat notes)"
weft phone record set me contacts/ana phone=123 >/dev/null
ana() { weft laptop record get me contacts/ana --json | json 'd["fields"].get("name"), d["fields"].get("phone")'; }
same "fields join" "Ana 123" "$(until_is "Ana 123" ana)"
weft laptop draft rename list groceries >/dev/null
same "a new name arrives" "groceries,notes" "$(until_is "groceries,notes" drafts phone)"
weft phone draft remove groceries >/dev/null
same "what is removed goes everywhere" "notes" "$(until_is notes drafts laptop)"
weft laptop record rm me contacts/ben >/dev/null
gone() { weft phone record get me contacts/ben >/dev/null 2>&1 && echo no || echo yes; }
same "records, too" yes "$(until_is yes gone)"

# Spaces.
weft laptop spaces create work --label internal >/dev/null
echo "plan" | edit laptop work/plan
same "a space comes with what is in it" "plan" "$(until_is plan weft phone draft cat work/plan)"

# A device with a lower clearance: it hears of nothing above it.
check "weft up on box" up box --node-tier cloud
check "the box is paired" pair laptop box
same "what it may see arrives" "plan" "$(until_is plan weft box draft cat work/plan)"
weft laptop sync --wait --timeout 60 >/dev/null
same "and nothing else" "plan" "$(drafts box)"
n_words() { cat "$TMP/box/data/weft.db" "$TMP/box/data/weft.db-wal" 2>/dev/null | grep -ac "written on the laptop"; }
same "no private word is there" 0 "$(n_words)"
cat >"$TMP/streams.py" <<'P'
import sqlite3, sys
streams = [{bytes(r[0]) for r in sqlite3.connect("file:%s?mode=ro" % p, uri=True).execute(
    "select stream from batch_log")} for p in sys.argv[1:]]
print(len(streams[0] & streams[1]))
P
same "nor a private batch, sealed as it is" 1 \
    "$(python3 "$TMP/streams.py" "$TMP/laptop/data/weft.db" "$TMP/box/data/weft.db")"

# write NAME ROUND K...: records, those that were acknowledged noted
write() {
    local k
    for k in "${@:3}"; do
        weft "$1" record set me "kill/$2-$k" at=$2 >/dev/null 2>&1 && echo "kill/$2-$k" >>"$TMP/acked"
    done
}

# Killed at any time: nothing that was acknowledged is lost.
for i in 1 2 3 4 5 6; do
    n=$([ $((i % 2)) = 0 ] && echo laptop || echo phone)
    write laptop $i 1 2 3 &
    one=$!
    write phone $i 4 5 6 &
    two=$!
    sleep "0.0$((i * 3 % 10))"
    kill -9 "${pids[$n]}"
    wait "${pids[$n]}" 2>/dev/null
    wait $one $two
    sleep 0.4
    check "weft up on $n again" up $n
done
same "they come to have the same" 0 "$(weft laptop sync --wait --timeout 60 >/dev/null; echo $?)"
missing=0
while read -r key; do
    for n in laptop phone; do
        [ "$(until_is "${key:5:1}" field $n "$key" at)" = "${key:5:1}" ] || { missing=$((missing + 1)); echo "# $key on $n"; }
    done
done <"$TMP/acked"
same "nothing of $(wc -l <"$TMP/acked") is lost" 0 "$missing"

# An old copy of its data is put back: it gets its own changes again from the others, and writes on.
weft phone record set me old/a v=1 >/dev/null
same "the same before the copy" 0 "$(weft phone sync --wait --timeout 60 >/dev/null; echo $?)"
off phone
cp -r "$TMP/phone/data" "$TMP/copy"
up phone
weft phone record set me old/b v=2 >/dev/null
echo "from before the copy came back" | edit phone lost
same "what comes after the copy is on the laptop" "from before the copy came back" \
    "$(until_is "from before the copy came back" weft laptop draft cat lost)"
same "the record, too" 2 "$(until_is 2 field laptop old/b v)"
off phone
rm -r "$TMP/phone/data"
mv "$TMP/copy" "$TMP/phone/data"
up phone
same "the record is back" 2 "$(until_is 2 field phone old/b v)"
same "and the draft" "from before the copy came back" "$(until_is "from before the copy came back" weft phone draft cat lost)"
weft phone record set me old/c v=3 >/dev/null
same "it writes on" 3 "$(until_is 3 field laptop old/c v)"
echo "and on" | edit phone lost
same "drafts, too" "and on" "$(until_is "and on" weft laptop draft cat lost)"

# Taken out: it gets nothing new, and new keys are not for it.
weft laptop nodes revoke box >/dev/null
echo "plan, after" | edit laptop work/plan
same "the others have it" "plan, after" "$(until_is "plan, after" weft phone draft cat work/plan)"
sleep 1
same "who is taken out has not" "plan" "$(weft box draft cat work/plan)"
