#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A file of so many megabytes between two real nodes on loopback, sealed core to core: a model's
# (weft pull, to the moment it has its name), and a document in pieces.
# usage: bench_blobs.sh [MB [TRANSPORT_MB_S]]
cd "$(dirname "$0")/.." || exit 1
WEFT=${WEFT:-build/weft}
MB=${1:-1000}
TRANSPORT=${2:-810}
TMP=$(mktemp -d)
declare -A pids
trap 'kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$TMP"' EXIT

weft() { "$WEFT" --home "$TMP/$1" "${@:2}"; }
json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }
up() {
    local port
    port=$(python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
    "$WEFT" --home "$TMP/$1" up --port 0 --link-port "$port" --link-host 127.0.0.1 \
        --node-name "$1" --registry 127.0.0.1:9 \
        >"$TMP/$1.out" 2>"$TMP/$1.err" &
    pids[$1]=$!
    until grep -qs http:// "$TMP/$1.out"; do sleep 0.05; done
}
counter() { weft b sync --json | json "d['documents']['$1']"; }
now() { date +%s%N; }
# rate WHAT BYTES NANOSECONDS
rate() {
    python3 - "$1" "$2" "$3" "$TRANSPORT" <<'P'
import sys
what, n, ns, raw = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
rate = n / ns * 1e3
print("%-40s %6.0f MB/s  %3.0f%% of %.0f (raw transport)" % (what, rate, 100 * rate / raw, raw))
P
}

up a
up b
weft b pair "$(weft a pair --show --json | json 'd["scan"]')" >/dev/null
until [ "$(weft b sync --json | json 'd["nodes"]')" = 1 ]; do sleep 0.05; done

tests/e2e/lib/mkgguf "$TMP/model.gguf" llama $((MB * 1000000)) 1
bytes=$(stat -c %s "$TMP/model.gguf")
weft a models import "$TMP/model.gguf" bench:1 >/dev/null
start=$(now)
weft b pull bench:1 >"$TMP/pulled" 2>&1 &
pull=$!
came() { stat -c %s "$TMP"/b/data/models/incoming/*/part-1 2>/dev/null || echo 0; }
while [ "$(came)" -lt "$bytes" ] && kill -0 $pull 2>/dev/null; do
    sleep 0.01
done
rate "the file of a model" "$bytes" $(($(now) - start))
wait $pull
rate "with its digest and look, to its name" "$bytes" $(($(now) - start))
weft b models rm bench:1 >/dev/null
rm "$TMP/model.gguf"

model=$(counter moved_bytes)

python3 - "$TMP/film.docx" "$MB" <<'P'
import random, sys, zipfile
r = random.Random(1)
base, kind = "http://schemas.openxmlformats.org/", "application/vnd.openxmlformats-"
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_STORED) as z:
    head = '<?xml version="1.0"?>'
    z.writestr("[Content_Types].xml", head + '<Types xmlns="' + base +
        'package/2006/content-types">'
        '<Default Extension="rels" ContentType="' + kind + 'package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" ContentType="' + kind +
        'officedocument.wordprocessingml.document.main+xml"/></Types>')
    z.writestr("_rels/.rels", head + '<Relationships xmlns="' + base +
        'package/2006/relationships">'
        '<Relationship Id="r1" Type="' + base +
        'officeDocument/2006/relationships/officeDocument" '
        'Target="word/document.xml"/></Relationships>')
    z.writestr("word/document.xml", head + '<w:document xmlns:w="' + base +
        'wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>The pelican film.'
        '</w:t></w:r></w:p></w:body></w:document>')
    for i in range(int(sys.argv[2])):
        z.writestr("word/media/image%d.bin" % i, r.randbytes(1000000))
P
bytes=$(stat -c %s "$TMP/film.docx")
weft a add "$TMP/film.docx" >/dev/null
start=$(now)
until [ "$(counter moved_bytes)" -ge $((model + bytes)) ]; do sleep 0.02; done
rate "a document, told, cut, in pieces" "$bytes" $(($(now) - start))
until [ "$(weft b search pelican --json | json 'len(d["hits"])')" = 1 ]; do sleep 0.02; done
rate "to the moment it is found" "$bytes" $(($(now) - start))
