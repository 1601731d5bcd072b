#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Drafts on the command line and over HTTP: made, edited by the least change, their history, going back;
# the label that what stands in them asks for.
. "$(dirname "$0")/lib/tap.sh"

H=$TMP/home
weft() { "$WEFT" --home "$H" "$@"; }
json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }

printf 'apples\nbread\n' | weft draft new list >/dev/null
same "new makes a draft of the space me" "me list private" \
    "$(weft draft list --json | json '" ".join(d["drafts"][0][k] for k in ("space","name","label"))')"
printf 'x' | weft draft new list >/dev/null 2>&1
same "a name is taken once" 1 $?
same "cat prints it" "$(printf 'apples\nbread')" "$(weft draft cat me/list)"
same "edit says which version it is now" "2" \
    "$(printf 'apples\nbread\nmilk\n' | weft draft edit list --json | json 'd["version"]')"
same "the same text changes nothing" "False" \
    "$(printf 'apples\nbread\nmilk\n' | weft draft edit list --json | json 'd["changed"]')"
same "an older version is read" "$(printf 'apples\nbread')" "$(weft draft cat list --at 1)"
weft draft cat list --at 99 >/dev/null 2>&1
same "one that is not there is an error" 1 $?
EDITOR="sed -i s/bread/butter/" python3 -c '
import pty, sys
sys.exit(pty.spawn(sys.argv[1:]) >> 8)' "$WEFT" --home "$H" draft edit list >/dev/null
same "edit opens EDITOR" "$(printf 'apples\nbutter\nmilk')" "$(weft draft cat list)"
check "and leaves no file behind" test -z "$(find "$H" -name 'draft-*')"
same "history lists versions" "1 3" \
    "$(weft draft history list --json | json '"%d %d" % (len(d["versions"]), d["versions"][0]["changes"])')"
weft draft restore list --at 2 >/dev/null
same "restore goes back" "$(printf 'apples\nbread\nmilk')" "$(weft draft cat list)"
same "by a change more" "4" "$(weft draft cat list --json | json 'd["version"]')"
weft draft new 'no space/list' </dev/null >/dev/null 2>&1
same "a space must be there" 1 $?
weft spaces create 'ward 3' --label secret >/dev/null
weft draft new 'ward 3/rota' </dev/null >/dev/null
same "a draft has its space's label" "secret" "$(weft draft cat 'ward 3/rota' --json | json 'd["label"]')"
weft spaces create 'a/b' >/dev/null 2>&1
same "a name has no slash" 1 $?
weft draft rename list groceries >/dev/null
check "a draft is renamed" weft draft cat groceries
same "a label is raised" secret "$(weft draft label groceries secret --json | json 'd["label"]')"
same "and not lowered" 1 "$(weft draft label groceries private >/dev/null 2>&1; echo $?)"
weft draft remove groceries >/dev/null
weft draft cat groceries >/dev/null 2>&1
same "and removed" 1 $?

# Over HTTP, in a running weft.
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
token=$(cat "$H/token")
api() { curl -s -o "$TMP/body" -w '%{http_code}' -m 20 -H "Authorization: Bearer $token" "$@"; }
body() { python3 -c "import json; d=json.load(open('$TMP/body')); print($1)"; }

same "POST makes a draft" 201 \
    "$(api --json '{"name":"plan","text":"password: hunter2xyzQ!9"}' "$base/weft/v1/drafts")"
id=$(body 'd["id"]')
same "a malformed name is refused" 400 "$(api --json '{"name":"a/b"}' "$base/weft/v1/drafts")"
same "GET reads it" 200 "$(api "$base/weft/v1/drafts/$id")"
same "with its text and version" "password: hunter2xyzQ!9 1" "$(body 'd["text"]+" "+str(d["version"])')"
same "PUT edits it" 200 "$(api -X PUT --json '{"text":"password: hunter2xyzQ!9 now","base":1}' "$base/weft/v1/drafts/$id")"
same "the command line sees it" "password: hunter2xyzQ!9 now" "$(weft draft cat plan)"
same "GET history" 200 "$(api "$base/weft/v1/drafts/$id/history")"
same "POST restore" 200 "$(api --json '{"version":1}' "$base/weft/v1/drafts/$id/restore")"
same "PATCH renames" 200 "$(api -X PATCH --json '{"name":"calls"}' "$base/weft/v1/drafts/$id")"
same "the list has it" 200 "$(api "$base/weft/v1/drafts?space=me&limit=1")"
same "by its new name" "calls" "$(body 'd["drafts"][0]["name"]')"
same "and says where the next page begins" 200 "$(api "$base/weft/v1/drafts?after=$(body 'd["next"]')")"
same "which is behind it" "calls" "$(body '"calls" if all(x["id"]!="'"$id"'" for x in d["drafts"]) else "twice"')"
same "spaces are listed" 200 "$(api "$base/weft/v1/spaces")"
for _ in $(seq 100); do
    [ "$(weft draft cat calls --json | json 'd["label"]')" = secret ] && break
    sleep 0.1
done
same "what stands in it raises its label" "secret" "$(weft draft cat calls --json | json 'd["label"]')"
same "DELETE removes it" 204 "$(api -X DELETE "$base/weft/v1/drafts/$id")"
same "then it is gone" 404 "$(api "$base/weft/v1/drafts/$id")"
same "its WebSocket wants WebSocket" 426 "$(api "$base/sync/me/plan")"
same "and a token" 401 "$(curl -s -o /dev/null -w '%{http_code}' "$base/sync/me/plan")"
