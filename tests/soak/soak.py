#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A soak: clients of all three model APIs at once, for long, against a real weft.

usage: tests/soak/soak.py [--seconds S] [--clients N] [--seed N] [--weft PROGRAM]

The model has random weights (weft models synth). First each known request runs alone, and its
answer is kept. Then the clients ask without pause: known requests, whose answers must be the same
to the letter whatever the neighbours do, streams that are given up, bad requests, vectors, counts,
constrained answers. Once a minute a line says what was done and how large the core is. The last
line sums up; exit status 1 for a wrong answer, a wrong status, a core that died, or memory that
grew after the warm-up (the first quarter, five minutes at most).
"""

import argparse
import collections
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

MODEL = "tiny"
WORDS = "the a river stone cloud runs sings quickly over under blue seven lanterns and of".split()
SCHEMA = {"type": "object", "required": ["name", "n"], "additionalProperties": False,
          "properties": {"name": {"enum": ["one", "two"]}, "n": {"type": "integer"}}}
GROWTH_MAX = 0.05  # of the core's memory after the warm-up
SLACK_KB = 8 << 10  # arenas of the C library come and go
TIMEOUT_S = 300


class Wrong(Exception):
    """An answer that is not what it must be."""


class Weft:
    """A real weft in a home of its own."""

    def __init__(self, program):
        self.program = program
        self.home = tempfile.mkdtemp(prefix="weft-soak-")
        self.log = open(os.path.join(self.home, "soak.log"), "w+")

    def run(self, *args):
        subprocess.run([self.program, "--home", self.home, *args], check=True,
                       stdout=subprocess.DEVNULL)

    def start(self):
        self.child = subprocess.Popen([self.program, "--home", self.home, "up", "--port", "0"],
                                      stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.child.stdout.readline()
        if "http://127.0.0.1:" not in line:
            raise SystemExit("soak: weft did not start: " + line)
        self.port = int(line.split("http://127.0.0.1:")[1].split()[0].strip("/").split("/")[0])
        with open(os.path.join(self.home, "token")) as f:
            self.token = f.read().strip()
        file = os.path.join(self.home, "tiny.gguf")
        self.run("models", "synth", "tiny", "F32", file, "--seed", "7")
        self.run("models", "import", file, MODEL)
        self.core = self.largest_child()

    def largest_child(self):
        """The core: the supervisor's child with the most memory."""
        with open("/proc/%d/task/%d/children" % (self.child.pid, self.child.pid)) as f:
            return max(map(int, f.read().split()), key=lambda pid: status_kb(pid, "VmRSS"))

    def own_mb(self):
        """What weft's own allocations hold, by /metrics."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        c.request("GET", "/metrics", headers={"authorization": "Bearer " + self.token})
        lines = c.getresponse().read().decode().splitlines()
        c.close()
        return next(float(line.split()[1]) for line in lines
                    if line.startswith("weft_memory_bytes ")) / 2**20

    def end(self):
        self.child.terminate()
        status = self.child.wait(30)
        self.log.seek(0)
        said = self.log.read()
        shutil.rmtree(self.home, ignore_errors=True)
        return status, said


def status_kb(pid, key):
    try:
        with open("/proc/%d/status" % pid) as f:
            for line in f:
                if line.startswith(key + ":"):
                    return int(line.split()[1])
    except FileNotFoundError:
        pass
    return 0


# ---- the three APIs: a known request's body, its text out of an answer or a stream ----

class OpenAI:
    path = "/v1/chat/completions"

    @staticmethod
    def body(k, stream):
        return {"model": MODEL, "messages": [{"role": "user", "content": k["prompt"]}],
                "max_tokens": k["n"], "temperature": k["temperature"], "seed": k["seed"],
                "stream": stream}

    @staticmethod
    def text(answer):
        return answer["choices"][0]["message"]["content"]

    @staticmethod
    def piece(event):
        choices = event.get("choices")
        return (choices[0]["delta"].get("content") or "") if choices else ""


class Anthropic:
    path = "/v1/messages"

    @staticmethod
    def body(k, stream):
        return {"model": MODEL, "messages": [{"role": "user", "content": k["prompt"]}],
                "max_tokens": k["n"], "temperature": k["temperature"], "seed": k["seed"],
                "stream": stream}

    @staticmethod
    def text(answer):
        return "".join(block["text"] for block in answer["content"])

    @staticmethod
    def piece(event):
        return event.get("delta", {}).get("text", "")


class Ollama:
    path = "/api/chat"

    @staticmethod
    def body(k, stream):
        return {"model": MODEL, "messages": [{"role": "user", "content": k["prompt"]}],
                "stream": stream, "options": {"num_predict": k["n"], "seed": k["seed"],
                                              "temperature": k["temperature"]}}

    @staticmethod
    def text(answer):
        return answer["message"]["content"]

    @staticmethod
    def piece(event):
        return event["message"]["content"]


FACES = (OpenAI, Anthropic, Ollama)


def events(answer):
    """The data of a stream's events, of either form."""
    for line in answer:
        line = line.strip()
        if line.startswith(b"data: "):
            line = line[6:]
        if line.startswith(b"{"):
            event = json.loads(line)
            if "error" in event:
                raise Wrong("a stream ended with %s" % event["error"])
            yield event


# ---- one client ----

class Client:
    def __init__(self, weft, known, seed):
        self.weft, self.known = weft, known
        self.random = random.Random(seed)
        self.done = collections.Counter()
        self.connection = None

    def ask(self, path, body, token=None):
        """Sends it; gives the answer, whose head has come."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.weft.port,
                                                         timeout=TIMEOUT_S)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.connection.request("POST", path, data, {
            "authorization": "Bearer " + (token or self.weft.token),
            "content-type": "application/json"})
        return self.connection.getresponse()

    def hang_up(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def whole(self, path, body, status=200, token=None):
        answer = self.ask(path, body, token)
        data = answer.read()
        if answer.status != status:
            raise Wrong("%s gave %d, not %d: %s" % (path, answer.status, status, data[:300]))
        if answer.getheader("connection") == "close":
            self.hang_up()
        return json.loads(data) if data else None

    def answer(self, face, k, stream):
        if not stream:
            return face.text(self.whole(face.path, face.body(k, False)))
        answer = self.ask(face.path, face.body(k, True))
        if answer.status != 200:
            raise Wrong("%s gave %d: %s" % (face.path, answer.status, answer.read()[:300]))
        return "".join(map(face.piece, events(answer)))

    # -- what it does --

    def known_request(self):
        k, face = self.random.choice(self.known), self.random.choice(FACES)
        text = self.answer(face, k, self.random.random() < 0.5)
        if text != k["answer"]:
            raise Wrong("%s: %r instead of %r" % (face.__name__, text, k["answer"]))

    def given_up(self):
        k, face = dict(self.random.choice(self.known), n=4000), self.random.choice(FACES)
        answer = self.ask(face.path, face.body(k, True))
        for _ in range(self.random.randrange(0, 12)):
            answer.readline()
        answer.close()
        self.hang_up()

    def given_up_early(self):
        """Before the answer's head."""
        k, face = self.random.choice(self.known), self.random.choice(FACES)
        data = json.dumps(face.body(k, False)).encode()
        c = http.client.HTTPConnection("127.0.0.1", self.weft.port, timeout=TIMEOUT_S)
        c.request("POST", face.path, data, {"authorization": "Bearer " + self.weft.token})
        time.sleep(self.random.random() / 10)
        c.close()

    def bad_request(self):
        face = self.random.choice(FACES)
        good = face.body(self.random.choice(self.known), False)
        kind = self.random.randrange(6)
        if kind == 0:
            self.whole(face.path, json.dumps(good).encode()[:-self.random.randrange(1, 30)], 400)
        elif kind == 1:
            self.whole(face.path, dict(good, model="nobody"), 404)
        elif kind == 2:
            self.whole(face.path, dict(good, temprature=1), 400)
        elif kind == 3:
            long = [{"role": "user", "content": "long " * 30000}]
            self.whole(face.path, dict(good, messages=long), 400)
        elif kind == 4:
            self.whole(face.path, good, 401, "0" * 32)
        else:
            self.whole(face.path, dict(good, messages=[{"role": "user", "content": 7}]), 400)
        self.hang_up()  # what is refused before its body is read closes the connection

    def vectors(self):
        texts = [k["prompt"][:200] for k in self.random.sample(self.known, 3)]
        both = self.whole("/api/embed", {"model": MODEL, "input": texts + texts[:1]})["embeddings"]
        if len(both) != 4 or max(abs(a - b) for a, b in zip(both[0], both[3])) > 1e-5:
            raise Wrong("the same text has two vectors")

    def count(self):
        k = self.random.choice(self.known)
        n = self.whole("/v1/messages/count_tokens", {
            "model": MODEL, "messages": [{"role": "user", "content": k["prompt"]}]})
        if n["input_tokens"] < len(k["prompt"].split()):
            raise Wrong("too few tokens were counted")

    def constrained(self):
        answer = self.whole("/api/chat", {
            "model": MODEL, "messages": [{"role": "user", "content": "?"}], "stream": False,
            "format": SCHEMA, "options": {"num_predict": 200}})
        value = json.loads(answer["message"]["content"])
        if value["name"] not in ("one", "two") or not isinstance(value["n"], int):
            raise Wrong("an answer does not keep to its schema: %s" % value)

    def tool(self):
        answer = self.whole("/v1/messages", {
            "model": MODEL, "max_tokens": 300, "messages": [{"role": "user", "content": "?"}],
            "tools": [{"name": "f", "input_schema": SCHEMA}],
            "tool_choice": {"type": "tool", "name": "f"}})
        call = [block for block in answer["content"] if block["type"] == "tool_use"]
        if not call or call[0]["input"]["name"] not in ("one", "two"):
            raise Wrong("no call where there must be one: %s" % answer)

    def step(self):
        acts = ((self.known_request, 60), (self.given_up, 10), (self.given_up_early, 3),
                (self.bad_request, 10), (self.vectors, 4), (self.count, 4), (self.constrained, 5),
                (self.tool, 4))
        act = self.random.choices([a for a, _ in acts], [w for _, w in acts])[0]
        act()
        self.done[act.__name__] += 1


# ---- all together ----

def make_known(weft, n, seed):
    """Requests of mixed lengths, greedy and drawn, and what each answers when it is alone."""
    r = random.Random(seed)
    known = []
    alone = Client(weft, [], seed)
    for i in range(n):
        prompt = " ".join(r.choice(WORDS) for _ in range(r.choice((3, 10, 40, 150, 500))))
        known.append({"prompt": prompt, "n": r.choice((1, 8, 24, 64)), "seed": i + 1,
                      "temperature": r.choice((0, 0, 0.9))})
        known[-1]["answer"] = alone.answer(FACES[i % 3], known[-1], False)
    alone.hang_up()
    return known


def work(client, stop, wrongs):
    while not stop.is_set():
        try:
            client.step()
        except (Wrong, OSError, ValueError, KeyError, http.client.HTTPException) as e:
            if not stop.is_set():
                wrongs.append("%s: %s" % (type(e).__name__, e))
                stop.set()


def tell(weft, start, clients):
    total = sum((c.done for c in clients), collections.Counter())
    rss = status_kb(weft.core, "VmRSS")
    print("%5.0f s  core %6.1f MB, own %6.1f MB, %d threads  %s" % (
        time.monotonic() - start, rss / 1024, weft.own_mb(), status_kb(weft.core, "Threads"),
        "  ".join("%s %d" % item for item in sorted(total.items()))), flush=True)
    return rss


def soak(weft, args):
    known = make_known(weft, 40, args.seed)
    clients = [Client(weft, known, args.seed * 1000 + i) for i in range(args.clients)]
    stop, wrongs, memory = threading.Event(), [], []
    threads = [threading.Thread(target=work, args=(c, stop, wrongs)) for c in clients]
    start = time.monotonic()
    for t in threads:
        t.start()
    every = min(60, args.seconds / 8)
    while not stop.wait(every) and time.monotonic() - start < args.seconds:
        memory.append(tell(weft, start, clients))
        if weft.child.poll() is not None or weft.largest_child() != weft.core:
            wrongs.append("the core died")
            stop.set()
    stop.set()
    for t in threads:
        t.join(TIMEOUT_S)
    memory.append(tell(weft, start, clients))
    return wrongs, memory, every


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("--seconds", type=float, default=1200)
    p.add_argument("--clients", type=int, default=8)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--weft", default=os.environ.get("WEFT", "build/weft"))
    args = p.parse_args()
    weft = Weft(os.path.abspath(args.weft))
    wrongs, memory, every = [], [0], 60
    try:
        weft.start()
        wrongs, memory, every = soak(weft, args)
    finally:
        status, said = weft.end()
    if status != 0:
        wrongs.append("weft ended with %d" % status)
    n_warm = max(1, min(len(memory) // 4, int(300 / every)))
    warm, last = max(memory[:n_warm]), max(memory[-2:])
    if last > warm * (1 + GROWTH_MAX) + SLACK_KB:
        wrongs.append("the core grew from %d to %d kB after the warm-up" % (warm, last))
    for w in wrongs:
        print("soak: " + w)
    if wrongs:
        print(said[-2000:])
    print("soak: %s; core %.1f MB after the warm-up, %.1f MB at the end" % (
        "FAILED" if wrongs else "no wrong answer, no crash", warm / 1024, last / 1024))
    sys.exit(1 if wrongs else 0)


main()
