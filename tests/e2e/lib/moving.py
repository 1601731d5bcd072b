# SPDX-License-Identifier: Apache-2.0
# An answer that is begun on one device and taken by another, over their HTTP interfaces.
#   moving.py FROM TO MODEL SEED TOKENS AT [KILL-PID]
# FROM and TO are NAME=BASE=TOKEN; AT: pieces that are seen before it is taken (0: not at all; then only
# the whole is printed). Prints JSON: {"first", "finish", "second", "done", "error", "ms"}.
import json
import os
import signal
import sys
import threading
import time
import urllib.request

source, target = ([*one.split("=")] for one in sys.argv[1:3])
model, seed, tokens, at = sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6])
kill = int(sys.argv[7]) if len(sys.argv) > 7 else 0


def call(node, method, path, body=None, accept="application/json"):
    return urllib.request.urlopen(urllib.request.Request(
        node[1] + path, None if body is None else json.dumps(body).encode(), method=method, headers={
            "Authorization": "Bearer " + node[2], "Content-Type": "application/json", "Accept": accept}))


said = {"first": "", "finish": None, "second": "", "done": None, "error": None, "ms": None}
began = threading.Event()
name = "%016x" % (time.time_ns() & (1 << 63) - 1)


def first():
    body = {"model": model, "messages": [{"role": "user", "content": "Tell me of the sea."}], "stream": True,
            "seed": seed, "max_tokens": tokens, "temperature": 1, "ignore_eos": True, "weft_generation": name}
    seen = 0
    try:
        for line in call(source, "POST", "/v1/chat/completions", body):
            if not line.startswith(b"data: {"):
                continue
            choice = (json.loads(line[6:]).get("choices") or [{}])[0]
            said["first"] += choice.get("delta", {}).get("content") or ""
            said["finish"] = choice.get("finish_reason") or said["finish"]
            seen += 1
            if seen == at:
                began.set()
    except OSError as error:
        said["cut"] = str(error)
    began.set()


reader = threading.Thread(target=first)
reader.start()
if at > 0:
    began.wait()
    start = time.monotonic()
    call(target, "POST", "/weft/v1/generations/%s/take" % name, {"node": source[0]}).read()
    event = ""
    for line in call(target, "GET", "/weft/v1/generations/" + name, accept="text/event-stream"):
        text = line.decode().strip()
        if text.startswith("event:"):
            event = text[6:].strip()
        elif text.startswith("data:"):
            data = json.loads(text[5:])
            if event == "text":
                said["second"] += data["text"]
                if said["ms"] is None:
                    said["ms"] = round((time.monotonic() - start) * 1000)
                if kill and len(said["second"]) > 200:
                    os.kill(kill, signal.SIGKILL)
                    kill = 0
            elif event == "done":
                said["done"] = data["finish"]
            elif event == "error":
                said["error"] = data["detail"]
reader.join()
print(json.dumps(said))
