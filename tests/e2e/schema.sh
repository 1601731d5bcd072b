#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Structured output: what a model of random weights writes under JSON Schemas and grammars, checked by
# ajv (tests/schema).
. "$(dirname "$0")/lib/tap.sh"

model=$TMP/tiny.gguf

"$WEFT" models synth tiny F32 "$model" 2>/dev/null
printf 'root ::= ("yes" | "no") ", " [a-z]{3}\n' >"$TMP/g.gbnf"
out=$("$WEFT" sample "$model" --grammar "$TMP/g.gbnf" -n 3 --seed 4)
check "a grammar's texts are as it says" grep -qxE '(yes|no), [a-z]{3}' <<<"$out"
same "as many as asked" 3 "$(grep -c . <<<"$out")"
same "the same seed writes the same" "$out" \
    "$("$WEFT" sample "$model" --grammar "$TMP/g.gbnf" -n 3 --seed 4)"
echo '{"type":"array","uniqueItems":true}' >"$TMP/s.json"
out=$("$WEFT" sample "$model" --schema "$TMP/s.json" --json 2>/dev/null)
same "what cannot be enforced is refused" 1 $?
check "by keyword and place" grep -q 'uniqueItems at #' <<<"$out"
echo 'false' >"$TMP/s.json"
out=$("$WEFT" sample "$model" --schema "$TMP/s.json" 2>&1)
check "a schema that nothing matches is refused" grep -q 'Nothing can match' <<<"$out"

if [ -d tests/schema/node_modules/ajv ]; then # make test puts it there
    node tests/schema/check.mjs "$WEFT" "$model" "${DATA:+$DATA/json-schema/draft2020-12}" ||
        tap_failed=1
else
    skip "what is written validates by ajv" "its packages are not there: make test installs them"
fi
