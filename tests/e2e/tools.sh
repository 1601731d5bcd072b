#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The tools that make generated files, count tests and install packages do what they say.
. "$(dirname "$0")/lib/tap.sh"

# ---- tools/embed ----

printf '<p>Hi</p>%0200d' 0 >"$TMP/index.html"
head -c 300 /dev/urandom >"$TMP/dot.png"
tools/embed "$TMP/a.c" wf_web_assets "/index.html=$TMP/index.html" "/dot.png=$TMP/dot.png"
tools/embed "$TMP/b.c" wf_web_assets "/dot.png=$TMP/dot.png" "/index.html=$TMP/index.html"
check "embedding is the same whatever the order" cmp "$TMP/a.c" "$TMP/b.c"
cat >"$TMP/main.c" <<'E2'
#include <stdio.h>
#include <string.h>
#include "base/asset.h"
int main(int argc, char **argv)
{
    for (size_t i = 0; i < wf_web_assets_count; i++) {
        const struct wf_asset *a = &wf_web_assets[i];
        if (argc > 1 && strcmp(a->path, argv[1]) == 0)
            fwrite(a->bytes, 1, a->n_bytes, stdout);
        else if (argc == 1)
            printf("%s %s %zu %d\n", a->path, a->type, a->n_raw, a->is_gzip);
    }
    return 0;
}
E2
check "the table compiles" gcc -Isrc "$TMP/main.c" "$TMP/a.c" -o "$TMP/assets"
same "it is sorted, with types and sizes" "/dot.png image/png 300 0
/index.html text/html; charset=utf-8 209 1" "$("$TMP/assets")"
"$TMP/assets" /index.html | gzip -d >"$TMP/back.html"
check "compressed bytes unpack to the file" cmp "$TMP/index.html" "$TMP/back.html"
"$TMP/assets" /dot.png >"$TMP/back.png"
check "what does not shrink stays as it is" cmp "$TMP/dot.png" "$TMP/back.png"
check "an unknown kind of file is refused" bash -c "! tools/embed '$TMP/c.c' s '/x.zzz=$TMP/a.c'"

# ---- tools/pot, tools/po2json ----

printf 'int f(void) { return _("One \\"text\\""); /* _("no") */ }\n' >"$TMP/x.c"
printf 'show(t("From the app …")); tn("%%d file", "%%d files", n);\n' >"$TMP/y.js"
tools/pot "$TMP/x.c" "$TMP/y.js" >"$TMP/weft.pot"
same "texts are found in C and JavaScript" 'msgid ""
msgid "%d file"
msgid "From the app …"
msgid "One \"text\""' "$(grep '^msgid ' "$TMP/weft.pot")"
check "the template is valid" msgfmt --check-format -o /dev/null "$TMP/weft.pot"
cat >"$TMP/de.po" <<'E2'
msgid ""
msgstr ""
"Language: de\n"
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

msgid "One \"text\""
msgstr ""
"Ein "
"„Text“"

#, fuzzy
msgid "From the app"
msgstr "Unsicher"

msgid "%d file"
msgid_plural "%d files"
msgstr[0] "%d Datei"
msgstr[1] "%d Dateien"
E2
same "a catalogue becomes JSON, without what is unsure" \
    '{"":{"language":"de","plural":"(n != 1)"},'`
        `'"%d file":["%d Datei","%d Dateien"],"One \"text\"":"Ein „Text“"}' \
    "$(tools/po2json "$TMP/de.po")"

# ---- tools/runtests ----

mkdir "$TMP/t"
printf 'echo "ok 1 - a"; echo "not ok 2 # SKIP b"; echo "ok c # SKIP why"\n' >"$TMP/t/good.sh"
printf 'echo "ok 1 - a"; kill -9 $$\n' >"$TMP/t/dies.sh"
printf 'echo "not ok 1 - a"; exit 1\n' >"$TMP/t/bad.sh"
printf 'exit 0\n' >"$TMP/t/silent.sh"
printf 'echo no camera; exit 77\n' >"$TMP/t/absent.sh"
printf 'sleep 60\n' >"$TMP/t/hangs.sh"
count() {
    tools/runtests --timeout 2 --e2e "$@" | tail -n 1
}
same "lines are counted" "1 passed, 0 failed, 2 skipped" "$(count "$TMP/t/good.sh")"
same "a script that dies has failed" "1 passed, 1 failed, 0 skipped" "$(count "$TMP/t/dies.sh")"
same "a failure is counted once" "0 passed, 1 failed, 0 skipped" "$(count "$TMP/t/bad.sh")"
same "a silent script is one test" "1 passed, 0 failed, 0 skipped" "$(count "$TMP/t/silent.sh")"
same "status 77 is a skip" "0 passed, 0 failed, 1 skipped" "$(count "$TMP/t/absent.sh")"
same "a script that hangs has failed" "0 passed, 1 failed, 0 skipped" "$(count "$TMP/t/hangs.sh")"
same "what failed is named at the end" "failed: bad.sh: a" \
    "$(tools/runtests --e2e "$TMP/t/good.sh" "$TMP/t/bad.sh" | tail -n 2 | head -n 1)"
check "failures are told by the exit status" bash -c "! tools/runtests --e2e '$TMP/t/bad.sh'"
check "no test at all is a failure" bash -c "! tools/runtests --unit"

# ---- tools/setup ----

if dpkg-query -W libcmocka-dev chromium >/dev/null 2>&1; then
    same "tools/setup says nothing when nothing is missing" "" "$(tools/setup run build test 2>&1)"
else
    skip "tools/setup says nothing when nothing is missing" "packages are missing"
fi
check "an unknown group is refused" bash -c "tools/setup nonsense; [ \$? -eq 2 ]"
mkdir "$TMP/bin"
for name in apt-get sudo; do
    printf '#!/bin/sh\necho "%s was called" >>%s/called\nexit 1\n' $name "$TMP" >"$TMP/bin/$name"
done
printf '#!/bin/sh\nexit 1\n' >"$TMP/bin/dpkg-query"
printf '#!/bin/sh\necho 1000\n' >"$TMP/bin/id"
chmod +x "$TMP"/bin/*
PATH=$TMP/bin:$PATH tools/setup arm64 >"$TMP/said" 2>&1
check "what will be installed is said before sudo is used" \
    grep -q 'will now run, with sudo: .*apt-get install' "$TMP/said"
same "the first thing done is sudo" "sudo was called" "$(head -n 1 "$TMP/called")"
check "an npm that is there is never replaced" bash -c \
    "! PATH='$TMP/bin:$PATH' tools/setup --list test | grep -qx npm || ! command -v npm"
