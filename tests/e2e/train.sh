#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Training from nothing: a vocabulary, tokens, a tiny network that learns hidden words; killed,
# stopped and gone on with; written as a model file.
. "$(dirname "$0")/lib/tap.sh"

cd "$TMP" || exit 1
case $WEFT in /*) ;; *) WEFT=$OLDPWD/$WEFT ;; esac
python3 - <<'EOT'
import json, random
random.seed(1)
words = [("red", "house", "north"), ("green", "tree", "south"), ("blue", "river", "west")]
with open("texts.jsonl", "w") as f:
    for i in range(600):
        n = random.choice([1, 1, 1, 12])
        text = " ".join("The %s %s lies %s of it." % random.choice(words) for _ in range(n))
        print(json.dumps({"text": "%s %d." % (text, i)}), file=f)
EOT
printf 'data=.\ntoy lang=eng read=json:text vocab=1 epoch=1 dev=10 texts.jsonl\n' >corpus.conf
cat >toy.conf <<'EOT'
[model]
family = lens
layers = 2
width = 32
heads = 2
ff = 64

[train]
vocab = vocab.gguf
out = run
seed = 3
threads = 1
precision = f32
batch_tokens = 512
micro_tokens = 256
text_tokens = 32
steps = 120
rate = 1e-2
optimiser = muon
schedule = constant
warmup_steps = 10
dropout = 0.1
checkpoint_s = 1
evaluate_steps = 60
log_steps = 1

[task mlm]
corpus = corpus.conf
EOT
json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }
steps() { tail -1 "$1/figures.csv" | cut -d, -f1; }
# Waits until a file has a line with the word, for a minute at most.
await() {
    for _ in $(seq 600); do
        grep -q "$2" "$1" 2>/dev/null && return 0
        sleep 0.1
    done
    return 1
}

"$WEFT" train toy.conf >out.txt 2>&1
same "without a vocabulary a training fails" 1 $?
check "and says what is missing" grep -q 'vocab.gguf' out.txt
"$WEFT" train vocab corpus.conf vocab.gguf --tokens 330 >/dev/null 2>out.txt
same "a vocabulary is made" 0 $?
"$WEFT" train toy.conf >out.txt 2>&1
check "without tokens it says what to run" grep -q 'weft train shards' out.txt
"$WEFT" train shards corpus.conf vocab.gguf shards >/dev/null 2>out.txt
same "tokens are made" 0 $?

out=$("$WEFT" train toy.conf --json 2>log.txt)
same "a training exits 0" 0 $?
same "all its steps are done" "True 120" "$(json '"%s %d" % (d["done"], d["step"])' <<<"$out")"
check "the loss fell" test "$(json 'd["mlm"] < 3' <<<"$out")" = True
check "texts kept aside were looked at" grep -q 'step 60, mlm on texts kept aside: loss' log.txt
same "a row of figures each step" 121 "$(wc -l <run/figures.csv)"
check "the page has curves" grep -q '<svg' run/report.html
check "and needs nothing from elsewhere" sh -c '! grep -qE "<script|https?://" run/report.html'
"$WEFT" train toy.conf >out.txt 2>&1
same "a second one does not overwrite it" 1 $?
check "and says how to go on" grep -q -- '--resume' out.txt

# Killed at any moment it loses what came after the last checkpoint, and nothing else.
"$WEFT" train toy.conf --out killed --set train.steps=1000000 2>killed.txt &
pid=$!
check "checkpoints are written while it runs" await killed.txt 'is kept in'
kill -9 $pid
wait $pid 2>/dev/null
n=$(steps killed)
kept=$(sed -n 's/^step \([0-9]*\) is kept.*/\1/p' killed.txt | tail -1)
n=$((n + 20))
"$WEFT" train toy.conf --out killed --resume --set train.steps=$n 2>resumed.txt
same "it goes on after kill -9" 0 $?
first=$(sed -n 's/^step \([0-9]*\) of.*/\1/p' resumed.txt | head -1)
check "from the last checkpoint" test "$first" -gt "$kept"
same "figures have each step once" "$(seq "$n")" "$(sed 1d killed/figures.csv | cut -d, -f1)"
"$WEFT" train toy.conf --out whole --set train.steps=$n 2>/dev/null
"$WEFT" train export killed/checkpoint killed.gguf >/dev/null
"$WEFT" train export whole/checkpoint whole.gguf >/dev/null
check "what comes out has the bits of an undisturbed run" cmp killed.gguf whole.gguf

"$WEFT" train toy.conf --out stopped --set train.steps=1000000 2>stopped.txt &
pid=$!
check "a training begins" await stopped/figures.csv '^3,'
kill -TERM $pid
wait $pid
same "SIGTERM ends it with 1" 1 $?
check "it says at which step" grep -q 'stopped at step' stopped.txt
n=$(($(steps stopped) + 5))
"$WEFT" train toy.conf --out stopped --resume --set train.steps=$n 2>/dev/null
same "and goes on" "0 $n" "$? $(steps stopped)"

printf 'WEFTCKPT cut' >run/checkpoint
"$WEFT" train export run/checkpoint x.gguf >out.txt 2>&1
same "a damaged checkpoint is refused" 1 $?
check "with a sentence" grep -q 'damaged' out.txt
sed 's/^rate/raet/' toy.conf >wrong.conf
"$WEFT" train wrong.conf --out wrong >out.txt 2>&1
same "a wrong key is refused" 1 $?
check "by its line" grep -q 'wrong.conf, line' out.txt
"$WEFT" train toy.conf --out wrong --set train.steps >out.txt 2>&1
same "--set without a value is refused" 1 $?
"$WEFT" train toy.conf more >out.txt 2>&1
same "too many arguments are" 2 $?

out=$(echo 'The red house' | "$WEFT" tokenize ./whole.gguf)
same "the model file holds the vocabulary" 0 $?
check "which has the texts' words" test "$(wc -w <<<"$out")" -le 8
