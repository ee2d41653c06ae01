/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/tree.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/base/fd.h"

static void must(int is_fine, const char *what)
{
	if (is_fine)
		return;
	perror(what);
	abort();
}

void tree_new(struct tree *tree)
{
	const char *tmp = getenv("TMPDIR");
	must(snprintf(tree->root, sizeof(tree->root), "%s/vedette-test-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp") > 0, "snprintf");
	must(mkdtemp(tree->root) != NULL, tree->root);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void tree_free(struct tree *tree)
{
	if (tree->root[0])
		must(nftw(tree->root, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, tree->root);
	tree->root[0] = '\0';
}

char *tree_path(const struct tree *tree, const char *name)
{
	char *path = NULL;
	must(asprintf(&path, "%s/%s", tree->root, name) > 0, "asprintf");
	return path;
}

void tree_dir(const struct tree *tree, const char *name)
{
	CLEANUP(str_free) char *path = tree_path(tree, name);
	must(mkdir(path, 0755) == 0 || access(path, F_OK) == 0, path);
}

void tree_file(const struct tree *tree, const char *name, struct strview content)
{
	CLEANUP(str_free) char *path = tree_path(tree, name);
	CLEANUP(str_free) char *beside = tree_path(tree, "new-file");
	CLEANUP(file_close) FILE *file = fopen(beside, "w");
	must(file != NULL && fwrite(content.n ? content.p : "", 1, content.n, file) == content.n && fflush(file) == 0, beside);
	must(rename(beside, path) == 0, path);
}

uint64_t tree_inode(const struct tree *tree, const char *name)
{
	CLEANUP(str_free) char *path = tree_path(tree, name);
	struct stat st;
	must(stat(path, &st) == 0, path);
	return st.st_ino;
}

static void add_file(const struct tree *tree, uint32_t pid, const char *name, struct strview content)
{
	CLEANUP(str_free) char *path = NULL;
	must(asprintf(&path, "proc/%u/%s", pid, name) > 0, "asprintf");
	tree_file(tree, path, content);
}

void tree_link(const struct tree *tree, const char *name, const char *target)
{
	CLEANUP(str_free) char *path = tree_path(tree, name);
	(void)unlink(path); /* there only when it is given anew */
	must(symlink(target, path) == 0, path);
}

static void add_link(const struct tree *tree, uint32_t pid, const char *name, const char *target)
{
	CLEANUP(str_free) char *path = NULL;
	if (!target)
		return;
	must(asprintf(&path, "proc/%u/%s", pid, name) > 0, "asprintf");
	tree_link(tree, path, target);
}

void tree_process(const struct tree *tree, const struct tree_process *p)
{
	CLEANUP(str_free) char *dir = NULL;
	CLEANUP(buf_done) struct buf stat_text = { 0 }, status = { 0 };
	must(asprintf(&dir, "proc/%u", p->pid) > 0, "asprintf");
	tree_dir(tree, dir);
	buf_add_format(&stat_text, "%u (%s) S %u %u %u %u -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 %llu 1000 10 0 0\n", p->pid, p->comm, p->ppid,
		       p->pid, p->pid, p->tty, p->start_ticks);
	buf_add_format(&status, "Name:\t%s\nUmask:\t0022\nState:\tS (sleeping)\nUid:\t%u\t%u\t%u\t%u\nGid:\t0\t0\t0\t0\n", p->comm, p->uid, p->uid,
		       p->uid, p->uid);
	add_file(tree, p->pid, "stat", buf_sv(&stat_text));
	add_file(tree, p->pid, "status", buf_sv(&status));
	add_file(tree, p->pid, "cmdline", p->args);
	add_file(tree, p->pid, "cgroup", sv_from(p->cgroup));
	add_link(tree, p->pid, "exe", p->executable);
	add_link(tree, p->pid, "cwd", p->cwd);
}
