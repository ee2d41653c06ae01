# SPDX-License-Identifier: Apache-2.0
# One Makefile, no recursion. One build folder per variant: build/release, debug, asan, tsan, cov, fuzz. `make help` lists the targets.
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
SHELL := /bin/bash
export LC_ALL := C

VARIANT ?= release
# 1: Vectorscan (Debian: libvectorscan-dev) searches for many texts at once; nothing differs but speed. Has build folders of its own.
WITH_VECTORSCAN ?= 0
# 1: also builds build/VARIANT/syslog-ng/libvedette.so, the module that verifies inside syslog-ng (Debian: syslog-ng-dev, libglib2.0-dev). SYSLOG_NG_ROOT: where
# these packages are unpacked instead.
WITH_SYSLOG_NG ?= 0
SYSLOG_NG_ROOT ?=
B := build/$(VARIANT)$(if $(filter 1,$(WITH_VECTORSCAN)),-vectorscan)
VERSION := $(shell cat VERSION)
PREFIX ?= /usr/local
DESTDIR ?=
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
V ?= 0
Q := $(if $(filter 0,$(V)),@,)
say = $(if $(filter 0,$(V)),@printf '%-6s %s\n' "$(1)" "$(2)",@:)

ifeq ($(origin CC),default)
CC := gcc
endif
# loaded when a sink needs them, never linked: only their headers
HEADERS := libcurl libnats
LIBS := libbpf libelf zlib yaml-0.1 libpcre2-8 libsodium libssl libcrypto $(if $(filter 1,$(WITH_VECTORSCAN)),libhs)
LIBRARIES_OK := build/libraries$(if $(filter 1,$(WITH_VECTORSCAN)),-vectorscan).ok
SEARCHER_NOT := engine/index/searcher$(if $(filter 1,$(WITH_VECTORSCAN)),,_vectorscan).c

# --- what is there -----------------------------------------------------------------------------------------------------
ENGINE_SRC := $(filter-out $(SEARCHER_NOT),$(sort $(wildcard engine/*/*.c alerts/*.c)))
MAIN_SRC := engine/daemon/main.c
LIB_SRC := $(filter-out $(MAIN_SRC),$(ENGINE_SRC))
SUPPORT_SRC := $(sort $(wildcard tests/support/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_SRC := $(sort $(wildcard benchmarks/bench_*.c))
BENCH_HELP_SRC := $(filter-out $(BENCH_SRC),$(sort $(wildcard benchmarks/*.c)))
GEN_SRC := $(sort $(wildcard schemas/gen_*.c))
PAYLOAD_SRC := $(sort $(wildcard tests/bpf/*.c))
BPF_SRC := $(wildcard bpf/vedette.bpf.c)

LIB_OBJ := $(LIB_SRC:%.c=$(B)/obj/%.o)
MAIN_OBJ := $(MAIN_SRC:%.c=$(B)/obj/%.o)
SUPPORT_OBJ := $(SUPPORT_SRC:%.c=$(B)/obj/%.o)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/tests/%)
PROBE_SRC := $(sort $(wildcard tests/probe/*.c))
PROBE_BIN := $(PROBE_SRC:tests/probe/%.c=$(B)/tests/probe_%)
HELPER_SRC := $(sort $(wildcard tests/alerts/*.c))
HELPER_BIN := $(HELPER_SRC:tests/alerts/%.c=$(B)/tests/%)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/tests/%)
BENCH_HELP_OBJ := $(BENCH_HELP_SRC:%.c=$(B)/obj/%.o)
BENCH_BIN := $(BENCH_SRC:benchmarks/%.c=$(B)/bench/%)
GEN_BIN := $(GEN_SRC:schemas/%.c=$(B)/gen/%)
PAYLOAD_BIN := $(PAYLOAD_SRC:tests/bpf/%.c=build/payload/%) build/payload/behave build/payload/inject build/payload/evade
ARCHIVE := $(B)/libvedette.a
PROGRAM := $(B)/vedette
SKELETON := build/bpf/vedette.skel.h

# --- flags: the compiler first, then what it knows ----------------------------------------------------------------------
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef -Wvla
knows = $(shell printf 'int x;' | $(CC) -Werror $(1) -x c -c -o /dev/null - 2>/dev/null && echo '$(1)')
HARDEN := -fstack-protector-strong $(call knows,-fstack-clash-protection) $(call knows,-fcf-protection=full) $(call knows,-ftrivial-auto-var-init=zero)
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 $(HARDEN) -fPIE
LDFLAGS_release := -pie -Wl,-z,relro,-z,now,-z,noexecstack
CFLAGS_debug := -O0 -g3
CFLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
LDFLAGS_asan := -fsanitize=address,undefined
CFLAGS_tsan := -O1 -g -fsanitize=thread
LDFLAGS_tsan := -fsanitize=thread
CFLAGS_cov := -O0 -g --coverage
LDFLAGS_cov := --coverage
CFLAGS_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LDFLAGS_fuzz := -fsanitize=address,undefined
ifeq ($(VARIANT),fuzz)
CC := $(CLANG)
endif
WERROR ?= $(if $(CI),-Werror,)
PATHMAP := -ffile-prefix-map=$(CURDIR)=.
LIB_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(LIBS) $(HEADERS))
LIB_LIBS = $(shell $(PKG_CONFIG) --libs $(LIBS))
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE $(WARN) $(WERROR) $(PATHMAP) -I. -isystem build/bpf -DVEDETTE_VERSION='"$(VERSION)"' $(CFLAGS_$(VARIANT)) $(CFLAGS)
ALL_LDFLAGS = $(LDFLAGS_$(VARIANT)) $(LDFLAGS)

.PHONY: all
all: $(PROGRAM)

# --- libraries: a missing one stops with its name ------------------------------------------------------------------------
$(LIBRARIES_OK): Makefile
	@mkdir -p build
	@for l in $(LIBS) $(HEADERS); do $(PKG_CONFIG) --exists $$l || { echo "vedette: library '$$l' is missing: run 'make deps'" >&2; exit 1; }; done
	@for t in $(CLANG) $(LLVM_STRIP) $(BPFTOOL); do command -v $$t >/dev/null || { echo "vedette: tool '$$t' is missing: run 'make deps'" >&2; exit 1; }; done
	@touch $@

# --- kernel side ----------------------------------------------------------------------------------------------------------
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu17 -Wall -Wextra -Wshadow -Wno-unused-parameter -Werror \
	-I. -idirafter /usr/include/$(shell uname -m)-linux-gnu -fdebug-prefix-map=$(CURDIR)=. -fno-ident
build/bpf/vedette.bpf.o: $(BPF_SRC) | $(LIBRARIES_OK)
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(SKELETON): build/bpf/vedette.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name vedette_bpf > $@

# --- engine ---------------------------------------------------------------------------------------------------------------
$(B)/obj/%.o: %.c | $(LIBRARIES_OK) $(if $(BPF_SRC),$(SKELETON))
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LIB_CFLAGS) -MMD -MP -c $< -o $@

# the skeleton is a system header to the compiler (its code is not ours to warn about), so -MMD leaves it out
$(B)/obj/engine/probe/sensor.o $(B)/obj/engine/probe/verdicts.o: $(if $(BPF_SRC),$(SKELETON))

# these files are part of the program
$(B)/obj/engine/import/sigma_builtin.o: schemas/mappings/sigma.yaml

$(ARCHIVE): $(LIB_OBJ)
	$(call say,AR,$@)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcsD $@ $^

$(PROGRAM): $(MAIN_OBJ) $(ARCHIVE)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(MAIN_OBJ) $(ARCHIVE) $(LIB_LIBS) -o $@

# --- the module of syslog-ng: what it needs of ours, as code for a shared library ------------------------------------------------
MODULE := $(B)/syslog-ng/libvedette.so
MODULE_SRC := $(sort $(wildcard alerts/syslog-ng/*.c engine/base/*.c)) \
	alerts/crypto.c alerts/head.c alerts/line_judge.c alerts/line_judge_state.c alerts/sha256_cpu.c alerts/sign.c alerts/verify_keys.c alerts/verify_record.c alerts/wal_io.c
MODULE_OBJ := $(MODULE_SRC:%.c=$(B)/pic/%.o)
MODULE_PKG = $(if $(SYSLOG_NG_ROOT),PKG_CONFIG_SYSROOT_DIR=$(SYSLOG_NG_ROOT) PKG_CONFIG_PATH=$(SYSLOG_NG_ROOT)/usr/lib/$(shell uname -m)-linux-gnu/pkgconfig) $(PKG_CONFIG)
MODULE_CFLAGS = $(patsubst -I%,-isystem %,$(shell $(MODULE_PKG) --cflags syslog-ng))
ifeq ($(WITH_SYSLOG_NG),1)
all: $(MODULE)
endif

$(B)/pic/alerts/syslog-ng/%.o: MODULE_INCLUDES = $(MODULE_CFLAGS)
$(B)/pic/%.o: %.c | $(LIBRARIES_OK)
	$(call say,CC,$< (module))
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fPIC -fvisibility=hidden $(MODULE_INCLUDES) $(shell $(PKG_CONFIG) --cflags libsodium) -MMD -MP -c $< -o $@

$(MODULE): $(MODULE_OBJ)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(filter-out -pie,$(ALL_LDFLAGS)) -shared -Wl,--gc-sections $^ $(shell $(PKG_CONFIG) --libs libsodium yaml-0.1) -o $@

# --- generated files, checked in: docs/events.md, schemas/*.schema.json -----------------------------------------------------
$(B)/gen/%: $(B)/obj/schemas/%.o $(ARCHIVE)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $< $(ARCHIVE) $(LIB_LIBS) -o $@

.PHONY: generated
generated: $(GEN_BIN)
	$(call say,GEN,docs/events.md schemas/*.schema.json)
	$(Q)set -e; for g in $(GEN_BIN); do $$g .; done

# --- tests ----------------------------------------------------------------------------------------------------------------
$(B)/tests/test_%: $(B)/obj/tests/unit/test_%.o $(SUPPORT_OBJ) $(ARCHIVE)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $(LIB_LIBS) -lcmocka -o $@

# Programs that drive the kernel side themselves, for guests.
$(B)/tests/probe_%: $(B)/obj/tests/probe/%.o $(ARCHIVE)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $(LIB_LIBS) -lpthread -o $@

# Programs that shell tests use.
$(B)/tests/%: $(B)/obj/tests/alerts/%.o $(SUPPORT_OBJ) $(ARCHIVE)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $(LIB_LIBS) -lcmocka -o $@

ifeq ($(VARIANT),fuzz)
$(B)/tests/fuzz_%: $(B)/obj/tests/fuzz/fuzz_%.o $(SUPPORT_OBJ) $(ARCHIVE)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer $^ $(LIB_LIBS) -o $@
else
$(B)/tests/fuzz_%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay.o $(SUPPORT_OBJ) $(ARCHIVE)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $(LIB_LIBS) -o $@
endif

# Programs that do the deeds in the guests: static, no library of ours.
define build_payload
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARN) -O1 -g0 -static $< -o $@ -lpthread
endef
build/payload/%: tests/bpf/%.c
	$(build_payload)
build/payload/%: tests/behaviours/%.c
	$(build_payload)
EVADE_SRC := $(sort $(wildcard tests/evasions/*.c))
build/payload/evade: $(EVADE_SRC) $(wildcard tests/evasions/*.h)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARN) -O1 -g0 -static $(EVADE_SRC) -o $@ -lpthread

# for tests/lint.sh: every object without linking, and the warnings we ask for
.PHONY: objects print-WARN print-MODULE_CFLAGS
objects: $(patsubst %.c,$(B)/obj/%.o,$(ENGINE_SRC) $(SUPPORT_SRC) $(UNIT_SRC) $(PROBE_SRC) $(HELPER_SRC) $(FUZZ_SRC) $(BENCH_SRC) $(BENCH_HELP_SRC) $(GEN_SRC))
print-WARN:
	@echo '$(WARN)'
print-MODULE_CFLAGS:
	@echo '$(MODULE_CFLAGS)'

.PHONY: payload tests fuzz-targets
payload: $(PAYLOAD_BIN)
fuzz-targets: $(FUZZ_BIN)
tests: $(UNIT_BIN) $(PROBE_BIN) $(HELPER_BIN) fuzz-targets $(GEN_BIN)

# For builds that begin here: all processors, but where who calls has said how many.
SIDE = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: check-fast check soak asan lint fuzz
check-fast: all tests
	@tests/run fast $(VARIANT)

check:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory $(SIDE) all tests payload $(B)/bench/bench_engine
	@tests/run all $(VARIANT)

soak: all tests payload
	@LOADS="idle busy reload stopped full" bash tests/evasions/evasions.guest.sh
	@tests/soak

asan:
	@$(MAKE) --no-print-directory $(SIDE) VARIANT=asan all tests
	@tests/run fast asan

lint:
	@tests/lint.sh

fuzz:
	@$(MAKE) --no-print-directory $(SIDE) VARIANT=fuzz fuzz-targets
	@tests/fuzz/run.sh $${SECONDS_EACH:-60}

# --- benchmarks -----------------------------------------------------------------------------------------------------------
$(B)/bench/%: $(B)/obj/benchmarks/%.o $(BENCH_HELP_OBJ) $(SUPPORT_OBJ) $(ARCHIVE)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $(LIB_LIBS) -o $@

.PHONY: bench bench-alerts bench-engine bench-kernel bench-workload
bench: all $(BENCH_BIN)
	@benchmarks/run.sh $(B)
	@benchmarks/start.sh $(B)

bench-engine: $(B)/bench/bench_engine
	@benchmarks/engine.sh $(B)

.PHONY: bench-syslog-ng
bench-syslog-ng: $(B)/bench/bench_judge
	@benchmarks/syslog_ng.sh $(B)

bench-alerts: all $(B)/bench/bench_alerts
	@benchmarks/alerts.sh $(B)

bench-kernel: all payload
	@benchmarks/kernel.sh $(B)

bench-workload: all payload
	@benchmarks/workload.sh

# --- the rest ---------------------------------------------------------------------------------------------------------------
.PHONY: demo deps install clean help
demo:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory $(SIDE) all payload
	@tests/demo/demo.sh $(B)

deps:
	@tests/deps.sh

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/vedette
	install -m 0755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/vedette
	cp -R rules schemas $(DESTDIR)$(PREFIX)/share/vedette/
	install -d $(DESTDIR)$(PREFIX)/share/doc/vedette/docs/examples
	install -m 0644 README.md SECURITY.md CHANGELOG.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/vedette/
	install -m 0644 $(wildcard docs/*.md docs/*.py docs/*.mjs) $(DESTDIR)$(PREFIX)/share/doc/vedette/docs/
	install -m 0644 $(wildcard docs/examples/*) $(DESTDIR)$(PREFIX)/share/doc/vedette/docs/examples/
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 0644 docs/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 0644 docs/man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5/
ifeq ($(WITH_SYSLOG_NG),1)
	install -d $(DESTDIR)$(shell $(MODULE_PKG) --variable=moduledir syslog-ng)
	install -m 0644 $(MODULE) $(DESTDIR)$(shell $(MODULE_PKG) --variable=moduledir syslog-ng)/
endif

clean:
	rm -rf build

help:
	@echo "make               release binary: build/release/vedette"
	@echo "make deps          install the Debian packages that building and testing need (root, or through sudo)"
	@echo "make demo          see it work: harmless suspicious acts, signed alerts, a blocked exec in a guest"
	@echo "make check         all tests that guard main, guests of both kernels included (30 to 60 minutes on two processors)"
	@echo "make check-fast    the tests that need no privileges and no guest (some minutes)"
	@echo "make asan          check-fast under AddressSanitizer and UndefinedBehaviorSanitizer"
	@echo "make lint          licence lines, forbidden calls, gcc's and clang's warnings, clang-tidy (about a minute)"
	@echo "make fuzz          fuzz every parser (SECONDS_EACH=60)"
	@echo "make soak          the long runs, resumable"
	@echo "make bench         user-space costs, time of a start and of one after a kill; make bench-kernel: instructions per operation in the guests"
	@echo "make bench-workload  what a compile and a churn of files cost in the guests: off, detecting, enforcing"
	@echo "make bench-alerts  alerts a second through render, sign and log, and one alone to the disk and to a webhook (build/bench/alerts.json)"
	@echo "make bench-engine  what judging an event costs by 100 to 10000 rules, against the goals (build/bench/engine.json)"
	@echo "make bench-syslog-ng  messages a second that the module verifies inside syslog-ng, against the goal (build/bench/syslog-ng.json)"
	@echo "make generated     write docs/events.md and the event schemas from schemas/events.def"
	@echo "make install DESTDIR= PREFIX=/usr/local"
	@echo "make clean         remove build/"
	@echo "WITH_VECTORSCAN=1  search for texts with Vectorscan (libvectorscan-dev), in build/VARIANT-vectorscan"
	@echo "WITH_SYSLOG_NG=1   also build the module that verifies inside syslog-ng, build/VARIANT/syslog-ng/libvedette.so (syslog-ng-dev)"
	@echo "Variables: VARIANT=release|debug|asan|tsan|cov|fuzz  CC=gcc|clang  V=1 (show commands)"

-include $(shell find build -name '*.d' 2>/dev/null)
