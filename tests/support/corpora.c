/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/corpora.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool corpora_path(const char *name, char *ret, size_t size)
{
	const char *folder = getenv("VEDETTE_CORPORA");
	int n = snprintf(ret, size, "%s/%s", folder && *folder ? folder : "../shared/corpora", name);
	if (n > 0 && (size_t)n < size && access(ret, R_OK) == 0)
		return true;
	printf("# SKIP corpora are not there: %s\n", ret);
	return false;
}
