#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two hundred chats that a provider sends away for a while (429) pause without a thread each, by name
# and where weft chooses: others are served meanwhile, then all are answered.
. "$(dirname "$0")/lib/tap.sh"

export WEFT_HOME=$TMP/home
export WEFT_LENS=off
export WEFT_ROUTE_CONSENT=on
export WEFT_ROUTE_HEDGE=off
N=200

cat >"$TMP/pauses.py" <<'END_PY'
import asyncio, json, os, resource, sys

N, folder = int(sys.argv[1]), sys.argv[2]
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8 * N), hard))
waiting, n_tries, round_no = [], {}, 0

async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    n = [int(l.split(b":")[1]) for l in head.split(b"\r\n") if l.lower().startswith(b"content-length")][0]
    return json.loads(await reader.readexactly(n))

def answer(text):
    v = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
        {"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]}
    body = b"data: " + json.dumps(v).encode() + b"\n\ndata: [DONE]\n\n"
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n" % len(body) + body

# The first try of each waits until all are there; then all are sent away.
async def busy(reader, writer):
    try:
        while True:
            said = (await read_request(reader))["messages"][-1]["content"]
            n_tries[said] = n_tries.get(said, 0) + 1
            if n_tries[said] == 1:
                mine = asyncio.Event()
                waiting.append(mine)
                if len(waiting) == N:
                    for one in waiting:
                        one.set()
                await mine.wait()
                writer.write(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n")
            else:
                writer.write(answer(said))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def quick(reader, writer):
    try:
        while True:
            await read_request(reader)
            writer.write(answer("at once"))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def chat(port, token, model, text):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": text}], "stream": text[-2] in "02468",
                       **({"tools": tools} if model == "auto" else {})}).encode()
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n"
                 b"Content-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                 % (port, token.encode(), len(body)) + body)
    got = (await reader.read()).decode()
    writer.transport.abort()
    return got

async def one_round(port, token, model):
    waiting.clear()
    texts = [f"{model} number {i}." for i in range(N)]
    jobs = [asyncio.create_task(chat(port, token, model, t)) for t in texts]
    while not all(n_tries.get(t, 0) for t in texts) and not all(j.done() for j in jobs):
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    quickly = await chat(port, token, "quick/m", "hello")
    done_before = sum(j.done() for j in jobs)
    said = await asyncio.gather(*jobs)
    right = sum(t in s and " 200 " in s.split("\r\n")[0] for t, s in zip(texts, said))
    print(f"{model}: quick {'at once' in quickly} before {done_before} right {right}", flush=True)
    for t, s in zip(texts, said):
        if t not in s:
            print("wrong:", t, s[:600])
            break

async def main():
    for name, handler in (("busy", busy), ("quick", quick)):
        server = await asyncio.start_server(handler, "127.0.0.1", 0, backlog=N)
        open(f"{folder}/port.{name}.new", "w").write(str(server.sockets[0].getsockname()[1]))
        os.rename(f"{folder}/port.{name}.new", f"{folder}/port.{name}")
    while not os.path.exists(f"{folder}/go"):
        await asyncio.sleep(0.05)
    port, token, *models = open(f"{folder}/go").read().split()
    for model in models:
        await one_round(int(port), token, model)
    os._exit(0)

asyncio.run(main())
END_PY

python3 "$TMP/pauses.py" $N "$TMP" >"$TMP/said" 2>"$TMP/said.err" &
stub=$!
trap 'kill $stub $daemon 2>/dev/null; wait 2>/dev/null; rm -rf "$TMP"; [ $tap_failed -eq 0 ] || exit 1' EXIT
wait_for() { for _ in $(seq 150); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; return 1; }
wait_for test -s "$TMP/port.quick"
# Where weft chooses it is "busy": an answer without tools can come from there alone.
"$WEFT" engines add busy --protocol openai --tier provider --no-key --clearance internal --model m \
    --url "http://127.0.0.1:$(cat "$TMP/port.busy")/v1" >/dev/null
"$WEFT" engines add quick --protocol openai --tier provider --no-key --clearance internal --model m \
    --lacks tools --url "http://127.0.0.1:$(cat "$TMP/port.quick")/v1" >/dev/null
"$WEFT" up --port 0 >"$TMP/up.out" 2>"$TMP/up.err" &
daemon=$!
wait_for grep -q http "$TMP/up.out"
address=$(grep -o 'http://127.0.0.1:[0-9]*' "$TMP/up.out" | head -1)
token=$(cat "$WEFT_HOME/token")
if [ "$(ulimit -Hn)" -lt 1700 ]; then
    skip "two hundred chats that pause" "this system allows fewer open files"
    exit 0
fi
echo "${address##*:} $token busy/m auto" >"$TMP/go.new"
mv "$TMP/go.new" "$TMP/go"
wait $stub
cat "$TMP/said.err" >>"$TMP/said"
sed 's/^/# /' "$TMP/said"
check "another engine answers while two hundred pause" grep -q '^busy/m: quick True before 0 ' "$TMP/said"
check "and then each of them is answered" grep -q "^busy/m:.*right $N\$" "$TMP/said"
check "so does one where weft had chosen" grep -q '^auto: quick True before 0 ' "$TMP/said"
check "and all are answered as well" grep -q "^auto:.*right $N\$" "$TMP/said"
