# weft: one program, one library, from the sources below src/. See README.md.
B ?= build
CC ?= gcc
PKGS := sqlite3 libwebsockets jansson libutf8proc libpcre2-8 libarchive libxml-2.0 libical gmime-3.0 md4c tesseract lept libseccomp uchardet libsodium
WARN := -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wpointer-arith -Wundef
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -Isrc -Iinclude $(WARN) -fPIC -fvisibility=hidden -fstack-protector-strong $(shell pkg-config --cflags $(PKGS) | sed 's/-I/-isystem /g') $(CFLAGS)
LIBS = $(shell pkg-config --libs $(PKGS)) -lpthread -lm
SRC := $(filter-out src/cli/main.c,$(wildcard src/*/*.c))
OBJ := $(SRC:src/%.c=$(B)/obj/%.o)
TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))

all: $(B)/libweft.a $(if $(wildcard src/cli/main.c),$(B)/weft) $(TESTS)

$(B)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(B)/libweft.a: $(OBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/weft: src/cli/main.c $(B)/libweft.a
	$(CC) $(ALL_CFLAGS) $< -o $@ $(B)/libweft.a $(LIBS) $(LDFLAGS)

$(B)/tests/%: tests/unit/%.c $(B)/libweft.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -MMD -MP $< -o $@ $(B)/libweft.a -lcmocka $(LIBS) $(LDFLAGS)

unit: $(TESTS)
	@for t in $(TESTS); do echo "== $$t"; $$t || exit 1; done

.PHONY: all unit
-include $(OBJ:.o=.d)
