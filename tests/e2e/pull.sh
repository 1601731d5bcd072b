#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# weft pull: from a real OCI registry, a hub and plain URLs on loopback; with servers that break off,
# lie, ignore ranges; stopped, killed and gone on with. weft models over what came.
. "$(dirname "$0")/lib/tap.sh"

LIB=$(dirname "$0")/lib
export WEFT_HOME=$TMP/home
ROOT=$TMP/root
pids=()
stop() {
    for p in "${pids[@]}"; do
        kill "$p" 2>/dev/null
        wait "$p" 2>/dev/null
    done
}
trap 'stop; rm -rf "$TMP"; [ $tap_failed -eq 0 ] || exit 1' EXIT

if ! "$WEFT" doctor 2>/dev/null | grep -q 'Landlock version'; then
    skip "pull" "fetching needs Landlock"
    exit 0
fi

wait_for() {
    for _ in $(seq 400); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.05
    done
}
fails() { # fails TEXT command...: exit status 1 and TEXT on stderr
    local text=$1
    shift
    "$@" 2>"$TMP/err"
    local code=$?
    cat "$TMP/err"
    [ $code -eq 1 ] && grep -q -- "$text" "$TMP/err"
}
sum() { sha256sum "$1" | cut -c1-64; }
blob() { echo "$WEFT_HOME/data/models/blobs/sha256-$1"; }
n_models() { "$WEFT" --json models list | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["models"]))'; }
shown() { "$WEFT" --json models show "$1" | python3 -c "import json,sys; d=json.load(sys.stdin); print($2)"; }
n_incoming() { find "$WEFT_HOME/data/models/incoming" -type f | wc -l; }

mkdir -p "$ROOT/user/repo"
"$LIB/mkgguf" "$ROOT/small.gguf" qwen2
"$LIB/mkgguf" "$ROOT/big.gguf" llama 60000000 2
"$LIB/mkgguf" "$ROOT/odd.gguf" marvin
"$LIB/mkgguf" "$ROOT/user/repo/Model-Q4_K_M.gguf" llama 30000 3
"$LIB/mkgguf" "$ROOT/user/repo/Model-Q8_0.gguf" llama 40000 4
"$LIB/mkgguf" "$ROOT/user/repo/wrong-Q5_0.gguf" llama 30000 5
"$LIB/mkgguf" "$ROOT/user/repo/huge-Q6_K.gguf" llama 30000 6
"$LIB/mkgguf" "$ROOT/user/repo/mmproj-Q4_K_M.gguf" clip
echo llama >"$ROOT/user/repo/family"
mkdir "$ROOT/user/odd"
cp "$ROOT/odd.gguf" "$ROOT/user/odd/odd-Q4_K_M.gguf"
echo marvin >"$ROOT/user/odd/family"
echo "no model" >"$ROOT/text.gguf"
big=$(sum "$ROOT/big.gguf")
small=$(sum "$ROOT/small.gguf")

"$LIB/fileserver" "$ROOT" "$TMP/port" "$TMP/log" 2>"$TMP/server.err" &
pids+=($!)
wait_for test -s "$TMP/port"
base=http://127.0.0.1:$(cat "$TMP/port")
"$LIB/fileserver" "$ROOT" "$TMP/hub.port" "$TMP/hub.log" 2>"$TMP/hub.err" &
pids+=($!)
wait_for test -s "$TMP/hub.port"
hub=http://127.0.0.1:$(cat "$TMP/hub.port")
export WEFT_HUGGINGFACE=$hub

# ---- URLs ----

check "a file comes by its URL" "$WEFT" pull "$base/files/big.gguf"
check "and is a model, byte for byte" cmp "$(blob "$big")" "$ROOT/big.gguf"
same "over several ranges" 4 "$(grep -c 'big.gguf bytes=[0-9]*-[0-9][0-9][0-9]' "$TMP/log")"
same "nothing else is left" 0 "$(n_incoming)"
same "it is listed by what it is" "llama chat Q4_K_M" "$(shown big 'd["family"], d["kind"], d["quantization"]' | tr -d "(),'")"
for way in whole chunked plain busy drop; do
    "$WEFT" models rm big >/dev/null
    check "it comes from a server of the kind \"$way\"" "$WEFT" pull "$base/$way/big.gguf"
    check "and is whole" cmp "$(blob "$big")" "$ROOT/big.gguf"
done
check "a redirect is followed" "$WEFT" pull "$base/to/$base/files/small.gguf" --as led
check "by a digest of one's own" "$WEFT" pull "$base/plain/small.gguf" --sha256 "$small"
check "another digest is refused" fails "SHA-256" "$WEFT" pull "$base/plain/small.gguf" --as x --sha256 "${small//[0-9]/a}"
check "a file that is not there is said so" fails "404" "$WEFT" pull "$base/files/none.gguf"
check "what is no model is refused" fails "GGUF" "$WEFT" pull "$base/files/text.gguf"
check "a family that does not run is refused" fails "marvin" "$WEFT" pull "$base/files/odd.gguf"
check "another range than asked for is refused" fails "another part" "$WEFT" pull "$base/shifted/small.gguf" --as y
check "an endless redirect ends" fails "endlessly" "$WEFT" pull "$base/round/small.gguf" --as z
check "http to elsewhere is refused" fails "https only" "$WEFT" pull http://example.com/a.gguf
check "also behind a redirect" fails "https only" "$WEFT" pull "$base/to/http://example.com/a.gguf"
check "other schemes are refused" fails "https only" "$WEFT" pull ftp://127.0.0.1/a.gguf
check "so are credentials in a URL" fails "password" "$WEFT" pull https://a:b@example.com/a.gguf
check "a server that is away is said so" fails "cannot be reached" "$WEFT" pull http://127.0.0.1:1/a.gguf
same "none of that left anything" 0 "$(n_incoming)"

# ---- stopped, killed, gone on with ----

asked() { # bytes asked for since line $1 of the log
    tail -n +"$(($1 + 1))" "$TMP/log" | sed -n 's/.*bytes=\([0-9]*\)-\([0-9]*\) .*/\1 \2/p' |
        awk '{ n += $2 - $1 + 1 } END { printf "%d", n }'
}
begun() { [ "$(du -s --block-size=1 "$WEFT_HOME/data/models/incoming" | cut -f1)" -gt 6000000 ]; }
"$WEFT" models rm big >/dev/null
"$WEFT" pull "$base/slow/big.gguf" 2>"$TMP/err" &
puller=$!
wait_for begun
kill -INT $puller
wait $puller
same "Ctrl-C ends it" 1 $?
check "and says how to go on" grep -q "goes on from here" "$TMP/err"
check "what came is kept" test "$(n_incoming)" -ge 2
lines=$(wc -l <"$TMP/log")
check "the same command goes on" "$WEFT" pull "$base/slow/big.gguf"
check "and is whole" cmp "$(blob "$big")" "$ROOT/big.gguf"
check "asking for the rest only" test "$(asked "$lines")" -lt 56000000

"$WEFT" models rm big >/dev/null
setsid "$WEFT" pull "$base/slow/big.gguf" 2>/dev/null &
sleep 0.1
puller=$(pgrep -f "pull $base/slow/big.gguf" | head -1)
wait_for sh -c "ls $WEFT_HOME/data/models/incoming/*/*.state"
kill -9 -- "-$puller" 2>/dev/null
check "killed, it goes on as well" "$WEFT" pull "$base/slow/big.gguf"
check "and is whole" cmp "$(blob "$big")" "$ROOT/big.gguf"

# ---- a hub ----

check "a repository's Q4_K_M is the default" "$WEFT" pull hf.co/user/repo
same "under its name" "$(sum "$ROOT/user/repo/Model-Q4_K_M.gguf")" "$(shown hf.co/user/repo:Q4_K_M 'd["digest"][7:]')"
check "another can be named" "$WEFT" pull hf.co/user/repo:Q8_0
check "or a file by its page" "$WEFT" pull "$hub/user/repo/blob/main/Model-Q8_0.gguf" --as page
same "which are the same bytes" "$(shown hf.co/user/repo:Q8_0 'd["digest"]')" "$(shown page 'd["digest"]')"
check "what is not there is said, and what is" fails "There is: Q4_K_M" "$WEFT" pull hf.co/user/repo:Q2_K
check "a wrong digest is refused" fails "SHA-256" "$WEFT" pull hf.co/user/repo:Q5_0
check "what does not fit on the disk is not begun" fails "3000.0 GB are missing" "$WEFT" pull hf.co/user/repo:Q6_K
lines=$(wc -l <"$TMP/hub.log")
check "a family that does not run is refused early" fails "marvin" "$WEFT" pull hf.co/user/odd
same "before its file is asked for" 0 "$(tail -n +$((lines + 1)) "$TMP/hub.log" | grep -c resolve)"
check "a repository that is not there is said so" fails "HTTP 404" "$WEFT" pull hf.co/user/none
HF_TOKEN=my-token "$WEFT" pull hf.co/user/repo >/dev/null 2>&1
check "the token goes to the hub" grep -q 'api/models/user/repo - Bearer my-token' "$TMP/hub.log"
HF_TOKEN=my-token "$WEFT" pull "$base/files/small.gguf" >/dev/null 2>&1
check "and to nobody else" sh -c "! grep my-token '$TMP/log'"

# ---- a registry that wants a token ----

check "a registry's token is fetched" "$WEFT" pull "127.0.0.1:$(cat "$TMP/port")/locked/small.gguf"
check "and used" grep -q "small.gguf/manifests/.* Bearer open-sesame" "$TMP/log"

# ---- https ----

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$TMP/key.pem" -out "$TMP/cert.pem" 2>/dev/null
"$LIB/fileserver" "$ROOT" "$TMP/tls" "$TMP/tls.log" "$TMP/cert.pem" "$TMP/key.pem" 2>/dev/null &
pids+=($!)
wait_for test -s "$TMP/tls"
tls=https://127.0.0.1:$(cat "$TMP/tls")
check "a certificate that nobody vouches for is refused" fails "cannot be reached" "$WEFT" pull "$tls/files/small.gguf" --as tls
check "one's own authority is trusted when told" env WEFT_CA_FILE="$TMP/cert.pem" "$WEFT" pull "$tls/files/small.gguf" --as tls
check "https never leads to http" fails "away from https" env WEFT_CA_FILE="$TMP/cert.pem" \
    "$WEFT" pull "$tls/to/$base/files/small.gguf" --as down

# ---- a real OCI registry ----

if command -v docker-registry >/dev/null; then
    port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
    printf 'version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: %s\nhttp:\n  addr: 127.0.0.1:%s\n' \
        "$TMP/registry" "$port" >"$TMP/registry.yml"
    docker-registry serve "$TMP/registry.yml" >"$TMP/registry.log" 2>&1 &
    pids+=($!)
    v2=http://127.0.0.1:$port/v2
    wait_for curl -sf "$v2/"
    push() { # push REPO FILE: prints {digest, size} for a manifest
        local where digest
        digest=sha256:$(sum "$2")
        where=$(curl -s -X POST -D - -o /dev/null "$v2/$1/blobs/uploads/" |
            sed -n 's/^[Ll]ocation: //p' | tr -d '\r')
        curl -sf -X PUT -H 'Content-Type: application/octet-stream' --data-binary @"$2" \
            "$where&digest=$digest" >&2 || return
        printf '"digest":"%s","size":%s' "$digest" "$(stat -c %s "$2")"
    }
    manifest() { # manifest REPO TAG FAMILY FILE
        printf '{"model_format":"gguf","model_family":"%s"}' "$3" >"$TMP/config"
        printf '{{ .Prompt }}' >"$TMP/template"
        printf 'Do as you like.' >"$TMP/license"
        printf '{"stop":["<end>"],"temperature":0.5}' >"$TMP/params"
        local o=application/vnd.ollama.image
        printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s",%s},"layers":[
            {"mediaType":"%s.model",%s},{"mediaType":"%s.template",%s},
            {"mediaType":"%s.license",%s},{"mediaType":"%s.params",%s}]}' \
            application/vnd.docker.distribution.manifest.v2+json \
            application/vnd.docker.container.image.v1+json "$(push "$1" "$TMP/config")" \
            $o "$(push "$1" "$4")" $o "$(push "$1" "$TMP/template")" \
            $o "$(push "$1" "$TMP/license")" $o "$(push "$1" "$TMP/params")" >"$TMP/manifest"
        curl -sf -X PUT -H 'Content-Type: application/vnd.docker.distribution.manifest.v2+json' \
            --data-binary @"$TMP/manifest" "$v2/$1/manifests/$2"
    }
    check "models are pushed" manifest library/tiny 1b llama "$ROOT/big.gguf"
    check "into two places" manifest team/odd latest marvin "$ROOT/odd.gguf"
    export WEFT_REGISTRY=127.0.0.1:$port
    "$WEFT" models rm big >/dev/null
    check "a model comes from a registry" "$WEFT" pull tiny:1b
    check "byte for byte" cmp "$(blob "$big")" "$ROOT/big.gguf"
    same "with its template" "{{ .Prompt }}" "$(shown tiny:1b 'd["registry"]["template"]')"
    same "its parameters" "0.5 <end>" "$(shown tiny:1b \
        '"{temperature} {stop[0]}".format(**d["registry"]["params"])')"
    same "and its licence" "Do as you like." "$(shown tiny:1b 'd["registry"]["license"]')"
    check "it can be pulled again" "$WEFT" pull tiny:1b
    check "by the host's name, too" "$WEFT" pull "localhost:$port/library/tiny:1b"
    rm -r "$TMP/registry/docker/registry/v2/blobs/sha256/${big:0:2}/$big"
    check "what is there already is not fetched again" "$WEFT" pull tiny:1b
    check "a tag that is not there is said so" fails "library/tiny:7b" "$WEFT" pull tiny:7b
    check "a family that does not run is refused early" fails "marvin" "$WEFT" pull team/odd
else
    skip "a real OCI registry" "docker-registry is not installed"
fi

# ---- names ----

n=$(n_models)
check "a model gets a second name" "$WEFT" models cp led again
check "it is whole" "$WEFT" models verify again
check "removing one leaves the other" "$WEFT" models rm led
check "which is still whole" "$WEFT" models verify again
same "the number of models is the same" "$n" "$(n_models)"
check "a file here is imported by a link" "$WEFT" models import "$ROOT/small.gguf" linked
check "what is not there is said so" fails 'There is no model "none"' "$WEFT" models show none
check "an import that fails leaves nothing" fails "GGUF" "$WEFT" models import "$ROOT/text.gguf"
same "really nothing" 0 "$(find "$WEFT_HOME/data/models/incoming" -name 'import-*' | wc -l)"

# ---- with a daemon ----

"$WEFT" up --port 0 >"$TMP/up.out" 2>"$TMP/up.err" &
pids+=($!)
wait_for grep -q http "$TMP/up.out"
"$WEFT" models rm again >/dev/null
check "a daemon pulls for a command" "$WEFT" pull "$base/files/small.gguf" --as served
check "what it pulled is there" "$WEFT" models verify served
"$WEFT" pull "$base/slow/big.gguf" --as twice >/dev/null 2>&1 &
first=$!
wait_for begun
check "the same twice at once is refused" fails "being downloaded already" "$WEFT" pull "$base/slow/big.gguf" --as twice
kill -9 "$first"
wait "$first" 2>/dev/null
gone() { ! pgrep -f "pull $base/slow" >/dev/null; }
wait_for gone
again() { for _ in 1 2 3 4 5; do "$WEFT" pull "$base/slow/big.gguf" --as twice && return; sleep 1; done; return 1; }
check "after the first has gone, it goes on" again
