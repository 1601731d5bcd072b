#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Work on another machine: a node without a model asks another one's, by name and by "auto"; what is above the other's
# clearance is not sent; who asks no more stops it there; a node that is killed in the middle of its answer gives an
# error, or another place goes on; whoever sits between them reads nothing.
. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/nodes.sh"

MARKER=xylophonmarker7341

# chat NAME MODEL TEXT MAX [CURL-OPTION...]: an answer of OpenAI's face; of over 100 tokens without an end of its own,
# streamed
url() { sed -n 's|.*\(http://[^/ ]*\).*|\1|p' "$TMP/$1.out" | head -1; }
chat() {
    python3 - "$2" "$3" "$4" <<'P' >"$TMP/body"
import json, sys
n = int(sys.argv[3])
print(json.dumps({"model": sys.argv[1], "max_tokens": n, "temperature": 0, "seed": 1, "ignore_eos": n > 100,
                  "stream": n > 100, "stream_options": {"include_usage": True} if n > 100 else None,
                  "messages": [{"role": "user", "content": sys.argv[2]}]}))
P
    http "$1" /v1/chat/completions -S -D "$TMP/head" -H "Content-Type: application/json" \
        --data-binary @"$TMP/body" "${@:5}"
}
# http NAME PATH [CURL-OPTION...]
http() { curl -s -H "Authorization: Bearer $(cat "$TMP/$1/token")" -H "x-api-key: $(cat "$TMP/$1/token")" "${@:3}" "$(url "$1")$2"; }
# node FROM NAME EXPRESSION: of a node n as FROM lists it
node() { weft "$1" nodes --json | json "[$3 for n in d['nodes'] if n['name'] == '$2'][0]"; }
HI='"messages": [{"role": "user", "content": "hi"}]'

offers() { node "$1" "$2" "[m['name'] for m in n.get('engine', {}).get('models', [])]"; }
has_broken() { node laptop box "'broken:latest' in [m['name'] for m in n['engine']['models']]"; }
finish_of_box() { chat laptop box/tiny "hi" 5 | json 'd["choices"][0]["finish_reason"]' 2>/dev/null; }
text_of() { json 'd["choices"][0]["message"]["content"]' 2>/dev/null; }

"$WEFT" models synth tiny F32 "$TMP/tiny.gguf" --vocab 400 >/dev/null 2>&1
mkdir -p "$TMP/box"
weft box models import "$TMP/tiny.gguf" tiny >/dev/null 2>&1
check "weft up on the laptop" up laptop
check "weft up on the box, an edge node" up box --node-tier edge
[ $tap_failed -eq 0 ] || exit 1
check "they are paired" pair laptop box
same "the box says what it offers" "['tiny:latest']" "$(until_is "['tiny:latest']" offers laptop box)"
same "the laptop offers nothing" "[]" "$(offers box laptop)"

# By name, and the same text as on the box itself.
chat box tiny "Say something" 12 | text_of >"$TMP/there"
chat laptop box/tiny "Say something" 12 | text_of >"$TMP/here"
same "what is asked of the box is what the box says" "$(cat "$TMP/there")" "$(cat "$TMP/here")"
check "it is not empty" test -s "$TMP/here"
check "the answer says where it ran" grep -qi '^x-weft-route: box; box/tiny' "$TMP/head"
http laptop /v1/models >"$TMP/models"
same "models of nodes are listed" True "$(json "'box/tiny:latest' in [m['id'] for m in d['data']]" <"$TMP/models")"
same "auto is offered" True "$(json "'auto' in [m['id'] for m in d['data']]" <"$TMP/models")"
chat laptop auto "Say something" 12 | text_of >"$TMP/auto"
check "auto finds the box" grep -qi '^x-weft-route:.*box' "$TMP/head"
check "and it answers" test -s "$TMP/auto"
id=$(sed -n 's/^x-weft-route:.*id=\([^;[:space:]]*\).*/\1/ip' "$TMP/head")
check "weft why knows where it ran" bash -c '"$0" --home "$1" why "$2" | grep -q box' "$WEFT" "$TMP/laptop" "$id"
echo "The kettle in the ward kitchen is red. It was bought in 2019." >"$TMP/kettle.txt"
weft laptop add "$TMP/kettle.txt" >/dev/null
check "weft engines lists the box" bash -c '"$0" --home "$1" engines list | grep -A1 box | grep -q tiny' "$WEFT" "$TMP/laptop"
check "weft ask takes the box's model" weft laptop ask "What colour is the kettle?" --model box/tiny
http laptop /api/chat -d "{\"model\": \"box/tiny\", \"stream\": false, \"options\": {\"num_predict\": 5}, $HI}" >"$TMP/face"
check "Ollama's face, too" grep -q '"done":true' "$TMP/face"
http laptop /v1/messages -H "anthropic-version: 2023-06-01" -d "{\"model\": \"box/tiny\", \"max_tokens\": 5, $HI}" >"$TMP/face"
check "Anthropic's face, too" grep -q '"output_tokens":[1-5]' "$TMP/face"
http laptop /v1/completions -d '{"model": "box/tiny", "max_tokens": 5, "prompt": "once upon"}' >"$TMP/face"
check "a text to go on with, too" grep -q '"completion_tokens":[1-5]' "$TMP/face"
chat laptop box/none "hi" 5 >"$TMP/none"
check "a model that is not there is named" grep -q "box has no model none" "$TMP/none"
chat laptop phone/none "hi" 5 >"$TMP/none"
check "nor is a node that there is not" grep -q '"error"' "$TMP/none"
chat box laptop/tiny "hi" 5 >"$TMP/none"
check "who offers nothing says so" grep -q "does not offer" "$TMP/none"

# Vectors and scores of texts: made there, the same as on the box itself.
embed() { http "$1" "$2" -S -D "$TMP/head" -d "$3"; }
first_of() { json 'd["data"][0]["embedding"][:3]' 2>/dev/null; }
embed box /v1/embeddings '{"model": "tiny", "input": ["once", "upon a time"]}' | first_of >"$TMP/there"
embed laptop /v1/embeddings '{"model": "box/tiny", "input": ["once", "upon a time"]}' >"$TMP/vectors"
first_of <"$TMP/vectors" >"$TMP/here"
check "embeddings are made at the box" grep -q '^\[' "$TMP/here"
same "and are what the box makes" "$(cat "$TMP/there")" "$(cat "$TMP/here")"
same "of each text" 2 "$(json 'len(d["data"])' <"$TMP/vectors")"
check "they say where they were made" grep -qi '^x-weft-route: box; box/tiny:latest; label=' "$TMP/head"
embed laptop /api/embed '{"model": "box/tiny", "input": "once upon"}' >"$TMP/face"
same "Ollama's face, too" 1 "$(json 'len(d["embeddings"])' <"$TMP/face")"
embed laptop /v1/rerank '{"model": "box/tiny", "query": "when?", "documents": ["once", "twice"]}' >"$TMP/face"
check "what the box's model cannot rank the box says" grep -q "box: .*no classification head" "$TMP/face"

# Labels: what is private is not sent to who may see internal; by name nor by auto.
PERSONAL="My name is Anna Berger, born 12.03.1984, IBAN DE89 3702 0044 0532 0130 00, diagnosis: diabetes"
chat laptop box/tiny "$PERSONAL $MARKER" 5 >"$TMP/private"
check "what is private goes to a node that may see it" grep -q '"finish_reason"' "$TMP/private"
weft laptop nodes clear box internal >/dev/null
same "the box may see internal" internal "$(until_is internal node box box "n['clearance']")"
chat laptop box/tiny "$PERSONAL $MARKER" 5 >"$TMP/refused"
check "and no more once it may not" grep -q "Nothing was sent to box" "$TMP/refused"
embed laptop /v1/embeddings "{\"model\": \"box/tiny\", \"input\": [\"$PERSONAL\"]}" >"$TMP/refused"
check "nor as a text to embed" grep -q "Nothing was sent to box" "$TMP/refused"
chat laptop auto "$PERSONAL $MARKER" 5 >"$TMP/refused"
check "auto sends it nowhere" grep -q "Nothing was sent" "$TMP/refused"
chat laptop box/tiny "Say something" 5 >"$TMP/internal"
check "what is internal still goes" grep -q '"finish_reason"' "$TMP/internal"
weft laptop nodes clear box private >/dev/null

# Nothing is kept at the box: no thread, and the text in none of its files.
same "the box has no thread of it" 0 "$(weft box threads --json 2>/dev/null | json 'len(d.get("threads", []))' 2>/dev/null || echo 0)"
check "nor the text in any of its files" bash -c '! grep -rqsa "$0" "$1"' "$MARKER" "$TMP/box"

# Who asks no more stops it there: the model is free within moments, though thousands of tokens were asked for.
active() { node laptop box "[m['queued'] for m in n['engine']['models']]"; }
(chat laptop box/tiny "Tell me everything" 4000 --max-time 2 >/dev/null 2>&1)
begin=$(date +%s%N)
chat box tiny "hi" 3 >"$TMP/after"
took=$((($(date +%s%N) - begin) / 1000000))
check "the box answers others at once" grep -q '"finish_reason"' "$TMP/after"
same "nothing of it runs on" "[0]" "$(until_is "[0]" active)"

# A model there whose file is broken: the box is left alone for a while, which is told, then it is asked again.
"$WEFT" models synth tiny F32 "$TMP/broken.gguf" --vocab 401 >/dev/null 2>&1
weft box models import "$TMP/broken.gguf" broken >/dev/null 2>&1
same "it offers another model" True "$(until_is True has_broken)"
truncate -s 100000 "$(weft box models show broken --json | json 'd["path"]')"
for _ in 1 2 3 4 5; do chat laptop box/broken "hi" 5 >"$TMP/broken"; done
check "what is broken there is an error" grep -q '"error"' "$TMP/broken"
chat laptop box/tiny "hi" 5 >"$TMP/left"
check "who fails again and again is left alone" grep -q "box failed again and again" "$TMP/left"
check "weft engines says so" bash -c '"$0" --home "$1" engines list | grep -A2 box | grep -q "failed again and again"' "$WEFT" "$TMP/laptop"
chat laptop auto "hi" 5 >"$TMP/left"
check "auto leaves it out, and says why" grep -q "box: .*failed" "$TMP/left"
same "then it is asked again" length "$(until_is length finish_of_box)"
weft box models rm broken >/dev/null 2>&1

# A second one, with the same model. The node that answers is killed in the middle: asked for by name it is an error
# that says so, chosen by auto the other one goes on. Soon, since random weights write what is no text: as text it has
# more tokens than were written, and all must fit into a context.
mkdir -p "$TMP/tower"
weft tower models import "$TMP/tiny.gguf" tiny >/dev/null 2>&1
check "weft up on the tower" up tower --node-tier edge
check "it is paired" pair laptop tower
same "it offers its model" "['tiny:latest']" "$(until_is "['tiny:latest']" offers laptop tower)"
# kill_node NAME: all of its processes
kill_node() {
    local all=${pids[$1]}
    for _ in 1 2 3; do all="$all $(pgrep -d ' ' -P "$(echo $all | tr ' ' ,)")"; done
    kill -9 $all 2>/dev/null
    wait "${pids[$1]}" 2>/dev/null
}
# The node that the streamed answer in head comes from.
who_answers() {
    for _ in $(seq 200); do
        grep -i '^x-weft-route:' "$TMP/head" 2>/dev/null | sed 's/^[^:]*: *//; s/;.*//; s/[[:space:]]*$//' | grep . && return
        sleep 0.05
    done
}
rm -f "$TMP/head"
chat laptop auto "Tell me everything" 1500 -N >"$TMP/moved" 2>&1 &
asker=$!
first=$(who_answers)
sleep 0.1
kill_node "$first" 2>/dev/null
wait $asker
check "one of the two answered: $first" test "$first" = box -o "$first" = tower
same "the other went on to the end" '"finish_reason":"length"' "$(grep -o '"finish_reason":"[a-z]*"' "$TMP/moved" | tail -1)"
other=tower
[ "$first" = tower ] && other=box
rm -f "$TMP/head"
chat laptop "$other/tiny" "Tell me everything" 3900 -N >"$TMP/killed" 2>&1 &
asker=$!
same "the other one answers" "$other" "$(who_answers)"
sleep 0.1
kill_node "$other" 2>/dev/null
wait $asker
check "by name it breaks off, and says so" grep -q "$other is gone" "$TMP/killed"
chat laptop "$other/tiny" "hi" 5 >"$TMP/away"
check "a node that is away is named" grep -q "not connected" "$TMP/away"
