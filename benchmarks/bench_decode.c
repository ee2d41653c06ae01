/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an event costs before any rule sees it: checking the record, finding its process, deriving the fields.
 *
 *   bench_decode               every case: a line "case  time ns"
 *   bench_decode --list        names of the cases
 *   bench_decode CASE COUNT    one case, COUNT events; measured_run holds nothing else, for callgrind's --toggle-collect
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/clock.h"
#include "engine/base/num.h"
#include "engine/enrich/enrich.h"
#include "engine/enrich/proctable.h"
#include "tests/support/record.h"

enum {
	PROCESSES = 20000, /* a busy host; more than the caches near the core hold */
	RECORDS = 512,     /* different ones, so that no branch is learned by heart */
	NATIVE_EVENTS = 200000,
};

struct bench {
	struct record *records[RECORDS];
	struct event decoded[RECORDS];
	struct text *text;
	struct proctable *table;
	struct enrich *enrich;
	uint64_t sum; /* what was found: keeps the compiler from leaving the work out */
};

typedef void step_fn(struct bench *b, size_t i);

static void step_decode(struct bench *b, size_t i)
{
	struct event ev;
	const struct record *rec = b->records[i % RECORDS];
	if (event_decode(rec->bytes, ((const struct wire_common *)(const void *)rec->bytes)->size, &ev) == 0)
		b->sum += ev.size;
}

static void step_decode_find(struct bench *b, size_t i)
{
	struct event ev;
	const struct record *rec = b->records[i % RECORDS];
	if (event_decode(rec->bytes, ((const struct wire_common *)(const void *)rec->bytes)->size, &ev))
		return;
	const struct image *image = proctable_find(b->table, ev.common->exec_id);
	b->sum += image ? image->pid : 0;
}

static void step_derive(struct bench *b, size_t i)
{
	struct derived d;
	enrich_derive(b->enrich, &b->decoded[i % RECORDS], &d);
	b->sum += d.present;
}

static void step_derive_run(struct bench *b, size_t i)
{
	struct derived d;
	enrich_derive(b->enrich, &b->decoded[i / 64 % RECORDS], &d);
	b->sum += d.present;
}

/* fork, exec and exit of a process, each applied and derived: three events, counted as one. */
static void step_life(struct bench *b, size_t i)
{
	struct derived d;
	uint64_t child = 0x7000000000 + i * 4096;
	for (size_t k = 0; k < 3; k++) {
		struct wire_common *c = RECORD_COMMON(b->records[k]);
		c->exec_id = k == 0 ? 4096 : child + 1024;
		c->parent_id = 4096;
		c->boot_ns = child;
		if (k == 0)
			RECORD(b->records[0], proc_fork)->child_id = child;
		if (k == 1)
			RECORD(b->records[1], proc_exec)->previous_id = child;
		enrich_apply(b->enrich, &b->decoded[k]);
		enrich_derive(b->enrich, &b->decoded[k], &d);
		b->sum += d.present;
	}
	if (i % 256 == 255)
		enrich_tick(b->enrich, child + 1000);
}

/* --- what is prepared ------------------------------------------------------------------------------------------------- */

static uint64_t id_of(size_t process)
{
	return 4096 + process * 0x1f3c00;
}

static size_t process_of_record(size_t i)
{
	return i * 7919 % PROCESSES;
}

static struct record *make_exec(size_t process)
{
	char path[64];
	struct record *rec = record_new(EVENT_PROC_EXEC);
	const struct actor who = { .exec_id = id_of(process), .parent_id = process ? id_of(process / 8) : 0, .start_ns = 1000000 * (process + 1),
				   .pid = (uint32_t)process + 1, .comm = "worker" };
	record_actor(rec, &who);
	RECORD_COMMON(rec)->cgroup_id = 100 + process % 50;
	(void)snprintf(path, sizeof(path), "/usr/lib/some-package/bin/program-%zu", process % 300);
	RECORD_STR(rec, proc_exec, path, sv_from(path));
	RECORD_STR(rec, proc_exec, fs_path, sv_from(path));
	RECORD_STR(rec, proc_exec, filename, sv_from(path));
	RECORD_STR(rec, proc_exec, args, SV("program\0--config=/etc/program.conf\0--verbose\0input\0output\0"));
	RECORD_STR(rec, proc_exec, env, SV("PATH=/usr/bin:/bin\0"));
	RECORD_STR(rec, proc_exec, cwd, SV("/var/lib/program"));
	RECORD_STR(rec, proc_exec, cgroup, SV("/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope"));
	return rec;
}

static struct record *make_open(size_t process)
{
	struct record *rec = record_new(EVENT_FILE_OPEN);
	const struct actor who = { .exec_id = id_of(process), .start_ns = 1000000 * (process + 1), .pid = (uint32_t)process + 1, .comm = "worker" };
	record_actor(rec, &who);
	RECORD_COMMON(rec)->cgroup_id = 100 + process % 50;
	RECORD_STR(rec, file_open, path, SV("/var/lib/program/cache/0123/object.data"));
	RECORD_STR(rec, file_open, fs_path, SV("/lib/program/cache/0123/object.data"));
	return rec;
}

static struct record *make_connect(size_t process)
{
	struct record *rec = record_new(EVENT_NET_CONNECT);
	const struct actor who = { .exec_id = id_of(process), .start_ns = 1000000 * (process + 1), .pid = (uint32_t)process + 1, .comm = "worker" };
	record_actor(rec, &who);
	RECORD(rec, net_connect)->src.family = FAMILY_IPV4;
	RECORD(rec, net_connect)->dst.family = FAMILY_IPV6;
	return rec;
}

static struct record *make_life(size_t i)
{
	struct record *rec = i == 1 ? make_exec(1) : record_new(i == 0 ? EVENT_PROC_FORK : EVENT_PROC_EXIT);
	RECORD_COMMON(rec)->start_boot_ns = 5000000000;
	return rec;
}

static const struct bench_case {
	const char *name;
	struct record *(*make)(size_t process);
	step_fn *step;
} cases[] = {
	{ "decode file.open", make_open, step_decode },
	{ "decode process.exec", make_exec, step_decode },
	{ "decode+process file.open", make_open, step_decode_find },
	{ "decode+process network.connect", make_connect, step_decode_find },
	{ "decode+process process.exec", make_exec, step_decode_find },
	{ "derive file.open", make_open, step_derive },
	{ "derive file.open, runs of 64", make_open, step_derive_run },
	{ "derive network.connect", make_connect, step_derive },
	{ "derive process.exec", make_exec, step_derive },
	{ "apply+derive fork, exec and exit", make_life, step_life },
};

static void fill_tables(struct bench *b)
{
	struct diag diag = { 0 };
	const struct enrich_config config = { .max_processes = 32768, .max_text_bytes = 8 << 20, .passwd = "/etc/passwd", .group = "/etc/group" };
	if (text_new(8 << 20, &b->text) || proctable_new(32768, b->text, &b->table) || enrich_new(&config, &b->enrich, &diag)) {
		fprintf(stderr, "bench_decode: no memory\n");
		exit(1);
	}
	diag_done(&diag);
	for (size_t i = 0; i < PROCESSES; i++) {
		CLEANUP(record_free) struct record *rec = make_exec(i);
		struct event ev = record_event(rec);
		const struct wire_proc_exec *exec = EVENT_AS(&ev, proc_exec);
		const struct exec_facts facts = { .executable = event_str(&ev, exec->path), .args = event_str(&ev, exec->args) };
		(void)proctable_exec(b->table, ev.common, 0, &facts);
		enrich_apply(b->enrich, &ev);
	}
}

static void bench_done(struct bench *b)
{
	for (size_t i = 0; i < RECORDS; i++)
		record_free(&b->records[i]);
	enrich_free(&b->enrich);
	proctable_free(&b->table);
	text_free(&b->text);
}

void measured_run(struct bench *b, step_fn *step, size_t n);
__attribute__((noinline)) void measured_run(struct bench *b, step_fn *step, size_t n)
{
	for (size_t i = 0; i < n; i++)
		step(b, i);
}

static void run(const struct bench_case *which, size_t n, int is_native)
{
	CLEANUP(bench_done) struct bench b = { 0 };
	fill_tables(&b);
	for (size_t i = 0; i < RECORDS; i++) {
		b.records[i] = which->make(which->make == make_life ? i : process_of_record(i));
		b.decoded[i] = record_event(b.records[i]);
	}
	for (size_t i = 0; i < RECORDS; i++) /* first uses */
		which->step(&b, i);
	uint64_t start = clock_ns(CLOCK_MONOTONIC);
	measured_run(&b, which->step, n);
	uint64_t ns = clock_ns(CLOCK_MONOTONIC) - start;
	if (!b.sum) {
		fprintf(stderr, "bench_decode: '%s' did nothing\n", which->name);
		exit(1);
	}
	if (is_native)
		printf("%-44s %10.1f ns\n", which->name, (double)ns / (double)n);
}

int main(int argc, char **argv)
{
	uint64_t n = 0;
	if (argc == 1) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			run(&cases[i], NATIVE_EVENTS, 1);
		return 0;
	}
	for (size_t i = 0; argc == 2 && sv_is(sv_from(argv[1]), "--list") && i < ARRAY_SIZE(cases); i++)
		printf("%s\n", cases[i].name);
	for (size_t i = 0; argc == 3 && i < ARRAY_SIZE(cases); i++) {
		if (!sv_is(sv_from(argv[1]), cases[i].name) || num_parse_u64(sv_from(argv[2]), 1000000, &n))
			continue;
		run(&cases[i], n, 0);
		return 0;
	}
	return argc == 2 ? 0 : 2;
}
