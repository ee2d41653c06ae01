/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/bench.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/event/ancestors.h"
#include "engine/event/decode.h"

enum { PASSES_MIN = 5, PASSES_MAX = 1001 };
#define PASSES_NS 1000000000ull /* passes go on for so long */

struct kept {
	struct event ev;
	struct derived derived;
	struct strview ancestors;
};

struct bench {
	struct arena arena;
	struct kept **events; /* owned; the events lie in the arena */
	size_t n, room;
	struct matches matches;
	double ns[PASSES_MAX];
};

int bench_new(struct bench **ret)
{
	struct bench *b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->arena.max = BENCH_MAX_BYTES;
	*ret = b;
	return 0;
}

void bench_free(struct bench **b)
{
	if (!*b)
		return;
	arena_done(&(*b)->arena);
	free((*b)->events);
	free(*b);
	*b = NULL;
}

static int copy_texts(struct bench *b, struct derived *d)
{
	size_t n;
	const struct field *fields = fields_derived(&n);
	for (size_t i = 0; i < n; i++) {
		enum value_class class = kind_get(fields[i].kind)->class;
		struct strview s;
		char *at = (char *)d + fields[i].offset;
		if ((class != CLASS_STR && class != CLASS_LIST) || !(d->present >> fields[i].index & 1))
			continue;
		memcpy(&s, at, sizeof(s));
		s.p = arena_text(&b->arena, s);
		if (!s.p)
			return -ENOMEM;
		memcpy(at, &s, sizeof(s));
	}
	uint64_t *line = arena_alloc(&b->arena, (d->n_lineage ? d->n_lineage : 1) * sizeof(*line));
	if (!line)
		return -ENOMEM;
	if (d->n_lineage)
		memcpy(line, d->lineage, d->n_lineage * sizeof(*line));
	d->lineage = d->lineage ? line : NULL;
	return 0;
}

static int copy_ancestors(struct bench *b, struct kept *k)
{
	struct derived *d = &k->derived;
	if (!d->ancestors)
		return 0;
	size_t n = ancestors_pack(d, NULL, 0);
	char *pack = arena_alloc(&b->arena, n ? n : 1);
	if (!pack)
		return -ENOMEM;
	k->ancestors = (struct strview){ pack, ancestors_pack(d, pack, n) };
	d->ancestors = ancestors_unpack;
	d->ancestors_source = &k->ancestors;
	return 0;
}

int bench_add(struct bench *b, const struct event *ev)
{
	if (b->n == b->room) {
		size_t room = b->room ? 2 * b->room : 4096;
		struct kept **events = realloc(b->events, room * sizeof(void *));
		if (!events)
			return -ENOMEM;
		b->events = events;
		b->room = room;
	}
	struct kept *k = arena_alloc(&b->arena, sizeof(*k));
	void *record = arena_alloc(&b->arena, ev->size);
	if (!k || !record)
		return -ENOMEM;
	memcpy(record, ev->common, ev->size);
	k->derived = *ev->derived;
	int err = copy_texts(b, &k->derived);
	if (!err)
		err = copy_ancestors(b, k);
	if (!err)
		err = event_decode(record, ev->size, &k->ev);
	if (err)
		return err;
	k->ev.derived = &k->derived;
	b->events[b->n++] = k;
	return 0;
}

/* A counter of this thread's instructions in user space, or -errno. */
static int open_counter(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(attr), .config = PERF_COUNT_HW_INSTRUCTIONS,
		.disabled = 1, .exclude_kernel = 1, .exclude_hv = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static uint64_t pass(struct bench *b, struct engine *engine)
{
	uint64_t matches = 0;
	for (size_t i = 0; i < b->n; i++) {
		engine_evaluate(engine, &b->events[i]->ev, &b->matches);
		matches += b->matches.n + b->matches.not_kept;
	}
	return matches;
}

static double timed_pass(struct bench *b, struct engine *engine, uint64_t *ret_matches)
{
	uint64_t began = clock_ns(CLOCK_MONOTONIC);
	*ret_matches = pass(b, engine);
	return (double)(clock_ns(CLOCK_MONOTONIC) - began) / (double)b->n;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

void bench_run(struct bench *b, struct engine *engine, struct bench_result *ret)
{
	struct bench_result r = { .events = b->n, .instructions = -1 };
	CLEANUP(fd_close) int counter = open_counter();
	uint64_t began = clock_ns(CLOCK_MONOTONIC), count = 0;
	if (counter < 0)
		r.no_instructions = counter == -ENOENT ? "the processor, or the machine it is lent by, has no counter" : strerror(-counter);
	*ret = r;
	if (b->n == 0)
		return;
	r.first_ns = timed_pass(b, engine, &r.matches);
	if (counter >= 0)
		(void)ioctl(counter, PERF_EVENT_IOC_ENABLE, 0); /* then it reads 0, which is told */
	while (r.passes < PASSES_MIN || (r.passes < PASSES_MAX && clock_ns(CLOCK_MONOTONIC) - began < PASSES_NS))
		b->ns[r.passes++] = timed_pass(b, engine, &r.matches);
	if (counter >= 0 && (read(counter, &count, sizeof(count)) != sizeof(count) || count == 0))
		r.no_instructions = "the counter stands still";
	else if (counter >= 0)
		r.instructions = (double)count / (double)b->n / (double)r.passes;
	qsort(b->ns, r.passes, sizeof(b->ns[0]), compare);
	r.best_ns = b->ns[0];
	r.median_ns = b->ns[r.passes / 2];
	*ret = r;
}
