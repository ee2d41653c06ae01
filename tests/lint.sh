#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make lint: licence lines, forbidden calls, gcc's and clang's warnings, variables that change, the fuzzing build, clang-tidy (.clang-tidy). Prints what it
# found, ends with "N passed, N failed". The gcc objects stay in build/lint: a second run compiles what changed.
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
verdict() { # verdict STATUS NAME
	if [ "$1" -eq 0 ]; then passed=$((passed + 1)); echo "ok - $2"; else failed=$((failed + 1)); echo "not ok - $2"; fi
}
sources() { git ls-files 'engine/*.[ch]' 'alerts/*.[ch]' 'bpf/*.[ch]' 'tests/*.[ch]' 'benchmarks/*.[ch]' 'schemas/*.[ch]' 'schemas/*.def' 'engine/*.def'; }

missing=$(sources | xargs grep -L 'SPDX-License-Identifier:'; git ls-files '*.sh' '*.py' 'tests/guest/*' tests/run .ci/run Makefile | xargs grep -L 'SPDX-License-Identifier:')
[ -z "$missing" ] || echo "no licence line: $missing"
verdict "$([ -z "$missing" ]; echo $?)" "every source states its licence"

wrong=$(git ls-files 'bpf/*' | xargs grep -LE 'SPDX-License-Identifier: .*GPL-2.0 OR BSD-2-Clause')
[ -z "$wrong" ] || echo "not under the kernel side's licence: $wrong"
verdict "$([ -z "$wrong" ]; echo $?)" "the kernel side is GPL-2.0 OR BSD-2-Clause"

calls=$(git ls-files 'engine/*.c' 'alerts/*.c' | xargs grep -nE '\b(sprintf|strcpy|strcat|strtok|atoi|strtol|gets|system|popen|alloca)\(' || true)
[ -z "$calls" ] || echo "$calls"
verdict "$([ -z "$calls" ]; echo $?)" "no forbidden call"

jobs=$(nproc)
mkdir -p build/lint
make --no-print-directory -s -j"$jobs" VARIANT=lint WERROR=-Werror CFLAGS_lint='-O2 -g0 -fno-pie -D_FORTIFY_SOURCE=2' objects >build/lint/gcc.log 2>&1
status=$?
[ $status -eq 0 ] || tail -n 20 build/lint/gcc.log
verdict $status "gcc builds without a warning"

# What the objects hold in writable sections is what changes (or could), function-local statics included.
if [ $status -eq 0 ]; then
	globals=$(find build/lint/obj/engine build/lint/obj/alerts -name '*.o' -print0 | sort -z | xargs -0 nm -A | grep -E ' [dDbBC] ' || true)
	[ -z "$globals" ] || echo "$globals"
	verdict "$([ -z "$globals" ]; echo $?)" "no file-scope variable that changes"
else
	verdict 1 "no file-scope variable that changes (cannot be told: the objects are missing)"
fi

# all its warnings come before code generation
warn=$(make --no-print-directory -s print-WARN)
include=(-std=c17 -D_GNU_SOURCE -I. -isystem build/bpf "-DVEDETTE_VERSION=\"0\"")
# the module of syslog-ng is looked at where its headers are
module=':!alerts/syslog-ng'
if root=$(bash tests/alerts/receivers_fetch.sh --cached 2>/dev/null); then
	module='alerts/syslog-ng/*.c'
	read -ra headers <<< "$(make --no-print-directory -s SYSLOG_NG_ROOT="$root" print-MODULE_CFLAGS)"
	include+=("${headers[@]}")
fi
# so is what is built with Vectorscan
searcher=':!engine/index/searcher_vectorscan.c'
if pkg-config --exists libhs; then
	searcher='engine/index/searcher_vectorscan.c'
	read -ra headers <<< "$(pkg-config --cflags libhs)"
	include+=(${headers[@]+"${headers[@]}"})
else
	echo "engine/index/searcher_vectorscan.c is passed over: no Vectorscan here (apt-get install libvectorscan-dev)"
fi
git ls-files 'engine/*.c' 'alerts/*.c' 'tests/*.c' 'benchmarks/*.c' 'schemas/*.c' "$module" "$searcher" |
	xargs -P "$jobs" -n 16 clang -fsyntax-only -Werror $warn "${include[@]}" >build/lint/clang.log 2>&1
status=$?
[ $status -eq 0 ] || tail -n 20 build/lint/clang.log
verdict $status "clang compiles without a warning"

# What is only built for fuzzing is instrumented from its first instruction on: it has to start, and to take what is known.
make --no-print-directory -s -j"$jobs" VARIANT=fuzz fuzz-targets >build/lint/fuzz.log 2>&1 && tests/fuzz/run.sh 0 >>build/lint/fuzz.log 2>&1
status=$?
[ $status -eq 0 ] || tail -n 20 build/lint/fuzz.log
verdict $status "every fuzz target starts and takes its corpus"

git ls-files 'engine/*.c' 'alerts/*.c' "$module" "$searcher" | xargs -P "$jobs" -I{} clang-tidy --quiet {} -- "${include[@]}" >build/lint/tidy.log 2>build/lint/tidy.err
status=$?
[ $status -eq 0 ] || { grep -E 'warning:|error:' build/lint/tidy.log build/lint/tidy.err | sort -u | head -n 20; }
verdict $status "clang-tidy finds nothing"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
