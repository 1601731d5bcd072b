#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is open on one device opens on another: conversations and chats are there, presence with the
# text that is not sent yet, handing over, nothing above a clearance.
. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/nodes.sh"

# api NAME METHOD PATH [BODY]
api() {
    local base
    base=$(grep -o 'http://[0-9.:]*' "$TMP/$1.out" | head -1)
    curl -s -X "$2" -H "Authorization: Bearer $(cat "$TMP/$1/token")" -H 'Content-Type: application/json' \
        ${4:+-d "$4"} "$base/weft/v1/$3"
}
open_there() { api "$1" GET presence | json "[(o['node'], [i.get('title') for i in o['items']]) for o in d['others']]"; }

for n in laptop phone; do
    check "weft up on $n" up $n
done
[ $tap_failed -eq 0 ] || exit 1

# A conversation from before pairing.
weft laptop ask --json "How do I add a folder?" >"$TMP/asked"
thread=$(json 'd["thread"]' <"$TMP/asked")
same "alone nothing is handed over" 1 "$(weft laptop handoff phone >/dev/null 2>"$TMP/said"; echo $?)"
check "the phone is paired" pair laptop phone
titles() { api "$1" GET threads | json '",".join(sorted(x["title"]+":"+str(x["turns"]) for x in d["threads"]))'; }
same "the conversation is on the phone" "How do I add a folder?:1" "$(until_is "How do I add a folder?:1" titles phone)"
answers() { api "$1" GET "threads/$thread" | json 'json.dumps([t["answer"].get("answer") for t in d["turns"]])'; }
same "with its answer" "$(answers laptop)" "$(answers phone)"
start=$(date +%s%N)
api phone POST ask "{\"question\":\"Which files can weft read?\",\"thread\":\"$thread\"}" >/dev/null
same "both go on with it" "How do I add a folder?:2" "$(until_is "How do I add a folder?:2" titles laptop)"
echo "# after $((($(date +%s%N) - start) / 1000000)) ms"
same "the same words" "$(answers phone)" "$(answers laptop)"
api laptop PATCH "threads/$thread" '{"title":"Folders"}' >/dev/null
same "a new title arrives" "Folders:2" "$(until_is "Folders:2" titles phone)"

# A chat.
chat=00112233445566aa
said='{"role":"user","content":"soup?"},{"role":"assistant","content":"yes"}'
api laptop PUT "chats/$chat" "{\"title\":\"Soup\",\"model\":\"m\",\"messages\":[$said]}" >/dev/null
words() { api "$1" GET "chats/$chat" | json '" ".join(m["content"] for m in d.get("messages", []))'; }
same "a chat arrives" "soup? yes" "$(until_is "soup? yes" words phone)"
api phone PUT "chats/$chat" '{"title":"Soup","model":"m","messages":[{"role":"user","content":"bread?"}]}' >/dev/null
same "what is said anew replaces what was said" "bread?" "$(until_is "bread?" words laptop)"
api phone DELETE "chats/$chat"
same "a removed one is gone" "[]" "$(until_is "[]" eval "api laptop GET chats | json 'd[\"chats\"]'")"

# Presence.
api laptop PUT presence/p1 "{\"view\":\"thread\",\"ref\":\"$thread\",\"title\":\"Folders\",\"text\":\"and how do I\"}" >/dev/null
same "what is open there" "[('laptop', ['Folders'])]" "$(until_is "[('laptop', ['Folders'])]" open_there phone)"
same "with what is not sent" "and how do I" "$(api phone GET presence | json 'd["others"][0]["items"][0]["text"]')"
same "the other way nothing" "[('phone', [])]" "$(open_there laptop)"

# Handing over, while a page is open there: what its events tell, and when.
api phone PUT presence/p7 '{"view":"ask"}' >/dev/null
cat >"$TMP/listen.py" <<'P'
import subprocess, sys, time, urllib.request
weft, home, out, token = sys.argv[1], sys.argv[2], open(sys.argv[3]).read(), open(sys.argv[4]).read().strip()
base = "http://" + out.split("http://")[1].split("/")[0].split()[0]
events = urllib.request.urlopen(urllib.request.Request(base + "/weft/v1/events", headers={
    "Authorization": "Bearer " + token}))
events.readline()
times = []
for i in range(5):
    start = time.monotonic()
    p = subprocess.Popen([weft, "--home", home, "handoff", "phone"], stdout=subprocess.DEVNULL)
    for line in events:
        if line.strip() == b"event: handoff":
            times.append(round((time.monotonic() - start) * 1000))
            break
    p.wait()
print(*times)
P
times=$(python3 "$TMP/listen.py" "$WEFT" "$TMP/laptop" "$TMP/phone.out" "$TMP/phone/token")
echo "# from command to event on the other: $times ms"
same "it is told on the phone, five times" 5 "$(wc -w <<<"$times")"
weft laptop handoff phone --json >"$TMP/handed"
same "one page shows it" 1 "$(json 'd["pages"]' <"$TMP/handed")"
take() { api phone POST handoff/take '{}' | json '" ".join([d["handed"]["item"][k] for k in ("ref", "text")])+" "+d["handed"]["node"]'; }
same "the very thing" "$thread and how do I laptop" "$(take)"
same "once" "None" "$(api phone POST handoff/take '{}' | json 'd["handed"]')"
same "to whom there is none is said" "No device \"tablet\" is connected: see weft nodes." \
    "$(weft laptop handoff tablet 2>&1 | sed 's/^weft: //')"

# An answer in flight. The same model on both: it goes on at the token, whole on the phone, to the letter what an
# undisturbed run writes; other models: the text; none: it is followed; the first killed: what came stays.
"$WEFT" models synth tiny Q8_0 "$TMP/one.gguf" --vocab 400 >/dev/null 2>&1
"$WEFT" models synth tiny Q8_0 "$TMP/two.gguf" --vocab 400 --seed 5 >/dev/null 2>&1
"$(dirname "$0")/lib/endless" "$TMP/one.gguf"
"$(dirname "$0")/lib/endless" "$TMP/two.gguf"
weft laptop models import "$TMP/one.gguf" tiny >/dev/null
at_of() { echo "$1=$(grep -o 'http://[0-9.:]*' "$TMP/$1.out" | head -1)=$(cat "$TMP/$1/token")"; }
move() { python3 "$(dirname "$0")/lib/moving.py" "$(at_of laptop)" "$(at_of phone)" tiny 7 "$@"; }
of() { json "$2" <"$TMP/$1"; }
move 3000 0 >"$TMP/whole"
same "undisturbed" "length" "$(of whole 'd["finish"]')"
move 3000 20 >"$TMP/followed"
same "without a model it is followed" "length length True None" \
    "$(of followed 'd["finish"], d["done"], d["first"]==d["second"], d["error"]' | tr -d "(),'")"
weft phone models import "$TMP/two.gguf" other >/dev/null
move 3000 20 >"$TMP/text"
same "with another model the text goes on" "moved True None" \
    "$(of text 'd["finish"], d["second"].startswith(d["first"]) and len(d["second"])>len(d["first"]), d["error"]' | tr -d "(),'")"
weft phone models import "$TMP/one.gguf" mine >/dev/null
move 3000 20 >"$TMP/moved"
same "with the same model it moves" "moved length None" "$(of moved 'd["finish"], d["done"], d["error"]' | tr -d "(),'")"
same "and is what it would have been" "$(of whole 'd["first"]' | md5sum)" "$(of moved 'd["second"]' | md5sum)"
same "what was told before is its beginning" True "$(of moved 'd["second"].startswith(d["first"])')"
echo "# the first piece there after $(of moved 'd["ms"]') ms"

# What is presented on the laptop is moved from the phone.
talk=$(api laptop POST drafts '{"name":"Talk","text":"one\n\n---\n\ntwo\n\n---\n\nthree"}' | json 'd["id"]')
screen() { api "$1" GET present | json "[(s['node'], s['id'] == '$talk', s['at'], s.get('pointer')) for s in d['others']]"; }
shown() { api laptop GET present | json 'd["present"]["at"]'; }
api laptop POST present "{\"kind\":\"draft\",\"id\":\"$talk\",\"at\":0,\"n\":3}" >/dev/null
same "what is on the laptop's screen the phone knows" "[('laptop', True, 0, None)]" "$(until_is "[('laptop', True, 0, None)]" screen phone)"
same "and takes as its own" "laptop" "$(api phone GET present | json 'd["present"]["node"]')"
api phone POST present "{\"node\":\"laptop\",\"kind\":\"draft\",\"id\":\"$talk\",\"at\":2,\"n\":3,\"x\":0.5,\"y\":0.25}" >/dev/null
same "moved on the phone it moves on the laptop" 2 "$(until_is 2 shown)"
same "which tells" "[('laptop', True, 2, [0.5, 0.25])]" "$(until_is "[('laptop', True, 2, [0.5, 0.25])]" screen phone)"
same "what is not on it is not moved" 404 \
    "$(api phone POST present '{"node":"laptop","kind":"draft","id":"x","at":1}' | json 'd["status"]')"

# A device that may see less hears of less.
check "weft up on box" up box --node-tier cloud
check "the box is paired" pair laptop box
api laptop PUT presence/p2 '{"view":"ask","title":"ok"}' >/dev/null
sleep 1.5
same "nor what is on a screen" "[]" "$(screen box)"
same "nor may it move it" 404 \
    "$(api box POST present "{\"node\":\"laptop\",\"kind\":\"draft\",\"id\":\"$talk\",\"at\":1}" | json 'd["status"]')"
api laptop POST present '{"end":true}' >/dev/null
same "it ends there, too" "[]" "$(until_is "[]" screen phone)"
same "no private thing is told to the box" 0 "$(open_there box | grep -c Folders)"
same "nor are conversations there" "" "$(titles box)"
n_words() { cat "$TMP/box/data/weft.db" "$TMP/box/data/weft.db-wal" 2>/dev/null | grep -ac "How do I add a folder"; }
same "not a word" 0 "$(n_words)"
same "nor handed over" "What is open is private: box may see up to internal." \
    "$(api laptop POST handoff '{"node":"box","page":"p1"}' | json 'd["detail"]')"

# A page that is closed, and a device that goes: what was open can be continued for a while.
api laptop DELETE presence/p2
same "a closed page is open no more" "[('laptop', ['Folders'])]" "$(until_is "[('laptop', ['Folders'])]" open_there phone)"
for m in mine other; do weft phone models rm "$m" >/dev/null; done
move 20000 20 "${pids[laptop]}" >"$TMP/killed"
wait "${pids[laptop]}" 2>/dev/null
same "killed while it writes: what came stays there" "True True" \
    "$(of killed 'len(d["second"])>200, bool(d["error"])' | tr -d "(),")"
of killed 'd["error"]' | sed 's/^/# /'
state() { api phone GET presence | json "[(o['node'], o['connected'], len(o['items'])) for o in d['others']]"; }
same "the laptop is off, its conversation can go on" "[('laptop', False, 1)]" "$(until_is "[('laptop', False, 1)]" state)"
same "nothing of presence is on the disk" 0 "$(cat "$TMP"/phone/data/weft.db* "$TMP"/laptop/data/weft.db* | grep -ac "and how do I")"
