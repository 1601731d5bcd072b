#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# weft ledger: a ledger that another program wrote by the documented format is listed, verified,
# exported; what is changed in it is found.
. "$(dirname "$0")/lib/tap.sh"

export WEFT_HOME=$TMP/home
L=$WEFT_HOME/ledger

same "nothing has left a new home" "Nothing has left this machine." "$("$WEFT" ledger)"
"$WEFT" ledger verify >/dev/null 2>"$TMP/err"
same "and there is nothing to verify" 1 $?
check "which is said" grep -q "There is no ledger yet" "$TMP/err"

# The format as src/privacy/ledger_format.h has it; OpenSSL signs.
cat >"$TMP/write.py" <<'END'
import hashlib, os, struct, subprocess, sys
folder, tmp = sys.argv[1:]
os.makedirs(folder)
def blake(b): return hashlib.blake2b(b, digest_size=32).digest()
def text(s): return struct.pack("<H", len(s.encode())) + s.encode()
def openssl(*a): return subprocess.run(["openssl", *a], check=True, capture_output=True).stdout
seed = bytes(range(32))
open(tmp + "/key.der", "wb").write(bytes.fromhex("302e020100300506032b657004220420") + seed)
key = openssl("pkey", "-inform", "DER", "-in", tmp + "/key.der", "-pubout", "-outform", "DER")[-32:]
log = b"weft ledger 1\n\0\0" + os.urandom(16)
last = blake(log)
def entry(seq, kind, texts, counts, size, released=255, release=b"", request=0, status=0):
    global log, last
    body = struct.pack("<QQ32sqBBBBI", seq, len(log), last, 1790000000000 + seq, kind, 1, released, 0, status)
    body += struct.pack("<QQQQQ", request, size, 7, 5, 11) + b"".join(map(text, texts)) + release
    body += struct.pack("<H", len(counts)) + b"".join(text(t) + struct.pack("<I", n) for t, n in counts)
    n = 8 + len(body) + 36
    b = b"WFE1" + struct.pack("<I", n) + body
    last = blake(b)
    log += b + last + struct.pack("<I", n)
entry(1, 1, ["r1", "work", "api.example.com", "large", "best in time"], [("IBAN_CODE", 1), ("PERSON", 2)], 1843,
      2, text("ann") + text("she agreed") + struct.pack("<q", 1790000000000) + bytes(32))
entry(2, 2, ["r1", "work", "", "", ""], [("link", 3)], 900, request=1, status=200)
entry(3, 3, ["r2", "work", "", "", "a name"], [], 0)
head = b"WFLHEAD1" + struct.pack("<qQQ", 1790000000009, 3, len(log)) + last + key
open(tmp + "/head", "wb").write(head)
head += openssl("pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", tmp + "/key.der", "-in", tmp + "/head")
for name, b in (("log", log), ("head", head), ("key.pub", key.hex().encode() + b"\n")):
    open(folder + "/" + name, "wb").write(b)
print("3:" + last.hex())
END
rm -rf "$WEFT_HOME"
if ! noted=$(python3 "$TMP/write.py" "$L" "$TMP" 2>"$TMP/err"); then
    skip "another's ledger" "this OpenSSL cannot sign"
    exit 0
fi

check "it verifies" "$WEFT" ledger verify
check "also against what was noted down" "$WEFT" ledger verify --noted "$noted"
"$WEFT" ledger verify --noted "3:${noted:4}0" >/dev/null 2>&1
same "which must be a number and a hash" 1 $?
out=$("$WEFT" --json ledger verify)
same "as JSON" "True 3 3" "$(python3 -c '
import json,sys; v=json.loads(sys.argv[1]); print(v["ok"], v["entries"], v["signed"])' "$out")"
check "it is listed" grep -q "work > api.example.com.*1 IBAN_CODE, 2 PERSON.*released by ann.*best in time" \
    <("$WEFT" ledger)
same "the last one alone" 1 "$("$WEFT" ledger list --last 1 | grep -c refusal)"
same "exported, a line each" "request completion refusal" "$("$WEFT" ledger export | python3 -c '
import json,sys; print(*[json.loads(l)["kind"] for l in sys.stdin])')"

cp -r "$L" "$TMP/was"
again() {
    rm -rf "$L"
    cp -r "$TMP/was" "$L"
}
python3 - "$L/log" <<'END'
import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[150] ^= 1; open(sys.argv[1], "wb").write(b)
END
"$WEFT" ledger verify >/dev/null 2>"$TMP/err"
same "a changed byte is found" 1 $?
check "and its entry named" grep -q "Entry 1 was changed" "$TMP/err"
again
head -c -100 "$TMP/was/log" >"$L/log"
"$WEFT" ledger verify >/dev/null 2>"$TMP/err"
same "a missing end, too" 1 $?
again
printf x >>"$L/log"
same "and a byte too many" false "$("$WEFT" --json ledger verify | grep -o '"ok":[a-z]*' | cut -d: -f2)"
again
rm "$L/head"
"$WEFT" ledger verify >/dev/null 2>"$TMP/err"
same "no signature, no proof" 1 $?
"$WEFT" ledger nonsense >/dev/null 2>&1
same "wrong use" 2 $?
