/* SPDX-License-Identifier: Apache-2.0 */
/* Which files a load reads: paths given, folders, includes. Opens none of them. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#include "engine/rules/loader.h"

void loaded_file_free(struct loaded_file **f)
{
	if (!*f)
		return;
	free((*f)->path);
	free((*f)->root);
	buf_done(&(*f)->bytes);
	yaml_tree_free(&(*f)->tree);
	raw_file_done(&(*f)->file.raw);
	free(*f);
	*f = NULL;
}

int loader_add_file(struct loader *l, const char *path, const struct origin *origin, struct loaded_file **ret)
{
	if (l->n_files == RULES_MAX_FILES)
		return loader_refuse(l, (struct place){ .file = path }, "too many files (4096 at most)");
	struct loaded_file **files = array_grown(l->files, l->n_files, &l->n_files_size, sizeof(struct loaded_file *));
	CLEANUP(loaded_file_free) struct loaded_file *f = calloc(1, sizeof(*f));
	if (files)
		l->files = files;
	if (!files || !f)
		return -ENOMEM;
	*f = (struct loaded_file){ .path = strdup(path), .skip = origin->skip, .depth = origin->depth, .file.mode = POLICY_ENFORCE,
				   .bytes = { .max = YAML_MAX_BYTES + 1 } };
	f->root = origin->root ? strdup(origin->root) : NULL;
	if (!f->path || (origin->root && !f->root))
		return -ENOMEM;
	struct stat st;
	if (origin->root && stat(path, &st) == 0) {
		f->device = st.st_dev;
		f->inode = st.st_ino;
	}
	*ret = f;
	l->files[l->n_files++] = TAKE(f);
	return 0;
}

static bool has_ending(const char *name)
{
	return sv_ends(sv_from(name), SV(".yaml")) || sv_ends(sv_from(name), SV(".yml"));
}

/* .YAML, .Yml: meant as a file of rules, perhaps. */
static bool has_ending_but_case(const char *name)
{
	const char *dot = strrchr(name, '.');
	return !has_ending(name) && dot && (strcasecmp(dot, ".yaml") == 0 || strcasecmp(dot, ".yml") == 0);
}

/* What a folder holds under the name of rules and is not read. */
static void warn_passed_over(struct loader *l, const char *path, const struct stat *st)
{
	const char *why = NULL;
	if (!st)
		why = errno == ENOENT ? "a link that leads nowhere" : strerror(errno);
	else if (S_ISREG(st->st_mode) && has_ending_but_case(path))
		why = "files of rules end in .yaml or .yml, in small letters";
	else if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		why = "no regular file";
	if (why && (has_ending(path) || has_ending_but_case(path)))
		diag_warn(l->diag, (struct place){ .file = path }, "is passed over: %s", why);
}

static int select_entry(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* not by locale: the digest depends on the order */
}

static struct loaded_file *find_file(const struct loader *l, const struct stat *st)
{
	for (size_t i = 0; i < l->n_files; i++)
		if (l->files[i]->root && l->files[i]->device == st->st_dev && l->files[i]->inode == st->st_ino)
			return l->files[i];
	return NULL;
}

/* Notes the folder; -EEXIST when it was walked before: a link leads back to it. */
static int note_folder(struct loader *l, const struct stat *st)
{
	for (size_t i = 0; i < l->n_folders; i++)
		if (l->folders[i].device == st->st_dev && l->folders[i].inode == st->st_ino)
			return -EEXIST;
	struct folder_id *folders = array_grown(l->folders, l->n_folders, &l->n_folders_size, sizeof(*folders));
	if (!folders)
		return -ENOMEM;
	l->folders = folders;
	l->folders[l->n_folders++] = (struct folder_id){ st->st_dev, st->st_ino };
	return 0;
}

static int add_path(struct loader *l, const char *path, const struct origin *origin, unsigned depth);

static int add_folder(struct loader *l, const char *path, const struct origin *origin, unsigned depth)
{
	struct dirent **entries = NULL;
	if (depth == FOLDER_MAX_DEPTH)
		return loader_refuse(l, (struct place){ .file = path }, "folders nested too deep (16 levels at most)");
	int n = scandir(path, &entries, select_entry, by_bytes), err = 0;
	if (n < 0)
		return loader_refuse(l, (struct place){ .file = path }, strerror(errno));
	for (int i = 0; i < n; i++) {
		char inner[PATH_BYTES];
		struct stat st;
		int len = snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
		if (len > 0 && (size_t)len < sizeof(inner) && err != -ENOMEM) {
			bool is_there = stat(inner, &st) == 0;
			bool is_wanted = is_there && (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && has_ending(inner)));
			if (!is_wanted)
				warn_passed_over(l, inner, is_there ? &st : NULL);
			int failed = is_wanted ? add_path(l, inner, origin, depth + 1) : 0;
			err = failed ? failed : err;
		}
		free(entries[i]);
	}
	free(entries);
	return err;
}

static int add_path(struct loader *l, const char *path, const struct origin *origin, unsigned depth)
{
	struct loaded_file *unused;
	struct stat st;
	if (stat(path, &st) != 0)
		return loader_refuse(l, (struct place){ .file = path }, strerror(errno));
	if (S_ISDIR(st.st_mode)) {
		int noted = note_folder(l, &st);
		l->n_again += noted == -EEXIST;
		return noted ? (noted == -EEXIST ? 0 : noted) : add_folder(l, path, origin, depth);
	}
	if (!S_ISREG(st.st_mode))
		return loader_refuse(l, (struct place){ .file = path }, "neither a file nor a folder");
	if (find_file(l, &st)) {
		l->n_again++;
		return 0;
	}
	return loader_add_file(l, path, origin, &unused);
}

/* What the digest names a file by: its path inside the folder given, or its own name. */
size_t path_skip(const char *path)
{
	struct stat st;
	size_t n = strlen(path);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return n + 1;
	const char *slash = strrchr(path, '/');
	return slash ? (size_t)(slash - path) + 1 : 0;
}

/* The folder given, or that of the file given, without links; NULL when it cannot be resolved. Owned by the caller. */
static char *root_of(const char *path)
{
	struct stat st;
	char folder[PATH_BYTES];
	const char *slash = strrchr(path, '/');
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return realpath(path, NULL);
	int n = slash ? snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - path), path) : snprintf(folder, sizeof(folder), ".");
	return n > 0 && (size_t)n < sizeof(folder) ? realpath(folder, NULL) : NULL;
}

int loader_add_path(struct loader *l, const char *path)
{
	struct loaded_file *unused;
	if (strcmp(path, RULES_STDIN) == 0) /* without a folder: nothing can be included */
		return loader_add_file(l, path, &(struct origin){ 0 }, &unused);
	char *root = root_of(path);
	int err = add_path(l, path, &(struct origin){ path_skip(path), root, 0 }, 0);
	free(root);
	return err;
}

/* --- includes ---------------------------------------------------------------------------------------------------------------- */

static int refuse_include(struct loader *l, const struct yaml_node *node, const char *why)
{
	char quoted[200];
	diag_error(l->diag, node->at, "include: %s %s", diag_quote(node->text, quoted, sizeof(quoted)), why);
	l->has_faults = true;
	return -EINVAL;
}

/* Whether path is root or lies below. */
static bool is_below(const char *path, const char *root)
{
	size_t n = strlen(root);
	return strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == '\0' || (n > 0 && root[n - 1] == '/'));
}

/*
 * The path of an included file, as messages name it. Refused: what is absolute, and what lies outside of the folder that was given to load
 * once all links are followed, so that a rule file cannot make us read, and quote in messages, files of others.
 */
static int find_included(struct loader *l, const struct loaded_file *f, const struct yaml_node *node, char path[static PATH_BYTES])
{
	if (!f->root)
		return refuse_include(l, node, "has no folder to look in: this is a text, not a file");
	if (node->text.p[0] == '/')
		return refuse_include(l, node, "is absolute: write the path from this file's folder");
	if (memchr(node->text.p, 0, node->text.n) || !has_ending(node->text.p))
		return refuse_include(l, node, "is no .yaml or .yml file");
	const char *slash = strrchr(f->path, '/');
	int n = snprintf(path, PATH_BYTES, "%.*s%s", slash ? (int)(slash - f->path) + 1 : 0, f->path, node->text.p);
	if (n < 0 || n >= PATH_BYTES)
		return refuse_include(l, node, "is too long");
	char *real = realpath(path, NULL);
	if (!real)
		return errno == ENOMEM ? -ENOMEM : refuse_include(l, node, strerror(errno));
	bool is_inside = is_below(real, f->root);
	free(real);
	return is_inside ? 0 : refuse_include(l, node, "lies outside of the folder that is loaded");
}

int loader_include(struct loader *l, const struct loaded_file *f, const struct yaml_node *name, struct loaded_file **ret)
{
	char path[PATH_BYTES];
	struct stat st;
	int err = find_included(l, f, name, path);
	if (err)
		return err;
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return refuse_include(l, name, "is no file");
	if (f->depth == INCLUDE_MAX_DEPTH)
		return refuse_include(l, name, "is nested too deep (16 levels at most)");
	struct loaded_file *included = find_file(l, &st);
	if (included && included->state == FILE_BUSY)
		return refuse_include(l, name, "includes this file, directly or by others");
	if (!included)
		err = loader_add_file(l, path, &(struct origin){ f->skip, f->root, f->depth + 1 }, &included);
	if (err)
		return err;
	included->depth = f->depth + 1;
	*ret = included;
	return 0;
}
