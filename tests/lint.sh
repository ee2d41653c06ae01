#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make lint: licence lines, forbidden calls, clang's warnings on top of gcc's, clang-tidy, gcc's analyzer. Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
verdict() { # verdict STATUS NAME
	if [ "$1" -eq 0 ]; then passed=$((passed + 1)); echo "ok - $2"; else failed=$((failed + 1)); echo "not ok - $2"; fi
}
sources() { git ls-files 'engine/*.[ch]' 'alerts/*.[ch]' 'bpf/*.[ch]' 'tests/*.[ch]' 'benchmarks/*.[ch]' 'schemas/*.[ch]' 'schemas/*.def' 'engine/*.def'; }

missing=$(sources | xargs grep -L 'SPDX-License-Identifier:' ; git ls-files '*.sh' '*.py' 'tests/guest/*' | xargs grep -L 'SPDX-License-Identifier:')
[ -z "$missing" ] || echo "no licence line: $missing"
verdict "$([ -z "$missing" ]; echo $?)" "every source states its licence"

wrong=$(git ls-files 'bpf/*' | xargs grep -LE 'SPDX-License-Identifier: .*GPL-2.0 OR BSD-2-Clause')
[ -z "$wrong" ] || echo "not under the kernel side's licence: $wrong"
verdict "$([ -z "$wrong" ]; echo $?)" "the kernel side is GPL-2.0 OR BSD-2-Clause"

calls=$(git ls-files 'engine/*.c' 'alerts/*.c' | xargs grep -nE '\b(sprintf|strcpy|strcat|strtok|atoi|strtol|gets|system|popen|alloca)\(' || true)
[ -z "$calls" ] || echo "$calls"
verdict "$([ -z "$calls" ]; echo $?)" "no forbidden call"

globals=$(git ls-files 'engine/*.c' 'alerts/*.c' | xargs grep -nE '^static [a-z_ ]+[a-z_]+(\[[^]]*\])? ?(=|;)' | grep -vE 'const|inline|_Thread_local' || true)
[ -z "$globals" ] || echo "$globals"
verdict "$([ -z "$globals" ]; echo $?)" "no file-scope variable that changes"

make --no-print-directory -s VARIANT=clang CC=clang WERROR=-Werror CFLAGS_clang='-O1 -g' all tests >build/lint-clang.log 2>&1
status=$?
[ $status -eq 0 ] || tail -n 20 build/lint-clang.log
verdict $status "clang builds without a warning"

make --no-print-directory -s VARIANT=lintgcc WERROR=-Werror CFLAGS_lintgcc='-O2 -g' all tests >build/lint-gcc.log 2>&1
status=$?
[ $status -eq 0 ] || tail -n 20 build/lint-gcc.log
verdict $status "gcc builds without a warning"

checks='-*,clang-analyzer-core.*,clang-analyzer-unix.*,-clang-analyzer-unix.Malloc,clang-analyzer-deadcode.*,bugprone-infinite-loop,bugprone-sizeof-expression,bugprone-suspicious-memset-usage'
# unix.Malloc does not understand the cleanup attribute and reports every owned pointer
tidy() {
	clang-tidy --quiet --checks="$checks" --warnings-as-errors='*' "$1" -- -std=c17 -D_GNU_SOURCE -I. -isystem build/bpf -DVEDETTE_VERSION='"0"' 2>/dev/null
}
export -f tidy
export checks
git ls-files 'engine/*.c' 'alerts/*.c' | xargs -P 2 -I{} bash -c 'tidy {}' >build/lint-tidy.log
status=$?
[ $status -eq 0 ] || grep -E 'warning|error' build/lint-tidy.log | head -n 20
verdict $status "clang-tidy finds nothing"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
