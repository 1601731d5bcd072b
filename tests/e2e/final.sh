#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is deleted is gone for good once every device has it, and not before: nothing comes back with a device that was
# away, nor with one that was taken out.
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
# rows NAME KEY: of the record, dead or alive; traces NAME WORD: changes in which the word still stands
rows() { ask "$1" "select count(*) from record where key='$2'"; }
traces() { ask "$1" "select count(*) from record_change where instr(bytes,cast('$2' as blob))>0"; }

for n in laptop phone tablet; do
    check "weft up on $n" up $n
done
[ $tap_failed -eq 0 ] || exit 1
check "the phone is paired" pair laptop phone
check "the tablet is paired" pair laptop tablet
weft laptop record set me notes/one text=sesame >/dev/null
for n in phone tablet; do
    same "the record is on $n" sesame "$(until_is sesame field $n notes/one text)"
done
weft phone record set me notes/one more=opens >/dev/null
same "a field of the phone is on the tablet" opens "$(until_is opens field tablet notes/one more)"

# All are there: it is final everywhere soon, and its words are nowhere.
weft tablet record rm me notes/one >/dev/null
for n in laptop phone tablet; do
    same "nothing of it is kept on $n" 0 "$(until_is 0 rows $n one)"
    same "no change holds its words on $n" 0 "$(until_is 0 traces $n sesame)"
done

# One is away: the deletion is kept until it is back.
weft laptop record set me notes/two text=abracadabra >/dev/null
same "another is on the tablet" abracadabra "$(until_is abracadabra field tablet notes/two text)"
off tablet
weft phone record rm me notes/two >/dev/null
gone() { [ -z "$(field "$1" notes/two text)" ] && echo yes; }
same "it is removed on the laptop" yes "$(until_is yes gone laptop)"
sleep 25
same "and not forgotten while one is away" 1 "$(rows laptop two)"
check "weft up on tablet again" up tablet
weft tablet record set me notes/three text=late >/dev/null
for n in laptop phone tablet; do
    same "it is forgotten on $n" 0 "$(until_is 0 rows $n two)"
    same "and its words" 0 "$(until_is 0 traces $n abracadabra)"
    same "nothing came back on $n" yes "$(gone $n)"
done
same "what the tablet wrote is there" late "$(until_is late field laptop notes/three text)"

# One is away for ever: taken out, it keeps nothing.
weft laptop record set me notes/four text=hocuspocus >/dev/null
same "one more is on the tablet" hocuspocus "$(until_is hocuspocus field tablet notes/four text)"
off tablet
weft laptop nodes revoke tablet >/dev/null
weft laptop record rm me notes/four >/dev/null
for n in laptop phone; do
    same "it is forgotten on $n" 0 "$(until_is 0 rows $n four)"
done
batches() { ask laptop "select sum(last) from batch_log"; }
sleep 12
before=$(batches)
sleep 6
same "then nobody says anything more" "$before" "$(batches)"
