#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# weft lens: lines in, lines out, in order, with errors in their places; for people; switched off.
# The model has random weights: what it says is nonsense, its form is not.
. "$(dirname "$0")/lib/tap.sh"

export WEFT_HOME=$TMP/home
"$WEFT" models synth lens-shape Q8_0 "$TMP/lens.gguf" --vocab 2000 2>/dev/null
export WEFT_LENS=$TMP/lens.gguf

# each LINE: an expression over `rows`, the objects that came out
lines() { python3 -c "import json,sys; rows=[json.loads(l) for l in sys.stdin]; print($1)"; }

# ---- lines ----

in='{"text":"Ana lives in Bärn. She works.","question":"Where?"}'
out=$(printf '%s\n' "$in" "$in" | "$WEFT" lens embed --json)
same "a vector of 256 values for each line" "2 256 256" \
    "$(lines 'len(rows), len(rows[0]["vector"]), len(rows[1]["vector"])' <<<"$out" | tr -d '(),')"
same "of length 1" 1.0 "$(lines 'round(sum(x*x for x in rows[0]["vector"]),3)' <<<"$out")"
same "the same text gives the same vector" True "$(lines 'rows[0]==rows[1]' <<<"$out")"
out=$(printf '%s' "$in" | "$WEFT" lens spans --json)
same "a span has its members" "answer end none score sentences start" \
    "$(lines '" ".join(sorted(rows[0]))' <<<"$out")"
same "its positions count code points" True "$(python3 -c '
import json,sys
t=json.loads(sys.argv[1])["text"]; r=json.loads(sys.argv[2])
print(t[r["start"]:r["end"]]==r["answer"])' "$in" "$out")"
out=$("$WEFT" lens entities --json <<<"$in")
same "entities have types and places" True \
    "$(lines 'all(set(e)=={"start","end","type","score"} for e in rows[0]["entities"])' <<<"$out")"
out=$("$WEFT" lens salience --json <<<"$in")
same "a score for each sentence" "0-18 19-29" \
    "$(lines '" ".join("%d-%d" % (s["start"],s["end"]) for s in rows[0]["sentences"])' <<<"$out")"
out=$("$WEFT" lens intent --set banking77 --json <<<"$in")
same "an intent of the set" "in_scope intent score slots" \
    "$(lines '" ".join(sorted(rows[0]))' <<<"$out")"
out=$("$WEFT" lens sensitivity --json <<<"$in")
same "labels with scores" True \
    "$(lines 'all(set(e)=={"type","score"} for e in rows[0]["labels"])' <<<"$out")"

python3 -c '
words={"aaa": "ba bo bu", "bbb": "ki ke ko"}
for name, w in words.items():
    for i in range(40): print(name + "\t" + " ".join((w.split() * 5)[i % 3 : i % 3 + 5]))
' >"$TMP/sentences.tsv"
"$WEFT" train language "$TMP/sentences.tsv" "$TMP/with.gguf" --into "$TMP/lens.gguf" >/dev/null
out=$(printf '{"text":"bu ba bo bu"}\n{"text":"ko ke ki"}\n{"text":""}' |
    WEFT_LENS=$TMP/with.gguf "$WEFT" lens language --json)
same "languages by the file's table" "aaa bbb und" "$(lines '*[r["language"] for r in rows]' <<<"$out")"

python3 -c '
import json
for i in range(60):
    what = "We decided: the %s of %s is %s." % (("boat", "lamp", "bread")[i % 3], ("Ana", "Tom")[i % 2],
                                              ("sold", "kept", "lent", "shut", "moved")[i % 5])
    talk = "Well, you know, Mia talked on and on of the weather %d. " % (i % 7)
    print(json.dumps({"dialogue": talk * 3 + what + " " + talk * 2, "summary": what}))
' >"$TMP/talks.jsonl"
printf 'data=%s\ntalks.jsonl 100\n' "$TMP" >"$TMP/talks.conf"
out=$("$WEFT" train salience "$TMP/talks.conf" "$TMP/judge.gguf" --into "$TMP/with.gguf" --json)
same "salience is learned" True "$(lines 'rows[0]["words"] > 5 and rows[0]["rouge1"] > 90' <<<"$out")"
talk="Well, you know, Mia talked on of the weather. We decided: the lamp of Tom is lent. You know, Mia talked on."
out=$(printf '{"text":"%s"}' "$talk" | WEFT_LENS=$TMP/judge.gguf "$WEFT" lens salience --json)
same "and the best sentence has the highest score" "46-82" \
    "$(lines '*["%d-%d" % (s["start"],s["end"]) for s in rows[0]["sentences"] if s["score"]==1]' <<<"$out")"
out=$(WEFT_LENS=$TMP/judge.gguf "$WEFT" summarize - -n 1 <<<"$talk")
same "summarize uses it" "We decided: the lamp of Tom is lent." "$(head -1 <<<"$out")"
out=$(WEFT_SUMMARIZE_LENS=off WEFT_LENS=$TMP/judge.gguf "$WEFT" summarize - -n 1 <<<"$talk")
without=$(WEFT_LENS=off "$WEFT" summarize - -n 1 <<<"$talk")
same "unless it is switched off" "$without" "$out"

printf 'languages: 97\nspans: 44\n' >"$TMP/card.txt"
"$WEFT" train card "$TMP/card.txt" "$TMP/card.gguf" --into "$TMP/with.gguf" --version 7 >/dev/null
out=$(WEFT_LENS=$TMP/card.gguf "$WEFT" lens)
check "a lens says its version" grep -q "  7$" <<<"$out"
check "and its figures" grep -q "spans: 44" <<<"$out"

python3 -c '
for i in range(60):
    print("Mia\tB-person\nsaw\tO\n%s\tB-location\nn%d\tO\n" % (["Oslo", "Porto"][i % 2], i))
' >"$TMP/words.conll"
printf '[task entity]\nsources = words.conll conll wnut 100 noisy\n' >"$TMP/words.conf"
"$WEFT" train crf "$TMP/words.conf" --data "$TMP" --into "$TMP/with.gguf" --json \
    >"$TMP/crf.json" 2>/dev/null
same "words learn entities" True \
    "$(python3 -c 'import json,sys; print(json.load(sys.stdin)["words"]["f1"] > 90)' <"$TMP/crf.json")"
out=$(WEFT_LENS=$TMP/with.gguf "$WEFT" lens entities --json <<<'{"text":"Mia saw Porto n7"}')
same "and say them beside the encoder" "place 8 13" \
    "$(lines '*[(e["type"]+" %d %d" % (e["start"],e["end"])) for e in rows[0]["entities"] if e["type"]=="place"]' <<<"$out")"

out=$(printf '%s\nnothing\n{"text":7}\n\n%s' "$in" "$in" | "$WEFT" lens salience --json 2>"$TMP/err")
same "lines that are wrong fail" 1 $?
same "and have errors in their places" "False True True True False" \
    "$(lines '*["error" in r for r in rows]' <<<"$out")"
same "which name the line" "2 3 4" "$(lines '*[r["line"] for r in rows[1:4]]' <<<"$out")"
check "and are said" grep -q "3 lines" "$TMP/err"
out=$(python3 -c 'for i in range(600): print("{\"text\":\"%s\"}" % ("an ba " * (i % 7)))' |
    "$WEFT" lens salience --json | wc -l)
same "as many lines as came in" 600 "$out"

# A program that waits for each answer gets it.
same "each line is answered when the next is not there yet" "ok ok ok" "$(python3 -c '
import subprocess,sys,json
p=subprocess.Popen([sys.argv[1],"lens","embed","--json"],stdin=subprocess.PIPE,
                   stdout=subprocess.PIPE,text=True)
out=[]
for i in range(3):
    p.stdin.write("{\"text\":\"a b\"}\n"); p.stdin.flush()
    out.append("ok" if "vector" in json.loads(p.stdout.readline()) else "no")
p.stdin.close(); p.wait()
print(*out)' "$WEFT")"

# ---- for people ----

same "without a task it says what the file can do" "256" \
    "$("$WEFT" lens --json | lines 'rows[0]["window"]')"
check "in words, too" grep -q "banking77" <<<"$("$WEFT" lens)"
check "entities of a text" "$WEFT" lens entities <<<"Ana lives in Paris."
check "an answer" "$WEFT" lens spans -q "Where?" <<<"Ana lives in Paris."
"$WEFT" lens spans </dev/null >/dev/null 2>&1
same "without a question it is used wrongly" 2 $?
"$WEFT" lens nonsense </dev/null >/dev/null 2>&1
same "as with a task that is none" 2 $?
out=$("$WEFT" lens intent --set nothing </dev/null 2>&1)
same "a set that is not there fails" 1 $?
check "and is named" grep -q "'nothing'" <<<"$out"

# ---- without it ----

out=$(WEFT_LENS=off "$WEFT" lens embed --json </dev/null 2>/dev/null)
same "switched off it fails" 1 $?
check "and says so" grep -q "lens = off" <<<"$out"
out=$(WEFT_LENS=$TMP/none.gguf "$WEFT" lens 2>&1)
same "a file that is not there fails" 1 $?
check "by its name" grep -q "none.gguf" <<<"$out"
"$WEFT" models synth tiny Q8_0 "$TMP/tiny.gguf" --vocab 400 2>/dev/null
out=$(WEFT_LENS=$TMP/tiny.gguf "$WEFT" lens 2>&1)
check "another model is no lens" grep -q "no lens" <<<"$out"
