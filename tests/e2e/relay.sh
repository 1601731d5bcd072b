#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A node that keeps what it cannot read, for two devices that are never on at once: edits arrive; it holds no word, no
# name and no key; nothing above its clearance; nothing new for who was taken out, new keys for who slept meanwhile; who
# loses what it had, or holds it back, is named; nothing acknowledged is lost when it is killed.
. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/nodes.sh"

relay_up() { up relay --node-tier cloud; }
off() { kill "${pids[$1]}" && wait "${pids[$1]}" 2>/dev/null; }
dies() { kill -9 "${pids[$1]}" && wait "${pids[$1]}" 2>/dev/null; sleep 0.3; }
edit() {
    weft "$1" draft new "$2" </dev/null >/dev/null 2>&1
    weft "$1" draft edit "$2" >/dev/null
}
# All that NAME has is with the nodes that it sees.
told() { weft "$1" sync --wait --timeout 60 >/dev/null; echo $?; }
roles() { weft "$1" nodes --json | json "','.join([n['roles'] for n in d['nodes'] if n['name']=='$2'][0])"; }
problems() { weft "$1" sync --json | json "'\n'.join(p['words'] for p in d['problems'])"; }
sql() {
    python3 -c 'import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
r = c.execute(sys.argv[2]).fetchall()
c.commit()
print(r[0][0] if r else "")' "$TMP/$1/data/weft.db" "$2"
}
# How many files of the relay's home hold a word.
holds() { grep -rlaF "$1" "$TMP/relay" | wc -l; }

for n in laptop phone box; do
    check "weft up on $n" up $n
done
check "weft up on relay" relay_up
[ $tap_failed -eq 0 ] || exit 1
weft laptop spaces create zebrawood --label internal >/dev/null
echo "marmalade in the plan" | edit laptop zebrawood/quince
echo "private nightingale" | edit laptop diary
check "the relay is paired" pair laptop relay --relay
same "it is one that reads nothing" "relay,ciphertext" "$(roles laptop relay)"
check "the phone is paired" pair laptop phone
off laptop # two strangers of one address at once, and here all have one
up laptop
check "the box is paired" pair laptop box
same "the phone has what there is" "private nightingale" "$(until_is "private nightingale" weft phone draft cat diary)"
same "all is told" 0 "$(told laptop)"

# What the relay has: the internal stream's batches, and no private one.
streams() { sql relay "select count(distinct stream) from batch_log where last>0"; }
same "it keeps the one stream that it may" 1 "$(until_is 1 streams)"
same "no draft is on it" "0" "$(weft relay draft list --json | json 'len(d["drafts"])')"
same "no space" "me" "$(weft relay spaces list --json | json '",".join(s["name"] for s in d["spaces"] if s["name"]!="manual")')"
same "no key" 0 "$(sql relay "select count(*) from space_key")"
weft laptop nodes clear relay private >/dev/null
same "cleared for more it keeps more" 2 "$(until_is 2 streams)"
passes() { sql relay "select count(*) from relay_pass"; }
before=$(passes)
fewer() { [ "$(passes)" -gt 0 ] && [ "$(passes)" -lt "$before" ] && echo 1; }
weft laptop nodes clear relay internal >/dev/null
same "cleared for less it hands out less" 1 "$(until_is 1 fewer)"
few=$(passes)
more() { [ "$(passes)" -gt "$few" ] && echo 1; }
weft laptop nodes clear relay private >/dev/null
same "and more again" 1 "$(until_is 1 more)" # not as many as before: one of those was of a stream that is gone, at times

# One that had keys is made such a one, and back.
n_keys() { sql box "select count(*)>0 from space_key"; }
same "the box has keys" 1 "$(until_is 1 n_keys)"
weft laptop nodes --relay box >/dev/null
same "made one that reads nothing it forgets them" 0 "$(until_is 0 n_keys)"
same "and says so" "relay,ciphertext" "$(roles box box)"
weft laptop nodes --relay box --off >/dev/null
same "made a device again it gets them" 1 "$(until_is 1 n_keys)"

# Never on at once.
off phone
off box
echo "marmalade in the plan, and figs" | edit laptop zebrawood/quince
weft laptop record set me contacts/ana name="Ana Marzipan" >/dev/null
same "the relay has it" 0 "$(told laptop)"
off laptop
up phone
same "an edit came over the relay" "marmalade in the plan, and figs" \
    "$(until_is "marmalade in the plan, and figs" weft phone draft cat zebrawood/quince)"
name() { weft phone record get me contacts/ana --json | json 'd["fields"].get("name")'; }
same "a record, too" "Ana Marzipan" "$(until_is "Ana Marzipan" name)"
echo "private nightingale sings" | edit phone diary
phone=$(sql phone "select hex(device) from draft_update order by at_ms desc limit 1")
same "the relay has the phone's" 0 "$(told phone)"
off phone
up laptop
same "and the other way round" "private nightingale sings" \
    "$(until_is "private nightingale sings" weft laptop draft cat diary)"

# No word, no name: in no file of its home, nor what its process writes later.
for word in marmalade nightingale zebrawood quince Marzipan diary; do
    same "the relay holds no \"$word\"" 0 "$(holds "$word")"
done
same "the laptop does" 1 "$([ "$(grep -rlaF marmalade "$TMP/laptop/data" | wc -l)" -gt 0 ] && echo 1)"
same "nor a key" 0 "$(sql relay "select count(*) from space_key")"

# The box is taken out while the phone sleeps: new keys come to the phone from the relay, though the laptop is gone.
weft laptop nodes revoke box >/dev/null
echo "after the box" | edit laptop zebrawood/after
same "the relay has it, and a letter" 0 "$(told laptop)"
letters() { sql relay "select count(*) from relay_letter where hex(receiver)='$phone' and length(bytes)>0"; }
same "a letter waits for the phone" 1 "$(until_is 1 letters)"
off laptop
up phone
same "new keys came with a letter" "after the box" "$(until_is "after the box" weft phone draft cat zebrawood/after)"
same "which is handed over" 0 "$(until_is 0 letters)"
same "it can write with them" 0 "$(echo "from the phone" | edit phone zebrawood/reply; told phone)"
off phone

# Who was taken out asks the relay, and gets nothing.
n_box() { sql box "select count(*) from batch"; }
before=$(n_box)
up box
sleep 4
same "the box gets nothing new" "$before" "$(n_box)"
same "not a word" "" "$(weft box draft cat zebrawood/after 2>/dev/null)"
off box

# Killed at any time: what it said it has, it has.
up laptop
same "the laptop has the reply" "from the phone" "$(until_is "from the phone" weft laptop draft cat zebrawood/reply)"
for i in 1 2 3 4; do
    weft laptop record set me "kill/$i" at="$i" >/dev/null &
    one=$!
    sleep "0.0$((i * 3 % 10))"
    [ $((i % 2)) = 1 ] && dies relay && relay_up
    wait $one
    same "$i is told" 0 "$(told laptop)"
    dies relay
    relay_up
done
off laptop
up phone
missing=0
for i in 1 2 3 4; do
    at() { weft phone record get me "kill/$i" --json | json 'd["fields"].get("at")'; }
    [ "$(until_is "$i" at)" = "$i" ] || missing=$((missing + 1))
done
same "nothing of four is lost" 0 "$missing"
off phone

# It holds back what it says it has: that is named, and comes from who wrote it.
up laptop
echo "held back" | edit laptop zebrawood/held
same "the relay has it" 0 "$(told laptop)"
off laptop
off relay
sql relay "delete from batch where number=(select max(number) from batch b where b.log=batch.log)" >/dev/null
relay_up
up phone
named() { problems phone | grep -c "relay has them and does not send them"; }
same "who holds back is named" 1 "$(TRIES=600 until_is 1 named)"
up laptop
same "it comes from who wrote it" "held back" "$(until_is "held back" weft phone draft cat zebrawood/held)"

# An old copy of its data is put back: both name it.
off relay
cp -r "$TMP/relay/data" "$TMP/copy"
relay_up
echo "behind the copy" | edit laptop zebrawood/copy
same "all have it" 0 "$(told laptop)"
same "the phone, too" 0 "$(told phone)"
off laptop
off phone
off relay
rm -r "$TMP/relay/data"
mv "$TMP/copy" "$TMP/relay/data"
relay_up
lost() { problems "$1" | grep -c "relay had more of them than it has now"; }
up laptop
same "the laptop names it" 1 "$(until_is 1 lost laptop)"
off laptop
off relay
rm -r "$TMP/relay/data/weft.db"*
relay_up
up phone
same "all is gone: the phone names it" 1 "$([ "$(TRIES=100 lost phone)" -ge 1 ] || sleep 5; [ "$(lost phone)" -ge 1 ] && echo 1)"
