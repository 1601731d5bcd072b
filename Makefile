# weft: one program, one library, from the sources below src/. See README.md.
#
#   make            build/weft, libweft, and where cmocka is installed the tests' programs
#   make run        installs what is missing, builds, starts weft
#   make test       all tests; the last line is "N passed, N failed, N skipped" (T=word: only those)
#   make soak       clients of all model APIs at once for S seconds: no wrong answer, no leak
#   make sim        nodes, disks and a network played by seed: SEEDS, STEPS each, FROM (V=1: told)
#   make bench      figures beside their limits and rivals (T=word: only those)
#   make check      format, tidy, clang-tidy, cppcheck, generated files, scripts
#   make asan tsan  unit tests under the sanitizers; make fuzz: FUZZ_S seconds a target
#   make arm64      cross-build, unit tests under an emulator
#   make po         refreshes the catalogues from the sources
#   make install    PREFIX, DESTDIR; make uninstall; make clean
#
# B=dir builds into another folder, CC=clang-14 with the other compiler. Every source file is picked
# up by itself: src/*/*.c, tests/unit/test_*.c, tests/fuzz/fuzz_*.c, bench/bench_*.c.

B ?= build
PREFIX ?= /usr/local
ifeq ($(origin CC),default)
CC = gcc
endif
CFLAGS ?= -O2 -g -D_FORTIFY_SOURCE=2
FUZZ_S ?= 20
S ?= 1200
T ?=

# As many jobs as processors, unless the person said otherwise.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif

VERSION := $(shell sed -n 's/^.define WF_VERSION "\(.*\)"/\1/p' src/base/config.h)
SONAME := libweft.so.$(firstword $(subst ., ,$(VERSION)))

# ---- flags ----

PKGS := sqlite3 libwebsockets jansson libutf8proc libarchive libxml-2.0 libical \
        gmime-3.0 md4c tesseract lept uchardet libsodium libssl libcrypto zlib libcurl libedit \
        libpcre2-8 libqrencode
WARN := -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -Wformat=2 -Wpointer-arith -Wundef
OBJCOPY := $(patsubst %gcc,%objcopy,$(filter %-gcc,$(firstword $(CC))))
OBJCOPY := $(or $(OBJCOPY),objcopy)
MACHINE := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
HARDEN := -fstack-protector-strong -fstack-clash-protection
HARDEN += $(if $(filter x86_64,$(MACHINE)),-fcf-protection)
HARDEN += $(if $(filter aarch64,$(MACHINE)),-mbranch-protection=standard)

# pkg-config is asked once, when first needed: `make run` works before it is installed.
once = $(eval $(1) := $$(shell $(2)))$($(1))
PKG_CFLAGS = $(call once,PKG_CFLAGS,pkg-config --cflags $(PKGS) | sed 's/-I/-isystem /g')
PKG_LIBS = $(call once,PKG_LIBS,pkg-config --libs $(PKGS))

ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -Isrc -Iinclude -I$(B)/gen $(WARN) $(HARDEN) \
             -fPIC -fvisibility=hidden $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -Wl,--as-needed,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)
LIBS = $(PKG_LIBS) -lpthread -lm
# Recipes show one short line; V=1 shows the commands.
Q = $(if $(V),,@printf '%-8s %s\n' $(1) '$@'; )
COMPILE = $(CC) $(ALL_CFLAGS) -MMD -MP
LINK = $(CC) $(ALL_CFLAGS) -pie $(ALL_LDFLAGS)

# ---- files ----

# src/api/ is the C API of include/weft.h: the only code that is exported from libweft.
API := $(wildcard src/api/*.c)
MAIN := $(wildcard src/cli/main.c)
GEN := web manual policy hardness
SRC := $(filter-out $(API) $(MAIN),$(wildcard src/*/*.c))
OBJ := $(SRC:src/%.c=$(B)/obj/%.o) $(GEN:%=$(B)/obj/gen/%_assets.o)
API_OBJ := $(API:src/%.c=$(B)/obj/%.o)
MAIN_OBJ := $(MAIN:src/%.c=$(B)/obj/%.o)
SUPPORT_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/support/*.c))
SUPPORT_A := $(B)/obj/support.a
SIM_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/sim/*.c))
ALL_A := $(B)/obj/all.a
PROGRAM := $(if $(MAIN),$(B)/weft)
LIBRARY := $(if $(API),$(B)/libweft.a $(B)/libweft.so)

UNIT := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
FUZZ := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCH := $(patsubst bench/%.c,$(B)/bench/%,$(wildcard bench/bench_*.c))
BENCH_SCRIPTS := $(wildcard bench/bench_*.sh bench/bench_*.py)
E2E := $(wildcard tests/e2e/*.sh)
NODE_TESTS := $(patsubst %/package-lock.json,%,$(wildcard tests/*/package-lock.json))

LANGS := $(patsubst po/%.po,%,$(wildcard po/*.po))
MO := $(LANGS:%=$(B)/locale/%/LC_MESSAGES/weft.mo)
WEB := $(shell find web -type f ! -name '*.md' ! -path 'web/editor/*' 2>/dev/null | sort)
# The editor of drafts: npm's code, made one file where its packages are there (make editor).
EDITOR_SRC := $(wildcard web/editor/*.mjs web/editor/package-lock.json)
EDITOR_JS := $(if $(wildcard web/editor/node_modules/esbuild),$(B)/gen/editor.js)
MANUAL := $(shell find docs/manual -type f -name '*.md' 2>/dev/null | sort)
OPENAPI := $(wildcard docs/openapi.json)

HAVE_CMOCKA := $(shell pkg-config --exists cmocka 2>/dev/null && echo yes)
all: $(ALL_A) $(PROGRAM) $(LIBRARY) $(MO) $(if $(HAVE_CMOCKA),$(UNIT))
.PHONY: all
.DELETE_ON_ERROR:
.SECONDARY:

# ---- compiling ----

# Written anew only when it changes, so that other flags or another compiler rebuild everything.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@pkg-config --exists $(PKGS) || { \
	    echo "weft: libraries are missing; run: tools/setup" >&2; exit 1; }
	@echo '$(COMPILE) $(ALL_LDFLAGS) $(LIBS)' | cmp -s - $@ || \
	    echo '$(COMPILE) $(ALL_LDFLAGS) $(LIBS)' >$@
.PHONY: FORCE

# A file of kernels has the instructions of its name; kern/kern.c asks the processor first. -O3:
# small loops over registers must be unrolled whole. Private, since flags is a prerequisite too.
kernels = $(patsubst src/%.c,$(B)/obj/%.o,$(wildcard src/kern/*_$(1).c src/kern/*_$(1)_*.c))
ifeq ($(MACHINE),x86_64)
AVX512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni
$(B)/obj/base/crc32c_sse42.o: private COMPILE += -msse4.2
$(call kernels,avx2) $(call kernels,avxvnni) $(call kernels,avx512): \
    private COMPILE += -O3 -mavx2 -mfma -mf16c
$(call kernels,avxvnni): private COMPILE += -mavxvnni
$(call kernels,avx512): private COMPILE += $(AVX512)
$(call kernels,bf16): private COMPILE += -mavx512bf16
endif
ifeq ($(MACHINE),aarch64)
$(B)/obj/base/crc32c_arm.o: private COMPILE += -march=armv8-a+crc
$(call kernels,neon): private COMPILE += -O3
$(call kernels,dot): private COMPILE += -march=armv8.2-a+dotprod
$(call kernels,i8mm): private COMPILE += -march=armv8.2-a+dotprod+i8mm
endif

$(B)/obj/%.o: src/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call Q,compile)$(COMPILE) -c $< -o $@

$(B)/obj/gen/%.o: $(B)/gen/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call Q,compile)$(COMPILE) -c $< -o $@

$(B)/obj/tests/%.o: tests/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call Q,compile)$(COMPILE) -Itests -c $< -o $@

$(ALL_A): $(OBJ)
	@rm -f $@
	$(call Q,archive)ar rcs $@ $^

$(B)/weft: $(MAIN_OBJ) $(ALL_A)
	$(call Q,link)$(LINK) $(MAIN_OBJ) $(ALL_A) -o $@ $(LIBS)

# An archive, so that a program links only the helpers it uses (some need cmocka).
$(SUPPORT_A): $(SUPPORT_OBJ)
	@rm -f $@
	$(call Q,archive)ar rcs $@ $^

$(B)/tests/%: tests/unit/%.c $(SUPPORT_A) $(ALL_A) $(B)/flags
	@mkdir -p $(@D)
	$(call Q,link)$(COMPILE) -Itests $(ALL_LDFLAGS) -pie -Wno-missing-prototypes \
	    $< $(SUPPORT_A) $(ALL_A) -o $@ -lcmocka $(LIBS)

# Nodes, disks and a network played by seed: docs/development.md.
$(B)/simulator: $(SIM_OBJ) $(ALL_A) $(B)/flags
	$(call Q,link)$(LINK) $(SIM_OBJ) $(ALL_A) -o $@ $(LIBS)

# What tests/crdt compares with Yjs.
$(B)/crdt-driver: tests/crdt/driver.c $(ALL_A) $(B)/flags
	$(call Q,link)$(COMPILE) $(ALL_LDFLAGS) -pie $< $(ALL_A) -o $@ $(LIBS)

# The network that tests/e2e/day.sh gives its nodes.
$(B)/weather: tests/net/weather.c $(ALL_A) $(B)/flags
	$(call Q,link)$(COMPILE) $(ALL_LDFLAGS) -pie $< $(ALL_A) -o $@ $(LIBS)

$(B)/fuzz/%: tests/fuzz/%.c $(SUPPORT_A) $(ALL_A) $(B)/flags
	@mkdir -p $(@D)
	$(call Q,link)$(COMPILE) -Itests $(ALL_LDFLAGS) -pie -Wno-missing-prototypes -fsanitize=fuzzer \
	    $< $(SUPPORT_A) $(ALL_A) -o $@ -lcmocka $(LIBS)

$(B)/bench/%: bench/%.c $(SUPPORT_A) $(ALL_A) $(B)/flags
	@mkdir -p $(@D)
	$(call Q,link)$(COMPILE) -Itests $(ALL_LDFLAGS) -pie $< $(SUPPORT_A) $(ALL_A) \
	    -o $@ $(if $(HAVE_CMOCKA),-lcmocka) $(LIBS)

-include $(shell find $(B)/obj $(B)/tests $(B)/fuzz $(B)/bench -name '*.d' 2>/dev/null)

# ---- libweft: what src/api needs and no more; nothing but weft_* is visible ----

$(B)/obj/weft.o: $(API_OBJ) $(ALL_A)
	$(call Q,link)$(CC) -r -nostdlib $^ -o $@.all
	@$(OBJCOPY) --wildcard --keep-global-symbol='weft_*' $@.all $@
	@rm -f $@.all

$(B)/libweft.a: $(B)/obj/weft.o
	@rm -f $@
	$(call Q,archive)ar rcs $@ $^

$(B)/libweft.so: $(API_OBJ) $(ALL_A) tools/weft.map
	$(call Q,link)$(CC) $(ALL_CFLAGS) -shared $(ALL_LDFLAGS) -Wl,-soname,$(SONAME) \
	    -Wl,--version-script=tools/weft.map $(API_OBJ) $(ALL_A) -o $@ $(LIBS)

# ---- generated files: catalogues, and the tables of embedded files ----

$(B)/locale/%/LC_MESSAGES/weft.mo: po/%.po
	@mkdir -p $(@D)
	$(call Q,text)msgfmt --check -o $@ $<

$(B)/gen/locale/%.json: po/%.po tools/po2json
	@mkdir -p $(@D)
	$(call Q,embed)tools/po2json $< >$@

WEB_PARTS := $(foreach f,$(WEB),$(f:web/%=/%)=$(f)) \
             $(foreach l,$(LANGS),/locale/$(l).json=$(B)/gen/locale/$(l).json) \
             $(foreach f,$(OPENAPI),/openapi.json=$(f)) \
             $(foreach f,$(EDITOR_JS),/app/editor.js=$(f) /app/editor.txt=$(f:.js=.txt))
MANUAL_PARTS := $(foreach f,$(MANUAL),$(f:docs/manual/%=%)=$(f))

# The lists change when a file is added or removed, which no time stamp would tell.
$(B)/gen/%.list: FORCE
	@mkdir -p $(@D)
	@echo '$(WEB_PARTS) $(MANUAL_PARTS)' | cmp -s - $@ || echo '$(WEB_PARTS) $(MANUAL_PARTS)' >$@

$(B)/gen/editor.js: $(EDITOR_SRC)
	@mkdir -p $(@D)
	$(call Q,bundle)node web/editor/build.mjs $@ $(@:.js=.txt)

# Fetches what the editor is made of. Without it drafts have a plain field in the app.
editor:
	@command -v npm >/dev/null && cd web/editor && \
	    npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >/dev/null 2>&1 || \
	    echo "weft: the editor's packages cannot be fetched: drafts get a plain field" >&2
.PHONY: editor

$(B)/gen/web_assets.c: $(B)/gen/web.list $(WEB) $(OPENAPI) $(EDITOR_JS) tools/embed \
                       $(LANGS:%=$(B)/gen/locale/%.json)
	$(call Q,embed)tools/embed $@ wf_web_assets $(WEB_PARTS)

$(B)/gen/manual_assets.c: $(B)/gen/manual.list $(MANUAL) tools/embed
	$(call Q,embed)tools/embed $@ wf_manual_assets $(MANUAL_PARTS)

$(B)/gen/policy_assets.c: src/privacy/default.policy tools/embed
	@mkdir -p $(@D)
	$(call Q,embed)tools/embed $@ wf_policy_assets default.policy=$<

$(B)/gen/hardness_assets.c: models/hardness.table tools/embed
	@mkdir -p $(@D)
	$(call Q,embed)tools/embed $@ wf_hardness_assets hardness.table=$<

# The template: every text a person reads, from C and from the app.
PO_SOURCES = $(sort $(wildcard src/*/*.c) $(filter %.js %.mjs,$(WEB)))
$(B)/gen/weft.pot: FORCE
	@mkdir -p $(@D)
	@tools/pot $(PO_SOURCES) >$@

po: $(B)/gen/weft.pot
	@mkdir -p po
	@cmp -s $< po/weft.pot || cp $< po/weft.pot
	@for f in $(wildcard po/*.po); do \
	    msgmerge -q --update --backup=none --no-fuzzy-matching $$f $<; done
.PHONY: po

# ---- run, test, bench ----

run:
	@tools/setup run build
	@[ -d web/editor/node_modules ] || $(MAKE) --no-print-directory editor
	@$(MAKE) --no-print-directory $(B)/weft $(MO)
	@exec $(B)/weft up

test:
	@tools/setup run build test
	@[ -d web/editor/node_modules ] || $(MAKE) --no-print-directory editor
	@$(MAKE) --no-print-directory all $(B)/crdt-driver $(B)/simulator $(B)/weather \
	    $(NODE_TESTS:tests/%=$(B)/%-deps)
	@tools/runtests -B $(B) -T '$(T)' --unit $(UNIT) --e2e $(E2E) --web $(NODE_TESTS)

# Only the unit tests, on what is installed; T=word: only those are built, too.
UNIT_CHOSEN = $(if $(T),$(foreach u,$(UNIT),$(if $(findstring $(T),$(u)),$(u))),$(UNIT))
unit: $(UNIT_CHOSEN)
	@tools/runtests -B $(B) -T '$(T)' --wrap '$(WRAP)' --unit $(UNIT_CHOSEN)

$(B)/%-deps: tests/%/package-lock.json
	cd tests/$* && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 \
	    npm ci --no-audit --no-fund --ignore-scripts
	@mkdir -p $(@D) && touch $@

bench:
	@tools/setup run build bench
	@$(MAKE) --no-print-directory $(PROGRAM) $(BENCH) $(B)/weather
	@B=$(B) WEFT=$(B)/weft tools/runbench '$(T)' $(BENCH) $(BENCH_SCRIPTS)

# Each seed replays exactly; what it prints on a failure plays it again.
SEEDS ?= 20
STEPS ?= 10000
FROM ?= 1
sim: $(B)/simulator
	@$(B)/simulator -n $(SEEDS) -s $(STEPS) -f $(FROM) $(if $(V),-v)
.PHONY: sim

# Clients of all three model APIs at once, for S seconds.
soak: $(PROGRAM)
	@tests/soak/soak.py --weft $(B)/weft --seconds $(S)

# The embedded model anew from ../shared/data: some hours of two cores; goes on where it broke off.
LENS = build/lens
ANSWERED = $(addprefix ../shared/data/qa-retrieval/, squad-dev/train.jsonl.xz \
    clapnq/dev_answerable.part70.jsonl clapnq/dev_unanswerable.part70.jsonl)
lens: $(PROGRAM)
	$(PROGRAM) train vocab train/corpus.conf $(LENS)/vocab.gguf
	$(PROGRAM) train shards train/corpus.conf $(LENS)/vocab.gguf $(LENS)/shards
	$(PROGRAM) train train/lens.conf --resume
	$(PROGRAM) train train/multi.conf --resume
	$(PROGRAM) train export $(LENS)/multi/checkpoint $(LENS)/whole.gguf
	$(PROGRAM) models quantize $(LENS)/whole.gguf $(LENS)/small.gguf Q6_K --embeddings Q4_K
	@mkdir -p models
	$(PROGRAM) train language ../shared/data/langid/ntrex_sentences.tsv.xz models/lens.gguf \
	    --more train/language.conf --into $(LENS)/small.gguf
	$(PROGRAM) train vectors train/embed.conf --into models/lens.gguf --steps 10000
	$(PROGRAM) train crf train/multi.conf --into models/lens.gguf \
	    --classes train/corpus.conf --bytes 868000
	$(PROGRAM) train linear train/multi.conf --into models/lens.gguf
	$(PROGRAM) train sensitivity train/multi.conf --into models/lens.gguf
	$(PROGRAM) train salience train/salience-words.conf models/lens.gguf --into models/lens.gguf
	$(PROGRAM) train answers models/lens.gguf models/lens.gguf $(ANSWERED) \
	    --seen 12 --rerank 0.5 --refuse 0.75
	$(PROGRAM) train card train/lens-card.txt models/lens.gguf --into models/lens.gguf --version 3
	$(MAKE) lens-search

# What vectors count beside words with the lens there is: stored in it where that helps.
lens-search: $(B)/bench/bench_hybrid
	rm -f $(B)/lens-search.gguf
	$(B)/bench/bench_hybrid -f -w $(B)/lens-search.gguf models/lens.gguf
	if [ -e $(B)/lens-search.gguf ]; then mv $(B)/lens-search.gguf models/lens.gguf; fi
.PHONY: run test unit bench soak lens lens-search

# ---- check ----

C_FILES = $(wildcard include/*.h src/*/*.[ch] tests/*/*.[ch] bench/*.[ch])
SH_FILES = $(wildcard packaging/*.bash tools/* .ci/run tests/e2e/*.sh tests/e2e/lib/* \
             tests/soak/*.py bench/*.sh bench/versus*)

check:
	@tools/setup run build check
	@$(MAKE) --no-print-directory -k check-format check-tidy check-scripts check-generated \
	    check-cppcheck check-clang-tidy
	@echo "check: all is well"

check-format:
	@clang-format-14 --dry-run -Werror $(C_FILES)

check-tidy:
	@tools/tidy

check-scripts:
	@for f in $(SH_FILES); do [ ! -f $$f ] || case "$$(head -1 $$f)" in \
	    *python3) python3 -c 'import ast,sys; ast.parse(open(sys.argv[1]).read())' $$f ;; \
	    *bash) bash -n $$f ;; \
	    *sh) sh -n $$f ;; esac || exit 1; done

check-generated: $(B)/gen/weft.pot $(MO) $(PROGRAM)
	@[ ! -f po/weft.pot ] || diff $< po/weft.pot || { \
	    echo "po/weft.pot is not up to date; run: make po" >&2; exit 1; }
	@for f in $(wildcard po/*.po); do for kind in --untranslated --only-fuzzy; do \
	    [ -z "$$(msgattrib $$kind --no-obsolete $$f)" ] || { \
	    echo "$$f lacks translations ($$kind)" >&2; exit 1; }; done; done

	@$(B)/weft up --settings --markdown | sed 1,2d | while IFS= read -r line; do \
	    grep -qxF -- "$$line" docs/settings.md || { \
	    echo "docs/settings.md is not up to date; see weft up --settings --markdown" >&2; \
	    exit 1; }; done

check-cppcheck:
	@mkdir -p $(B)/check/cppcheck
	@cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr \
	    --error-exitcode=1 --cppcheck-build-dir=$(B)/check/cppcheck \
	    --suppressions-list=tools/cppcheck.allow --include=tools/cppcheck.h \
	    -D_GNU_SOURCE -Isrc -Iinclude src

check-clang-tidy: $(patsubst src/%.c,$(B)/check/%.tidy,$(wildcard src/*/*.c))

# The object knows the headers: it is newer than this stamp when one of them changed.
$(B)/check/%.tidy: src/%.c $(B)/obj/%.o .clang-tidy tools/clang_tidy.h
	@mkdir -p $(@D)
	$(call Q,lint)clang-tidy-14 -quiet $< -- $(ALL_CFLAGS) \
	    $(if $(filter src/base/err.c,$<),,-include tools/clang_tidy.h -Wno-unused-value) \
	    2>$@.err || { cat $@.err; exit 1; }
	@touch $@
.PHONY: check check-format check-tidy check-scripts check-generated check-cppcheck check-clang-tidy

# ---- sanitizers, fuzzing, the other architecture ----

SAN := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
ASAN := -fsanitize=address,undefined

asan:
	@tools/setup run build test
	@$(MAKE) --no-print-directory B=$(B)/asan CFLAGS="$(SAN) $(ASAN)" LDFLAGS="$(ASAN)" T='$(T)' unit

tsan:
	@tools/setup run build test
	@$(MAKE) --no-print-directory B=$(B)/tsan CFLAGS="$(SAN) -fsanitize=thread" \
	    LDFLAGS="-fsanitize=thread" T='$(T)' unit

fuzz:
	@tools/setup run build check
	@$(MAKE) --no-print-directory B=$(B)/fuzzing CC=clang-14 LDFLAGS="$(ASAN)" \
	    CFLAGS="$(SAN) $(ASAN) -fsanitize=fuzzer-no-link -DWF_FUZZING" fuzz-programs
	@tools/runfuzz $(B)/fuzzing $(FUZZ_S) '$(T)'

fuzz-programs: $(FUZZ)

# Below the emulator there is no seccomp: tests that need the sandbox say that they are skipped.
SYSROOT = $(abspath $(B)/sysroot-arm64)
arm64:
	@tools/setup run build test arm64
	@tools/sysroot arm64 $(SYSROOT) libc6-dev \
	    $(filter %-dev,$(shell tools/setup --list build test))
	@PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
	    PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/aarch64-linux-gnu/pkgconfig \
	    $(MAKE) --no-print-directory B=$(B)/arm64 T='$(T)' \
	    CC='aarch64-linux-gnu-gcc --sysroot=$(SYSROOT)' \
	    WRAP='qemu-aarch64-static -L $(SYSROOT)' all unit
.PHONY: asan tsan fuzz fuzz-programs arm64

# ---- install ----

BIN = $(DESTDIR)$(PREFIX)/bin
LIB = $(DESTDIR)$(PREFIX)/lib
SHARE = $(DESTDIR)$(PREFIX)/share
INSTALLED = $(BIN)/weft $(LIB)/libweft.a \
    $(LIB)/libweft.so $(LIB)/$(SONAME) $(LIB)/libweft.so.$(VERSION) \
    $(LIB)/pkgconfig/weft.pc $(LIB)/systemd/user/weft.service \
    $(DESTDIR)$(PREFIX)/include/weft.h \
    $(patsubst man/%,$(SHARE)/man/man1/%,$(wildcard man/*.1)) \
    $(SHARE)/weft/lens.gguf \
    $(SHARE)/bash-completion/completions/weft $(SHARE)/zsh/site-functions/_weft \
    $(SHARE)/fish/vendor_completions.d/weft.fish $(LANGS:%=$(SHARE)/locale/%/LC_MESSAGES/weft.mo)
FILL = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@VERSION@|$(VERSION)|g'

install: $(PROGRAM) $(LIBRARY) $(MO)
	install -d $(BIN) $(LIB)/systemd/user $(SHARE)/man/man1
	$(if $(PROGRAM),install -m 755 $(B)/weft $(BIN)/weft)
	$(FILL) packaging/weft.service >$(LIB)/systemd/user/weft.service
	install -m 644 $(wildcard man/*.1) $(SHARE)/man/man1/
	$(if $(wildcard models/lens.gguf),install -D -m 644 models/lens.gguf $(SHARE)/weft/lens.gguf)
	install -D -m 644 packaging/weft.bash $(SHARE)/bash-completion/completions/weft
	install -D -m 644 packaging/weft.zsh $(SHARE)/zsh/site-functions/_weft
	install -D -m 644 packaging/weft.fish $(SHARE)/fish/vendor_completions.d/weft.fish
	@$(foreach l,$(LANGS),install -D -m 644 $(B)/locale/$(l)/LC_MESSAGES/weft.mo \
	    $(SHARE)/locale/$(l)/LC_MESSAGES/weft.mo;)
	@$(if $(LIBRARY),$(MAKE) --no-print-directory install-library)

install-library:
	install -d $(LIB)/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 644 include/weft.h $(DESTDIR)$(PREFIX)/include/weft.h
	install -m 644 $(B)/libweft.a $(LIB)/libweft.a
	install -m 755 $(B)/libweft.so $(LIB)/libweft.so.$(VERSION)
	ln -sf libweft.so.$(VERSION) $(LIB)/$(SONAME)
	ln -sf $(SONAME) $(LIB)/libweft.so
	$(FILL) packaging/weft.pc >$(LIB)/pkgconfig/weft.pc

uninstall:
	rm -f $(INSTALLED)

clean:
	rm -rf $(B)
.PHONY: install install-library uninstall clean
