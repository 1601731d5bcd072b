#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Sentences in place of commands: slips of the finger, switched off, and (where the lens knows weft's
# commands) what is understood, shown, asked about and run.
. "$(dirname "$0")/lib/tap.sh"

H=$TMP/home
D=$TMP/docs
mkdir -p "$D"
printf 'The lease ends on 31 March 2027. The rent is 940 euros. Pets are allowed.\n' >"$D/lease.txt"
W=$(realpath "$WEFT")
weft() { (cd "$D" && "$W" --home "$H" "$@" </dev/null); }
json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }

# ---- what is no sentence ----

out=$(weft serach x 2>&1)
same "a mistyped command is a usage error" 2 $?
check "and the one that was meant is named" grep -q "weft search" <<<"$out"
out=$(weft frobnicate 2>&1)
same "a word alone is no sentence" 2 $?
check "and says so" grep -q '"frobnicate"' <<<"$out"
weft frobnicate --json >/dev/null 2>&1
same "whatever options it has" 2 $?

# ---- reminders ----

R=$TMP/remind
reminders() { "$WEFT" --home "$R" reminders "$@" </dev/null; }
out=$(reminders add "call Ana" --at "in two hours" --json 2>/dev/null)
same "a reminder is kept" 0 $?
id=$(json 'd["id"]' <<<"$out")
same "at the time that was said" True \
    "$(json "abs(d['at']/1000-$(date +%s)-7200)<120" <<<"$out")"
check "that nobody is there to tell it is said" \
    bash -c "'$WEFT' --home '$R' reminders add 'pay the rent on 12 March 2099' 2>&1 | grep -q 'weft up'"
same "the text may say when" "2099-03-12 09:00" "$(date -d "@$(reminders --json |
    json 'd["reminders"][1]["at"]//1000')" '+%F %H:%M')"
check "the list has it" grep -q "call Ana" <<<"$(reminders)"
reminders add "call Ana" >/dev/null 2>&1
same "without a time there is none" 1 $?
reminders add "call Ana" --at "2020-01-01 09:00" >/dev/null 2>&1
same "nor in the past" 1 $?
out=$(reminders add "call Ana every Tuesday" 2>&1)
same "nor again and again" 1 $?
check "which is said" grep -q repeat <<<"$out"
check "it is removed" reminders remove "$id"
reminders remove "$id" >/dev/null 2>&1
same "once" 1 $?

# ---- without a lens ----

out=$(WEFT_LENS=off weft "how are you doing" 2>&1)
same "without a lens a sentence fails" 1 $?
check "and says how to go on by words" grep -q "weft search" <<<"$out"
out=$(WEFT_PLAIN_WORDS=off weft "how are you doing" --json 2>/dev/null)
same "switched off it fails" 1 $?
same "with its reason" WF_E_UNSUPPORTED "$(json 'd["error"]["code"]' <<<"$out")"
mkdir -p "$TMP/off" && echo 'plain_words = off' >"$TMP/off/weft.conf"
out=$("$WEFT" --home "$TMP/off" "how are you doing" 2>&1 </dev/null)
check "also by the settings of its home" grep -q "plain_words = off" <<<"$out"
check "and no home is made by it" test ! -e "$TMP/off/data"

# ---- with one that knows weft's commands ----

if ! "$WEFT" lens --json 2>/dev/null | grep -q '"weft": *\['; then
    skip "sentences are understood" "the lens has no set of weft's commands"
    exit 0
fi

out=$(weft "remind me to call Ana on Friday at nine" --json)
same "what is asked for is known" "remind True" "$(json '"%s %s" % (d["intent"],d["in_scope"])' <<<"$out")"
same "with its slots" "call Ana" \
    "$(json '[s["text"] for s in d["slots"] if s["type"]=="task"][0]' <<<"$out")"
same "and its day" Friday "$(date -d "$(json 'd["when"]["local"]' <<<"$out")" +%A)"
same "its moment is that of this zone" "$(date -d "$(json 'd["when"]["local"]' <<<"$out")" +%s)" \
    "$(json 'd["when"]["at"]//1000' <<<"$out")"
same "the words need no quotation marks" remind \
    "$(weft remind me to call Ana on Friday --json | json 'd["intent"]')"
out=$(weft "remind me to call Ana on Friday at nine" 2>"$TMP/err")
same "a reminder is kept" 0 $?
check "having been shown" grep -q 'Understood: reminders add --at .* "call Ana"' "$TMP/err"
same "and is in the list" "call Ana" "$(weft reminders --json | json 'd["reminders"][0]["text"]')"
check "and is removed" weft reminders remove "$(weft reminders --json | json 'd["reminders"][0]["id"]')"
out=$(weft "remind me to call Ana" 2>&1)
same "one without a time is not" 1 $?
check "and the time is asked for" grep -q "when" <<<"$out"
out=$(weft "qqq wvw zzk" 2>&1)
same "what is not understood fails" 1 $?
check "and says so" grep -q "not understand" <<<"$out"
out=$(weft "translate lease.txt into German" 2>&1)
same "what weft cannot do yet fails" 1 $?
check "and says what was understood" grep -q "translation" <<<"$out"

out=$(weft "summarize lease.txt" 2>"$TMP/err")
same "a command is run" 0 $?
check "its result is on standard output" grep -q "lease ends" <<<"$out"
check "what runs is said beside it" grep -q "summarize lease.txt" "$TMP/err"
weft "summarize nothing.txt" >/dev/null 2>&1
same "a file that is not there fails" 1 $?

out=$(weft "import lease.txt" 2>&1)
same "what changes something is not done unasked" 1 $?
check "and says how" grep -q -- "--yes" <<<"$out"
same "nothing was done" 0 "$(weft documents --json | json 'len(d["documents"])')"
check "with --yes it is" weft "import lease.txt" --yes
same "and was" 1 "$(weft documents --json | json 'len(d["documents"])')"
check "documents are found by their title" weft "remove the lease.txt" --yes
same "and removed" 0 "$(weft documents --json | json 'len(d["documents"])')"
