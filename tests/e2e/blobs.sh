#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Documents on all of an owner's devices: found and cited on the other one, never above a clearance, resumed after kill
# -9 without fetching again, what is known not fetched twice, pinned and online only; models from the paired node.
. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/nodes.sh"

LIB=$(realpath "$(dirname "$0")/lib")

off() { kill "${pids[$1]}"; wait "${pids[$1]}" 2>/dev/null; }
# What it found: which document, where in it.
found() { weft "$1" search "$2" --json | json '(lambda h: (h["document"], h["start"], h["end"]))(d["hits"][0]) if d["hits"] else ""'; }
# state NAME WORDS: of the documents that have them in title or path
state() { weft "$1" documents "$2" --json | json '",".join(x["state"] for x in d["documents"] + d["elsewhere"])'; }
id_of() { weft "$1" documents "$2" --json | json '(d["documents"] + d["elsewhere"])[0]["id"]'; }
counter() { weft "$1" sync --json | json "d['documents']['$2']"; }
# text FILE WORDS LINES: so many lines that are not alike, after one of those words
text() {
    python3 - "$@" <<'P'
import random, sys
r = random.Random(sys.argv[2])
syllables = ["ba", "ke", "li", "mo", "nu", "ra", "si", "te", "vo", "zu"]
with open(sys.argv[1], "w") as f:
    f.write(sys.argv[2] + ".\n\n")
    for i in range(int(sys.argv[3])):
        f.write(" ".join("".join(r.choices(syllables, k=3)) for _ in range(12)) + ".\n")
P
}
# large FILE SEED MB WORDS: a DOCX with a picture of so many megabytes, which cannot be made smaller
large() {
    python3 - "$@" <<'P'
import random, sys, zipfile
r = random.Random(int(sys.argv[2]))
base = "http://schemas.openxmlformats.org/"
kind = "application/vnd.openxmlformats-"
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_STORED) as z:
    def put(name, data):
        z.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data)
    put("[Content_Types].xml", '<?xml version="1.0"?><Types xmlns="' + base + 'package/2006/content-types">'
        '<Default Extension="rels" ContentType="' + kind + 'package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" ContentType="' + kind + 'officedocument.wordprocessingml.'
        'document.main+xml"/></Types>')
    put("_rels/.rels", '<?xml version="1.0"?><Relationships xmlns="' + base + 'package/2006/relationships">'
        '<Relationship Id="r1" Type="' + base + 'officeDocument/2006/relationships/officeDocument" '
        'Target="word/document.xml"/></Relationships>')
    put("word/document.xml", '<?xml version="1.0"?><w:document xmlns:w="' + base + 'wordprocessingml/2006/main">'
        '<w:body><w:p><w:r><w:t>' + sys.argv[4] + '</w:t></w:r></w:p></w:body></w:document>')
    for i in range(int(sys.argv[3])):
        put("word/media/image%d.bin" % i, r.randbytes(1 << 20))
P
}
D=$TMP/docs
mkdir -p "$D" "$TMP/laptop"
chmod 700 "$TMP/laptop"
printf 'weft policy 1\n\neverything in space work is internal\n' >"$TMP/laptop/weft.policy"

for n in laptop phone; do
    check "weft up on $n" up $n
done
[ $tap_failed -eq 0 ] || exit 1

# What is there before anybody is paired, and what comes after.
printf '# Garden plan\n\nThe tulips are planted beside the greenhouse in October.\n' >"$D/garden.md"
weft laptop add "$D/garden.md" >/dev/null
check "the phone is paired" pair laptop phone
tulips=$(found laptop tulips)
same "what was there is found on the phone, at the same place" "$tulips" "$(until_is "$tulips" found phone tulips)"
if [ -n "$DATA" ] && pdf=$(find "$DATA" -name '*.pdf' -size +20k -size -400k | sort | head -1) && [ -n "$pdf" ]; then
    cp "$pdf" "$D/paper.pdf"
else
    cp "$D/garden.md" "$D/paper.md"
fi
weft laptop add "$D"/paper.* >/dev/null
same "a PDF comes" here "$(until_is here state phone paper)"
large "$D/report.docx" 1 3 "The quarterly walrus report is due in March."
weft phone add "$D/report.docx" >/dev/null
same "and a DOCX the other way" "$(found phone walrus)" "$(until_is "$(found phone walrus)" found laptop walrus)"
cited() { weft "$1" ask "Where are the tulips planted?" --json | json 'd["citations"][0]["document"]'; }
same "ask cites it with the same id" "$(cited laptop)" "$(cited phone)"
original() {
    local url
    url=$(grep -o 'http://[^/ ]*' "$TMP/$1.out" | head -1)
    curl -sf -H "Authorization: Bearer $(cat "$TMP/$1/token")" "$url/weft/v1/documents/$2/original" | sha256sum | cut -d' ' -f1
}
same "the original is the same file" "$(sha256sum <"$D/report.docx" | cut -d' ' -f1)" "$(original laptop "$(id_of laptop report)")"

# A changed file moves what changed, and takes the place of the one before.
text "$D/book.txt" "heron" 100000
weft laptop add "$D/book.txt" >/dev/null
same "a book comes" here "$(until_is here state phone book)"
before=$(counter phone moved_bytes)
{ echo "A kingfisher."; cat "$D/book.txt"; } >"$D/book2.txt" && mv "$D/book2.txt" "$D/book.txt"
weft laptop add "$D/book.txt" >/dev/null
hit() { weft phone search kingfisher --json | json 'len(d["hits"])'; }
same "the changed book comes" 1 "$(until_is 1 hit)"
same "in place of the other" here "$(until_is here state phone book)"
after=$(counter phone moved_bytes)
size=$(stat -c %s "$D/book.txt")
echo "# of $size bytes $((after - before)) moved"
check "few of its bytes moved" test $((after - before)) -lt $((size / 6))

# Labels.
check "weft up on box" up box --node-tier cloud
check "the box is paired" pair laptop box
weft laptop spaces create work --label internal >/dev/null
echo "The internal osprey memo." >"$D/memo.txt"
echo "The private lynx diary." >"$D/diary.txt"
weft laptop add "$D/diary.txt" >/dev/null
weft laptop add --space work "$D/memo.txt" >/dev/null
same "what is internal comes to the box" "$(found laptop osprey)" "$(until_is "$(found laptop osprey)" found box osprey)"
same "what is private to the phone" "$(found laptop lynx)" "$(until_is "$(found laptop lynx)" found phone lynx)"
sleep 1
same "the box has nothing else" 1 \
    "$(weft box documents --json | json 'len([x for x in d["documents"] if x["space"] != "manual"] + d["elsewhere"])')"
same "no private word is there" 0 "$(grep -rac -e lynx -e diary -e tulips "$TMP/box/data" | awk -F: '{n += $2} END {print n + 0}')"
echo "The secret badger password is hunter2, key sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ." >"$D/secret.txt"
weft laptop add "$D/secret.txt" >/dev/null
echo "The last public stoat." >"$D/stoat.txt"
weft laptop add "$D/stoat.txt" >/dev/null
same "what comes after a secret comes" "$(found laptop stoat)" "$(until_is "$(found laptop stoat)" found phone stoat)"
same "the secret does not" "" "$(found phone badger)"
same "it has no name there" 0 "$(grep -rac -e badger -e secret.txt "$TMP/phone/data" | awk -F: '{n += $2} END {print n + 0}')"

# Removal.
weft phone remove "$(id_of phone diary)" >/dev/null
gone() { weft "$1" documents "$2" --json | json 'len(d["documents"]) + len(d["elsewhere"])'; }
same "what is removed on one is removed on the other" 0 "$(until_is 0 gone laptop diary)"
off laptop
weft phone remove "$(id_of phone garden)" >/dev/null
up laptop
same "also what was removed while the other was off" 0 "$(until_is 0 gone laptop garden)"

# Killed in the middle of 200 MB, at either end: what came is not fetched again.
large "$D/film.docx" 7 200 "The pelican film of the summer."
weft laptop add "$D/film.docx" >/dev/null
part() { stat -c %b "$TMP/phone/data/parts/"*.part 2>/dev/null | awk '{n += $1} END {print n * 512}'; }
total=0
for i in 1 2; do
    n=$([ $((i % 2)) = 0 ] && echo laptop || echo phone)
    for _ in $(seq 100); do
        have=$(part)
        [ "${have:-0}" -gt $((i * 60000000)) ] && break
        [ "$(state phone film)" = here ] && break
        sleep 0.02
    done
    [ $n = phone ] && got=$(counter phone moved_bytes) && total=$((total + got))
    kill -9 "${pids[$n]}"
    wait "${pids[$n]}" 2>/dev/null
    up $n
done
same "the film comes nevertheless" here "$(until_is here state phone film)"
total=$((total + $(counter phone moved_bytes)))
film=$(stat -c %s "$D/film.docx")
echo "# $total bytes moved of $film"
check "nearly nothing twice" test "$total" -lt $((film + film / 4))
same "and it is the same" "$(sha256sum <"$D/film.docx" | cut -d' ' -f1)" "$(original phone "$(id_of phone film)")"

# A small device: known by name until it is opened or pinned; given up only where another keeps it.
check "weft up on watch" up watch --documents small --documents-small-mb 1 --documents-mb 0
check "the watch is paired" pair laptop watch
same "the report is known by name" elsewhere "$(until_is elsewhere state watch report)"
same "it says where" "laptop,phone" "$(weft watch documents report --json | json '",".join(sorted(d["elsewhere"][0]["on"]))')"
check "it is pinned" weft watch pin report.docx
same "and here" "here True" \
    "$(weft watch documents report --json | json 'd["documents"][0]["state"] + " " + str(d["documents"][0]["pinned"])')"
same "and is found" "$(found phone walrus)" "$(found watch walrus)"
weft watch unpin report.docx
same "unpinned its original goes, its text stays" text "$(until_is text state watch report)"
same "and is found" "$(found phone walrus)" "$(found watch walrus)"
same "opening brings it back" "$(sha256sum <"$D/report.docx" | cut -d' ' -f1)" "$(original watch "$(id_of watch report)")"
same "and it may go again" text "$(until_is text state watch report)"
off laptop
off phone
same "where nobody has it, it says so" 1 "$(weft watch pin report.docx >"$TMP/said" 2>&1; echo $?)"
check "in words" grep -q "connected" "$TMP/said"
up laptop
up phone
same "it comes once somebody is there" here "$(until_is here state watch report)"

# A model that a paired device has comes from there, without any internet: the registry is a closed port.
"$LIB/mkgguf" "$TMP/big.gguf" llama 60000000 2
weft laptop models import "$TMP/big.gguf" fable:7b >/dev/null
off phone
up phone --registry 127.0.0.1:9
until_is 2 eval 'weft phone sync --json | json "d[\"nodes\"]"' >/dev/null
weft phone pull fable:7b >"$TMP/pulled" 2>&1 &
pull=$!
incoming() { find "$TMP/phone/data/models/incoming" -name 'part-*' -printf '%s\n' 2>/dev/null | awk '{n += $1} END {print n + 0}'; }
for _ in $(seq 200); do
    [ "$(incoming)" -gt 10000000 ] && break
    sleep 0.01
done
kill -9 "${pids[phone]}"
wait "${pids[phone]}" $pull 2>/dev/null
kept=$(incoming)
echo "# killed with $kept bytes"
up phone --registry 127.0.0.1:9
until_is 2 eval 'weft phone sync --json | json "d[\"nodes\"]"' >/dev/null
check "weft pull brings it from the paired device" weft phone pull fable:7b --json
same "it says from where" laptop "$(json 'd["node"]' <"$TMP/.out")"
same "what came before the kill did not come again" True \
    "$(python3 -c "print($(counter phone moved_bytes) <= $(stat -c %s "$TMP/big.gguf") - $kept)")"
check "it is whole" weft phone models verify fable:7b
same "what nobody has is looked for on the internet" 1 "$(weft phone pull nothing:1b >"$TMP/said" 2>&1; echo $?)"
