/* SPDX-License-Identifier: Apache-2.0 */
/* Lazily backed memory; owns nothing itself. */
#include "engine/enrich/region.h"

#include <errno.h>
#include <sys/mman.h>

int region_new(size_t bytes, void **ret)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	(void)madvise(p, bytes, MADV_NOHUGEPAGE); /* kernels without huge pages refuse it: then there is nothing to avoid */
	*ret = p;
	return 0;
}

void region_free(void *memory, size_t bytes)
{
	if (memory)
		munmap(memory, bytes);
}
