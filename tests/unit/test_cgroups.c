/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/fd.h"
#include "engine/enrich/cgroups.h"
#include "tests/support/tree.h"

#define SECOND 1000000000ull
#define HEX "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"

struct host {
	struct tree tree;
	struct text *text;
	struct proctable *table;
	struct cgroups *cgroups;
};

static void host_start(struct host *h)
{
	tree_new(&h->tree);
	tree_dir(&h->tree, "cgroup");
	CLEANUP(str_free) char *root = tree_path(&h->tree, "cgroup");
	assert_int_equal(text_new(1 << 20, &h->text), 0);
	assert_int_equal(proctable_new(64, h->text, &h->table), 0);
	assert_int_equal(cgroups_new(root, h->table, NULL, &h->cgroups), 0);
}

static void host_end(struct host *h)
{
	cgroups_free(&h->cgroups);
	proctable_free(&h->table);
	text_free(&h->text);
	tree_free(&h->tree);
}

static const char *find(struct host *h, uint64_t id)
{
	static char shown[256];
	struct cgroup_names names;
	if (!cgroups_find(h->cgroups, id, &names))
		return NULL;
	(void)snprintf(shown, sizeof(shown), SV_FMT "|" SV_FMT, SV_ARG(names.path), SV_ARG(names.place.id));
	return shown;
}

static void learned_paths_are_found_and_may_change(void **state)
{
	(void)state;
	struct host h;
	host_start(&h);
	cgroups_learn(h.cgroups, 5, SV("/docker/" HEX));
	assert_string_equal(find(&h, 5), "/docker/" HEX "|" HEX);
	cgroups_learn(h.cgroups, 5, SV("/renamed"));
	assert_string_equal(find(&h, 5), "/renamed|");
	cgroups_learn(h.cgroups, 0, SV("/nothing"));
	cgroups_learn(h.cgroups, 6, SV(""));
	assert_null(find(&h, 0));
	assert_null(find(&h, 6));
	host_end(&h);
}

static void paths_of_proc_get_their_id_from_the_hierarchy(void **state)
{
	(void)state;
	struct host h;
	host_start(&h);
	tree_dir(&h.tree, "cgroup/a");
	tree_dir(&h.tree, "cgroup/a/b");
	cgroups_learn_path(h.cgroups, SV("/a/b"));
	cgroups_learn_path(h.cgroups, SV("/"));
	cgroups_learn_path(h.cgroups, SV("/not/there"));
	assert_string_equal(find(&h, tree_inode(&h.tree, "cgroup/a/b")), "/a/b|");
	assert_string_equal(find(&h, tree_inode(&h.tree, "cgroup")), "/|");
	host_end(&h);
}

static void unknown_ids_are_looked_for_once_a_minute(void **state)
{
	(void)state;
	struct host h;
	host_start(&h);
	tree_dir(&h.tree, "cgroup/a");
	tree_dir(&h.tree, "cgroup/a/b");
	tree_file(&h.tree, "cgroup/a/cgroup.procs", SV("1\n"));
	uint64_t b = tree_inode(&h.tree, "cgroup/a/b"), root = tree_inode(&h.tree, "cgroup"), file = tree_inode(&h.tree, "cgroup/a/cgroup.procs");
	assert_null(find(&h, b));
	assert_null(find(&h, root));
	assert_null(find(&h, file));
	cgroups_tick(h.cgroups, SECOND);
	assert_string_equal(find(&h, b), "/a/b|");
	assert_string_equal(find(&h, root), "/|");
	assert_null(find(&h, file)); /* not a folder: no cgroup */

	/* it turns up later than it was looked for: found a minute on, not before */
	CLEANUP(str_free) char *from = tree_path(&h.tree, "late"), *to = tree_path(&h.tree, "cgroup/a/late");
	tree_dir(&h.tree, "late");
	uint64_t late = tree_inode(&h.tree, "late");
	assert_null(find(&h, late));
	cgroups_tick(h.cgroups, 2 * SECOND);
	assert_int_equal(rename(from, to), 0);
	for (uint64_t s = 3; s < 62; s++) {
		cgroups_tick(h.cgroups, s * SECOND);
		assert_null(find(&h, late));
	}
	cgroups_tick(h.cgroups, 62 * SECOND);
	assert_string_equal(find(&h, late), "/a/late|");
	host_end(&h);
}

static void very_deep_hierarchies_are_walked_to_a_limit(void **state)
{
	(void)state;
	struct host h;
	char name[200] = "cgroup";
	uint64_t ids[CGROUPS_WALK_DEPTH + 3];
	host_start(&h);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		size_t n = strlen(name);
		(void)snprintf(name + n, sizeof(name) - n, "/d");
		tree_dir(&h.tree, name);
		ids[i] = tree_inode(&h.tree, name);
		assert_null(find(&h, ids[i]));
	}
	cgroups_tick(h.cgroups, SECOND);
	assert_non_null(find(&h, ids[CGROUPS_WALK_DEPTH - 1]));
	assert_null(find(&h, ids[CGROUPS_WALK_DEPTH + 2]));
	host_end(&h);
}

static void more_ids_than_there_is_room_for_push_out_the_oldest(void **state)
{
	(void)state;
	struct host h;
	size_t known = 0;
	host_start(&h);
	for (uint64_t id = 1; id <= 3 * CGROUPS_MAX; id++) {
		char path[32];
		(void)snprintf(path, sizeof(path), "/c%u", (unsigned)(id % 100));
		cgroups_learn(h.cgroups, id, sv_from(path));
		assert_non_null(find(&h, id));
	}
	for (uint64_t id = 1; id <= 3 * CGROUPS_MAX; id++) {
		struct cgroup_names names;
		known += cgroups_find(h.cgroups, id, &names); /* asking for the missing takes their places: most come out empty */
	}
	assert_true(known <= CGROUPS_MAX);
	host_end(&h);
}

static void without_a_hierarchy_nothing_is_looked_for(void **state)
{
	(void)state;
	struct host h;
	host_start(&h);
	cgroups_free(&h.cgroups);
	assert_int_equal(cgroups_new("", h.table, NULL, &h.cgroups), 0);
	assert_null(find(&h, 5));
	cgroups_learn_path(h.cgroups, SV("/a"));
	cgroups_tick(h.cgroups, SECOND);
	assert_null(find(&h, 5));
	cgroups_learn(h.cgroups, 5, SV("/a"));
	assert_string_equal(find(&h, 5), "/a|");
	host_end(&h);
}

/* As the kernel asks for rules that block: whoever owns a folder names those in it. */
static void a_users_folders_hold_no_containers(void **state)
{
	(void)state;
	static const struct {
		const char *what, *path;
		bool as_root, as_user; /* what it is where root, or a user, owns all of the folders */
	} cases[] = {
		{ "in the hierarchy's own folder", "/docker-" HEX ".scope", true, true },
		{ "a cgroup in a container", "/docker-" HEX ".scope/mine/x", true, true },
		{ "in a folder", "/a/docker-" HEX ".scope", true, false },
		{ "that is not there", "/b/docker-" HEX ".scope", false, false },
		{ "in a user's folder further up", "/given/a/docker-" HEX ".scope", false, false },
		{ "no container", "/a/b", false, false },
		{ "the hierarchy's own folder", "/", false, false },
		{ "nothing", "", false, false },
	};
	struct host h;
	host_start(&h);
	tree_dir(&h.tree, "cgroup/docker-" HEX ".scope");
	tree_dir(&h.tree, "cgroup/a");
	tree_dir(&h.tree, "cgroup/given");
	tree_dir(&h.tree, "cgroup/given/a");
	CLEANUP(str_free) char *given = tree_path(&h.tree, "cgroup/given"), *inside = tree_path(&h.tree, "cgroup/docker-" HEX ".scope");
	bool is_root = geteuid() == 0;
	if (is_root) /* else they are a user's as they are */
		assert_int_equal(chown(given, 4711, 4711) | chown(inside, 4711, 4711), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (cgroups_is_container(h.cgroups, sv_from(cases[i].path)) != (is_root ? cases[i].as_root : cases[i].as_user))
			fail_msg("%s: %s", cases[i].what, cases[i].path);
	cgroups_free(&h.cgroups);
	assert_int_equal(cgroups_new("", h.table, NULL, &h.cgroups), 0);
	assert_false(cgroups_is_container(h.cgroups, SV("/docker-" HEX ".scope")));
	host_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(learned_paths_are_found_and_may_change),
		cmocka_unit_test(paths_of_proc_get_their_id_from_the_hierarchy),
		cmocka_unit_test(unknown_ids_are_looked_for_once_a_minute),
		cmocka_unit_test(very_deep_hierarchies_are_walked_to_a_limit),
		cmocka_unit_test(more_ids_than_there_is_room_for_push_out_the_oldest),
		cmocka_unit_test(without_a_hierarchy_nothing_is_looked_for),
		cmocka_unit_test(a_users_folders_hold_no_containers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
