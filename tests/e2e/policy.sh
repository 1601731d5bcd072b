#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# weft policy: explained, tested, shown, and mistakes told; weft redact and weft restore: out and back.
. "$(dirname "$0")/lib/tap.sh"

export WEFT_HOME=$TMP/home
export WEFT_LENS=off

# ---- policy ----

cat >"$TMP/my.policy" <<END
weft policy 1
everything from folder ~/Patients is secret
names are public
names are private
card numbers may go to OpenAI when masked
END
out=$("$WEFT" policy check "$TMP/my.policy")
check "a sentence is explained" grep -q "files beneath $HOME/Patients: secret" <<<"$out"
check "a folder that is not there is told" bash -c \
    "'$WEFT' policy check '$TMP/my.policy' 2>&1 >/dev/null | grep -q 'line 2: $HOME/Patients is not there now'"
check "what never counts is told" \
    grep -q "NEVER COUNTS: all of it is overridden by line 4 (names are private)" <<<"$out"
echo "pasport numbers are secret" >>"$TMP/my.policy"
out=$("$WEFT" policy check "$TMP/my.policy" 2>&1)
same "a mistake fails" 1 $?
check "and is told by its place" grep -q 'line 6, column 1: "pasport" .* "passport numbers"?' <<<"$out"
same "as JSON, too" 1 "$("$WEFT" --json policy check "$TMP/my.policy" |
    python3 -c 'import json,sys; v=json.load(sys.stdin); print(len(v["mistakes"]))')"
sed -i '$d' "$TMP/my.policy"
cat >"$TMP/cases" <<END
weft cases 1
a file ~/Patients/x.pdf is secret
a prompt saying "pay with 4111 1111 1111 1111" may go to OpenAI when masked
END
check "cases pass" "$WEFT" policy test "$TMP/my.policy" "$TMP/cases"
echo "a prompt is secret" >>"$TMP/cases"
out=$("$WEFT" policy test "$TMP/my.policy" "$TMP/cases")
same "a case that fails is an exit status" 1 $?
check "and what is said instead" grep -q "the prompt: internal, by the built-in policy" <<<"$out"
check "without a file of one's own the built-in sentences are shown" \
    grep -q "credentials are never below secret" <<<"$("$WEFT" policy show)"

# ---- redact, restore ----

text='Write to anna@example.org: card 4111 1111 1111 1111, again 4111111111111111; PERSON_1.'
"$WEFT" redact --json <<<"$text" >"$TMP/out.json"
redacted=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["text"],end="")' "$TMP/out.json")
same "data go as placeholders" \
    'Write to <EMAIL_1>: card <CARD_1>, again <CARD_1b>; PERSON_1.' "$redacted"
same "and come back" "$text" "$("$WEFT" restore "$TMP/out.json" <<<"$redacted")"
same "also as a model changes them" "anna@example.org's 4111 1111 1111 1111" \
    "$("$WEFT" restore "$TMP/out.json" <<<"EMAIL\\_1's [Card 1]")"
same "a map goes on" "<EMAIL_1> <EMAIL_2>" \
    "$("$WEFT" redact --map "$TMP/out.json" <<<"anna@example.org bob@example.org")"
same "a policy decides" "card **** **** **** 1111" \
    "$("$WEFT" redact --for OpenAI --policy "$TMP/my.policy" <<<"card 4111 1111 1111 1111")"
printf '%064d' 7 >"$TMP/key"
out=$("$WEFT" redact --with encrypt --key-file "$TMP/key" <<<"anna@example.org")
echo '{}' >"$TMP/none.json"
same "what was encrypted needs the key alone" "anna@example.org" \
    "$("$WEFT" restore "$TMP/none.json" --key-file "$TMP/key" <<<"$out")"
same "lines in, lines out" "<EMAIL_1>|x" "$(printf '{"text":"%s"}\n' a@b.example x |
    "$WEFT" redact --jsonl | python3 -c '
import json,sys; print("|".join(json.loads(l)["text"] for l in sys.stdin))')"
check "an operator that is none is a mistake of use" \
    bash -c "'$WEFT' redact --with love </dev/null; [ \$? = 2 ]"
