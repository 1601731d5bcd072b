#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# weft run: one answer to a prompt, and a conversation on a terminal (a pseudo-terminal, driven by
# lib/terminal.py). The model has random weights; the same seed gives the same nonsense, though
# another one on another processor: nothing here depends on which.
. "$(dirname "$0")/lib/tap.sh"

H=$TMP/home
export WEFT_HOME=$H
json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }
"$WEFT" models synth tiny Q8_0 "$TMP/Some-Tiny.gguf" 2>/dev/null
"$(dirname "$0")/lib/endless" "$TMP/Some-Tiny.gguf"

out=$("$WEFT" run nothing "hello" 2>&1 </dev/null)
same "without a model it fails" 1 $?
check "and says how to get one" grep -q "weft pull" <<<"$out"
out=$("$WEFT" run nothing "hello" --json 2>/dev/null </dev/null)
same "as JSON, too" WF_E_NOENT "$(json 'd["error"]["code"]' <<<"$out")"

# ---- one answer ----

run() { "$WEFT" run "$@" </dev/null; }
out=$(run "$TMP/Some-Tiny.gguf" "hello" --seed 7 --max-tokens 20 2>"$TMP/err")
check "a file is imported and answers" test ${#out} -gt 10
same "its name is that of the file" some-tiny:latest \
    "$("$WEFT" models list --json | json 'd["models"][0]["name"]')"
same "the same seed gives the same answer" "$out" \
    "$(run some-tiny "hello" --seed 7 --max-tokens 20)"
check "another gives another" test "$out" != "$(run some-tiny "hello" --seed 8 --max-tokens 20)"
same "words of several arguments are one prompt" "$out" \
    "$(run some-tiny hello --seed 7 --max-tokens 20)"
same "a pipe is a prompt" "$out" \
    "$(printf 'hello\n' | "$WEFT" run some-tiny --seed 7 --max-tokens 20)"
same "nothing but the answer goes to standard output" "" \
    "$(run some-tiny "hello" --seed 7 --max-tokens 20 --stats 2>&1 >/dev/null |
        grep -v '^[0-9]* tokens .* context [0-9]* of ')"
out=$(run some-tiny "hello" --seed 7 --max-tokens 20 --json)
same "one JSON object says how it went" "assistant 7 True this device" "$(json \
    '"%s %d %s %s" % (d["message"]["role"], d["seed"], 0 < d["usage"]["written"] <= 20,
     d["route"]["place"])' <<<"$out")"
check "a file that is there already is not read again" test \
    "$(stat -c %i "$TMP/Some-Tiny.gguf")" = \
    "$(stat -c %i "$H"/data/models/blobs/sha256-* | head -1)"
same "an option out of its bounds is refused" 1 \
    "$(run some-tiny hi --temperature 9 >/dev/null 2>&1; echo $?)"
check "with its bounds" grep -q "from 0 to 2" <<<"$(run some-tiny hi --temperature 9 2>&1)"
same "an unknown model is refused" 1 "$(run nothing hi >/dev/null 2>&1; echo $?)"
check "with those there are" grep -q some-tiny <<<"$(run nothing hi 2>&1)"
same "an empty prompt is refused" 1 "$(printf ' \n' | "$WEFT" run some-tiny >/dev/null 2>&1; echo $?)"
check "without a name it is the default model" run "" hi --max-tokens 3

# ---- a conversation ----

terminal() { # terminal COMMAND... <STEPS; shows where it failed
    timeout 240 python3 "$(dirname "$0")/lib/terminal.py" "$@" 2>&1 >"$TMP/seen"
}
talk() { # talk [OPTION...] <STEPS
    terminal "$WEFT" run some-tiny "$@"
}
PROMPT='> $'
DONE='context [0-9,]+ of '

talk --max-tokens 30 --seed 7 <<STEPS
wait $PROMPT
send hello\r
wait $DONE
wait $PROMPT
send /context\r
wait tokens are in use
wait $PROMPT
send """one\r
wait \. $
send two"""\r
wait $DONE
wait $PROMPT
paste three\rfour
send \r
wait $DONE
wait $PROMPT
send five\\\\\r
wait \. $
send number 6\r
wait $DONE
wait $PROMPT
send half a line\x03
wait $PROMPT
send /show messages\r
wait number 6
wait $PROMPT
send /undo\r
wait taken back
wait $PROMPT
send /retry\r
wait $DONE
wait $PROMPT
send /set seed 9\r
wait $PROMPT
send /set colour red\r
wait colour
wait $PROMPT
send /system Be brief.\r
wait Set
wait $PROMPT
send /save first\r
wait Saved
wait $PROMPT
send /he\t\r
wait this list
wait $PROMPT
send /nonsense\r
wait no command
wait $PROMPT
send \x04
wait end
STEPS
same "a conversation goes to its end" 0 $?
check "a message within quotes has several lines" grep -q 'one\\ntwo"' "$H/chats/first.json"
check "so has one that was pasted" grep -q 'three\\nfour"' "$H/chats/first.json"
same "what was taken back is gone" 0 "$(grep -c 'number 6' "$H/chats/first.json")"
same "a line that was given up is not sent" 0 "$(grep -c 'half a line' "$H/chats/first.json")"
same "a kept conversation is its owner's alone" 600 "$(stat -c %a "$H/chats/first.json")"
same "it has the options, the system message and six messages" "9 Be brief. 6" "$(json \
    '"%d %s %d" % (d["options"]["seed"], d["system"], len(d["messages"]))' <"$H/chats/first.json")"
same "the history is its owner's alone" 600 "$(stat -c %a "$H/run_history")"
check "it holds what was typed" grep -q hello "$H/run_history"

talk --load first --max-tokens 10 <<STEPS
wait $PROMPT
send \x1b[A\x1b[A\x1b[A
wait /save first
send \x03
wait $PROMPT
send /load first\r
wait three
wait $PROMPT
send /clear\r
wait anew
wait $PROMPT
send /model\r
wait some-tiny
wait $PROMPT
send /bye\r
wait end
STEPS
same "the arrow keys bring earlier lines back, /load a conversation, /bye leaves" 0 $?

# Nothing ends these answers but the key.
WRITES='(?s).{200}'
talk <<STEPS
wait $PROMPT
send tell me everything\r
wait $WRITES
send \x03
wait stopped
wait $PROMPT
send and again\r
wait $WRITES
send \x03\x03\x03
wait stopped
wait $PROMPT
send /context\r
wait tokens are in use
wait $PROMPT
send \x04
wait end
STEPS
same "Ctrl-C stops the answer and not the program, however often it is pressed" 0 $?

talk --max-tokens 300 <<STEPS
wait $PROMPT
send hello\r
wait $WRITES
send \x04
wait $DONE
wait end
STEPS
same "what is typed while an answer comes holds for the next line" 0 $?

terminal "$WEFT" run nobody/has-this <<STEPS
wait Pull it
send n\r
wait end
STEPS
same "a model that is not there is offered" 1 $?

# ---- with a daemon ----

: >"$TMP/up"
"$WEFT" up --port 0 >"$TMP/up" 2>&1 &
up=$!
for _ in $(seq 200); do
    grep -q http "$TMP/up" && break
    sleep 0.05
done
out=$(run some-tiny "hello" --seed 7 --max-tokens 20)
same "a running weft answers the same" "$out" "$(run some-tiny "hello" --seed 7 --max-tokens 20)"
check "and the answer is one" test ${#out} -gt 10
kill "$up"
wait "$up" 2>/dev/null
