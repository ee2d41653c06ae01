/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/world.h"

#include <stdlib.h>
#include <unistd.h>

const struct actor sshd = { .exec_id = SSHD, .pid = 50, .start_ns = SECOND, .comm = "sshd" };
const struct actor bash = { .exec_id = BASH, .parent_id = SSHD, .pid = 60, .start_ns = 2 * SECOND, .comm = "bash" };
const struct actor curl = { .exec_id = CURL, .parent_id = BASH, .pid = 61, .start_ns = 3 * SECOND, .comm = "curl" };

struct enrich *world_enrich(const struct tree *tree, size_t max_processes, size_t max_text)
{
	struct enrich *e = NULL;
	struct diag diag = { 0 };
	const struct enrich_config config = {
		.max_processes = max_processes, .max_text_bytes = max_text, .linger_ns = 10 * SECOND,
		.proc = tree_path(tree, "proc"), .passwd = tree_path(tree, "passwd"), .group = tree_path(tree, "group"),
		.cgroup_root = tree_path(tree, "cgroup"), .containers = { .host = tree->root, .docker = "/docker", .storage = "", .owner = geteuid() },
	};
	if (enrich_new(&config, &e, &diag))
		abort(); /* no memory: no test */
	enrich_set_wall_offset(e, (int64_t)(1000 * SECOND));
	free((char *)config.proc);
	free((char *)config.passwd);
	free((char *)config.group);
	free((char *)config.cgroup_root);
	diag_done(&diag);
	return e;
}

void world_start(struct world *w)
{
	*w = (struct world){ 0 };
	tree_new(&w->tree);
	tree_dir(&w->tree, "proc");
	tree_dir(&w->tree, "cgroup");
	tree_file(&w->tree, "passwd", SV("root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/:\n"));
	tree_file(&w->tree, "group", SV("root:x:0:\nstaff:x:50:ann\n"));
	w->rec = record_new(EVENT_PROC_EXIT);
	w->e = world_enrich(&w->tree, 1024, 1 << 20);
}

void world_end(struct world *w)
{
	enrich_free(&w->e);
	record_free(&w->rec);
	tree_free(&w->tree);
}

void world_feed(struct world *w)
{
	struct event ev = record_event(w->rec);
	enrich_apply(w->e, &ev);
	enrich_derive(w->e, &ev, &w->d);
}

struct enrich_stats world_stats(const struct world *w)
{
	struct enrich_stats stats;
	enrich_get_stats(w->e, &stats);
	return stats;
}

void record_set_exec(struct record *rec, const struct actor *who, uint64_t previous_id, const char *path, struct strview args)
{
	record_init(rec, EVENT_PROC_EXEC);
	record_actor(rec, who);
	RECORD(rec, proc_exec)->previous_id = previous_id;
	RECORD_STR(rec, proc_exec, path, sv_from(path));
	RECORD_STR(rec, proc_exec, args, args);
}

void world_exec(struct world *w, const struct actor *who, uint64_t previous_id, const char *path, struct strview args)
{
	record_set_exec(w->rec, who, previous_id, path, args);
	world_feed(w);
}

void world_fork(struct world *w, const struct actor *who, uint64_t child_id, uint32_t child_pid)
{
	record_init(w->rec, EVENT_PROC_FORK);
	record_actor(w->rec, who);
	RECORD(w->rec, proc_fork)->child_id = child_id;
	RECORD(w->rec, proc_fork)->child_pid = child_pid;
	RECORD(w->rec, proc_fork)->child_start_boot_ns = who->start_ns + SECOND;
	world_feed(w);
}

void world_open(struct world *w, const struct actor *who, const char *path)
{
	record_init(w->rec, EVENT_FILE_OPEN);
	record_actor(w->rec, who);
	RECORD_STR(w->rec, file_open, path, sv_from(path));
	world_feed(w);
}

void world_login(struct world *w)
{
	world_exec(w, &sshd, 0, "/usr/sbin/sshd", SV("sshd\0-D\0"));
	world_exec(w, &bash, 0, "/bin/bash", SV("-bash\0"));
	world_fork(w, &bash, SUBSHELL, 61);
	world_exec(w, &curl, SUBSHELL, "/usr/bin/curl", SV("curl\0-s\0http://x/\0"));
}
