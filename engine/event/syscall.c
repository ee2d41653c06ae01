/* SPDX-License-Identifier: Apache-2.0 */
/* Expansion of schemas/syscall_names.def. */
#include "engine/event/syscall.h"

#include "engine/event/event.h"

enum { X32_BIT = 0x40000000 }; /* of 64-bit calls with 32-bit pointers; below 512 they have the numbers of the others */

static const char *const native_names[] = {
#define NATIVE_NAME(number, name) [number] = #name,
#include "schemas/syscall_names.def"
};

static const char *const compat_names[] = {
#define COMPAT_NAME(number, name) [number] = #name,
#include "schemas/syscall_names.def"
};

struct strview syscall_name(uint32_t number, uint32_t via)
{
	const char *name = NULL;
	if (via == VIA_COMPAT && number < ARRAY_SIZE(compat_names))
		name = compat_names[number];
	else if (via == VIA_SYSCALL && (number & ~(uint32_t)X32_BIT) < ARRAY_SIZE(native_names))
		name = native_names[number & ~(uint32_t)X32_BIT];
	return sv_from(name);
}

bool syscall_is_known(struct strview name)
{
	for (size_t i = 0; i < ARRAY_SIZE(native_names); i++)
		if (native_names[i] && sv_is(name, native_names[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(compat_names); i++)
		if (compat_names[i] && sv_is(name, compat_names[i]))
			return true;
	return false;
}
