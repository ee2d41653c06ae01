/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes the programs watch: all of the host, those below a cgroup, or those that carry a label. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "engine/base/buf.h"
#include "engine/probe/sensor_parts.h"

enum { CGROUP_ROOT_INODE = 1 }; /* of the root of the whole version 2 hierarchy */

void sensor_scope_host(struct sensor *s)
{
	s->skel->bss->config.scope = SCOPE_HOST;
}

void sensor_scope_tree(struct sensor *s)
{
	s->skel->bss->config.scope = SCOPE_TREE;
}

int sensor_find_cgroup(const char *path, uint64_t *ret_id, uint32_t *ret_level, struct diag *diag)
{
	struct stat st;
	struct statfs fs;
	if (stat(path, &st) || statfs(path, &fs)) {
		diag_error(diag, (struct place){ 0 }, "cgroup '%s': %s", path, strerror(errno));
		return -EINVAL;
	}
	if (!S_ISDIR(st.st_mode)) {
		diag_error(diag, (struct place){ 0 }, "cgroup '%s' is not a folder", path);
		return -EINVAL;
	}
	if ((unsigned long)fs.f_type != 0x63677270ul) { /* CGROUP2_SUPER_MAGIC */
		diag_error(diag, (struct place){ 0 }, "'%s' is not a folder of the cgroup version 2 file system", path);
		return -EINVAL;
	}
	/* depth: how many folders up until another file system begins */
	CLEANUP(buf_done) struct buf up = { 0 };
	uint32_t level = 0;
	struct stat here = st, above;
	buf_add_z(&up, path);
	for (;; level++) {
		buf_add_z(&up, "/..");
		if (stat(buf_cstr(&up), &above) || above.st_dev != here.st_dev || level > 64)
			break;
		here = above;
	}
	if (here.st_ino != CGROUP_ROOT_INODE) { /* the kernel counts from the true root: nothing would ever be in scope */
		diag_error(diag, (struct place){ 0 },
			   "cgroup '%s': the cgroup file system is seen from inside a cgroup namespace or a bind mount; run vedette outside of it", path);
		return -EINVAL;
	}
	*ret_id = st.st_ino;
	*ret_level = level;
	return 0;
}

int sensor_scope_cgroup(struct sensor *s, const char *path, struct diag *diag)
{
	uint64_t id;
	uint32_t level;
	int err = sensor_find_cgroup(path, &id, &level, diag);
	if (err)
		return err;
	struct sensor_config *c = &s->skel->bss->config;
	c->cgroup_id = id;
	c->cgroup_level = level;
	c->scope = SCOPE_CGROUP;
	return 0;
}

int sensor_label(struct sensor *s, uint32_t pid, uint64_t exec_id, uint64_t parent_id)
{
	struct task_entry e = { .exec_id = exec_id, .parent_id = parent_id, .is_labelled = 1 };
	return bpf_map__update_elem(s->skel->maps.tasks, &pid, sizeof(pid), &e, sizeof(e), BPF_ANY);
}
