#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A thousand chats streamed at once through the running weft: the provider answers none before all
# have arrived, and then slowly, a word at a time to everyone. Each gets its own answer, whole; weft
# has no thread for each, and serves others meanwhile.
. "$(dirname "$0")/lib/tap.sh"

export WEFT_HOME=$TMP/home
export WEFT_LENS=off
N=1000

cat >"$TMP/streams.py" <<'END_PY'
import asyncio, json, os, resource, socket, sys, time

N, out_dir = int(sys.argv[1]), sys.argv[2]
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * N + 100), hard))
arrived, all_here, n_open, n_most, n_gone = 0, None, 0, 0, 0

async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    n = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")][0]
    return await reader.readexactly(n)

def chunk(delta, finish):
    v = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m",
         "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return b"data: " + json.dumps(v).encode() + b"\n\n"

async def provider(reader, writer):
    global arrived, n_open, n_most, n_gone
    try:
        while True:
            said = json.loads(await read_request(reader))["messages"][-1]["content"]
            if said.startswith("leave"):
                arrived += 1
                end = await reader.read(1)
                n_gone += end == b""
                return
            n_open += 1
            n_most = max(n_most, n_open)
            if "alone" not in said:
                arrived += 1
                await all_here.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            if said.startswith("long"):
                said = " ".join("%06d" % i + "x" * 10000 for i in range(400))
            for word in said.split():
                c = chunk({"content": word + " "}, None)
                writer.write(b"%x\r\n%s\r\n" % (len(c), c))
                await writer.drain()
                await asyncio.sleep(0 if said[0] == "0" else 0.1)
            c = chunk({}, "stop") + b"data: [DONE]\n\n"
            n_open -= 1
            writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(c), c))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def chat(port, token, text):
    own = socket.socket()
    if text.startswith("long"):
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    own.setblocking(False)
    await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=own)
    try:
        return await talk(reader, writer, port, token, text)
    finally:
        writer.transport.abort()

async def talk(reader, writer, port, token, text):
    body = json.dumps({"model": "stub/m", "stream": True, "messages": [{"role": "user", "content": text}]}).encode()
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n"
                 b"Content-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                 % (port, token.encode(), len(body)) + body)
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        return "status: " + head.split(b"\r\n")[0].decode() + (await reader.read()).decode()[:200]
    got, done = "", False
    if text.startswith("long"):
        await asyncio.sleep(1)  # all queues on the way are full by then
    while not done:
        line = (await reader.readline()).decode()
        if not line:
            return "broke off: " + got
        if line.startswith("data: [DONE]"):
            done = True
        elif line.startswith("data: "):
            v = json.loads(line[6:])
            if "error" in v:
                return "error: " + line
            for c in v["choices"]:
                got += c["delta"].get("content") or ""
    return got

async def leave(port, token, text):
    task = asyncio.create_task(chat(port, token, text))
    while arrived < N + 200:
        await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])

def threads(pid):
    n = 0
    for p in os.popen(f"pgrep -P {pid}").read().split() + [str(pid)]:
        n += len(os.listdir(f"/proc/{p}/task"))
    return n

async def main():
    global all_here
    all_here = asyncio.Event()
    server = await asyncio.start_server(provider, "127.0.0.1", 0, backlog=N)
    open(f"{out_dir}/stub.port", "w").write(str(server.sockets[0].getsockname()[1]))
    while not os.path.exists(f"{out_dir}/go"):
        await asyncio.sleep(0.05)
    port, pid, token = open(f"{out_dir}/go").read().split()
    texts = [f"number {i} of them says " + " ".join(f"w{i}x{k}" for k in range(10)) for i in range(N)]
    start = time.monotonic()
    jobs = [asyncio.create_task(chat(int(port), token, t)) for t in texts]
    while arrived < N and not all(j.done() for j in jobs):
        await asyncio.sleep(0.05)
    n_threads = threads(pid)
    alone = await chat(int(port), token, "alone among them")
    all_here.set()
    said = await asyncio.gather(*jobs)
    wrong = [(t, s) for t, s in zip(texts, said) if s.strip() != t]
    print(f"right {N - len(wrong)} at_once {n_most} alone {alone.strip()!r} threads {n_threads} "
          f"seconds {time.monotonic() - start:.1f}")
    for t, s in wrong[:3]:
        print("wrong:", t, "->", s)
    await asyncio.gather(*[leave(int(port), token, f"leave {i}") for i in range(200)])
    while n_gone < 200 and time.monotonic() - start < 60:
        await asyncio.sleep(0.05)
    long = (await chat(int(port), token, "long")).split()
    print("long", [int(w[:6]) for w in long if len(w) == 10006] == list(range(400)))
    print(f"gone {n_gone} and then {(await chat(int(port), token, 'alone again')).strip()!r}", flush=True)
    os._exit(0)  # connections that weft keeps are none of anybody's business

asyncio.run(main())
END_PY

python3 "$TMP/streams.py" $N "$TMP" >"$TMP/said" 2>"$TMP/said.err" &
stub=$!
"$WEFT" up --port 0 >"$TMP/up.out" 2>"$TMP/up.err" &
daemon=$!
trap 'kill $stub $daemon 2>/dev/null; wait 2>/dev/null; rm -rf "$TMP"; [ $tap_failed -eq 0 ] || exit 1' EXIT

wait_for() { for _ in $(seq 150); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; return 1; }
wait_for test -s "$TMP/stub.port"
wait_for grep -q http "$TMP/up.out"
address=$(grep -o 'http://127.0.0.1:[0-9]*' "$TMP/up.out" | head -1)
token=$(cat "$WEFT_HOME/token")
has_model() { curl -s -m 20 -H "Authorization: Bearer $token" "$address/v1/models" | grep -q '"stub/m"'; }

if [ "$(ulimit -Hn)" -lt 4100 ]; then
    skip "a thousand streams at once" "this system allows fewer open files"
    exit 0
fi
check "an engine is added" "$WEFT" engines add stub --protocol openai --clearance internal --model m \
    --url "http://127.0.0.1:$(cat "$TMP/stub.port")/v1"
check "the running weft offers its model" wait_for has_model
echo "${address##*:} $daemon $token" >"$TMP/go.new"
mv "$TMP/go.new" "$TMP/go"
wait $stub
cat "$TMP/said.err" >>"$TMP/said"
sed 's/^/# /' "$TMP/said"
check "each of the thousand has its own answer, whole" grep -q "^right $N " "$TMP/said"
check "all were open at the same time" bash -c "[ \$(grep -o 'at_once [0-9]*' '$TMP/said' | cut -d' ' -f2) -gt $N ]"
check "another one was answered meanwhile" grep -q "alone 'alone among them'" "$TMP/said"
check "whoever leaves is let go of, also at the provider" grep -q "^gone 200 and then 'alone again'" "$TMP/said"
check "an answer that is read slowly comes whole" grep -q '^long True' "$TMP/said"
check "without a thread for each" bash -c "[ \$(grep -o 'threads [0-9]*' '$TMP/said' | cut -d' ' -f2) -lt 200 ]"
