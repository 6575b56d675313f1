# lowtide: one Makefile, everything it makes is under build/.
#   make            the programs, in build/bin
#   make demo       the example site on http://127.0.0.1:8080 (PORT=, CHECK=1)
#   make check      every test (T=path runs one)
#   make check-npm  what needs packages of npm's: openapi.json, types, sizes,
#                   React, axe-core on every page of the example site
#   make size       what each module costs a page, beside libraries
#   make soak       the campaigns: hundreds of kills, every write failing, …
#   make fuzz       T=html SECONDS=60: one fuzzer, with clang's coverage
#   make format     clang-format in place
#   make bench      figures, side by side in one run (PEERS=0 FULL=1 ONLY=)
#   make bench-read   … of reads, beside aggregators of node and Python
#   make bench-generator   … of the generator, beside esbuild and hugo
#   make pictures   docs/pictures/, of the example site
#   make bench-client   … of pages in a browser: bytes, requests, waiting
#   make install    DESTDIR= PREFIX=/usr/local
# WERROR=1 turns warnings into errors, SAN=1 builds with ASan and UBSan, V=1
# shows the commands.

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

comma := ,
BUILD := build$(if $(FUZZ),/fuzz,$(if $(SAN),/san))
PKGS_GENERATOR := tomlplusplus libdeflate libbrotlienc libbrotlidec libzstd \
	nettle
PKGS_LIB := libsodium
PKGS_CGI := libsodium sqlite3 libcurl cjose libseccomp
PKGS_TEST := cmocka

CC ?= cc
CXX ?= c++
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wformat=2 -Wundef -Wcast-qual
ifdef WERROR
WARN += -Werror
endif
WARN_C = $(WARN) -Wstrict-prototypes -Wmissing-prototypes
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection \
	-D_FORTIFY_SOURCE=2 -fPIE
OPT := -O2 -g
SANITIZE := -fsanitize=address,undefined$(if $(FUZZ),$(comma)fuzzer-no-link)
ifdef SAN
OPT := -O1 -g $(SANITIZE) -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
HARDEN := -fPIE
endif
CPPFLAGS += -D_GNU_SOURCE -I.
CFLAGS += -std=c17 $(OPT) $(HARDEN) $(WARN_C)
CXXFLAGS += -std=c++17 $(OPT) $(HARDEN) $(WARN)
LDFLAGS += -pie -Wl,-z,relro,-z,now $(if $(SAN),$(SANITIZE)) \
	$(if $(FUZZ),-fsanitize=fuzzer)

# What is being made, instead of how.
quiet := $(findstring s,$(filter-out -%,$(firstword $(MAKEFLAGS))))
say = @$(if $(V)$(quiet),,echo '  $(1) $(2)';)
pkg = $(shell pkg-config $(1) $(2) 2>/dev/null)

# The sources are what is there; a main is any file named after its program.
ALL_MAINS := generator/main.c cgi/cgi.c cgi/read.c cgi/worker.c cgi/jobs.c
MAINS := $(wildcard $(ALL_MAINS))
LIB_SRC := $(sort $(wildcard lib/*.c))
GEN_SRC := $(filter-out $(ALL_MAINS),$(sort $(wildcard generator/*.c)))
CGI_SRC := $(filter-out $(ALL_MAINS),$(sort $(wildcard cgi/*.c cgi/*/*.c)))
TEMPLATES := $(sort $(shell find templates -type f))
obj = $(patsubst %,$(BUILD)/obj/%.o,$(basename $(1)))
LIB_OBJ := $(call obj,$(LIB_SRC))
GEN_OBJ := $(call obj,$(GEN_SRC) generator/toml.cc) $(BUILD)/obj/embed.o
CGI_OBJ := $(call obj,$(CGI_SRC))

PROGRAMS := $(patsubst cgi/%.c,$(BUILD)/bin/lowtide-%,\
	$(patsubst generator/main.c,$(BUILD)/bin/lowtide,$(MAINS)))
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,\
	$(sort $(wildcard tests/unit/test-*.c)))
STORE_TESTS := $(patsubst tests/store/%.c,$(BUILD)/tests/%,\
	$(sort $(wildcard tests/store/test-*.c)))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/%,\
	$(sort $(wildcard tests/fuzz/fuzz-*.c)))

# Asked once, not by each link.
GEN_LIBS := $(call pkg,--libs,$(PKGS_GENERATOR) $(PKGS_LIB)) -lm -pthread
CGI_LIBS := $(call pkg,--libs,$(PKGS_CGI)) -lfcgi -lm

# What lowtide knows of itself, as JSON, and rendered by lowtide: its manuals
# and the completions of shells.
MANUALS := $(patsubst generator/man/%.mustache,$(BUILD)/man/%,\
	$(wildcard generator/man/lowtide*.mustache))
COMPLETIONS := $(patsubst generator/completions/%.mustache,\
	$(BUILD)/completions/%,$(wildcard generator/completions/*.mustache))
RENDER = $(BUILD)/bin/lowtide render $< --data $(BUILD)/tables.json

all: $(PROGRAMS) $(MANUALS) $(COMPLETIONS)

$(BUILD)/tables.json: $(BUILD)/bin/lowtide
	$(call say,GEN ,$@)$< tables >$@
$(BUILD)/man/%: generator/man/%.mustache $(wildcard generator/man/*.mustache) \
		$(BUILD)/tables.json
	@mkdir -p $(@D)
	$(call say,GEN ,$@)$(RENDER) --escape roff >$@
$(BUILD)/completions/%: generator/completions/%.mustache $(BUILD)/tables.json
	@mkdir -p $(@D)
	$(call say,GEN ,$@)$(RENDER) --escape shell >$@

$(BUILD)/bin/lowtide: $(call obj,generator/main.c) $(BUILD)/libgenerator.a \
		$(BUILD)/liblowtide.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CXX) $(LDFLAGS) -o $@ $^ $(GEN_LIBS)

$(BUILD)/bin/lowtide-%: $(BUILD)/obj/cgi/%.o $(BUILD)/libcgi.a \
		$(BUILD)/liblowtide.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(LDFLAGS) -o $@ $^ $(CGI_LIBS)

$(BUILD)/liblowtide.a: $(LIB_OBJ)
$(BUILD)/libgenerator.a: $(GEN_OBJ)
$(BUILD)/libcgi.a: $(CGI_OBJ)
$(BUILD)/%.a:
	@rm -f $@
	$(call say,AR  ,$@)$(AR) rcs $@ $^

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC  ,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/obj/%.o: %.cc
	@mkdir -p $(@D)
	$(call say,CXX ,$<)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

# templates/ inside the program: one .incbin each and a table of names.
$(BUILD)/embed.S: $(TEMPLATES) Makefile
	@mkdir -p $(@D)
	@{ n=0; printf '\t.section .rodata\n'; \
	for f in $(TEMPLATES); do n=$$((n+1)); \
	  printf 'n%d:\t.asciz "%s"\nf%d:\t.incbin "%s"\ne%d:\n' \
	    $$n "$${f#templates/}" $$n "$$f" $$n; done; \
	printf '\t.section .data.rel.ro,"aw"\n\t.globl embedded_files\n'; \
	printf '\t.balign 8\nembedded_files:\n'; \
	for i in $$(seq 1 $$n); do printf '\t.quad n%d, f%d, e%d\n' \
	  $$i $$i $$i; done; \
	printf '\t.quad 0, 0, 0\n\t.section .note.GNU-stack,"",@progbits\n'; \
	} >$@
$(BUILD)/obj/embed.o: $(BUILD)/embed.S
	@mkdir -p $(@D)
	$(call say,AS  ,$<)$(CC) -c -o $@ $<

# What make bench drives the programs with; tests/cli/bench.t needs it too. It
# is never sanitized.
BENCH_TOOLS := $(patsubst tests/bench/%.c,build/bench/%,\
	$(filter-out %/dial.c %/count-syncs.c,$(wildcard tests/bench/*.c))) \
	build/bench/count-syncs.so
build/bench/%: build/obj/tests/bench/%.o build/obj/tests/bench/dial.o \
		build/libcgi.a build/liblowtide.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(LDFLAGS) -o $@ $^ $(CGI_LIBS)
build/bench/codecs: CGI_LIBS += $(call pkg,--libs,libdeflate libbrotlienc) \
	-pthread
build/bench/%.so: tests/bench/%.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -shared -o $@ $<
bench-tools: $(BENCH_TOOLS)

# Tests: each is one program that speaks TAP and links what it needs, by gold
# where that is: hundreds of links, each in a third of the time.
TEST_LIBS := $(call pkg,--libs,$(PKGS_TEST)) $(GEN_LIBS) $(CGI_LIBS) -ljansson
TEST_LDFLAGS := $(LDFLAGS) \
	$(if $(FUZZ),,$(if $(shell command -v ld.gold 2>/dev/null),-fuse-ld=gold))
TEST_ARCHIVES := $(BUILD)/libgenerator.a $(BUILD)/libcgi.a \
	$(BUILD)/liblowtide.a
$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(TEST_ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CXX) $(TEST_LDFLAGS) -o $@ $^ $(TEST_LIBS)
$(BUILD)/tests/%: $(BUILD)/obj/tests/store/%.o $(TEST_ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CXX) $(TEST_LDFLAGS) -o $@ $^ $(TEST_LIBS)
# Whole worlds from a seed: tests/fault/sim.t
$(BUILD)/tests/sim: $(patsubst %.c,$(BUILD)/obj/%.o,\
		$(sort $(wildcard tests/fault/sim/*.c))) $(TEST_ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CXX) $(TEST_LDFLAGS) -o $@ $^ $(TEST_LIBS)
# … and of reads: tests/fault/reads-sim.t
$(BUILD)/tests/reads-sim: $(patsubst %.c,$(BUILD)/obj/%.o,\
		$(sort $(wildcard tests/fault/reads/*.c))) $(TEST_ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CXX) $(TEST_LDFLAGS) -o $@ $^ $(TEST_LIBS)
tests-built: $(UNIT) $(STORE_TESTS) $(BUILD)/tests/sim $(BUILD)/tests/reads-sim \
	$(if $(SAN),$(FUZZERS),$(BENCH_TOOLS) $(BUILD)/tests/shim.so)

# Fuzzers with a driver of ours in make check, sanitized; with clang's coverage
# in make fuzz, where every object is clang's.
$(BUILD)/tests/fuzz-%: $(BUILD)/obj/tests/fuzz/fuzz-%.o \
		$(BUILD)/obj/tests/fuzz/failed.o \
		$(if $(FUZZ),,$(BUILD)/obj/tests/fuzz/driver.o) \
		$(BUILD)/libgenerator.a $(BUILD)/libcgi.a $(BUILD)/liblowtide.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CXX) $(TEST_LDFLAGS) -o $@ $^ $(GEN_LIBS) $(CGI_LIBS)

# make fuzz T=html SECONDS=60: what is new goes to build/fuzz/corpus.
SECONDS ?= 60
fuzz:
	@.ci/packages fuzz
	@$(MAKE) -j$$(nproc) --no-print-directory FUZZ=1 SAN=1 CC=clang \
		CXX=clang++ $(addprefix build/fuzz/tests/fuzz-,$(T))
	@mkdir -p build/fuzz/corpus/$(T)
	build/fuzz/tests/fuzz-$(T) -max_total_time=$(SECONDS) -max_len=65536 \
		-artifact_prefix=build/fuzz/ build/fuzz/corpus/$(T) \
		tests/fuzz/corpus/$(T)

# Preloaded into the programs by tests/fault; a sanitizer has its own wrappers.
$(BUILD)/tests/shim.so: tests/fault/shim.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CPPFLAGS) -std=c17 -O2 -g $(WARN_C) -fPIC \
		-shared -o $@ $<

# make check: everything is built plainly and once more with sanitizers, and
# every test runs in both (lints once). T=path runs one of them, plainly or,
# with SAN=1, sanitized. One prove, so that its summary speaks for all, and after
# it what those that failed had to say (tests/told).
T_FILES := $(sort $(wildcard tests/cli/*.t tests/golden/*.t tests/web/*.t \
	tests/browser/*.t tests/fault/*.t))
LINTS := $(sort $(wildcard tests/lint/*.t))
C_TESTS := $(notdir $(UNIT) $(STORE_TESTS))
SAN_T := $(patsubst tests/%,build/san/t/%,$(T_FILES))
# They wait more than they compute: two for each core. What takes longest begins
# first, and what is short comes last: so no core is idle at the end.
PROVE := prove --timer -j $(shell echo $$((2 * $$(nproc))))
LONG := browser/site web/openapi cli/bench cli/worker web/apache-site cli/demo \
	web/contract-apache-cgi web/lighttpd-site web/contract-lighttpd-cgi \
	web/nginx-brotli golden/run cli/deploy web/openapi-reads \
	browser/client-token browser/stream browser/client-six fault/held \
	browser/site-signin browser/oauth web/line fault/hold cli/manual \
	cli/keygen
LONG_T = $(foreach t,$(LONG),tests/$(t).t build/san/t/$(t).t)
export ASAN_OPTIONS := detect_leaks=1:abort_on_error=0
export UBSAN_OPTIONS := print_stacktrace=1

# The same end-to-end test, told to use the sanitized programs.
build/san/t/%.t: tests/%.t Makefile
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nLOWTIDE_BIN=build/san/bin exec $<\n' >$@
	@chmod +x $@

check:
	@.ci/packages check
ifdef T
	@$(MAKE) -j$$(nproc) --no-print-directory all tests-built
	LOWTIDE_BIN=$(BUILD)/bin prove -v \
		$(if $(filter %.c,$(T)),$(BUILD)/tests/$(basename $(notdir $(T))),$(T))
else
	@$(MAKE) -j$$(nproc) --no-print-directory WERROR=1 all tests-built
	@$(MAKE) -j$$(nproc) --no-print-directory WERROR=1 SAN=1 all tests-built
	@$(MAKE) --no-print-directory $(SAN_T)
	@rm -f build/failed
	$(PROVE) --exec tests/told \
		$(filter $(T_FILES) $(SAN_T),$(LONG_T)) $(LINTS) \
		$(filter-out $(LONG_T),$(T_FILES) $(SAN_T)) \
		$(addprefix build/tests/,$(C_TESTS)) \
		$(addprefix build/san/tests/,$(C_TESTS) $(notdir $(FUZZERS))) \
		|| { cat build/failed; exit 1; }
endif

# make check-npm: tests with a tool of somebody else's, pinned in tests/npm.
build/npm/installed: tests/npm/package-lock.json
	@mkdir -p $(@D)
	@cp tests/npm/package.json tests/npm/package-lock.json $(@D)
	cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
check-npm:
	@.ci/packages check-npm
	@$(MAKE) -j$$(nproc) --no-print-directory all build/npm/installed
	LOWTIDE_BIN=$(BUILD)/bin $(PROVE) $(wildcard tests/npm/*.t)

# Bytes, which are the same everywhere: tests/npm/size.mjs.
size:
	@.ci/packages check-npm
	@$(MAKE) -j$$(nproc) --no-print-directory -s all build/npm/installed
	@LOWTIDE_BIN=$(BUILD)/bin node tests/npm/size.mjs

# make soak: the campaigns that tests/fault and the simulations run a slice of
# in make check, in their whole size; sizes from the environment.
soak:
	@.ci/packages check
	@$(MAKE) -j$$(nproc) --no-print-directory WERROR=1 all tests-built
	@$(MAKE) -j$$(nproc) --no-print-directory WERROR=1 SAN=1 \
		$(patsubst build/%,build/san/%,$(FUZZERS))
	@tests/fault/soak.sh

PORT ?= 8080
demo:
	@.ci/packages demo
	@echo 'Building …'
	@$(MAKE) -j$$(nproc) --no-print-directory -s all
	@exec $(BUILD)/bin/lowtide serve -C site --env dev --port $(PORT) \
		$(if $(CHECK),-- node check.mjs)

# make install DESTDIR= PREFIX=: the programs, their manuals, what completes
# their command lines and the units that run them, nothing else; configuration,
# keys and state are made by whoever runs a site.
PREFIX ?= /usr/local
SHARE = $(DESTDIR)$(PREFIX)/share
LIBDIR = $(DESTDIR)$(PREFIX)/lib
UNITS := $(wildcard templates/server/systemd/*@.*.mustache)
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(addprefix $(SHARE)/,man/man1 \
		man/man5 man/man8 bash-completion/completions \
		zsh/site-functions) $(LIBDIR)/systemd/system $(LIBDIR)/sysusers.d
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(BUILD)/man/lowtide.1 cgi/lowtide-jobs.1 \
		$(SHARE)/man/man1
	install -m 644 $(filter %.5,$(MANUALS)) $(SHARE)/man/man5
	install -m 644 $(sort $(wildcard cgi/*.8)) $(SHARE)/man/man8
	install -m 644 $(BUILD)/completions/lowtide.bash \
		$(SHARE)/bash-completion/completions/lowtide
	install -m 644 cgi/lowtide-jobs.bash \
		$(SHARE)/bash-completion/completions/lowtide-jobs
	install -m 644 $(BUILD)/completions/_lowtide cgi/_lowtide-jobs \
		$(SHARE)/zsh/site-functions
	for unit in $(notdir $(UNITS:.mustache=)); do \
		sed 's|^ExecStart=|&$(PREFIX)/bin/|' \
			templates/server/systemd/$$unit.mustache \
			>$(LIBDIR)/systemd/system/$$unit && \
		chmod 644 $(LIBDIR)/systemd/system/$$unit || exit 1; done
	install -m 644 templates/server/systemd/lowtide.sysusers.mustache \
		$(LIBDIR)/sysusers.d/lowtide.conf

# Figures, never asserted: tests/bench/run.mjs says what they are and what
# ROUNDS= SECONDS_EACH= ONLY= FULL=1 PEERS=0 AGAINST= BENCH_JSON= do.
bench: PEERS ?= 1
bench:
	@.ci/packages $(if $(filter 0,$(PEERS)),bench,bench-peers)
	@$(MAKE) -j$$(nproc) --no-print-directory -s all bench-tools
	@PEERS=$(PEERS) tests/bench/run.mjs

# The same of reads, beside what one would otherwise write: ONLY=read-cold …
bench-read: PEERS ?= 1
bench-read:
	@.ci/packages $(if $(filter 0,$(PEERS)),bench,bench-read)
	@$(MAKE) -j$$(nproc) --no-print-directory -s all bench-tools
	@PEERS=$(PEERS) tests/bench/run.mjs --reads

# The same of the generator beside esbuild, hugo and cp: tests/bench/
# generator.mjs. ROUNDS= ONLY=2k,compress,20k BENCH_JSON=
bench-generator:
	@.ci/packages bench-generator
	@$(MAKE) -j$$(nproc) --no-print-directory -s all bench-tools
	@tests/bench/generator.mjs

# What a page costs and how soon it sees a result, in Chromium:
# tests/bench/client.mjs. ROUNDS= ONLY=view,jobs,ten BENCH_JSON=
bench-client:
	@.ci/packages bench-client
	@$(MAKE) -j$$(nproc) --no-print-directory -s all
	@LOWTIDE_BIN=$(BUILD)/bin tests/bench/client.mjs

# What README and docs show; taken anew when the site looks different.
pictures:
	@.ci/packages check
	@$(MAKE) -j$$(nproc) --no-print-directory -s all
	@PICTURES=$(CURDIR)/docs/pictures $(BUILD)/bin/lowtide serve -q \
		-C site --env dev --port $(PORT) -- \
		node $(CURDIR)/tests/browser/pictures.mjs

format:
	clang-format -i $(wildcard lib/*.[ch] generator/*.[ch] generator/*.cc \
		cgi/*.[ch] cgi/*/*.[ch] tests/*/*.[ch])

clean:
	rm -rf build

.PHONY: all bench bench-client bench-generator bench-read bench-tools check check-npm clean demo \
	format fuzz install size soak tests-built
.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
