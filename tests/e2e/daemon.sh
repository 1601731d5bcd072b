#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# weft up: address, token, Host and Origin, every call of docs/api.md, watched folders, crash of the
# core, clean stop.
. "$(dirname "$0")/lib/tap.sh"

H=$TMP/home
D=$TMP/docs
mkdir -p "$D" "$TMP/watched"
"$WEFT" --home "$H" up --port 0 >"$TMP/up.out" 2>"$TMP/up.err" &
up=$!
stop() {
    kill "$up" 2>/dev/null
    wait "$up" 2>/dev/null
}
trap 'stop; rm -rf "$TMP"; [ $tap_failed -eq 0 ] || exit 1' EXIT
for _ in $(seq 200); do
    grep -q http "$TMP/up.out" && break
    sleep 0.05
done
base=$(grep -o 'http://127.0.0.1:[0-9]*' "$TMP/up.out" | head -1)
link=$(grep -o 'http://[^ ]*/open/[0-9a-f]*' "$TMP/up.out")
token=$(cat "$H/token")

code() { curl -s -o "$TMP/body" -w '%{http_code}' -m 20 "$@"; }
api() { code -H "Authorization: Bearer $token" "$@"; }
body() { python3 -c "import json; d=json.load(open('$TMP/body')); print($1)"; }

check "one line with address and link" test -n "$base" -a -n "$link"
same "the token is for its owner alone" 600 "$(stat -c %a "$H/token")"
same "healthz needs no token" 200 "$(code "$base/healthz")"
same "the rest does" 401 "$(code "$base/weft/v1/status")"
same "a wrong token is refused" 401 "$(code -H 'Authorization: Bearer 0000' "$base/weft/v1/status")"
same "the token opens" 200 "$(api "$base/weft/v1/status")"
same "the token may be in the path" 200 "$(code "$base/t/$token/weft/v1/status")"
same "a wrong one in the path may not" 401 "$(code "$base/t/${token%?}x/weft/v1/status")"
same "a foreign Host is refused" 403 "$(api -H 'Host: evil.example' "$base/weft/v1/status")"
same "a foreign Origin is refused" 403 "$(api -H 'Origin: http://evil.example' "$base/weft/v1/status")"
same "an Origin of null is refused" 403 "$(api -H 'Origin: null' "$base/weft/v1/status")"
same "our own Origin is not" 200 "$(api -H "Origin: $base" "$base/weft/v1/status")"
same "metrics need the token" "401 200" "$(code "$base/metrics") $(api "$base/metrics")"
same "the interface describes itself" 200 "$(code "$base/openapi.json")"
same "the link opens once" "303 303" "$(code -c "$TMP/jar" "$link") $(code "$link")"
same "and gives the page its cookie" 200 "$(code -b "$TMP/jar" "$base/weft/v1/status")"
check "a new link can be had" grep -q '/open/' <<<"$("$WEFT" --home "$H" link)"
same "the page is there" 200 "$(code "$base/")"
same "unknown addresses are problems" 404 "$(api "$base/weft/v1/nothing")"
same "as RFC 9457 wants" 404 "$(body 'd["status"]')"
same "wrong methods too" 405 "$(api -X PUT "$base/weft/v1/search")"
same "unknown parameters too" 400 "$(api "$base/weft/v1/search?q=x&sideways=1")"
same "broken JSON too" 400 "$(api -d '{' "$base/weft/v1/ask")"

printf 'The boiler was serviced on 4 May 2026.\nIts pressure is 1.5 bar. Übung macht den Meister.\n' \
    >"$D/boiler.txt"
same "an upload is added" 201 "$(api --data-binary @"$D/boiler.txt" "$base/weft/v1/documents?name=boiler.txt")"
id=$(body 'd["results"][0]["document"]["id"]')
same "the same again is not" 200 "$(api --data-binary @"$D/boiler.txt" "$base/weft/v1/documents?name=b2.txt")"
printf 'Wheels have spokes. The red wheel has 32 spokes.\n' >"$D/wheel.txt"
same "a form works as well" 201 "$(api -F "file=@$D/wheel.txt" -F "file=@$D/boiler.txt" "$base/weft/v1/documents")"
same "with a result each" "added unchanged" "$(body '" ".join(x["status"] for x in d["results"])')"
head -c 3000 /dev/urandom >"$D/noise.bin"
same "what cannot be read is 422" 422 "$(api --data-binary @"$D/noise.bin" "$base/weft/v1/documents?name=noise.bin")"
same "the text comes back" 200 "$(api "$base/weft/v1/documents/$id/text")"
check "whole" cmp "$TMP/body" "$D/boiler.txt"
api "$base/weft/v1/documents/$id/text?start=64&end=69" >/dev/null
same "and in code points" "Übung" "$(cat "$TMP/body")"
same "the original comes in ranges" 206 "$(api -H 'Range: bytes=4-9' "$base/weft/v1/documents/$id/original")"
same "exactly" boiler "$(cat "$TMP/body")"
same "ranges beyond the end are refused" 416 "$(api -H 'Range: bytes=9999-' "$base/weft/v1/documents/$id/original")"
same "parts give the text for reading" "200 True" \
    "$(api "$base/weft/v1/documents/$id/parts?at=50") $(body '"pressure" in d["parts"][0]["text"]')"
same "search" "200 True" "$(api "$base/weft/v1/search?q=red+wheel+spokes&k=2") $(body '"spokes" in d["hits"][0]["text"]')"
same "ask" "200 True" "$(api -d '{"question":"When was the boiler serviced?"}' "$base/weft/v1/ask") $(body '"4 May 2026" in d["answer"]')"
thread=$(body 'd["thread"]')
check "ask streams" grep -q '^event: done' <<<"$(curl -s -m 20 -H "Authorization: Bearer $token" \
    -H 'Accept: text/event-stream' -d '{"question":"What is the boiler\u0027s pressure?"}' "$base/weft/v1/ask")"
same "summarize" "200 1" "$(api -d "{\"document\":\"$id\",\"sentences\":1}" "$base/weft/v1/summarize") $(body 'len(d["sentences"])')"
same "threads are kept" "200 True" "$(api "$base/weft/v1/threads") $(body "'$thread' in [t['id'] for t in d['threads']]")"
same "renamed" "200 Heating" "$(api -X PATCH -d '{"title":"Heating"}' "$base/weft/v1/threads/$thread") $(body 'd["title"]')"
same "and removed" "204 404" "$(api -X DELETE "$base/weft/v1/threads/$thread") $(api "$base/weft/v1/threads/$thread")"
same "settings are kept" "200 dark" "$(api -X PATCH -d '{"theme":"dark"}' "$base/weft/v1/settings") $(body 'd["theme"]')"
same "a document is removed" "204 404" "$(api -X DELETE "$base/weft/v1/documents/$id") $(api "$base/weft/v1/documents/$id")"
check "and no file holds its words" bash -c "! grep -rqaE 'Meister|1.5 bar' '$H/data'"
same "the manual is in a new library" "200 True" \
    "$(api -d '{"question":"How do I add a folder?"}' "$base/weft/v1/ask") $(body 'd["found"]')"

curl -sN -m 8 -H "Authorization: Bearer $token" "$base/weft/v1/events" >"$TMP/events" &
sleep 0.3
"$WEFT" --home "$H" watch "$TMP/watched" >/dev/null
printf 'The lighthouse keeper feeds eleven cats.\n' >"$TMP/watched/cats.txt"
for _ in $(seq 100); do
    api "$base/weft/v1/search?q=lighthouse+keeper&path=$TMP/watched" >/dev/null
    [ "$(body 'len(d["hits"])')" != 0 ] && break
    sleep 0.1
done
same "a file in a watched folder is taken in" "$TMP/watched/cats.txt" "$(body 'd["hits"][0]["path"]')"
check "and told to open pages" grep -q '^event: intake' "$TMP/events"
check "a command talks to the daemon" grep -q lighthouse <<<"$("$WEFT" --home "$H" search lighthouse --json)"

check "a second weft in the home is refused" bash -c \
    "! '$WEFT' --home '$H' up --port 0 2>&1 | grep -q /open/"
core=$(pgrep -P "$up" | head -1)
kill -9 "$core"
for _ in $(seq 100); do
    [ "$(code "$base/healthz")" = 200 ] && [ "$(api "$base/weft/v1/status")" = 200 ] && break
    sleep 0.1
done
same "a core that is killed comes back" 200 "$(api "$base/weft/v1/search?q=lighthouse&path=$TMP/watched")"
same "with all it had" 1 "$(body 'len(d["hits"])')"
check "the token is in no log" bash -c "! grep -q '$token' '$TMP/up.err' '$TMP/up.out'"
kill -TERM "$up"
wait "$up"
same "a stop is clean" 0 $?
check "and closes the port" bash -c "! curl -s -m 2 '$base/healthz'"
none_left() { ! pgrep -f "weft --home $H"; }
check "and leaves no process" none_left
