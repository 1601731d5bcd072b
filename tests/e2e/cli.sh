#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The commands without a daemon: what they print, in which form, with which exit status.
. "$(dirname "$0")/lib/tap.sh"

H=$TMP/home
D=$TMP/docs
mkdir -p "$D"
cat >"$D/lease.txt" <<'EOF'
Lease of the flat in Linden Street

The flat is let to Anna Berger. The lease ends on 31 March 2027. The rent is 940 euros a month and is
due on the third working day.

Pets are allowed with the landlord's consent. The café on the ground floor closes at 22:00.
EOF
cat >"$D/pump.md" <<'EOF'
# Pump P-17

The pump stands in hall 3. Its bearings are greased every 400 hours with LGMT 2.

## Faults

When the motor trips, check the inlet filter first.
EOF
printf '漢字の文書です。京都の寺は美しい。東京タワーは1958年に完成した。\n' >"$D/kyoto.txt"
printf '\0\1\2\3binary' >"$D/broken.bin"

json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }

out=$("$WEFT" --home "$H" add "$D" --json)
same "add exits 1 when a file was refused" 1 $?
same "add counts what was added" 3 "$(json 'd["added"]' <<<"$out")"
same "add names the refused file" "$D/broken.bin" "$(json 'd["failed"][0]["path"]' <<<"$out")"
check "add says why" test -n "$(json 'd["failed"][0]["reason"]' <<<"$out")"
out=$("$WEFT" --home "$H" add "$D/lease.txt" "$D/pump.md" "$D/kyoto.txt" --json)
same "add of unchanged files exits 0" 0 $?
same "unchanged files are counted" '0 3 []' \
    "$(json '"%d %d %s" % (d["added"],d["unchanged"],d["failed"])' <<<"$out")"
cp "$D/lease.txt" "$D/z-copy.txt"
out=$("$WEFT" --home "$H" add "$D/z-copy.txt" --json)
same "the same content twice is one document" 3 \
    "$("$WEFT" --home "$H" documents --json | json 'len(d["documents"])')"
out=$("$WEFT" --home "$H" add "$TMP/nowhere" --json)
same "a missing path is a failure" "1 1" "$? $(json 'len(d["failed"])' <<<"$out")"
check "the home is closed to others" test "$(stat -c %a "$H/data")" = 700

out=$("$WEFT" --home "$H" search "bearings grease" -k 3 --json)
same "search finds" "$D/pump.md" "$(json 'd["hits"][0]["path"]' <<<"$out")"
same "search finds Japanese words of two letters" "$D/kyoto.txt" \
    "$("$WEFT" --home "$H" search "京都" --json | json 'd["hits"][0]["path"]')"
same "search for nothing that is there exits 0" "0 []" \
    "$("$WEFT" --home "$H" search "xylophone quartet" --json | json '"0 %s" % d["hits"]')"

out=$("$WEFT" --home "$H" ask "When does the lease end?" --json)
same "ask finds the answer" True "$(json 'd["found"]' <<<"$out")"
check "the answer says it" grep -q "31 March 2027" <<<"$(json 'd["answer"]' <<<"$out")"
same "the citation names the file" "$D/lease.txt" "$(json 'd["citations"][0]["path"]' <<<"$out")"
same "the citation's place holds its text" True "$(json \
    "open('$D/lease.txt').read()[d['citations'][0]['start']:d['citations'][0]['end']]==d['citations'][0]['text']" \
    <<<"$out")"
thread=$(json 'd["thread"]' <<<"$out")
check "a follow-up keeps its thread" test "$thread" = \
    "$("$WEFT" --home "$H" ask "And how much is the rent?" --thread "$thread" --json |
        json 'd["thread"]')"
out=$("$WEFT" --home "$H" ask "Who won the football world cup in 1974?" --json)
same "what is not there is not answered" "0 None False []" \
    "$? $(json '"%s %s %s" % (d["answer"],d["found"],d["citations"])' <<<"$out")"
check "ask tells a person, too" grep -q "31 March 2027" \
    <<<"$("$WEFT" --home "$H" ask "When does the lease end?" 2>/dev/null)"

mkdir "$TMP/cwd"
out=$(cd "$TMP/cwd" && "$(realpath "$OLDPWD/$WEFT" 2>/dev/null || realpath "$WEFT")" \
    summarize "$D/lease.txt" --sentences 2 --json)
same "summarize gives as many sentences as asked for" 2 "$(json 'len(d["sentences"])' <<<"$out")"
same "sentences stand where they say" True "$(json \
    "all(open('$D/lease.txt').read()[s['start']:s['end']]==s['text'] for s in d['sentences'])" \
    <<<"$out")"
same "text on standard input is taken byte for byte" True "$(printf 'One is here.\r\nTwo é is.\n' |
    "$WEFT" summarize - --sentences 1 --json |
    json "'One is here.\r\nTwo é is.\n'[d['sentences'][0]['start']:d['sentences'][0]['end']]==d['sentences'][0]['text']")"
check "summarize makes no home" test ! -e "$HOME/.local/share/weft/data/none"

id=$("$WEFT" --home "$H" documents --json | json '[x["id"] for x in d["documents"] if "Pump" in x["title"]][0]')
check "remove takes an id" "$WEFT" --home "$H" remove "$id"
check "no file of the home holds a removed word" bash -c "! grep -rqai LGMT '$H'"
check "remove takes a path" "$WEFT" --home "$H" remove "$D/kyoto.txt"
same "removing what is not there fails" 1 "$("$WEFT" --home "$H" remove nothing 2>/dev/null; echo $?)"

same "an unknown command is a usage error" 2 "$("$WEFT" frobnicate 2>/dev/null; echo $?)"
same "an unknown option is a usage error" 2 "$("$WEFT" --home "$H" search x --sideways 2>/dev/null; echo $?)"
same "a command shows its usage" 0 "$("$WEFT" ask --help >/dev/null; echo $?)"
same "nothing to search in is said" 1 "$("$WEFT" --home "$TMP/empty" search x 2>/dev/null; echo $?)"
check "and no home is made by it" test ! -e "$TMP/empty"
check "German is spoken" grep -q "Aufruf" <<<"$(LC_ALL= LANGUAGE=de LANG=C.UTF-8 "$WEFT" ask --help)" ||
    true
check "doctor says that nothing is elsewhere" \
    grep -q 'Airlock.*no engines elsewhere' <<<"$("$WEFT" --home "$H" doctor 2>/dev/null)"
printf '[gpt]\nprotocol = openai\nurl = nowhere\n' >"$H/weft.engines"
check "doctor says what airlock would refuse everything for" \
    grep -q 'weft.engines' <<<"$("$WEFT" --home "$H" doctor 2>/dev/null)"
rm "$H/weft.engines"
check "doctor looks at everything" bash -c "'$WEFT' --home '$H' doctor --json | grep -q '\"checks\"'"
