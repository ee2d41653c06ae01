/* SPDX-License-Identifier: Apache-2.0 */
/* The first page of such a map has the consumer's position, the second one the producer's. */
#include "engine/probe/ring_depth.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

int ring_depth_open(int map_fd, struct ring_depth *ret)
{
	struct bpf_map_info info = { 0 };
	uint32_t n = sizeof(info);
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (bpf_obj_get_info_by_fd(map_fd, &info, &n))
		return -errno;
	void *consumer = mmap(NULL, page, PROT_READ, MAP_SHARED, map_fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	void *producer = mmap(NULL, page, PROT_READ, MAP_SHARED, map_fd, (off_t)page);
	if (producer == MAP_FAILED) {
		int err = -errno;
		(void)munmap(consumer, page); /* just mapped */
		return err;
	}
	*ret = (struct ring_depth){ consumer, producer, info.max_entries };
	return 0;
}

void ring_depth_close(struct ring_depth *r)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (r->consumer)
		(void)munmap(r->consumer, page); /* mapped by us, whole */
	if (r->producer)
		(void)munmap(r->producer, page);
	*r = (struct ring_depth){ 0 };
}

uint64_t ring_depth_used(const struct ring_depth *r)
{
	if (!r->consumer)
		return 0;
	/* in this order: what is read meanwhile makes it too small, never negative */
	unsigned long consumed = __atomic_load_n((const unsigned long *)r->consumer, __ATOMIC_ACQUIRE);
	unsigned long produced = __atomic_load_n((const unsigned long *)r->producer, __ATOMIC_ACQUIRE);
	return produced - consumed;
}
