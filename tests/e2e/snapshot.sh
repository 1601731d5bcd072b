#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Snapshots of what devices share: after many changes the shelf shrinks; a new device comes from a snapshot, one that
# was away goes on from it, an old copy of a device's data likewise; killing weft meanwhile loses nothing.
. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/nodes.sh"

off() { kill "${pids[$1]}"; wait "${pids[$1]}" 2>/dev/null; }
field() { weft "$1" record get me "$2" --json 2>/dev/null | json "d['fields'].get('$3')" 2>/dev/null; }
# All that stands in the database of NAME, by one query.
ask() {
    python3 - "$TMP/$1/data/weft.db" "$2" <<'P'
import sqlite3, sys
print(sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True, timeout=10).execute(sys.argv[2]).fetchone()[0])
P
}
# n_snapshots NAME: whole ones of the stream that has most; shelf NAME: bytes of batches
n_snapshots() { ask "$1" "select coalesce(max(n),0) from (select count(*) n from stream_snapshot where last>0 group by stream)"; }
shelf() { ask "$1" "select coalesce(sum(length(bytes)),0) from batch"; }

# write NAME FROM TO: one draft is written over and over, a record likewise
cat >"$TMP/write.py" <<'P'
import json, random, sys, urllib.request
home, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
token, out = open(home + "/token").read().strip(), open(home + ".out").read()
base = "http://" + out.split("http://")[1].split("/")[0].split()[0] + "/weft/v1/"
def call(method, path, body=None):
    request = urllib.request.Request(base + path, json.dumps(body).encode() if body else None, {
        "Authorization": "Bearer " + token, "Content-Type": "application/json"}, method=method)
    return json.loads(urllib.request.urlopen(request).read() or "null")
ids = {d["name"]: d["id"] for d in call("GET", "drafts?limit=1000")["drafts"]}
for i in range(first, last):
    r = random.Random(i)
    text = "edition %d " % i + " ".join("".join(r.choices("abcdefghij", k=7)) for _ in range(2000))
    if "book" not in ids:
        ids["book"] = call("POST", "drafts", {"space": "me", "name": "book", "text": text})["id"]
    else:
        call("PUT", "drafts/%s" % ids["book"], {"text": text})
    call("POST", "records", {"space": "me", "records": [
        {"collection": "page", "key": "p%d" % (i % 5), "fields": {"read": i, "note": "n%d" % i}}]})
P
write() { python3 "$TMP/write.py" "$TMP/$1" "$2" "$3"; }
book() { weft "$1" draft cat book 2>/dev/null | cut -d' ' -f1,2; }
same_book() { cmp <(weft "$1" draft cat book) <(weft "$2" draft cat book); }

for n in laptop phone; do
    check "weft up on $n" up $n
done
[ $tap_failed -eq 0 ] || exit 1
check "the phone is paired" pair laptop phone
echo "stays" | weft laptop draft new kept >/dev/null
# How many editions a batch takes in depends on the machine: 40 at a time, until there is enough for CONDITION.
n_written=0
more() {
    for _ in $(seq 25); do
        write laptop $n_written $((n_written + 40)) || return 1
        n_written=$((n_written + 40))
        for _ in $(seq 20); do
            [ "$("$@")" = yes ] && return
            sleep 0.1
        done
    done
    return 1
}
last() { echo "edition $((n_written - 1))"; }
one() { [ "$(n_snapshots laptop)" -ge 1 ] && [ "$(n_snapshots phone)" -ge 1 ] && echo yes; }
check "a snapshot was made, and is on both" more one
same "all editions are on the phone" "$(last)" "$(until_is "$(last)" book phone)"
before=$(shelf laptop)

# Away from here on.
off phone
check "tablet" up tablet
check "the tablet is paired" pair laptop tablet
same "a new device has the book" "$(last)" "$(until_is "$(last)" book tablet)"
off tablet
cp -r "$TMP/tablet/data" "$TMP/old"
check "tablet again" up tablet
two() { [ "$(n_snapshots laptop)" -ge 2 ] && echo yes; }
check "another snapshot" more two
same "all editions are on the tablet" "$(last)" "$(until_is "$(last)" book tablet)"
begins_later() { [ "$(ask "$1" "select max(first) from batch_log")" -gt 1 ] && echo yes; }
same "what the older one covers goes from the laptop's shelf" yes "$(until_is yes begins_later laptop)"
same "from the tablet's, too" yes "$(until_is yes begins_later tablet)"
smaller() { [ "$(shelf "$1")" -lt $((before * 2)) ] && echo yes; }
same "much more was written, and no more is kept" yes "$(until_is yes smaller laptop)"
echo "# shelf of the laptop: $before bytes before, $(shelf laptop) after, $(ask laptop "select count(*) from batch")" \
    "of $(ask laptop "select sum(last) from batch_log") batches"

# A device that never had what is gone.
check "weft up on box" up box
check "the box is paired" pair laptop box
same "it has the book" "$(last)" "$(until_is "$(last)" book box)"
same "and what was written first" "stays" "$(until_is stays weft box draft cat kept)"
check "the very same" same_book laptop box
same "and the records" $((n_written - 1)) "$(until_is $((n_written - 1)) field box page/p4 read)"
same "both say so" 0 "$(weft box sync --wait --timeout 30 --json >"$TMP/sync"; echo $?)"
sed 's/^/# /' "$TMP/sync"
same "it took them from a snapshot" yes "$(begins_later box)"

# The phone was away all the while, and wrote something.
check "weft up on phone again" up phone
weft phone record set me away/phone back=1 >/dev/null
same "it has the book" "$(last)" "$(until_is "$(last)" book phone)"
check "the very same" same_book laptop phone
same "what it wrote is on the laptop" 1 "$(until_is 1 field laptop away/phone back)"
same "and on the box" 1 "$(until_is 1 field box away/phone back)"

# A device's data is set back to before all that.
off tablet
rm -r "$TMP/tablet/data"
mv "$TMP/old" "$TMP/tablet/data"
check "weft up on tablet with its old data" up tablet
same "it has the book again" "$(last)" "$(until_is "$(last)" book tablet)"
weft tablet record set me away/tablet back=2 >/dev/null
same "it writes on" 2 "$(until_is 2 field laptop away/tablet back)"

# Killed while snapshots are made and logs trimmed: nothing that was acknowledged is lost.
for i in 1 2 3 4 5 6; do
    write laptop $((n_written + i * 60)) $((n_written + 60 + i * 60)) >/dev/null 2>&1 &
    one=$!
    wait $one
    weft laptop record set me kill/k$i at=$i >/dev/null && echo "$i" >>"$TMP/acked"
    sleep "$(python3 -c "print(0.9 * $i % 5)")"
    n=$([ $((i % 2)) = 0 ] && echo laptop || echo phone)
    kill -9 "${pids[$n]}"
    wait "${pids[$n]}" 2>/dev/null
    check "weft up on $n again" up $n
done
newest="$(book laptop)"
for n in phone box tablet; do
    same "the last edition is on $n" "$newest" "$(until_is "$newest" book $n)"
    missing=0
    while read -r i; do
        [ "$(until_is "$i" field $n kill/k$i at)" = "$i" ] || missing=$((missing + 1))
    done <"$TMP/acked"
    same "nothing of $(wc -l <"$TMP/acked") is lost on $n" 0 "$missing"
    check "the very same on $n" same_book laptop $n
done
