/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it takes to compile rules that block, and what comes out: 60 of 100 about files (paths and folders, nested; written or not;
 * exceptions below; lists of executables, users, cgroups, ancestors; some without any path), 20 about connections, 20 about execs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/clock.h"
#include "engine/enforce/decide.h"
#include "engine/enforce/tables.h"
#include "tests/support/random.h"

enum { RUNS = 3, DECISIONS = 200000 };

static const char mounts_text[] = "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 8:2 / /data rw - xfs /dev/sdb1 rw\n23 21 0:5 / /dev rw - devtmpfs udev rw\n"
				  "24 21 0:21 / /proc rw - proc proc rw\n25 21 0:22 / /sys rw - sysfs sysfs rw\n26 21 0:23 / /run rw - tmpfs tmpfs rw\n";

struct writer {
	struct random *r;
	struct buf *out;
};

static void add_path(struct writer *w, bool is_folder)
{
	static const char *const roots[] = { "/etc", "/opt/app", "/data/db", "/srv/www", "/var/lib", "/home/user", "/usr/lib" };
	buf_add_format(w->out, "%s/d%zu", roots[random_below(w->r, ARRAY_SIZE(roots))], random_below(w->r, 20));
	if (random_chance(w->r, 2, 3))
		buf_add_format(w->out, "/e%zu", random_below(w->r, 30));
	if (is_folder)
		buf_add_char(w->out, '/');
	else
		buf_add_format(w->out, "/f%zu", random_below(w->r, 100));
}

static void add_executables(struct writer *w)
{
	size_t n = 1 + random_below(w->r, 5);
	buf_add_z(w->out, "process.executable in (");
	for (size_t i = 0; i < n; i++)
		buf_add_format(w->out, "%s/usr/%s/tool%zu", i ? ", " : "", random_chance(w->r, 1, 3) ? "sbin" : "bin", random_below(w->r, 150));
	buf_add_char(w->out, ')');
}

/* Who it is about, or who is left out. */
static void add_subject(struct writer *w, const char *before)
{
	buf_add_z(w->out, before);
	switch (random_below(w->r, 6)) {
	case 0:
		buf_add_format(w->out, "user.id = %zu", 1000 + random_below(w->r, 30));
		break;
	case 1:
		buf_add_format(w->out, "vedette.cgroup.path startswith /system.slice/s%zu", random_below(w->r, 40));
		break;
	case 2:
		buf_add_format(w->out, "ancestor(process.executable = /usr/sbin/daemon%zu)", random_below(w->r, 60));
		break;
	default:
		add_executables(w);
	}
}

static void add_file_rule(struct writer *w)
{
	static const char *const events[] = { "file.open", "file.open", "file.open", "file.delete", "[file.create, file.rename]" };
	const char *event = events[random_below(w->r, ARRAY_SIZE(events))];
	bool is_open = event[5] == 'o', is_free = random_chance(w->r, 1, 20);
	buf_add_format(w->out, "  event: %s\n  when: ", event);
	if (is_free) { /* these programs, elsewhere */
		add_executables(w);
		buf_add_z(w->out, " and not file.path startswith ");
		add_path(w, true);
	} else {
		bool is_folder = random_chance(w->r, 1, 2);
		buf_add_z(w->out, is_folder ? "file.path startswith " : "file.path = ");
		add_path(w, is_folder);
	}
	if (is_open)
		buf_add_z(w->out, random_chance(w->r, 1, 2) ? " and file.open.write" : " and file.open.read");
	if (random_chance(w->r, 3, 5))
		add_subject(w, random_chance(w->r, 2, 3) ? " and not " : " and ");
	if (random_chance(w->r, 1, 5)) {
		buf_add_z(w->out, " and not file.path startswith ");
		add_path(w, true);
	}
}

static void add_connect_rule(struct writer *w)
{
	buf_add_z(w->out, "  event: network.connect\n  when: ");
	if (random_chance(w->r, 2, 3)) {
		static const unsigned bits[] = { 16, 24, 32 };
		unsigned prefix = bits[random_below(w->r, ARRAY_SIZE(bits))];
		buf_add_format(w->out, "destination.ip = 10.%zu.%zu.%zu/%u and ", random_below(w->r, 40), prefix > 16 ? random_below(w->r, 10) : 0,
			       prefix > 24 ? random_below(w->r, 200) : 0, prefix);
	}
	if (random_chance(w->r, 1, 2))
		buf_add_format(w->out, "destination.port in (%zu, %zu, %zu)", random_below(w->r, 1024), random_below(w->r, 10000), random_below(w->r, 65536));
	else
		buf_add_format(w->out, "destination.port >= %zu", 1024 + random_below(w->r, 100) * 100);
	if (random_chance(w->r, 2, 3))
		add_subject(w, random_chance(w->r, 1, 2) ? " and not " : " and ");
}

static void add_exec_rule(struct writer *w)
{
	buf_add_z(w->out, "  event: process.exec\n  when: file.path startswith ");
	add_path(w, true);
	if (random_chance(w->r, 1, 3)) {
		buf_add_z(w->out, " and not file.path startswith ");
		add_path(w, true);
	}
	if (random_chance(w->r, 1, 3))
		buf_add_format(w->out, " and ancestor(process.executable = /usr/sbin/daemon%zu)", random_below(w->r, 60));
	else if (random_chance(w->r, 1, 2))
		buf_add_format(w->out, " and user.id != %zu", 1000 + random_below(w->r, 30));
}

static void write_rules(struct buf *out, size_t n)
{
	struct random r = { .state = 11 };
	struct writer w = { &r, out };
	for (size_t i = 0; i < n; i++) {
		size_t kind = random_below(&r, 10);
		buf_add_format(out, "- rule: r%zu\n  severity: low\n  action: block\n", i);
		if (kind < 6)
			add_file_rule(&w);
		else if (kind < 8)
			add_connect_rule(&w);
		else
			add_exec_rule(&w);
		buf_add_char(out, '\n');
	}
}

static uint64_t compile_best(const struct ruleset *set, const struct mounts *mounts, struct verdict_policy *ret)
{
	struct verdict_world world = { .mounts = mounts, .generation = 1 };
	uint64_t best = UINT64_MAX;
	for (int i = 0; i < RUNS; i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		verdict_policy_done(ret);
		uint64_t begin = clock_ns(CLOCK_MONOTONIC);
		if (verdict_compile(set, &world, ret, &diag)) {
			fprintf(stderr, "bench_enforce: %s\n", diag.n ? diag.messages[0].text : "no memory");
			exit(1);
		}
		best = MIN(best, clock_ns(CLOCK_MONOTONIC) - begin);
	}
	return best;
}

/* In plain C and with tries of hash tables: far from what the kernel takes; it shows that rules do not add to it. */
static double decide_mean(const struct verdict_policy *policy)
{
	CLEANUP(decider_free) struct decider *d = NULL;
	if (decider_new(&policy->tables, &d))
		exit(1);
	struct decide_event ev = { .event = EVENT_FILE_OPEN, .numbers[DIMENSION_FLAGS] = { KNOWN_VALUE, 1 } };
	ev.files[DIMENSION_PATH] = (struct decide_file){ { KNOWN_VALUE, SV("/usr/share/doc/x/README") }, { KNOWN_VALUE, SV("/usr/share/doc/x/README") }, 8u << 20 | 1 };
	ev.files[DIMENSION_EXECUTABLE] = ev.files[DIMENSION_PATH];
	struct decide_answer answer;
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);
	for (size_t i = 0; i < DECISIONS; i++)
		decide(d, &ev, &answer);
	return (double)(clock_ns(CLOCK_MONOTONIC) - begin) / DECISIONS;
}

static void run_case(size_t n, const struct mounts *mounts)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(verdict_policy_done) struct verdict_policy policy = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	char name[64];
	write_rules(&text, n);
	if (ruleset_load_text("bench.yaml", buf_sv(&text), &set, &diag)) {
		fprintf(stderr, "bench_enforce: %s\n", diag.messages[0].text);
		exit(1);
	}
	snprintf(name, sizeof(name), "compile %zu rules that block", n);
	printf("%-44s %12llu ns\n", name, (unsigned long long)compile_best(set, mounts, &policy));
	const struct verdict_counts *c = &policy.counts;
	printf("  %zu predicates, %zu clauses (%zu follow from others, %zu of one event), %zu classes, %zu ancestors; %zu rows, %zu texts, %zu KiB\n", c->predicates,
	       c->clauses, c->derived, c->largest_event, c->classes, c->ancestors, policy.tables.n_rows, policy.tables.n_texts, c->bytes / 1024);
	snprintf(name, sizeof(name), "decide an open by %zu rules, plain C", n);
	printf("%-44s %12.1f ns\n", name, decide_mean(&policy));
}

int main(void)
{
	static const size_t sizes[] = { 10, 100, 1000 };
	CLEANUP(mounts_free) struct mounts *mounts = NULL;
	if (mounts_parse(SV(mounts_text), &mounts))
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		run_case(sizes[i], mounts);
	return 0;
}
