#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tools/tidy finds each kind of fault in a tree made for it, and none in a clean one.
. "$(dirname "$0")/lib/tap.sh"

tidy=$(realpath tools/tidy)
opening='/* SPDX-License-Identifier: Apache-2.0 */
/* What it does.
 *
 * The idea. */'

# A tree with one clean module.
fresh() {
    rm -rf "$TMP/tree"
    mkdir -p "$TMP/tree"/{src/base,src/os,src/find,src/space,tests/unit,tools}
    cat >"$TMP/tree/src/base/x.h" <<'EOF'
/* X: what it owns. */
#ifndef WF_BASE_X_H
#define WF_BASE_X_H

struct wf_x {
    int n; /* how many */
};

/* Gives n. */
int wf_x(int n);
int wf_x_more(int n);

#endif
EOF
    printf '%s\n#include "base/x.h"\n\nint wf_x(int n)\n{\n    return n;\n}\n' "$opening" \
        >"$TMP/tree/src/base/x.c"
}

# found NAME RULE PATTERN: tidy fails and says so.
found() {
    local out
    out=$("$tidy" "$TMP/tree" 2>&1) && out="(no fault found) $out"
    check "$1" grep -q " $2: .*$3" <<<"$out"
}

# file PATH TEXT: a .c file with its opening, or any other file as it is.
file() {
    case $1 in
    *.c) printf '%s\n%s\n' "$opening" "$2" >"$TMP/tree/$1" ;;
    *) printf '%s\n' "$2" >"$TMP/tree/$1" ;;
    esac
}

fresh
check "a clean tree passes" "$tidy" "$TMP/tree"

file src/base/up.c '#include "find/find.h"'
found "an include of a higher floor is found" floors "base/ (floor 1) includes find/ (floor 6)"
fresh
file src/space/side.c '#include "ingest/chunk.h"'
found "an include of another folder of the same floor is found" floors "floor 5.*floor 5"
fresh
file src/os/in.c '#include "base/x_internal.h"'
found "an include of another folder's internals is found" floors "belongs to base/ alone"
fresh
mkdir "$TMP/tree/src/attic"
file src/attic/a.c 'int wf_a;'
found "a folder without a floor is found" floors "has no floor"

fresh
file src/base/long.c "int wf_n; /* $(printf '%0100d' 0) */"
found "a long line is found" length "columns"
fresh
file src/base/long.c "$(seq -f 'int wf_%g;' 1100)"
found "a long file is found" length "lines; at most 1000"
fresh
file src/base/long.c "$(printf 'int wf_f(void)\n{\n'; yes '    wf_g();' | head -70; printf '}')"
found "a long function is found" function "wf_f has 73 lines"

fresh
file src/base/m.c 'int *wf_m(void)
{
    return malloc(4); /* free(nothing) */
}'
found "a banned function is found" banned "malloc"
check "comments and strings are not code" bash -c \
    "! '$tidy' '$TMP/tree' | grep -q 'banned: free'"
fresh
file src/base/p.c 'void wf_p(void)
{
    printf("abort()");
}'
found "printing in a library is found" banned "printf: only in daemon"
file tools/tidy.allow 'banned src/base/p.c:printf because this is a test'
check "the allow-list lets it pass" "$tidy" "$TMP/tree"
rm "$TMP/tree/src/base/p.c"
check "an allowance that nothing needs is found" bash -c \
    "'$tidy' '$TMP/tree' | grep -q 'nothing needs this any more'"

fresh
sed -i '/^int wf_x_more/i\\n' "$TMP/tree/src/base/x.h"
found "a prototype without a contract is found" contract "wf_x_more"
fresh
sed -i '/Gives n/d' "$TMP/tree/src/base/x.h"
found "a comment behind a field is no contract" contract "wf_x "
fresh
sed -i 1d "$TMP/tree/src/base/x.h"
found "a header without an opening is found" opening "a header opens"
fresh
sed -i 1d "$TMP/tree/src/base/x.c"
found "a missing licence line is found" opening "SPDX"

fresh
file src/base/mark.c "int wf_n; /* TO""DO more */"
found "unfinished work is found" marks "TO""DO"
fresh
file src/base/space.c 'int wf_n; '
found "white space at the end of a line is found" space "white space"

fresh
file src/base/name.c 'int plain(void)
{
    return 1;
}'
found "a function without prefix is found" names "plain wants the prefix"
fresh
file src/base/name.c 'static int wf_hidden(void)
{
    return 1;
}'
found "a static function with prefix is found" names "wf_hidden wants a short name"
fresh
sed -i 's/struct wf_x/struct x/' "$TMP/tree/src/base/x.h"
found "a struct without prefix in a header is found" names "x in a header"
fresh
sed -i 's/WF_BASE_X_H/X_H/' "$TMP/tree/src/base/x.h"
found "a wrong include guard is found" names "the include guard is WF_BASE_X_H"

fresh
file tests/unit/test_x.c 'static void test_x__runs(void **s)
{
    (void)s;
}'
found "a test that never runs is found" tests "it never runs"
