# Portico. `make run` starts everything, `make test` proves it; `make help` lists the targets.
#
#   CC=clang                    the other compiler
#   SANITIZE=address,undefined  any target under sanitizers
#   WERROR=1                    warnings stop the build (lint and CI)
#   V=1                         show the commands
#   B=DIR                       where everything built goes; nothing is written beside the sources
#
# Sources are found by wildcard: a new .c, .sql, template or test needs no line here.

VERSION := 0.1.0
PREFIX  ?= /usr/local
KORE    ?= /usr/share/kore

ifeq ($(origin CC),default)
CC := gcc
endif
CLANG := $(findstring clang,$(CC))

empty :=
space := $(empty) $(empty)
comma := ,
ifeq ($(origin B),undefined)
B := build$(if $(CLANG),/clang)$(if $(SANITIZE),/$(if $(findstring address,$(SANITIZE)),asan,$(subst $(comma),-,$(SANITIZE))))
endif
SCHEMA_DIR ?= $(CURDIR)/schema

# $(call say,VERB) before a recipe line tells what it makes, or, with V=1, the line itself.
say = $(if $(V),,@printf '%-4s %s\n' $(1) $@;)

# ---- flags ------------------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wdouble-promotion \
	-Wimplicit-fallthrough -Wswitch-enum -Wconversion
ifeq ($(CLANG),)
WARN += -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wnull-dereference
endif
ifeq ($(SANITIZE),)
WARN += -Wframe-larger-than=4096
FORTIFY := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
else
SAN := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
ifeq ($(WERROR),1)
WARN += -Werror
endif

OPT      ?= -O2 -g
CODEGEN  := -std=gnu11 $(OPT) -fno-common -fstack-protector-strong -fPIE $(SAN)
INCLUDES := -Ishared/base -Ishared/io -Ishared/model -Ishared -Iapi -Imailer -I$(B)/gen \
	-isystem /usr/include/postgresql
DEFINES  := -D_GNU_SOURCE=1 -D_FILE_OFFSET_BITS=64 -DPORTICO_VERSION='"$(VERSION)"' \
	-DPORTICO_SCHEMA='"$(SCHEMA_DIR)"'
LINK     := $(SAN) -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LIBS     := -lpq -lhiredis -lcurl -lcjson -lcsv -lsodium -lzxcvbn -lutf8proc -lidn2 -lssl -lcrypto -lpthread -ldl -lm

# Kore is compiled from the sources that Debian packages, as they are; the API's two files that talk to it
# are the only ones that see its headers. Its global `worker` would take a name of ours.
KORE_FLAGS := -DKORE_SINGLE_BINARY -DKORE_USE_TASKS -DPREFIX='"/usr"' -Dworker=kore_self \
	-isystem $(KORE)/include -isystem $(KORE)/include/kore -isystem $(B)/gen
KORE_PARTS := accesslog auth buf config connection domain filemap fileref http json keymgr kore linux mem \
	module msg net pool runtime seccomp tasks timer utils validator websocket worker

# ---- what is built from what --------------------------------------------------------------------------------

LIB_SRC    := $(wildcard shared/base/*.c shared/io/*.c shared/model/*.c shared/*.c)
API_SRC    := $(wildcard api/*.c api/res/*.c)
MAILER_SRC := $(wildcard mailer/*.c)
CTL_SRC    := $(wildcard api/ctl/*.c)
FUZZ_SRC   := $(wildcard tests/fuzz/fuzz*.c)
TEST_SRC   := $(filter-out $(FUZZ_SRC),$(wildcard tests/*/*.c))
SQL_SRC    := $(wildcard shared/*.sql shared/io/*.sql api/*.sql api/res/*.sql api/ctl/*.sql mailer/*.sql)
TEMPLATES  := $(sort $(wildcard mailer/templates/* shared/templates/*.html))
ANNOUNCED  := $(sort $(wildcard shared/templates/announcements/* shared/templates/*.html))

obj = $(patsubst %.c,$(B)/o/%.o,$(1))
LIB_OBJ    := $(call obj,$(LIB_SRC))
API_OBJ    := $(call obj,$(API_SRC))
MAILER_OBJ := $(call obj,$(MAILER_SRC))
CTL_OBJ    := $(call obj,$(CTL_SRC))
KORE_OBJ   := $(KORE_PARTS:%=$(B)/o/kore/%.o) $(B)/o/kore/version.o
TEST_BIN   := $(TEST_SRC:%.c=$(B)/%)
FUZZ_BIN   := $(filter-out %/fuzz,$(FUZZ_SRC:%.c=$(B)/%))

SQL_H      := $(foreach f,$(SQL_SRC),$(B)/gen/sql_$(basename $(notdir $(f))).h)
GEN        := $(SQL_H) $(B)/gen/sql_all.h $(B)/gen/templates.h $(B)/gen/announcements.h \
	$(B)/gen/migrations.h
PROGRAMS   := $(if $(wildcard api/main.c),$(B)/portico-api) $(if $(wildcard mailer/main.c),$(B)/portico-mailer) \
	$(if $(CTL_SRC),$(B)/porticoctl)

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all everything help run deps install clean gen

all: $(PROGRAMS) $(B)/libportico.a $(if $(wildcard openapi.yaml),$(B)/openapi.json) $(B)/pages/.made ## build the three programs

everything: all $(TEST_BIN) # also what the tests are built of

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# A change of compiler or flags rebuilds everything in the same directory.
$(B)/flags: FORCE
	@mkdir -p $(B)/gen
	@printf '%s\n' '$(subst ','\'',$(CC) $(CODEGEN) $(FORTIFY) $(WARN) $(DEFINES) $(LINK))' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$(CC) $(CODEGEN) $(FORTIFY) $(WARN) $(DEFINES) $(LINK))' >$@
.PHONY: FORCE

$(B)/o/%.o: %.c $(B)/flags | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CODEGEN) $(FORTIFY) $(WARN) $(DEFINES) $(INCLUDES) $(EXTRA) -MMD -MP -c $< -o $@

# A fiber leaves one stack for another, which fortify's longjmp check takes for an attack.
$(B)/o/shared/io/fiber.o: private FORTIFY := -U_FORTIFY_SOURCE
$(B)/o/api/main.o $(B)/o/api/gate.o: private EXTRA := $(KORE_FLAGS)
$(B)/o/api/main.o $(B)/o/api/gate.o: | $(B)/gen/platform.h

$(B)/o/kore/%.o: $(KORE)/src/%.c $(B)/flags | $(B)/gen/platform.h
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CODEGEN) $(FORTIFY) $(DEFINES) $(KORE_FLAGS) -w -c $< -o $@
$(B)/o/kore/version.o: $(KORE)/RELEASE $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC)printf 'const char *kore_version = "%s";\n' "$$(cat $<)" | $(CC) $(CODEGEN) -x c -c - -o $@
$(B)/gen/platform.h: $(KORE)/misc/linux-platform.sh
	@mkdir -p $(@D)
	$(call say,GEN)cd $(KORE) && sh misc/linux-platform.sh >$(abspath $@)

$(B)/libportico.a: $(LIB_OBJ)
$(B)/libapi.a: $(filter-out %/api/main.o %/api/gate.o,$(API_OBJ))
$(B)/libmailer.a: $(filter-out %/mailer/main.o,$(MAILER_OBJ))
$(B)/lib%.a:
	@rm -f $@ && mkdir -p $(@D)
	$(call say,AR)$(AR) rcs $@ $^

$(B)/portico-api: $(API_OBJ) $(KORE_OBJ) $(B)/libportico.a
	$(call say,LINK)$(CC) $(LINK) -rdynamic -o $@ $(API_OBJ) $(KORE_OBJ) $(B)/libportico.a $(LIBS)
$(B)/portico-mailer: $(MAILER_OBJ) $(B)/libportico.a
	$(call say,LINK)$(CC) $(LINK) -o $@ $^ $(LIBS)
$(B)/porticoctl: $(CTL_OBJ) $(B)/libapi.a $(B)/libportico.a
	$(call say,LINK)$(CC) $(LINK) -o $@ $^ $(LIBS)

# ---- generated ------------------------------------------------------------------------------------------------

gen: $(GEN) ## make the generated headers only

define sql_rule
$(B)/gen/sql_$(basename $(notdir $(1))).h: $(1) shared/io/sqlgen.awk
	@mkdir -p $$(@D)
	$$(call say,GEN)awk -f shared/io/sqlgen.awk $(1) >$$@
endef
$(foreach f,$(SQL_SRC),$(eval $(call sql_rule,$(f))))

# What the database must have had for the API to be ready, as an array of PostgreSQL.
$(B)/gen/migrations.h: $(sort $(wildcard schema/*.sql)) $(B)/flags
	@mkdir -p $(@D)
	$(call say,GEN)printf '#define PORTICO_MIGRATIONS "{%s}"\n' \
		'$(subst $(space),$(comma),$(notdir $(sort $(wildcard schema/*.sql))))' >$@

# All statements in one table, for the test that prepares each of them.
$(B)/gen/sql_all.h: $(SQL_H) $(B)/flags
	@mkdir -p $(@D)
	@{ echo '#pragma once'; for f in $(notdir $(SQL_H)); do echo "#include \"$$f\""; done; \
	echo 'static const struct stmt *const sql_all[] = {'; \
	sed -n 's/^static const struct stmt \(sql_[a-z0-9_]*\) =.*/	\&\1,/p' /dev/null $(SQL_H); echo '	0,'; echo '};'; } >$@

$(B)/gen/templates.h: $(TEMPLATES)
$(B)/gen/announcements.h: $(ANNOUNCED)
$(B)/gen/templates.h $(B)/gen/announcements.h: shared/base/tplgen.awk $(B)/flags
	@mkdir -p $(@D)
	$(call say,GEN)awk -f shared/base/tplgen.awk $(filter %.html %.txt,$^) </dev/null >$@

$(B)/openapi.json: openapi.yaml .ci/yaml2json.py
	@mkdir -p $(@D)
	$(call say,GEN)/usr/bin/python3 .ci/yaml2json.py $< >$@

$(B)/pages/.made: api/edge/pages.sh $(wildcard api/edge/pages/*)
	api/edge/pages.sh $(B)/pages
	@touch $@

# ---- run, install ---------------------------------------------------------------------------------------------

deps: ## install what Debian packages are missing
	@.ci/deps build run test lint

run: ## start everything here, in the foreground
	@exec env B='$(B)' CC='$(CC)' SANITIZE='$(SANITIZE)' api/ctl/run.sh

install: ## install under PREFIX
	$(MAKE) B=build/install SCHEMA_DIR=$(PREFIX)/share/portico/schema all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/portico/schema $(DESTDIR)$(PREFIX)/share/portico/edge/pages
	install build/install/portico-api build/install/portico-mailer build/install/porticoctl $(DESTDIR)$(PREFIX)/bin
	install -m 644 build/install/openapi.json $(DESTDIR)$(PREFIX)/share/portico
	install -m 644 schema/*.sql $(DESTDIR)$(PREFIX)/share/portico/schema
	install -m 644 api/edge/*.in $(DESTDIR)$(PREFIX)/share/portico/edge
	install -m 644 build/install/pages/* $(DESTDIR)$(PREFIX)/share/portico/edge/pages

clean: ## remove everything built
	rm -rf build $(B)

# ---- tests ----------------------------------------------------------------------------------------------------
# tests/SUITE/*.c are cmocka programs, each linked with what it needs of libapi.a, libmailer.a and libportico.a;
# tests/suite.sh runs these and whatever else the suite's folder holds, with the programs already built.

SUITES := unit io gate db mailer edge api contract fuzz e2e run torture
.PHONY: test test-all $(SUITES:%=test-%) test-torture-long test-fuzz-long compose-test bench

$(B)/tests/%: $(B)/o/tests/%.o $(B)/libapi.a $(B)/libmailer.a $(B)/libportico.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(LINK) -o $@ $< $(B)/libapi.a $(B)/libmailer.a $(B)/libportico.a -lcmocka $(LIBS)
.SECONDARY: $(call obj,$(TEST_SRC))
# The gate inside Kore, with a dispatcher of its own.
$(B)/tests/gate/server: $(call obj,tests/gate/server.c api/gate.c api/main.c) $(KORE_OBJ) $(B)/libapi.a $(B)/libportico.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(LINK) -rdynamic -o $@ $^ $(LIBS)
$(call obj,$(TEST_SRC) $(FUZZ_SRC)): private EXTRA := -Wno-frame-larger-than

# The same stamp as in tests/lib/suite.sh.
tests/node_modules/.lock: tests/package-lock.json
	cd tests && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && cp package-lock.json node_modules/.lock

test: ## everything: each suite, with private servers on free ports
	@.ci/deps build run test
	@rm -f $(B)/suites
	@$(MAKE) --no-print-directory -j2 -Otarget -k test-all; status=$$?; echo; cat $(B)/suites; exit $$status
test-all: $(SUITES:%=test-%)

$(foreach s,$(SUITES),$(eval test-$(s): all $(filter $(B)/tests/$(s)/%,$(TEST_BIN)) \
	$(if $(wildcard tests/$(s)/*.mjs tests/$(s)/*.ts),tests/node_modules/.lock)))
# Those that mostly wait run side by side (make -j2), the others alone: they use the machine, or measure time.
WAITING := unit io gate db mailer edge
$(SUITES:%=test-%): test-%:
	@B='$(B)' CC='$(CC)' SANITIZE='$(SANITIZE)' flock -o $(if $(filter $*,$(WAITING)),-s) $(B)/flags tests/suite.sh $* $(filter $(B)/tests/$*/%,$(TEST_BIN))

test-torture-long: ## the promises' own numbers: 1,000 kills, 20,000 events, a feed of 100,000
	@SUITE_SECONDS=0 TORTURE_KILLS=1000 TORTURE_EVENTS=20000 TORTURE_REQUESTS=100000 FEED_EVENTS=100000 FEED_KILLS=5 $(MAKE) --no-print-directory test-torture

test-fuzz-long: ## an hour of requests that nobody means well with
	@SUITE_SECONDS=0 FUZZ_SECONDS=3600 $(MAKE) --no-print-directory test-fuzz

# The fuzzers need clang and its libFuzzer; tests/fuzz/parsers.sh calls this with a B, CC and SANITIZE of its own.
$(B)/tests/fuzz/fuzz_%: $(B)/o/tests/fuzz/fuzz_%.o $(B)/o/tests/fuzz/fuzz.o $(B)/libapi.a $(B)/libmailer.a $(B)/libportico.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(LINK) -fsanitize=fuzzer -o $@ $< $(B)/o/tests/fuzz/fuzz.o \
		$(B)/libapi.a $(B)/libmailer.a $(B)/libportico.a $(LIBS)
fuzzers: $(FUZZ_BIN)
fuzz-objects: $(call obj,$(FUZZ_SRC)) # as far as a compiler without libFuzzer gets
fuzz: ## each parser's fuzzer for FUZZ_EACH seconds (60)
	@FUZZ_EACH=$${FUZZ_EACH:-60} B='$(B)' tests/fuzz/parsers.sh
.PHONY: fuzzers fuzz-objects fuzz
.SECONDARY: $(call obj,$(FUZZ_SRC))

golden: $(B)/tests/mailer/letter ## write the expected mails of tests/mailer anew, to be read in the diff
	@GOLDEN=1 $< && git diff --stat tests/mailer/golden
.PHONY: golden

compose-test: ## docker-compose.yml for real, in minutes (as root)
	@tests/compose/run.sh

bench: all $(filter $(B)/tests/bench/%,$(TEST_BIN)) ## the figures
	@B='$(B)' SUITE_SECONDS=0 tests/suite.sh bench $(filter $(B)/tests/bench/%,$(TEST_BIN))

# ---- lint -----------------------------------------------------------------------------------------------------

OWN_C := $(wildcard shared/*.[ch] shared/*/*.[ch] api/*.[ch] api/*/*.[ch] mailer/*.[ch] tests/*/*.[ch])
.PHONY: lint fmt fmt-check

fmt: ## format the C sources in place
	clang-format -i $(OWN_C)
fmt-check: ## fail if clang-format would change a source
	@clang-format --dry-run -Werror $(OWN_C)
lint: ## every rule of tests/lint.sh, both compilers with warnings as errors
	@tests/lint.sh

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(API_OBJ) $(MAILER_OBJ) $(CTL_OBJ) $(call obj,$(TEST_SRC) $(FUZZ_SRC)))
