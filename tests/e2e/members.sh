#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Other people in a space: Ada has two devices (laptop, phone), Ben one (tablet), later two. Inviting, joining, edits
# both ways; a member who reads only; what is not shared is not named; removal; leaving; the ledger; processes killed.
. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/nodes.sh"

edit() {
    weft "$1" draft new "$2" </dev/null >/dev/null 2>&1
    weft "$1" draft edit "$2" >/dev/null
}
# invite NAME SPACE JOINER [OPTION...]
invite() {
    local target
    rm -f "$TMP/$1/data/mesh/tries"
    target="$(weft "$1" spaces invite "$2" "${@:4}" --json | json 'd["code"] + "@" + d["address"]')"
    weft "$3" spaces join "$target" >/dev/null
}
members() { weft "$1" spaces members "$2" --json | json '",".join(sorted(m["name"] + ":" + m["role"] for m in d["members"]))'; }
spaces() { weft "$1" spaces list --json | json '",".join(sorted(s["name"] for s in d["spaces"] if s["name"] not in ("me","manual")))'; }
field() { weft "$1" record get "$2" "$3" --json | json "d['fields'].get('$4')"; }
names() { weft "$1" nodes --json | json '",".join(sorted(n["name"] for n in d["nodes"] if n["revoked"] is None))'; }

for n in laptop phone tablet; do
    check "weft up on $n" up $n
done
[ $tap_failed -eq 0 ] || exit 1
check "Ada's phone is paired" pair laptop phone
weft laptop spaces create plans >/dev/null
weft laptop spaces create diary >/dev/null
echo "MARKER-DIARY nobody else's" | edit laptop diary/today
echo "first line" | edit laptop plans/trip
weft laptop record set plans places/rome days=3 >/dev/null
same "a space is its owner's alone at first" "laptop:admin" "$(members laptop plans)"
same "there on the phone" "first line" "$(until_is "first line" weft phone draft cat plans/trip)"

# What must not work.
weft laptop spaces invite me >/dev/null 2>"$TMP/err"
same "\"me\" is nobody else's" 1 $?
weft laptop spaces invite nothing >/dev/null 2>"$TMP/err"
same "nor a space that is not there" 1 $?
weft laptop spaces invite plans --json >"$TMP/shown"
same "a code has six digits" 6 "$(json 'len(d["code"])' <"$TMP/shown")"
code=$(json 'd["code"]' <"$TMP/shown") at=$(json 'd["address"]' <"$TMP/shown")
weft tablet pair "$code@$at" >/dev/null 2>"$TMP/err"
same "an invitation pairs no device" 1 $?
weft phone spaces join "$code@$at" >/dev/null 2>"$TMP/err"
same "the same owner is no guest" 1 $?
sed 's/^/# /' "$TMP/err"
check "and told so" grep -q "both devices are yours" "$TMP/err"
wrong=$(printf '%06d' $(((10#$code + 1) % 1000000)))
rm -f "$TMP/laptop/data/mesh/tries"
code=$(weft laptop spaces invite plans --json | json 'd["code"]')
wrong=$(printf '%06d' $(((10#$code + 1) % 1000000)))
weft tablet spaces join "$wrong@$at" >/dev/null 2>"$TMP/err"
same "a wrong code is refused" 1 $?
weft tablet spaces join "$code@$at" >/dev/null 2>"$TMP/err"
same "one try a minute" 1 $?
check "who has to wait" grep -Eq "Wait [0-9]+ seconds" "$TMP/err"

# Ben joins; he had no list of devices before.
start=$(date +%s%N)
check "Ben joins" invite laptop plans tablet
same "the draft is on his tablet" "first line" "$(until_is "first line" weft tablet draft cat plans/trip)"
echo "# there after $((($(date +%s%N) - start) / 1000000)) ms"
same "the record, too" 3 "$(until_is 3 field tablet plans places/rome days)"
same "both are members" "laptop:admin,tablet:write" "$(members laptop plans)"
same "also for him" "laptop:admin,tablet:write" "$(until_is laptop:admin,tablet:write members tablet plans)"
same "and on Ada's phone" "laptop:admin,tablet:write" "$(until_is laptop:admin,tablet:write members phone plans)"
same "the tablet is none of Ada's nodes" "laptop,phone" "$(names laptop)"
same "nor hers his" "tablet" "$(names tablet)"
same "what is not shared is not named to him" "plans" "$(spaces tablet)"
there() { cat "$TMP/$1/data/weft.db" "$TMP/$1/data/weft.db-wal" 2>/dev/null | grep -ac "$2"; }
same "no word of it is there" 0 "$(there tablet MARKER-DIARY)"
same "nor its name" 0 "$(there tablet diary)"
# What went to his tablet is in the ledger of who gave it; what went to her own phone is not.
given() {
    weft "$1" ledger --last 1000 --json | json \
        "any(e['kind']=='given' and (e['what'],e['name'],e['to'])==('$2','$3','$4') for e in d['entries'])"
}
same "the draft that went to his tablet is in her ledger" True "$(given laptop draft trip 'tablet / tablet')"
same "and the record" True "$(given laptop record places 'tablet / tablet')"
same "in words" 1 "$(weft laptop ledger | grep -c "to the draft plans/trip went to tablet")"
sealed() { weft laptop ledger --json | json '"%(label)s %(space)s" % d["entries"][0] + " %d" % len(d["entries"][0]["sealed"])'; }
same "with the label and what was sealed" "private plans 64" "$(sealed)"
own() { weft "$1" ledger --last 1000 --json | json "sum(e['to'].endswith('$2') for e in d['entries'])"; }
same "what went to her phone is not" 0 "$(own laptop phone)"
same "nor what the phone gave the laptop" 0 "$(own phone laptop)"
check "nobody changed it" weft laptop ledger verify

weft tablet spaces invite plans >/dev/null 2>"$TMP/err"
same "who may write invites nobody" 1 $?
weft tablet spaces remove plans laptop >/dev/null 2>"$TMP/err"
same "nor removes" 1 $?
invite laptop plans tablet 2>"$TMP/err"
same "a member already" 1 $?
check "is told so" grep -q "member of that space already" "$TMP/err"
sed 's/^/# /' "$TMP/err"

# Edits both ways, live.
start=$(date +%s%N)
echo "first line, and Ben's" | edit tablet plans/trip
same "his edit is on the laptop" "first line, and Ben's" "$(until_is "first line, and Ben's" weft laptop draft cat plans/trip)"
echo "# after $((($(date +%s%N) - start) / 1000000)) ms"
same "and on the phone" "first line, and Ben's" "$(until_is "first line, and Ben's" weft phone draft cat plans/trip)"
echo "Ada: first line, and Ben's" | edit phone plans/trip
same "the phone's on his tablet" "Ada: first line, and Ben's" "$(until_is "Ada: first line, and Ben's" weft tablet draft cat plans/trip)"
echo "new" | edit tablet plans/packing
same "a new draft of his is on the phone" new "$(until_is new weft phone draft cat plans/packing)"
weft tablet record set plans places/oslo days=2 >/dev/null
same "a record of his on the phone" 2 "$(until_is 2 field phone plans places/oslo days)"

# A second space with one who is known.
weft laptop spaces create garden --label internal >/dev/null
echo "roses" | edit laptop garden/list
check "Ben joins another space" invite laptop garden tablet --role read
same "it comes to him" "roses" "$(until_is "roses" weft tablet draft cat garden/list)"
same "he has two" "garden,plans" "$(spaces tablet)"

# Documents: their bytes go to who may read the space, once the ledger says so, and nowhere else.
# document NAME FILE SPACE TEXT
document() {
    printf '# %s\n\n%s\n' "${2%.md}" "$4" >"$TMP/$2"
    weft "$1" add "$TMP/$2" --space "$3" >/dev/null
}
state() { weft "$1" documents "$2" --json | json '",".join(x["state"] for x in d["documents"] + d.get("elsewhere", []))'; }
hits() { weft "$1" search "$2" --json | json 'len(d["hits"])'; }
document laptop roses.md garden "The roses are cut in February, says the walrus."
same "a document comes to who reads the space" here "$(until_is here state tablet roses)"
same "and is found there" 1 "$(until_is 1 hits tablet walrus)"
same "her ledger says that the file went" True "$(given laptop file roses.md 'tablet / tablet')"
same "in words" 1 "$(weft laptop ledger --last 1000 | grep -c "the file garden/roses.md went to tablet")"
document tablet rome.md plans "The ostrich train to Rome leaves at nine."
same "his comes to her" here "$(until_is here state laptop rome)"
same "and to her phone" here "$(until_is here state phone rome)"
same "his ledger says so" True "$(given tablet file rome.md 'laptop / laptop')"
document laptop pangolin.md me "MARKER-PANGOLIN is nobody else's."
same "what is in no space of his comes to her own" here "$(until_is here state phone pangolin)"
same "and not to him" "" "$(state tablet pangolin)"
same "no word of it is there" 0 "$(there tablet MARKER-PANGOLIN)"
check "nobody changed it" weft laptop ledger verify

# Who reads only: his own weft refuses, and so do the others when it is made to write.
weft tablet draft new garden/mine </dev/null >/dev/null 2>"$TMP/err"
same "he makes no draft there" 1 $?
check "and is told why" grep -q "may only read" "$TMP/err"
echo "weeds" | weft tablet draft edit garden/list >/dev/null 2>"$TMP/err"
same "he changes none" 1 $?
weft tablet record set garden beds/a size=1 >/dev/null 2>"$TMP/err"
same "nor a record" 1 $?
weft tablet draft remove garden/list >/dev/null 2>&1
same "nor removes one" 1 $?
off() { kill "${pids[$1]}"; wait "${pids[$1]}" 2>/dev/null; }
# What he writes before he hears that he may not any more, and brings himself, is refused by all of hers, and named.
off tablet
weft laptop spaces role plans tablet read >/dev/null
same "the phone knows" "laptop:admin,tablet:read" "$(until_is laptop:admin,tablet:read members phone plans)"
off laptop
off phone
up tablet
echo "Ben, who may not" | edit tablet plans/trip
weft tablet record set plans places/nowhere x=1 >/dev/null
up laptop
up phone
named() { weft laptop sync --json | json 'any("may only read" in p["words"] for p in d["problems"])'; }
same "what he wrote is named at her place" True "$(until_is True named)"
same "and on no device of hers" "Ada: first line, and Ben's" "$(weft laptop draft cat plans/trip)"
same "nor on the other" "Ada: first line, and Ben's" "$(weft phone draft cat plans/trip)"
same "nor the record" "" "$(weft laptop record get plans places/nowhere 2>/dev/null)"
same "he hears of it" "laptop:admin,tablet:read" "$(until_is laptop:admin,tablet:read members tablet plans)"
weft laptop spaces role plans tablet write >/dev/null
same "when he may, it comes" "Ben, who may not" "$(until_is "Ben, who may not" weft laptop draft cat plans/trip)"

# Another role; removal: nothing new, no key that comes after.
weft laptop spaces role plans tablet read >/dev/null
same "a lower role arrives" "laptop:admin,tablet:read" "$(until_is laptop:admin,tablet:read members tablet plans)"
echo "more" | weft tablet draft edit plans/trip >/dev/null 2>"$TMP/err"
same "then he may not write" 1 $?
weft laptop spaces role plans tablet write >/dev/null
same "and again" "laptop:admin,tablet:write" "$(until_is laptop:admin,tablet:write members tablet plans)"
echo "Ben once more" | edit tablet plans/trip
same "he may" "Ben once more" "$(until_is "Ben once more" weft laptop draft cat plans/trip)"
weft phone spaces remove plans tablet >/dev/null
same "removed on the phone" "laptop:admin" "$(until_is laptop:admin members laptop plans)"
echo "MARKER-AFTER he is gone" | edit laptop plans/trip
weft laptop record set plans places/lima word=MARKER-AFTER >/dev/null
document laptop after.md plans "MARKER-AFTER nor in a document."
same "the phone has it" "MARKER-AFTER he is gone" "$(until_is "MARKER-AFTER he is gone" weft phone draft cat plans/trip)"
same "and the document" here "$(until_is here state phone after)"
sleep 2
same "he has no document" "" "$(state tablet after)"
same "he has not" "Ben once more" "$(weft tablet draft cat plans/trip)"
same "no word of it is in his home" 0 "$(there tablet MARKER-AFTER)"
cat >"$TMP/keys.py" <<'P'
import sqlite3, sys
db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
print("\n".join(sorted(r[0] for r in db.execute(
    "select hex(k.id) from space_key k join space s on s.id=k.space where s.name='plans'"))))
P
key_ids() { python3 "$TMP/keys.py" "$TMP/$1/data/weft.db"; }
key_ids laptop >"$TMP/hers"
key_ids tablet >"$TMP/his"
check "there is a key that he has not" test "$(comm -23 "$TMP/hers" "$TMP/his" | wc -l)" -gt 0
same "and none of his is hers alone" 0 "$(comm -13 "$TMP/hers" "$TMP/his" | wc -l)"

# Back, and going by himself; processes killed meanwhile.
check "invited again" invite laptop plans tablet
same "he has it" "MARKER-AFTER he is gone" "$(until_is "MARKER-AFTER he is gone" weft tablet draft cat plans/trip)"
for i in 1 2 3 4; do
    n=$([ $((i % 2)) = 0 ] && echo laptop || echo tablet)
    weft tablet record set plans kill/$i at=$i >/dev/null 2>&1 && echo $i >>"$TMP/acked"
    kill -9 "${pids[$n]}"
    wait "${pids[$n]}" 2>/dev/null
    sleep 0.3
    check "weft up on $n again" up $n
done
for i in $(cat "$TMP/acked"); do
    same "record $i is on the laptop" "$i" "$(until_is "$i" field laptop plans kill/$i at)"
done
# Where the ledger cannot be written nothing goes to him; killed processes have left it whole.
check "her ledger is whole" weft laptop ledger verify
off phone # else he has it from there
off laptop
cp "$TMP/laptop/ledger/log" "$TMP/log"
: >"$TMP/laptop/ledger/log"
up laptop
weft laptop record set plans places/quito word=MARKER-UNLOGGED >/dev/null
held() { weft laptop sync --json | json 'any("ledger" in p["words"] for p in d["problems"])'; }
same "it is said that nothing goes to others" True "$(until_is True held)"
sleep 2
same "he has it not" "" "$(weft tablet record get plans places/quito 2>/dev/null)"
same "no word of it is in his home" 0 "$(there tablet MARKER-UNLOGGED)"
cp "$TMP/log" "$TMP/laptop/ledger/log"
same "once it can be written he has it" MARKER-UNLOGGED "$(until_is MARKER-UNLOGGED field tablet plans places/quito word)"
same "and it stands there" True "$(given laptop record places 'tablet / tablet')"
up phone
weft tablet spaces leave plans >/dev/null
same "he leaves" "laptop:admin" "$(until_is laptop:admin members laptop plans)"
weft tablet record set plans places/last x=1 >/dev/null 2>&1
same "and writes there no more" 1 $?
