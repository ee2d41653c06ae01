/* SPDX-License-Identifier: Apache-2.0 */
/* Stamps: one for each state of what is known of an image and those it comes from. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/event/value.h"
#include "engine/rules/compile.h"
#include "engine/rules/computed.h"
#include "engine/rules/match.h"
#include "engine/rules/op.h"
#include "tests/support/world.h"

static struct image_stamp stamp_at_open(struct world *w, const struct actor *who)
{
	world_open(w, who, "/etc/hosts");
	return w->d.image;
}

static bool same_stamp(struct image_stamp a, struct image_stamp b)
{
	return a.id == b.id && a.version == b.version && a.slot == b.slot;
}

static void stamps_outlive_the_forks_and_execs_of_others(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	world_login(&w);
	struct image_stamp of_curl = w.d.image, of_bash = stamp_at_open(&w, &bash);
	assert_int_equal(of_curl.id, CURL);
	assert_int_equal(of_bash.id, BASH);
	assert_true(of_curl.slot != of_bash.slot);
	const struct actor other = { .exec_id = 0x50000, .parent_id = BASH, .pid = 70, .start_ns = 5 * SECOND, .comm = "ls" };
	world_fork(&w, &bash, 0x40000, 70);
	world_exec(&w, &other, 0x40000, "/bin/ls", SV("ls\0"));
	enrich_tick(w.e, 6 * SECOND);
	assert_true(same_stamp(stamp_at_open(&w, &bash), of_bash));
	assert_true(same_stamp(stamp_at_open(&w, &curl), of_curl));
	world_end(&w);
}

static void stamps_change_with_what_is_learnt_late(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	world_exec(&w, &curl, 0, "/usr/bin/curl", SV("curl\0"));
	struct image_stamp first = w.d.image;
	assert_true(first.id == CURL && first.version != 0);
	world_exec(&w, &bash, 0, "/usr/bin/bash", SV("bash\0")); /* the parent turns up */
	struct image_stamp second = stamp_at_open(&w, &curl);
	assert_text(w.d.parent_executable, "/usr/bin/bash");
	assert_true(second.version != first.version);
	world_exec(&w, &sshd, 0, "/usr/sbin/sshd", SV("sshd\0")); /* and the parent's parent */
	struct image_stamp third = stamp_at_open(&w, &curl);
	assert_list(w.d.ancestor_executables, "/usr/bin/bash|/usr/sbin/sshd|");
	assert_true(third.version != second.version);
	world_exec(&w, &sshd, 0, "/usr/sbin/sshd", SV("sshd\0-D\0")); /* told again, otherwise */
	assert_true(stamp_at_open(&w, &curl).version != third.version);
	world_end(&w);
}

static void stamps_change_when_an_ancestor_is_dropped(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	enrich_free(&w.e);
	w.e = world_enrich(&w.tree, 8, 1 << 20);
	world_login(&w);
	struct image_stamp first = stamp_at_open(&w, &curl);
	assert_list(w.d.ancestor_executables, "/bin/bash|/usr/sbin/sshd|");
	for (uint64_t i = 0; i < 6; i++) { /* the replaced subshell goes first, then the oldest: sshd */
		const struct actor other = { .exec_id = 0x90000 + i, .pid = 90 + (uint32_t)i, .start_ns = 9 * SECOND, .comm = "x" };
		world_exec(&w, &other, 0, "/bin/x", SV("x\0"));
	}
	struct image_stamp second = stamp_at_open(&w, &curl);
	assert_list(w.d.ancestor_executables, "/bin/bash|");
	assert_true(second.version != first.version);
	world_end(&w);
}

/* The exec event shows long arguments in full, the process later a part of them: these are two states. */
static void an_exec_that_shows_more_than_is_kept_has_no_stamp(void **state)
{
	(void)state;
	struct world w;
	static char args[RECORD_MAX / 2];
	world_start(&w);
	memset(args, 'a', sizeof(args) - 1);
	world_exec(&w, &bash, 0, "/usr/bin/bash", (struct strview){ args, sizeof(args) });
	assert_int_equal(w.d.image.id, 0);
	assert_true(stamp_at_open(&w, &bash).id == BASH);
	world_end(&w);
}

static void the_line_names_forks_and_replaced_images_too(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	world_exec(&w, &sshd, 0, "/usr/sbin/sshd", SV("sshd\0"));
	world_fork(&w, &sshd, SUBSHELL, 60);
	const struct actor shell = { .exec_id = BASH, .parent_id = SSHD, .pid = 60, .start_ns = 2 * SECOND, .comm = "bash" };
	world_exec(&w, &shell, SUBSHELL, "/usr/bin/bash", SV("bash\0"));
	static const uint64_t expected[] = { BASH, SUBSHELL, SSHD };
	assert_int_equal(w.d.n_lineage, ARRAY_SIZE(expected));
	assert_memory_equal(w.d.lineage, expected, sizeof(expected));
	world_end(&w);
}

/*
 * What conditions may keep with an image must follow from its stamp: over random records, two events of one stamp have the same
 * values in every field that is said to be of the image.
 */
struct seen {
	struct image_stamp stamp;
	uint64_t hash;
};

enum { IMAGE_FIELDS_MAX = 256 };

struct image_fields {
	struct arena arena;
	struct regex_list regexes;
	struct compiler compiler;
	struct matcher *matcher;
	const struct field_ref *p[IMAGE_FIELDS_MAX];
	size_t n;
};

static void add_if_of_image(struct image_fields *f, const char *name)
{
	const struct field_ref *ref = field_lookup(&f->compiler, sv_from(name));
	if (!ref || !ref->is_of_image)
		return;
	assert_true(f->n < IMAGE_FIELDS_MAX);
	f->p[f->n++] = ref;
}

/* All that there are: of the tables, and computed ones, of each ancestor that may be asked for. */
static void image_fields_new(struct image_fields *f)
{
	char name[128];
	size_t n;
	const struct field *fields = fields_derived(&n);
	*f = (struct image_fields){ .arena.max = 1u << 26 };
	assert_int_equal(compiler_init(&f->compiler, &f->arena, &f->regexes, NULL), 0);
	assert_int_equal(matcher_new(&f->matcher), 0);
	for (size_t i = 0; i < n; i++)
		add_if_of_image(f, fields[i].name);
	for (size_t i = 0; computed_at(i); i++) {
		const struct computed *row = computed_at(i);
		static const char *const indices[] = { "[0]", "[1]", "[2]", "[3]", "[7]", "[31]" };
		for (size_t k = 0; k < (row->argument == ARGUMENT_INDEX ? ARRAY_SIZE(indices) : 1); k++) {
			(void)snprintf(name, sizeof(name), "%s%s", row->name, row->argument == ARGUMENT_INDEX ? indices[k] : "");
			add_if_of_image(f, name);
		}
	}
	assert_true(f->n > 40);
}

static void image_fields_free(struct image_fields *f)
{
	matcher_free(&f->matcher);
	compiler_done(&f->compiler);
	regex_list_done(&f->regexes);
	arena_done(&f->arena);
}

static uint64_t hash_of_image_fields(const struct image_fields *f, const struct event *ev)
{
	uint64_t h = 0;
	for (size_t i = 0; i < f->n; i++) {
		f->matcher->used = 0;
		struct value v = field_ref_value(f->matcher, ev, f->p[i]);
		bool is_text = v.class == CLASS_STR || v.class == CLASS_LIST;
		h = h * 31 + (v.is_missing ? 1 : is_text ? sv_hash(v.s) + 4 : v.u + 2);
	}
	return h;
}

static void one_stamp_means_one_state(void **state)
{
	(void)state;
	struct world w;
	enum { IDS = 24, EVENTS = 30000 };
	static struct seen seen[EVENTS];
	struct image_fields fields;
	size_t n = 0, again = 0;
	uint64_t random = 42;
	static const char *const paths[] = { "/bin/a", "/bin/b", "/bin/c" }, *const comms[] = { "a", "b", "c" };
	world_start(&w);
	image_fields_new(&fields);
	enrich_free(&w.e);
	w.e = world_enrich(&w.tree, 16, 1 << 20);
	for (size_t i = 0; i < EVENTS; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		unsigned r = (unsigned)(random >> 33);
		uint64_t id = 0x1000 * (1 + r % IDS), other = 0x1000 * (1 + r / IDS % IDS), replaced = 0x1000 * (1 + (random >> 20) % IDS);
		const struct actor who = { .exec_id = id, .parent_id = other, .pid = 100 + r % IDS, .start_ns = SECOND, .boot_ns = i,
					   .comm = comms[r / 7 % 3] };
		unsigned what = r / 1000 % 16;
		if (what == 0)
			record_set_exec(w.rec, &who, r % 5 < 2 ? replaced : 0, paths[r / 11 % 3], r % 2 ? SV("x\0y\0") : SV("x\0"));
		else
			record_init(w.rec, what == 1 ? EVENT_PROC_FORK : what == 2 ? EVENT_PROC_EXIT : EVENT_FILE_OPEN);
		record_actor(w.rec, &who);
		if (what == 1) {
			RECORD(w.rec, proc_fork)->child_id = other;
			RECORD(w.rec, proc_fork)->child_pid = 200;
		}
		struct event ev = record_event(w.rec);
		enrich_apply(w.e, &ev);
		enrich_derive(w.e, &ev, &w.d);
		ev.derived = &w.d;
		if (!w.d.image.id)
			continue;
		struct seen now = { w.d.image, hash_of_image_fields(&fields, &ev) };
		for (size_t k = n > 2000 ? n - 2000 : 0; k < n; k++) {
			if (seen[k].stamp.id != now.stamp.id || seen[k].stamp.version != now.stamp.version)
				continue;
			again++;
			if (seen[k].hash != now.hash)
				fail_msg("event %zu: other values under one stamp", i);
		}
		seen[n++] = now;
	}
	assert_true(again > EVENTS / 4);
	image_fields_free(&fields);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamps_outlive_the_forks_and_execs_of_others),
		cmocka_unit_test(stamps_change_with_what_is_learnt_late),
		cmocka_unit_test(stamps_change_when_an_ancestor_is_dropped),
		cmocka_unit_test(an_exec_that_shows_more_than_is_kept_has_no_stamp),
		cmocka_unit_test(the_line_names_forks_and_replaced_images_too),
		cmocka_unit_test(one_stamp_means_one_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
