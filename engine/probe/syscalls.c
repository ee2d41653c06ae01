/* SPDX-License-Identifier: Apache-2.0 */
/* Expansion of schemas/syscalls.def. Both headers of numbers use the same names, so each table stands right after its header. */
#include "engine/probe/syscalls.h"

#include <string.h>

#include "bpf/abi.h"

/* Newer than some headers; the numbers are the same for both kinds of call. */
#define __NR_fchmodat2 452
#define __NR_setxattrat 463

enum verb {
	VERB_NONE,
#define VERB(id, function, events) VERB_##id,
#include "schemas/syscalls.def"
};

static const uint64_t verb_events[] = {
	0,
#define VERB(id, function, events) events,
#include "schemas/syscalls.def"
};

#include <asm/unistd_64.h>
static const struct syscall_row native_rows[] = {
#define NATIVE(call, verb, form) { #call, __NR_##call, VERB_##verb },
#include "schemas/syscalls.def"
};

#include <asm/unistd_32.h>
static const struct syscall_row compat_rows[] = {
#define COMPAT(call, verb, form) { #call, __NR_##call, VERB_##verb },
#include "schemas/syscalls.def"
};

const struct syscall_row *syscalls_native(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(native_rows);
	return native_rows;
}

const struct syscall_row *syscalls_compat(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(compat_rows);
	return compat_rows;
}

uint64_t syscall_events(const struct syscall_row *row)
{
	return verb_events[row->verb];
}

static void mark(const struct syscall_row *rows, size_t n, uint64_t events, uint64_t *words)
{
	memset(words, 0, SYSCALL_WORDS * sizeof(*words));
	for (size_t i = 0; i < n; i++)
		if (syscall_events(&rows[i]) & events)
			words[rows[i].number / 64] |= UINT64_C(1) << (rows[i].number % 64);
}

void syscalls_wanted(uint64_t events, uint64_t ret_native[static SYSCALL_WORDS], uint64_t ret_compat[static SYSCALL_WORDS])
{
	mark(native_rows, ARRAY_SIZE(native_rows), events, ret_native);
	mark(compat_rows, ARRAY_SIZE(compat_rows), events, ret_compat);
}
