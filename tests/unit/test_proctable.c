/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "engine/enrich/proctable.h"

struct table {
	struct text *text;
	struct proctable *t;
};

static void table_start(struct table *s, size_t max_images, size_t max_text)
{
	*s = (struct table){ 0 };
	assert_int_equal(text_new(max_text, &s->text), 0);
	assert_int_equal(proctable_new(max_images, s->text, &s->t), 0);
}

static void table_end(struct table *s)
{
	proctable_free(&s->t);
	text_free(&s->text);
}

static struct proctable_stats stats_of(const struct table *s)
{
	struct proctable_stats stats;
	proctable_get_stats(s->t, &stats);
	return stats;
}

static struct image *add_exec(struct table *s, uint64_t id, uint64_t parent, uint64_t previous, const char *exe)
{
	const struct wire_common common = { .exec_id = id, .parent_id = parent, .pid = (uint32_t)id, .boot_ns = id, .start_boot_ns = id };
	const struct exec_facts facts = { .executable = sv_from(exe), .args = { exe, strlen(exe) + 1 } };
	return proctable_exec(s->t, &common, previous, &facts);
}

static struct image *add_fork(struct table *s, uint64_t creator, uint64_t child)
{
	const struct wire_proc_fork fork = { .common = { .exec_id = creator, .boot_ns = child }, .child_id = child, .child_pid = (uint32_t)child,
					     .child_start_boot_ns = child };
	return proctable_fork(s->t, &fork);
}

static void add_exit(struct table *s, uint64_t id, uint64_t boot_ns)
{
	const struct wire_common common = { .exec_id = id, .boot_ns = boot_ns };
	proctable_exit(s->t, &common);
}

/* Executables of the ancestors, joined by '<'. */
static const char *lineage_text(struct table *s, uint64_t id, char *into, size_t size)
{
	const struct image *line[LINEAGE_MAX];
	struct image *image = proctable_find(s->t, id);
	size_t at = 0;
	into[0] = '\0';
	if (!image)
		return "(unknown)";
	proctable_complete(s->t, image);
	size_t n = proctable_lineage(s->t, image, line);
	for (size_t i = 0; i < n; i++) {
		struct strview exe = proctable_text(s->t, line[i]->executable);
		int k = snprintf(into + at, size - at, "%s" SV_FMT, i ? "<" : "", SV_ARG(exe));
		assert_true(k >= 0 && (size_t)k < size - at);
		at += (size_t)k;
	}
	return into;
}

/* Of a table that begins with the first process (1), a shell below it (10), and the kernel's first thread (2). */
static void a_lineage_that_misses_something_is_not_whole(void **state)
{
	(void)state;
	struct table s;
	table_start(&s, 4096, 1 << 20);
	struct procfs_process first = { .pid = 1, .comm = "init", .executable = "/sbin/init", .executable_n = 10 }, thread = { .pid = 2, .comm = "kthreadd" },
			      worker = { .pid = 3, .comm = "kworker" };
	proctable_adopt(s.t, 1, 0, &first);
	proctable_adopt(s.t, 2, 0, &thread);
	proctable_adopt(s.t, 3, 2, &worker);
	add_exec(&s, 10, 1, 0, "/bin/sh");
	add_exec(&s, 20, 10, 0, "/bin/a");
	add_fork(&s, 20, 21);
	add_exec(&s, 22, 20, 21, "/bin/b");
	add_exec(&s, 30, 3, 0, "/bin/helper");
	add_exec(&s, 40, 99, 0, "/bin/orphan");
	add_exec(&s, 41, 40, 0, "/bin/c");
	add_exec(&s, 50, 10, 0, "");
	add_exec(&s, 51, 50, 0, "/bin/d");
	proctable_make_up(s.t, &(const struct wire_common){ .exec_id = 60, .parent_id = 10, .pid = 60, .comm = { "x" } });
	add_exec(&s, 61, 60, 0, "/bin/e");
	struct procfs_process stray = { .pid = 70, .comm = "s", .executable = "/bin/s", .executable_n = 6 };
	proctable_adopt(s.t, 70, 0, &stray);
	const struct {
		const char *what;
		uint64_t id;
		bool is_whole;
	} cases[] = {
		{ "the first process", 1, true },
		{ "below it", 10, true },
		{ "further below", 20, true },
		{ "a copy of its creator", 21, true },
		{ "in the place of a copy", 22, true },
		{ "the kernel's first thread", 2, true },
		{ "a kernel thread, which has no executable", 3, true },
		{ "what a kernel thread started", 30, true },
		{ "its creator is not there", 40, false },
		{ "nor is that of its creator", 41, false },
		{ "itself without a name: only creators count", 50, true },
		{ "its creator has no name", 51, false },
		{ "its creator was only heard of", 61, false },
		{ "whose creator had ended when it was looked for", 70, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (proctable_is_whole(s.t, proctable_find(s.t, cases[i].id)) != cases[i].is_whole)
			fail_msg("%s", cases[i].what);
	table_end(&s);
}

static void a_dropped_ancestor_is_missed(void **state)
{
	(void)state;
	struct table s;
	table_start(&s, 16, 1 << 20);
	struct procfs_process first = { .pid = 1, .comm = "init", .executable = "/sbin/init", .executable_n = 10 };
	proctable_adopt(s.t, 1, 0, &first);
	add_exec(&s, 2000, 1, 0, "/bin/server");
	add_exec(&s, 2001, 2000, 0, "/bin/sh");
	assert_true(proctable_is_whole(s.t, proctable_find(s.t, 2001)));
	add_exit(&s, 2000, 5000); /* what refers to it keeps it, until there is nothing else to drop */
	for (uint64_t id = 3000; id < 3100; id++)
		add_exec(&s, id, 2001, id == 3000 ? 2001 : id - 1, "/bin/flood");
	struct image *last = proctable_find(s.t, 3099);
	assert_non_null(last);
	assert_false(proctable_is_whole(s.t, last));
	table_end(&s);
}

static void exited_images_without_descendants_go_first(void **state)
{
	(void)state;
	struct table s;
	table_start(&s, 8, 1 << 16);
	add_exec(&s, 1, 0, 0, "oldest-living");
	add_exec(&s, 2, 0, 0, "exited-parent");
	add_exec(&s, 3, 2, 0, "living-child");
	add_exec(&s, 4, 0, 0, "leaf-first");
	add_exec(&s, 5, 0, 0, "leaf-second");
	add_exit(&s, 2, 50);
	add_exit(&s, 4, 60);
	add_exit(&s, 5, 70);
	for (uint64_t id = 6; id <= 8; id++)
		add_exec(&s, id, 0, 0, "filler");
	static const uint64_t order[] = { 4, 5, 2, 1, 3, 6 };
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		assert_non_null(proctable_find(s.t, order[i]));
		add_exec(&s, 100 + i, 0, 0, "new");
		if (proctable_find(s.t, order[i]))
			fail_msg("image %u is still there", (unsigned)order[i]);
		assert_int_equal(stats_of(&s).evicted, i + 1);
		assert_int_equal(stats_of(&s).images, 8);
	}
	table_end(&s);
}

static void an_ancestor_stays_while_it_has_descendants(void **state)
{
	(void)state;
	struct table s;
	char text[256];
	table_start(&s, 64, 1 << 16);
	add_exec(&s, 1, 0, 0, "a");
	add_fork(&s, 1, 2);
	add_exec(&s, 3, 1, 2, "b");
	add_fork(&s, 3, 4);
	add_exec(&s, 5, 3, 4, "c");
	add_exit(&s, 1, 10);
	add_exit(&s, 3, 20);
	proctable_expire(s.t, 1000000, 0);
	assert_string_equal(lineage_text(&s, 5, text, sizeof(text)), "b<a");
	add_exit(&s, 5, 30);
	proctable_expire(s.t, 1000000, 0);
	assert_int_equal(stats_of(&s).images, 0);
	assert_int_equal(text_used_bytes(s.text), 0);
	table_end(&s);
}

static void damaged_ids_end_somewhere(void **state)
{
	(void)state;
	struct table s;
	const struct image *line[LINEAGE_MAX];
	table_start(&s, 64, 1 << 16);
	add_exec(&s, 1, 1, 1, "own parent");
	assert_int_equal(proctable_lineage(s.t, proctable_find(s.t, 1), line), 0);
	add_exec(&s, 2, 3, 0, "ring");
	add_exec(&s, 3, 4, 0, "ring");
	add_exec(&s, 4, 2, 0, "ring");
	add_exec(&s, 5, 3, 6, "into the ring");
	for (uint64_t id = 2; id <= 6; id++)
		assert_true(proctable_lineage(s.t, proctable_find(s.t, id), line) <= LINEAGE_MAX);
	add_fork(&s, 8, 7); /* a ring of forked images has no program anywhere */
	add_fork(&s, 7, 8);
	proctable_complete(s.t, proctable_find(s.t, 7));
	assert_true(proctable_lineage(s.t, proctable_find(s.t, 7), line) <= LINEAGE_MAX);
	for (uint64_t id = 1; id <= 8; id++)
		add_exit(&s, id, 10);
	for (uint64_t id = 100; id < 200; id++) /* rings give way too */
		add_exec(&s, id, 0, 0, "new");
	assert_null(proctable_find(s.t, 3));
	assert_null(proctable_make_up(s.t, &(const struct wire_common){ 0 }));
	assert_null(add_exec(&s, 0, 1, 2, "no id"));
	assert_null(add_fork(&s, 1, 0));
	table_end(&s);
}

static void deep_lineages_are_cut_at_the_limit(void **state)
{
	(void)state;
	struct table s;
	const struct image *line[LINEAGE_MAX];
	table_start(&s, 4096, 1 << 20);
	for (uint64_t id = 1; id <= 1000; id++)
		add_exec(&s, id, id - 1, 0, "deep");
	assert_int_equal(proctable_lineage(s.t, proctable_find(s.t, 1000), line), LINEAGE_MAX);
	assert_int_equal(line[0]->exec_id, 999);
	assert_int_equal(line[LINEAGE_MAX - 1]->exec_id, 1000 - LINEAGE_MAX);
	for (uint64_t id = 2001; id <= 2100; id++) /* copies do not use the limit up */
		add_fork(&s, id == 2001 ? 2 : id - 1, id);
	add_exec(&s, 3000, 2100, 0, "far");
	assert_int_equal(proctable_lineage(s.t, proctable_find(s.t, 3000), line), 2);
	assert_int_equal(line[0]->exec_id, 2);
	table_end(&s);
}

static void a_used_up_text_budget_drops_strings_and_says_so(void **state)
{
	(void)state;
	struct table s;
	char exe[512];
	table_start(&s, 4096, 2 * TEXT_PAGE);
	for (uint64_t id = 1; id <= 200; id++) {
		(void)snprintf(exe, sizeof(exe), "/%0300u", (unsigned)id);
		add_exec(&s, id, 0, 0, exe);
		assert_true(text_used_bytes(s.text) <= 2 * TEXT_PAGE);
	}
	assert_true(stats_of(&s).text_cut > 0);
	assert_int_equal(stats_of(&s).images, 200);
	assert_true(proctable_find(s.t, 1)->executable != 0);
	assert_true(proctable_find(s.t, 200)->executable == 0);
	/* what exited makes room */
	for (uint64_t id = 1; id <= 50; id++)
		add_exit(&s, id, 10);
	add_exec(&s, 300, 0, 0, "/a-new-program-with-a-name-of-its-own");
	assert_true(proctable_find(s.t, 300)->executable != 0);
	table_end(&s);
}

/* The slot of a dropped parent is used again: its children must not take the newcomer for their parent. */
static void a_reused_slot_is_not_the_old_parent(void **state)
{
	(void)state;
	struct table s;
	char text[256];
	table_start(&s, 8, 1 << 16);
	for (uint64_t id = 1; id <= 8; id++)
		add_exec(&s, id, id == 8 ? 1 : 0, 0, id == 1 ? "parent" : "other");
	assert_string_equal(lineage_text(&s, 8, text, sizeof(text)), "parent");
	add_exec(&s, 9, 0, 0, "newcomer"); /* drops 1, the oldest */
	assert_null(proctable_find(s.t, 1));
	assert_string_equal(lineage_text(&s, 8, text, sizeof(text)), "");
	add_exec(&s, 1, 0, 0, "parent"); /* told again, late */
	assert_string_equal(lineage_text(&s, 8, text, sizeof(text)), "parent");
	table_end(&s);
}

/* --- against a model that is slow and plain to see ------------------------------------------------------------------------ */

enum { MODEL_IMAGES = 1500, MODEL_PIDS = 24, MODEL_RECORDS = 2000 };

struct model_image {
	uint64_t id;
	int parent, previous; /* -1: none */
	bool is_forked;
	char exe[16];
};

struct model_record {
	enum { RECORD_FORK, RECORD_EXEC, RECORD_EXIT } what;
	int subject; /* image: the child, the new image, the ended one */
	uint32_t pid;
};

struct model {
	struct model_image images[MODEL_IMAGES];
	struct model_record records[MODEL_RECORDS];
	int n_images, n_records;
	int running[MODEL_PIDS]; /* image of each pid, -1: free; pids are used again at once */
	uint64_t random;
};

static uint32_t model_random(struct model *m, uint32_t below)
{
	m->random = m->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(m->random >> 33) % below;
}

static int model_add(struct model *m, int parent, int previous, bool is_forked)
{
	struct model_image *image = &m->images[m->n_images];
	*image = (struct model_image){ .id = ((uint64_t)m->n_images + 1) << 10, .parent = parent, .previous = previous, .is_forked = is_forked };
	if (is_forked)
		memcpy(image->exe, m->images[parent].exe, sizeof(image->exe));
	else
		(void)snprintf(image->exe, sizeof(image->exe), "/bin/%u", model_random(m, 40));
	return m->n_images++;
}

static void model_record(struct model *m, int what, int subject, uint32_t pid)
{
	m->records[m->n_records++] = (struct model_record){ (unsigned)what, subject, pid };
}

static void model_step(struct model *m)
{
	uint32_t pid = model_random(m, MODEL_PIDS), child_pid = model_random(m, MODEL_PIDS);
	int image = m->running[pid];
	if (image < 0)
		return;
	switch (model_random(m, 4)) {
	case 0:
	case 1:
		if (m->running[child_pid] < 0) {
			m->running[child_pid] = model_add(m, image, -1, true);
			model_record(m, RECORD_FORK, m->running[child_pid], child_pid);
		}
		break;
	case 2:
		m->running[pid] = model_add(m, m->images[image].parent, image, false);
		model_record(m, RECORD_EXEC, m->running[pid], pid);
		break;
	default:
		if (pid != 0) { /* somebody has to go on */
			m->running[pid] = -1;
			model_record(m, RECORD_EXIT, image, pid);
		}
		break;
	}
}

static struct model *model_new(uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));
	assert_non_null(m);
	m->random = seed;
	for (size_t i = 0; i < MODEL_PIDS; i++)
		m->running[i] = -1;
	m->running[0] = model_add(m, -1, -1, false);
	model_record(m, RECORD_EXEC, 0, 0);
	while (m->n_images < MODEL_IMAGES - 1 && m->n_records < MODEL_RECORDS - MODEL_PIDS - 1)
		model_step(m);
	return m;
}

static int model_back(const struct model *m, int image)
{
	return m->images[image].previous >= 0 ? m->images[image].previous : m->images[image].parent;
}

static void model_lineage(const struct model *m, int image, char *into, size_t size)
{
	size_t at = 0, n = 0;
	into[0] = '\0';
	for (int i = model_back(m, image); i >= 0 && n < LINEAGE_MAX; i = model_back(m, i)) {
		if (m->images[i].is_forked)
			continue;
		at += (size_t)snprintf(into + at, size - at, "%s%s", n ? "<" : "", m->images[i].exe);
		n++;
	}
}

static void model_deliver(const struct model *m, const struct model_record *r, struct table *s)
{
	const struct model_image *image = &m->images[r->subject];
	uint64_t parent = image->parent >= 0 ? m->images[image->parent].id : 0;
	uint64_t previous = image->previous >= 0 ? m->images[image->previous].id : 0;
	if (r->what == RECORD_FORK)
		add_fork(s, parent, image->id);
	else if (r->what == RECORD_EXEC)
		add_exec(s, image->id, parent, previous, image->exe);
	else
		add_exit(s, image->id, image->id);
}

static void model_compare(const struct model *m, int image, struct table *s)
{
	char expected[1024], got[1024];
	struct image *found = proctable_find(s->t, m->images[image].id);
	if (!found)
		fail_msg("image %d is not known", image);
	proctable_complete(s->t, found);
	if (!sv_is(proctable_text(s->t, found->executable), m->images[image].exe))
		fail_msg("image %d runs '" SV_FMT "' instead of '%s'", image, SV_ARG(proctable_text(s->t, found->executable)), m->images[image].exe);
	int parent = m->images[image].parent;
	struct image *found_parent = proctable_parent(s->t, found);
	assert_int_equal(found_parent ? found_parent->exec_id : 0, parent >= 0 ? m->images[parent].id : 0);
	model_lineage(m, image, expected, sizeof(expected));
	lineage_text(s, m->images[image].id, got, sizeof(got));
	if (strcmp(expected, got) != 0)
		fail_msg("image %d has ancestors '%s' instead of '%s'", image, got, expected);
}

static void any_life_in_order_is_what_the_model_says(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct table s;
		struct model *m = model_new(seed);
		table_start(&s, MODEL_IMAGES + 8, 1 << 20);
		for (int i = 0; i < m->n_records; i++) {
			model_deliver(m, &m->records[i], &s);
			model_compare(m, m->records[i].subject, &s);
		}
		assert_int_equal(stats_of(&s).evicted, 0);
		assert_int_equal(stats_of(&s).images, m->n_images);
		table_end(&s);
		free(m);
	}
}

/* Records change places with others up to far records away; at the end all is as if they had come in order. */
static void any_life_out_of_order_ends_as_the_model_says(void **state)
{
	(void)state;
	static const uint32_t far[] = { 2, 5, 20, 2000 };
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct table s;
		struct model *m = model_new(seed * 77);
		uint32_t reach = far[seed % ARRAY_SIZE(far)];
		for (int i = 0; i + 1 < m->n_records; i++) {
			int k = i + (int)model_random(m, MIN(reach, (uint32_t)(m->n_records - i)));
			struct model_record swap = m->records[i];
			m->records[i] = m->records[k];
			m->records[k] = swap;
		}
		table_start(&s, MODEL_IMAGES + 8, 1 << 20);
		for (int i = 0; i < m->n_records; i++)
			model_deliver(m, &m->records[i], &s);
		for (int i = 0; i < m->n_images; i++)
			model_compare(m, i, &s);
		assert_int_equal(stats_of(&s).images, m->n_images);
		/* living are those the model has running: all others go once they are forgotten */
		proctable_expire(s.t, UINT64_MAX / 2, 0);
		proctable_expire(s.t, UINT64_MAX / 2, 0);
		for (size_t i = 0; i < MODEL_PIDS; i++)
			if (m->running[i] >= 0)
				model_compare(m, m->running[i], &s);
		for (size_t i = 0; i < MODEL_PIDS; i++)
			if (m->running[i] >= 0)
				add_exit(&s, m->images[m->running[i]].id, 1);
		proctable_expire(s.t, UINT64_MAX / 2, 0);
		proctable_expire(s.t, UINT64_MAX / 2, 0);
		assert_int_equal(stats_of(&s).images, 0);
		assert_int_equal(text_used_bytes(s.text), 0);
		table_end(&s);
		free(m);
	}
}

/* In a table far too small anything may be missing, but what is there is right and the ceilings hold. */
static void a_small_table_is_never_wrong(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct table s;
		struct model *m = model_new(seed * 991);
		table_start(&s, 8 + seed, (1 + seed % 3) * TEXT_PAGE);
		for (int i = 0; i < m->n_records; i++) {
			model_deliver(m, &m->records[i], &s);
			if (i % 7 == 0) /* damage */
				add_exec(&s, (uint64_t)model_random(m, MODEL_IMAGES) << 10, (uint64_t)model_random(m, MODEL_IMAGES) << 10,
					 (uint64_t)model_random(m, MODEL_IMAGES) << 10, "/bin/damaged");
			assert_true(stats_of(&s).images <= 8 + seed);
			assert_true(text_used_bytes(s.text) <= (1 + seed % 3) * TEXT_PAGE);
			const struct image *line[LINEAGE_MAX];
			struct image *image = proctable_find(s.t, m->images[m->records[i].subject].id);
			if (image)
				assert_true(proctable_lineage(s.t, image, line) <= LINEAGE_MAX);
			if (i % 100 == 0)
				proctable_expire(s.t, (uint64_t)i << 10, 1000);
		}
		table_end(&s);
		free(m);
	}
}

static void impossible_sizes_are_refused(void **state)
{
	(void)state;
	struct proctable *t = NULL;
	assert_int_equal(proctable_new(0, NULL, &t), -EINVAL);
	assert_int_equal(proctable_new((size_t)1 << 25, NULL, &t), -EINVAL);
	assert_null(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lineage_that_misses_something_is_not_whole),
		cmocka_unit_test(a_dropped_ancestor_is_missed),
		cmocka_unit_test(exited_images_without_descendants_go_first),
		cmocka_unit_test(an_ancestor_stays_while_it_has_descendants),
		cmocka_unit_test(damaged_ids_end_somewhere),
		cmocka_unit_test(deep_lineages_are_cut_at_the_limit),
		cmocka_unit_test(a_used_up_text_budget_drops_strings_and_says_so),
		cmocka_unit_test(a_reused_slot_is_not_the_old_parent),
		cmocka_unit_test(any_life_in_order_is_what_the_model_says),
		cmocka_unit_test(any_life_out_of_order_ends_as_the_model_says),
		cmocka_unit_test(a_small_table_is_never_wrong),
		cmocka_unit_test(impossible_sizes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
