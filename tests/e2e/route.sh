#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# weft route --dry-run: engines of the home and models of this device, what forbids each, the choice.
. "$(dirname "$0")/lib/tap.sh"

export WEFT_HOME=$TMP/home
export WEFT_LENS=off

easy='{"messages":[{"role":"user","content":"What is the capital of France?"}]}'
key='{"messages":[{"role":"user","content":"hi"},{"role":"tool","tool_call_id":"1","content":"key AKIAIOSFODNN7EXAMPLE"}]}'

# get REQUEST PYTHON [OPTION]...: what the expression over the answer v gives.
get() {
    local request=$1 what=$2
    shift 2
    "$WEFT" --json route --dry-run --patterns "$@" <<<"$request" |
        python3 -c "import json,sys; v=json.load(sys.stdin); print($what)"
}

same "without engines nothing is chosen" "None []" "$(get "$easy" 'v["chosen"], v["candidates"]' | tr -d '(),')"
check "and a home is not made for it" test ! -e "$WEFT_HOME"
mkdir -p "$WEFT_HOME"
echo sk-test >"$TMP/key"
"$WEFT" engines add gpt --protocol openai --clearance internal --model gpt-5,gpt-5-mini \
    --key-file "$TMP/key" --url https://api.openai.com/v1 >/dev/null
same "an engine elsewhere wants consent" "None" "$(get "$easy" 'v["chosen"]')"
same "which a setting may give" "gpt" "$(WEFT_ROUTE_CONSENT=on get "$easy" 'v["chosen"]')"
same "and is chosen with it" "gpt" "$(get "$easy" 'v["chosen"]' --consent)"
same "each of its models is a candidate" "gpt gpt/gpt-5-mini" \
    "$(get "$easy" '*[c["engine"] for c in v["candidates"]]')"
same "not without a network" "None" "$(get "$easy" 'v["chosen"]' --consent --offline)"
same "not what is secret" "secret None" "$(get "$key" 'v["label"], v["chosen"]' --consent | tr -d "(),'")"
check "and it says which sentence forbids it" grep -q "credentials are secret" \
    <<<"$(get "$key" 'v["candidates"][0]["why"]' --consent)"
"$WEFT" models synth tiny F32 "$TMP/tiny.gguf" >/dev/null
"$WEFT" models import "$TMP/tiny.gguf" tiny >/dev/null 2>&1
same "a model of this device may see it" "here" "$(get "$key" 'v["chosen"]')"
same "good takes the better one, private the near one" "gpt here" \
    "$(get "$easy" 'v["chosen"]' --consent) $(get "$easy" 'v["chosen"]' --consent --balance private)"
same "all that the contract names is there" "True" "$(get "$easy" \
    'all(k in c for c in v["candidates"] for k in "engine tier allowed why ttft_ms total_ms quality energy_j cost".split())')"
check "a person gets a table" grep -q "^> here .*chosen" <<<"$("$WEFT" route --dry-run --patterns <<<"$key")"
"$WEFT" route --dry-run <<<"{}" >/dev/null 2>&1
same "what is no request fails" 1 $?
"$WEFT" route <<<"$easy" >/dev/null 2>&1
same "without --dry-run it says how it is used" 2 $?
