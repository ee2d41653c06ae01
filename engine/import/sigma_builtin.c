/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mapping table that comes with the program. It is part of the program file, so that the meaning of a rule does not depend on
 * what is installed where; the Makefile makes this object anew when the table changes.
 */
#include "engine/import/sigma.h"

__asm__(".pushsection .rodata\n"
	".type sigma_builtin_begin, @object\n"
	"sigma_builtin_begin:\n"
	".incbin \"schemas/mappings/sigma.yaml\"\n"
	"sigma_builtin_end:\n"
	".byte 0\n"
	".size sigma_builtin_begin, . - sigma_builtin_begin\n"
	".popsection\n");

extern const char sigma_builtin_begin[] __attribute__((visibility("hidden")));
extern const char sigma_builtin_end[] __attribute__((visibility("hidden")));

struct strview sigma_builtin_mapping(void)
{
	return (struct strview){ sigma_builtin_begin, (size_t)(sigma_builtin_end - sigma_builtin_begin) };
}
