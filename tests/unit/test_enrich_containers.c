/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroups and containers of events. */
#include "engine/base/buf.h"
#include "tests/support/world.h"

#define DOCKER_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void the_cgroup_is_that_of_the_record(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	record_set_exec(w.rec, &bash, 0, "/bin/bash", SV("bash\0"));
	RECORD_COMMON(w.rec)->cgroup_id = 77;
	RECORD_STR(w.rec, proc_exec, cgroup, SV("/system.slice/docker-" DOCKER_ID ".scope"));
	world_feed(&w);
	assert_text(w.d.container_id, DOCKER_ID);

	record_init(w.rec, EVENT_FILE_OPEN);
	record_actor(w.rec, &bash);
	RECORD_COMMON(w.rec)->cgroup_id = 77;
	world_feed(&w);
	assert_text(w.d.container_id, DOCKER_ID);
	assert_text(w.d.cgroup_path, "/system.slice/docker-" DOCKER_ID ".scope");

	/* moved: the exec's cgroup is not its cgroup any more; the hierarchy knows the new one */
	tree_dir(&w.tree, "cgroup/user.slice");
	tree_dir(&w.tree, "cgroup/user.slice/deep");
	RECORD_COMMON(w.rec)->cgroup_id = tree_inode(&w.tree, "cgroup/user.slice/deep");
	world_feed(&w);
	assert_false(IS_DERIVED(&w.d, cgroup_path));
	assert_false(IS_DERIVED(&w.d, container_id));
	enrich_tick(w.e, SECOND);
	world_feed(&w);
	assert_text(w.d.cgroup_path, "/user.slice/deep");
	assert_false(IS_DERIVED(&w.d, container_id));

	/* one that is not found is looked for again a minute later */
	RECORD_COMMON(w.rec)->cgroup_id = 99999999;
	world_feed(&w);
	enrich_tick(w.e, 2 * SECOND);
	tree_dir(&w.tree, "cgroup/late");
	world_feed(&w);
	assert_false(IS_DERIVED(&w.d, cgroup_path));
	world_end(&w);
}

/* So many cgroups come between that the first gives way; by its path alone it would be the host's. */
static void a_container_known_by_a_claim_stays_one_when_its_cgroup_gave_way(void **state)
{
	(void)state;
	struct world w;
	struct actor other = { .pid = 501, .exec_id = 888, .start_ns = 200 * SECOND };
	CLEANUP(buf_done) struct buf text = { 0 };
	world_start(&w);
	buf_add_format(&text, "{\"cgroup_paths\":{\"\":\"%s/cgroup/box\"}}", w.tree.root);
	tree_dir(&w.tree, "run");
	tree_dir(&w.tree, "run/runc");
	tree_dir(&w.tree, "run/runc/box");
	tree_file(&w.tree, "run/runc/box/state.json", buf_sv(&text));
	record_set_exec(w.rec, &bash, 0, "/bin/bash", SV("bash\0"));
	RECORD_COMMON(w.rec)->cgroup_id = 77;
	RECORD_STR(w.rec, proc_exec, cgroup, SV("/box"));
	world_feed(&w);
	assert_text(w.d.container_id, "box");
	for (uint64_t id = 1000; id < 1000 + 16 * 4096; id++) {
		record_set_exec(w.rec, &other, 0, "/bin/sh", SV("sh\0"));
		RECORD_COMMON(w.rec)->cgroup_id = id;
		RECORD_STR(w.rec, proc_exec, cgroup, SV("/other.slice"));
		world_feed(&w);
	}
	enrich_tick(w.e, 3 * SECOND);
	record_init(w.rec, EVENT_FILE_OPEN);
	record_actor(w.rec, &bash);
	RECORD_COMMON(w.rec)->cgroup_id = 77;
	world_feed(&w);
	assert_text(w.d.cgroup_path, "/box");
	assert_text(w.d.container_id, "box");
	assert_text(w.d.container_runtime, "runc");
	world_end(&w);
}

/* The state may be there a moment after the container's first program: its next event has it, and so has every later one. */
static void what_is_known_of_the_container_stands_in_its_events(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	record_set_exec(w.rec, &bash, 0, "/bin/bash", SV("bash\0"));
	RECORD_COMMON(w.rec)->cgroup_id = 77;
	RECORD_STR(w.rec, proc_exec, cgroup, SV("/system.slice/docker-" DOCKER_ID ".scope"));
	world_feed(&w);
	assert_text(w.d.container_runtime, "docker");
	assert_false(IS_DERIVED(&w.d, container_name) || IS_DERIVED(&w.d, container_privileged));
	tree_dir(&w.tree, "docker");
	tree_dir(&w.tree, "docker/containers");
	tree_dir(&w.tree, "docker/containers/" DOCKER_ID);
	tree_file(&w.tree, "docker/containers/" DOCKER_ID "/config.v2.json",
		  SV("{\"Name\":\"/web\",\"Config\":{\"Image\":\"shop/web:3\",\"Labels\":{\"io.kubernetes.pod.name\":\"p\",\"io.kubernetes.pod.namespace\":\"n\"}},"
		     "\"MountPoints\":{\"/x\":{\"Source\":\"/etc\",\"Destination\":\"/x\",\"RW\":false}}}"));
	tree_file(&w.tree, "docker/containers/" DOCKER_ID "/hostconfig.json", SV("{\"Privileged\":true}"));
	world_feed(&w);
	assert_text(w.d.container_name, "web");
	assert_text(w.d.container_image, "shop/web:3");
	assert_text(w.d.container_image_tag, "3");
	assert_text(w.d.pod_name, "p");
	assert_text(w.d.pod_namespace, "n");
	assert_true(sv_equal(w.d.container_mounts, SV("/etc:/x::false:\0")));
	assert_true(sv_equal(w.d.container_labels, SV("io.kubernetes.pod.name=p\0io.kubernetes.pod.namespace=n\0")));
	assert_true(IS_DERIVED(&w.d, container_privileged) && w.d.container_privileged);
	assert_int_equal(world_stats(&w).containers.reads, 1);
	world_feed(&w);
	assert_int_equal(world_stats(&w).containers.reads, 1);

	record_init(w.rec, EVENT_FILE_OPEN);
	record_actor(w.rec, &curl);
	world_feed(&w);
	assert_false(IS_DERIVED(&w.d, container_runtime) || IS_DERIVED(&w.d, container_privileged));
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cgroup_is_that_of_the_record),
		cmocka_unit_test(a_container_known_by_a_claim_stays_one_when_its_cgroup_gave_way),
		cmocka_unit_test(what_is_known_of_the_container_stands_in_its_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
