#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What it costs to ask another machine's model: the same request to a daemon that has the model, and
# to two that are paired with it, over loopback, in turn; the time to the first token and of each
# further one; and the memory of a daemon whose clients read nothing of long answers.
cd "$(dirname "$0")/.." || exit 1
. tests/e2e/lib/tap.sh

declare -A pids
json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }
up() {
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
    echo "$port" >"$TMP/$1.port"
    "$WEFT" --home "$TMP/$1" up --port 0 --link-port "$port" --link-host 127.0.0.1 \
        --node-name "$@" >"$TMP/$1.out" 2>"$TMP/$1.err" &
    pids[$1]=$!
    for _ in $(seq 400); do grep -qs http:// "$TMP/$1.out" && break; sleep 0.05; done
}
weft() { "$WEFT" --home "$TMP/$1" "${@:2}"; }
trap 'kill "${pids[@]}" 2>/dev/null; wait; rm -rf "$TMP"' EXIT

"$WEFT" models synth tiny F32 "$TMP/tiny.gguf" --vocab 400 >/dev/null 2>&1
mkdir -p "$TMP/box" "$TMP/plain"
echo "lens = off" >"$TMP/plain/weft.conf" # labels by patterns alone: what is left is the way
# One thread: it must not take the cores of those who pass its words on.
echo "model_threads = 1" >"$TMP/box/weft.conf"
weft box models import "$TMP/tiny.gguf" tiny >/dev/null 2>&1
up laptop
up plain
up box --node-tier edge
weft box pair "$(weft laptop pair --show --json | json 'd["scan"]')" >/dev/null
weft plain pair "$(weft laptop pair --show --json | json 'd["scan"]')" >/dev/null
weft plain nodes address box "127.0.0.1:$(cat "$TMP/box.port")" >/dev/null 2>&1
for _ in $(seq 200); do weft plain nodes --json | grep -q '"tiny:latest"' && break; sleep 0.1; done
for _ in $(seq 200); do weft laptop nodes --json | grep -q '"tiny:latest"' && break; sleep 0.1; done
uname -srm

cat >"$TMP/ask.py" <<'P'
import http.client, json, socket, statistics, sys, time
tmp, core_pid = sys.argv[1], int(sys.argv[2])
N, TOKENS = 60, 200
def where(name):
    out = open(f"{tmp}/{name}.out").read()
    host = out.split("http://")[1].split("/")[0].split()[0]
    return host, open(f"{tmp}/{name}/token").read().strip()
def body(model, n):
    text = "Say something about the weather"
    return json.dumps({"model": model, "stream": True, "max_tokens": n, "ignore_eos": True,
                       "temperature": 0, "messages": [{"role": "user", "content": text}]})
def ask(c, token, model):
    times, begin = [], time.perf_counter()
    c.request("POST", "/v1/chat/completions", body(model, TOKENS),
              {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
    r = c.getresponse()
    while True:
        line = r.readline()
        if not line:
            break
        if line.startswith(b"data: {") and b'"content":"' in line and b'"content":""' not in line:
            times.append(time.perf_counter())
    return (times[0] - begin) * 1e3, (times[-1] - times[0]) * 1e3 / TOKENS
def spread(v):
    v = sorted(v)
    ends = f"{v[len(v) // 10]:.2f} to {v[-1 - len(v) // 10]:.2f}"
    return f"median {statistics.median(v):.2f} ms ({ends})"
ways = {"here": ("box", "tiny"), "there": ("laptop", "box/tiny"),
        "there, without lens": ("plain", "box/tiny")}
got = {w: ([], []) for w in ways}
conns = {w: (http.client.HTTPConnection(where(n)[0]), where(n)[1], m) for w, (n, m) in ways.items()}
for i in range(N + 3):
    for w in ways if i % 2 else reversed(list(ways)):
        first, each = ask(*conns[w])
        if i >= 3:
            got[w][0].append(first)
            got[w][1].append(each)
for w in ways:
    print(f"{w}: first token {spread(got[w][0])}, each further {spread(got[w][1])}, {N} answers")
here = [statistics.median(v) for v in got["here"]]
for w in list(ways)[1:]:
    first, each = (statistics.median(v) - h for v, h in zip(got[w], here))
    print(f"{w}: first token {first:.2f} ms later (aim: 2), each further {each * 1e3:.0f} us")
# A client that reads nothing: the daemon it asks does not grow with the answer.
def rss():
    for line in open(f"/proc/{core_pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])
host, token = where("laptop")
before, socks = rss(), []
for i in range(8):
    s = socket.create_connection((host.split(":")[0], int(host.split(":")[1])))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    text = body("box/tiny", 3500)[:-1] + ', "logprobs": true, "top_logprobs": 20}'
    s.sendall(("POST /v1/chat/completions HTTP/1.1\r\nHost: " + host +
               "\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/json" +
               "\r\nContent-Length: " + str(len(text)) + "\r\n\r\n" + text).encode())
    socks.append(s)
most = 0
for _ in range(100):
    time.sleep(0.1)
    most = max(most, rss())
heads = {s.recv(12) for s in socks}
assert heads == {b"HTTP/1.1 200"}, heads
more = (most - before) / 1024
print(f"8 clients that read nothing: {more:.1f} MiB more in the asked daemon (bound: 32)")
sys.exit(0 if more < 32 else 1)
P
# The core is the largest of the supervisor's processes.
core=$(for p in $(pgrep -P "${pids[laptop]}"); do
    echo "$(awk '/VmRSS/ {print $2}' "/proc/$p/status") $p"
done | sort -n | tail -1 | cut -d' ' -f2)
python3 "$TMP/ask.py" "$TMP" "$core"
