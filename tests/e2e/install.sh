#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make install` puts everything below DESTDIR and PREFIX, what it installs works, and
# `make uninstall` takes all of it away.
. "$(dirname "$0")/lib/tap.sh"

make_quiet() {
    env -u MAKEFLAGS -u MAKELEVEL make -s B="${B:-build}" DESTDIR="$TMP/root" PREFIX=/usr "$@"
}
check "make install" make_quiet install
share=$TMP/root/usr/share
if command -v man >/dev/null; then
    check "the man page has no errors" man --warnings -l "$share/man/man1/weft.1"
else
    skip "the man page has no errors" "man is not installed"
fi
check "the bash completion offers commands" bash -c \
    ". '$share/bash-completion/completions/weft' && COMP_WORDS=(weft su) COMP_CWORD=1 && _weft &&
     [ \"\${COMPREPLY[*]}\" = summarize ]"
unit=$TMP/root/usr/lib/systemd/user/weft.service
check "the unit starts the installed program" grep -qx 'ExecStart=/usr/bin/weft up' "$unit"
if [ -e "$TMP/root/usr/bin/weft" ]; then
    check "the installed program runs" "$TMP/root/usr/bin/weft" --version
fi
if [ -e "$TMP/root/usr/lib/pkgconfig/weft.pc" ]; then
    export PKG_CONFIG_PATH=$TMP/root/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$TMP/root
    printf '#include <weft.h>\nint main(void)\n{\n    return 0;\n}\n' >"$TMP/a.c"
    # shellcheck disable=SC2046 # flags
    check "a program builds against libweft" \
        gcc "$TMP/a.c" -o "$TMP/a" $(pkg-config --cflags --libs weft)
    same "libweft.so shows nothing but weft_*" "" \
        "$(nm -D --defined-only "$TMP/root/usr/lib/libweft.so" | grep -v ' weft_')"
    same "libweft.a shows nothing but weft_*" "" \
        "$(nm -g --defined-only "$TMP/root/usr/lib/libweft.a" | grep -E '^[0-9a-f]' |
            grep -v ' weft_')"
fi
check "make uninstall" make_quiet uninstall
same "nothing is left" "" "$(find "$TMP/root" -type f -o -type l)"
