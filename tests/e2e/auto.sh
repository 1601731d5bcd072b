#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The model "auto" through the running weft: core, airlock, a model of this device and two engines on
# loopback. What may not leave is answered here; an engine that dies in its answer is followed without
# a word lost or doubled; afterwards it is known why.
. "$(dirname "$0")/lib/tap.sh"

export WEFT_HOME=$TMP/home
export WEFT_LENS=off
export WEFT_ROUTE_HEDGE=off # the machine may be busy

# Two engines that speak Ollama's protocol, know one answer, and go on with it where it was begun.
# A file "kill" lets every other answer end in its middle; "down" refuses.
cat >"$TMP/stub.py" <<'END_STUB'
import http.server, json, os, random, sys, threading
folder = sys.argv[1]
TEXT = " ".join("w%d," % i for i in range(60)) + " and the end."
random.seed(7)
class Stub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *a): pass
    def do_POST(self):
        name, s = self.server.name, self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(f"{folder}/seen.{name}", "a") as f: f.write(json.dumps(body) + "\n")
        if os.path.exists(f"{folder}/down.{name}"):
            self.send_response(503); self.send_header("Content-Length", "0"); self.end_headers(); return
        last = body["messages"][-1]
        at = len(last["content"]) if last["role"] == "assistant" else 0
        assert last["role"] != "assistant" or TEXT.startswith(last["content"]), last
        out = [{"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant",
            "content": TEXT[i:i + 4]}, "done": False} for i in range(at, len(TEXT), 4)]
        out.append({"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant",
            "content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 10, "eval_count": 20})
        lines = [json.dumps(o).encode() + b"\n" for o in out]
        dies = False
        if at == 0 and os.path.exists(f"{folder}/kill"):
            with s.lock:
                s.n += 1
                dies = s.n % 2 == 1
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Content-Length", str(sum(map(len, lines))))
        self.end_headers()
        if dies:
            lines = lines[:random.randrange(2, len(lines) - 1)]
            with s.lock, open(f"{folder}/deaths", "a") as f: f.write("x")
        self.wfile.write(b"".join(lines))
        self.close_connection = dies
for name in ("one", "two"):
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    s.name, s.n, s.lock = name, 0, threading.Lock()
    threading.Thread(target=s.serve_forever, daemon=True).start()
    open(f"{folder}/port.{name}", "w").write(str(s.server_port))
open(f"{folder}/text", "w").write(TEXT)
threading.Event().wait()
END_STUB
touch "$TMP/seen.one" "$TMP/seen.two" "$TMP/deaths"
python3 "$TMP/stub.py" "$TMP" 2>"$TMP/stub.err" &
stub=$!
wait_for() { for _ in $(seq 150); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; return 1; }
wait_for test -s "$TMP/text"
mkdir -p "$WEFT_HOME"
"$WEFT" models synth tiny F32 "$TMP/tiny.gguf" >/dev/null
"$WEFT" models import "$TMP/tiny.gguf" tiny >/dev/null 2>&1
for name in one two; do
    "$WEFT" engines add $name --protocol ollama --tier provider --no-key --clearance internal --model m \
        --url "http://127.0.0.1:$(cat "$TMP/port.$name")" >/dev/null
done
start_weft() { # on or off: consent
    : >"$TMP/up.out"
    WEFT_ROUTE_CONSENT=$1 "$WEFT" up --port 0 >"$TMP/up.out" 2>"$TMP/up.err" &
    daemon=$!
    wait_for grep -q http "$TMP/up.out"
    address=$(grep -o 'http://127.0.0.1:[0-9]*' "$TMP/up.out" | head -1)
    token=$(cat "$WEFT_HOME/token")
}
start_weft on
trap 'kill $stub $daemon 2>/dev/null; wait 2>/dev/null; rm -rf "$TMP"; [ $tap_failed -eq 0 ] || exit 1' EXIT
get() { curl -s -m 20 -H "Authorization: Bearer $token" "$address$1"; }
post() { curl -s -m 60 -D "$TMP/head" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -H 'anthropic-version: 2023-06-01' --data-binary "$2" "$address$1"; }
route() { grep -i '^x-weft-route:' "$TMP/head" | tr -d '\r' | cut -d' ' -f2-; }
chat() { # model, content, more members
    post /v1/chat/completions "{\"model\":\"$1\",\"messages\":[{\"role\":\"user\",\"content\":\"$2\"}]${3:-}}"
}
content() { python3 -c 'import json,sys; print(json.load(sys.stdin)["choices"][0]["message"]["content"])'; }

offered() { get /v1/models | grep -q '"auto"'; }
check "auto is listed beside the models" wait_for offered
check "for Ollama's clients, too" bash -c "grep -q 'auto:latest' <<<'$(get /api/tags)'"
chat auto "My key is AKIAIOSFODNN7EXAMPLE, what now?" ',"max_tokens":4' >/dev/null
check "what is secret is answered here" grep -q '^local; tiny:latest; label=secret; tier=here; why=good;' <<<"$(route)"
same "and nobody else heard of it" 0 "$(cat "$TMP"/seen.* | wc -l)"
text=$(cat "$TMP/text")
same "what may go is answered elsewhere" "$text" "$(chat auto "Count, please" | content)"
check "and the header says where and why" \
    grep -Eq '^(one|two); (one|two)/m; label=internal; tier=provider; why=good.*; allowed=3/3; id=r-' <<<"$(route)"
id=$(route | grep -o 'id=r-[0-9a-f]*' | cut -c4-)
why=$(get "/weft/v1/why/$id")
same "weft why has decision, what it was like, and what left" "True True chosen:" "$(python3 -c '
import json,sys
v=json.load(sys.stdin)
d=v["decision"]
c=[c for c in d["candidates"] if c["engine"]==d["chosen"]][0]
print(c["total_ms"]>0, d["actual"]["total_ms"]>0 and d["actual"]["engine"]==d["chosen"],
      v["entries"][0]["reason"].split()[0])' <<<"$why")"
check "and the command shows predicted beside actual" grep -q "ms" <<<"$("$WEFT" why "$id")"
# A person's word, and questions whose answers are known.
check "what an answer was like can be said" grep -q 'weft now expects' <<<"$("$WEFT" feedback "$id" good)"
same "it counts once" "False True" "$(python3 -c '
import json,sys; v=json.load(sys.stdin); print(v["is_new"], v["good"])' <<<"$(post "/weft/v1/feedback/$id" '{"rating":"good"}')")"
same "another word takes it back" "True False" "$(python3 -c '
import json,sys; v=json.load(sys.stdin); print(v["is_new"], v["good"])' <<<"$(post "/weft/v1/feedback/$id" '{"rating":"bad"}')")"
check "weft why has it" grep -q 'You found the answer bad' <<<"$("$WEFT" why "$id")"
check "of what nobody answered nothing is said" \
    grep -q '"code":"NOENT"' <<<"$(post /weft/v1/feedback/r-0000 '{"rating":"bad"}')"
printf '%s\n' '{"question":"Count, please","answer":"and the end"}' \
    '{"question":"Count backwards","answer":["nothing","w59, and"]}' '{"question":"What is 2 + 2?","answer":"4"}' \
    '{"question":"My key is AKIAIOSFODNN7EXAMPLE, what is it?","answer":"a key"}' >"$TMP/known.jsonl"
n=$(cat "$TMP"/seen.* | wc -l)
"$WEFT" route --evaluate "$TMP/known.jsonl" --on one,here --tokens 8 --json >"$TMP/known.out"
same "an evaluation says how many are right, and what was kept" "2 3 1 4 True" "$(python3 -c '
import json,sys
one, here = json.load(open(sys.argv[1]))["engines"]
print(one["all"]["right"], one["all"]["asked"], one["kept"], here["all"]["asked"],
      0 < one["quality_sd"] < one["quality"] < 1)' "$TMP/known.out")"
same "under the policy: so many were sent" $((n + 3)) "$(cat "$TMP"/seen.* | wc -l)"
check "the ledger says that it was one" bash -c "'$WEFT' ledger list | grep -q evaluation"
check "for a person, too" grep -q '2 of 3 right (67%' <<<"$("$WEFT" route --evaluate "$TMP/known.jsonl" --on one)"
check "an engine that is none is an error" \
    grep -q 'There is no engine "three"' <<<"$("$WEFT" route --evaluate "$TMP/known.jsonl" --on three 2>&1)"
check "streamed, the header is there as well" \
    bash -c "grep -q DONE <<<'$(chat auto "Count, please" ',"stream":true' | tail -2)'"
check "with the same words" grep -q 'why=good.*id=r-' <<<"$(route)"
post /v1/messages '{"model":"auto","max_tokens":300,"messages":[{"role":"user","content":"Count, please"}]}' >"$TMP/out"
check "Anthropic's clients get it" grep -q 'why=good.*id=r-' <<<"$(route)"
check "with the answer" grep -q 'and the end' "$TMP/out"
post /api/chat '{"model":"auto:latest","stream":false,"messages":[{"role":"user","content":"Count, please"}]}' >"$TMP/out"
check "and so do Ollama's" grep -q 'why=good.*id=r-' <<<"$(route)"
check "as well" grep -q 'and the end' "$TMP/out"
chat tiny "Hello" ',"max_tokens":4' >/dev/null
same "a model that is named is not routed" "local; tiny:latest" "$(route)"
post /v1/chat/completions '{"messages":[{"role":"user","content":"Hello"}],"max_tokens":4}' >/dev/null
same "nor one that is not, where there is one here" "local; tiny:latest" "$(route)"
chat auto:private "Hello" ',"max_tokens":4' >/dev/null
check "private stays near" grep -q '^local; .*why=private' <<<"$(route)"

touch "$TMP/down.one" "$TMP/down.two"
chat auto "Count, please" ',"max_tokens":4' >/dev/null
check "where both are down this device answers" grep -q '^local; ' <<<"$(route)"
for _ in 1 2 3 4 5; do chat auto "Count, please" ',"max_tokens":4' >/dev/null; done
check "and then it is known that they are" \
    grep -q 'it failed a moment ago' <<<"$(get "/weft/v1/why/$(route | grep -o 'id=r-[0-9a-f]*' | cut -c4-)")"
rm "$TMP/down.one" "$TMP/down.two"
look='{"request":{"messages":[{"role":"user","content":"Hello"}]}}'
check "a look ahead knows it, too" grep -q breaker <<<"$(post /weft/v1/route "$look")"
# Consent is the person's.
kill $daemon
wait $daemon
check "what was learned is kept" grep -Eq '^lesson (one|two) m ' "$WEFT_HOME/data/experience"
before=$(cksum <"$WEFT_HOME/data/experience")
check "a word is taken without a running weft, too" grep -q 'weft now expects' <<<"$("$WEFT" feedback "$id" good)"
check "and kept" bash -c "[ '$before' != \"\$(cksum <'$WEFT_HOME/data/experience')\" ]"
start_weft off
n=$(cat "$TMP"/seen.* | wc -l)
chat auto "Hello" ',"max_tokens":4' >/dev/null
check "without consent it stays here" grep -q '^local; .*allowed=1/3' <<<"$(route)"
same "and no provider hears of it" "$n" "$(cat "$TMP"/seen.* | wc -l)"
kill $daemon
wait $daemon
"$WEFT" models rm tiny >/dev/null 2>&1
start_weft on
post /v1/chat/completions '{"messages":[{"role":"user","content":"Count, please"}]}' >/dev/null
check "without a model here a chat that names none goes elsewhere" grep -Eq '^(one|two); ' <<<"$(route)"

# Every other answer dies in its middle. KILLS=500 takes a minute or so on a machine at rest.
touch "$TMP/kill"
n=${KILLS:-100}
same "answers that die in their middle are whole" "0 of $n wrong" \
    "$(python3 - "$address" "$token" "$TMP" "$n" <<'END_KILLS'
import http.client, json, os, sys
host, token, folder, n = sys.argv[1].split("//")[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
text, wrong = open(folder + "/text").read(), 0
c = http.client.HTTPConnection(host, timeout=60)
while os.path.getsize(folder + "/deaths") < n:
    c.request("POST", "/v1/chat/completions", json.dumps({"model": "auto", "stream": True, "messages":
        [{"role": "user", "content": "Count, please"}]}), {"Authorization": "Bearer " + token,
        "Content-Type": "application/json"})
    got, lines = "", c.getresponse().read().decode().split("\n")
    for line in lines:
        if line.startswith("data: {"):
            got += "".join(x["delta"].get("content") or "" for x in json.loads(line[6:]).get("choices", []))
    if got != text:
        wrong += 1
        print(got, lines[-5:], file=sys.stderr)
print(wrong, "of", n, "wrong")
END_KILLS
)"
