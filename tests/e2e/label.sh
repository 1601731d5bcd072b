#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# weft label: one text or lines, positions in code points, by a policy of one's own; no home is made.
. "$(dirname "$0")/lib/tap.sh"

export WEFT_HOME=$TMP/home WEFT_LENS=off

# each LINE: an expression over `rows`, the objects that came out
lines() { python3 -c "import json,sys; rows=[json.loads(l) for l in sys.stdin]; print($1)"; }

text='Ünal’s card 4111 1111 1111 1111, password: hunter2x'
out=$(printf '%s' "$text" | "$WEFT" label --json)
same "its members" "label spans topics" "$(lines '" ".join(sorted(rows[0]))' <<<"$out")"
same "what is in it" "CREDIT_CARD PASSWORD" \
    "$(lines '*[s["type"] for s in rows[0]["spans"]]' <<<"$out")"
same "places count code points" True "$(python3 -c '
import json,sys
t=sys.argv[1]
print(all(t[s["start"]:s["end"]]==s["text"] for s in json.loads(sys.argv[2])["spans"]))' "$text" "$out")"
same "credentials are secret" secret "$(lines 'rows[0]["label"]' <<<"$out")"
same "why is said" True "$(lines '"Luhn" in rows[0]["spans"][0]["reason"]' <<<"$out")"
same "no home is made" no "$([ -e "$WEFT_HOME" ] && echo yes || echo no)"

out=$(printf '{"text":"a 4111111111111111"}\n{"no":1}\n{"text":""}\nnonsense\n{"text":"x"}' |
    "$WEFT" label --jsonl --patterns)
same "lines are answered in order" "1 error 0 error 0" \
    "$(lines '*["error" if "error" in r else len(r["spans"]) for r in rows]' <<<"$out")"
printf '{"text":"plain"}\n' | "$WEFT" label --jsonl --patterns >/dev/null
same "all lines answered: done" 0 $?
printf 'nonsense\n' | "$WEFT" label --jsonl --patterns >/dev/null
same "one not: failed" 1 $?

printf 'weft policy 1\ncard numbers are secret\n' >"$TMP/my.policy"
out=$(echo "4111111111111111" | "$WEFT" label --json --policy "$TMP/my.policy")
same "by one's own policy" secret "$(lines 'rows[0]["label"]' <<<"$out")"
printf 'card numbers are purple\n' >"$TMP/bad.policy"
echo x | "$WEFT" label --policy "$TMP/bad.policy" >/dev/null 2>"$TMP/err"
same "a policy that cannot be read is no policy" 1 $?
mkdir -p "$WEFT_HOME"
cp "$TMP/my.policy" "$WEFT_HOME/weft.policy"
out=$(echo "4111111111111111" | "$WEFT" label --json)
same "or by the home's" secret "$(lines 'rows[0]["label"]' <<<"$out")"

out=$(printf 'x \xff\xfe ann@example.org' | "$WEFT" label --json)
same "bytes that are no text" "5 20" "$(lines '*[v for s in rows[0]["spans"] for v in (s["start"],s["end"])]' <<<"$out")"
out=$(echo "call +49 30 1234567" | "$WEFT" label)
check "for people" grep -q 'PHONE_NUMBER.*+49 30 1234567' <<<"$out"
