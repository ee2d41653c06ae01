/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes and small macros every file uses: ownership (CLEANUP, TAKE), checked results, array length. */
#pragma once

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define PURE __attribute__((pure))

/* Run func(&variable) when the variable goes out of scope. Every owning local has one, and a starting value. */
#define CLEANUP(func) __attribute__((cleanup(func)))

/* Hand an owning pointer on: yields it and leaves NULL behind, so that CLEANUP frees nothing. */
#define TAKE(pointer)                               \
	__extension__({                             \
		__typeof__(pointer) _taken = (pointer); \
		(pointer) = NULL;                   \
		_taken;                             \
	})

/* The same for a file descriptor: leaves -1 behind. */
#define TAKE_FD(fd)                \
	__extension__({            \
		int _taken = (fd); \
		(fd) = -1;         \
		_taken;            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* A result that is ignored on purpose; the reason stands beside it. (A cast to void does not silence gcc here.) */
#define IGNORE(call)            \
	do {                    \
		if (call) {     \
		}               \
	} while (0)
