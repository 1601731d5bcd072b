# SPDX-License-Identifier: Apache-2.0
# For scripts in tests/e2e: one line a test, as tools/runtests counts them, and a folder that is
# gone afterwards. Sourced by bash:  . "$(dirname "$0")/lib/tap.sh"
#
#   check "what is true" command...    ok when the command succeeds; else its output is shown
#   same "what" expected actual        ok when the two texts are equal
#   skip "what" why                    not possible here
#
# $TMP is the folder, $HOME one within it, $WEFT the program, $DATA the data that tests may use (or
# nothing).

set -u
WEFT=${WEFT:-build/weft}
DATA=$(realpath -q ../shared/data || true)
TMP=$(mktemp -d)
# The person's own home is none of a test's; what it says without --home goes here.
export HOME=$TMP/person
unset WEFT_HOME XDG_DATA_HOME XDG_CONFIG_HOME
mkdir "$HOME"
tap_failed=0
trap 'rm -rf "$TMP"; [ $tap_failed -eq 0 ] || exit 1' EXIT

check() {
    local what=$1
    shift
    if "$@" >"$TMP/.out" 2>&1; then
        echo "ok $what"
    else
        sed 's/^/# /' "$TMP/.out"
        echo "not ok $what"
        tap_failed=1
    fi
}

same() {
    if [ "$2" = "$3" ]; then
        echo "ok $1"
    else
        printf '# expected: %s\n# actual:   %s\n' "$2" "$3"
        echo "not ok $1"
        tap_failed=1
    fi
}

skip() {
    echo "ok $1 # SKIP $2"
}
