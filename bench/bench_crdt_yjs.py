#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recorded histories of edits played into a draft, beside yjs from npm in the same run: all in one
transaction, and each in its own with its update; the state must be the same bytes. Must: an update
per edit 40 ms, one transaction 35 ms, loaded in 2.5 ms (format 2: 3), encoded in 2 ms (3), its
image opened and read in 0.3 ms, 1.5 MB in memory (automerge-paper, 259,778 edits). Of a history
that several wrote "per edit" is all copies together, "one transaction" all updates into a new
one."""

import glob
import json
import os
import shutil
import subprocess
import sys

DATA = os.environ.get("WF_CRDT_DATA", "../shared/data/crdt/*")
MUST = {"per_edit_ms": 40, "one_txn_ms": 35, "cold_load_ms": 2.5, "encode_ms": 2,
        "cold_load_v2_ms": 3, "encode_v2_ms": 3, "image_open_ms": 0.3,
        "resident_bytes": 1500000}


def ours(trace):
    out = subprocess.run([os.environ["WEFT"], "--json", "bench", "crdt", trace],
                         stdout=subprocess.PIPE, check=True).stdout
    return json.loads(out)


def yjs(trace):
    if not shutil.which("node") or not os.path.isdir("tests/crdt/node_modules/yjs"):
        return None
    out = subprocess.run(["node", "tests/crdt/trace.mjs", trace],
                         stdout=subprocess.PIPE, check=True).stdout
    return json.loads(out)


def main():
    traces = sorted(glob.glob(os.path.join(DATA, "*.json.gz")))
    if not traces:
        print("no traces in", DATA)
        return 77
    missed = 0
    for trace in traces:
        name = os.path.basename(trace).split(".")[0]
        if "concurrent" in trace:
            name += " (2+)"
        a, b = ours(trace), yjs(trace)
        for key in MUST:
            beside = "%12.2f" % b[key] if b and key in b else " " * 12
            limit = "must %g" % MUST[key] if name == "automerge-paper" else ""
            missed += bool(limit) and a[key] > MUST[key]
            print("%-22s %-15s %12.2f   yjs %s  %s" % (name, key, a[key], beside, limit))
        if b:
            same = all(a[k] == b[k] for k in ("state_sha256", "text_sha256", "update_bytes"))
            missed += not same
            print("%-22s state, text and bytes of updates as yjs: %s" % (
                name, "yes" if same else "NO"))
    return 1 if missed else 0


sys.exit(main())
