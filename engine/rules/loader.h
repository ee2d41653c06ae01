/* SPDX-License-Identifier: Apache-2.0 */
/* One load from the inside: its files (files.c) and what is in them (load.c). */
#pragma once

#include <sys/types.h>

#include "engine/rules/override.h"

enum { FOLDER_MAX_DEPTH = 16, INCLUDE_MAX_DEPTH = 16, PATH_BYTES = 4096, FORMATS_MAX = 8 };

struct loaded_file {
	char *path;     /* owned; as it is named in messages */
	size_t skip;    /* bytes of path that belong to the caller's folder: the digest is over the rest */
	char *root;     /* owned; the resolved folder that includes may not leave; NULL: a text, which has no folder */
	dev_t device;   /* which file it is, however it is named */
	ino_t inode;
	unsigned depth; /* includes above it */
	enum { FILE_NEW, FILE_BUSY, FILE_DONE } state;
	struct buf bytes;
	struct yaml_tree *tree; /* owned */
	size_t n_items;
	struct rule_file file;
};

/* Which folder it is, however it is named. */
struct folder_id {
	dev_t device;
	ino_t inode;
};

struct rule_item {
	struct loaded_file *file;
	const struct yaml_node *node;
};

struct loader {
	struct ruleset *set; /* owned until it is handed out */
	struct compiler c;
	struct diag *diag;
	struct loaded_file **files; /* owned */
	size_t n_files, n_files_size;
	struct folder_id *folders;  /* owned; those that were walked */
	size_t n_folders, n_folders_size;
	size_t n_again;             /* paths that led to a file or folder which was there already */
	struct rule_item *items;   /* owned; the `rule:` items in load order */
	size_t n_items, n_items_size;
	struct override_list overrides;
	struct rule_sink sink;
	void *imports[FORMATS_MAX]; /* owned; what each of rule_formats has collected, NULL: nothing */
	size_t n_imported;          /* items of them */
	size_t total_bytes;
	size_t errors_before; /* of diag, when the load began */
	bool has_faults;
};

/* Reports, and marks the load as faulty; returns -EINVAL. */
int loader_refuse(struct loader *l, struct place at, const char *why);
/* The array with room for one more than n items, or NULL (then it is as it was). */
void *array_grown(void *array, size_t n, size_t *size, size_t item);

/* --- files.c --------------------------------------------------------------------------------------------------------------- */

/* Where a path stems from: what was given to load. */
struct origin {
	size_t skip;
	const char *root; /* borrowed; NULL: none */
	unsigned depth;
};

void loaded_file_free(struct loaded_file **f);
/* One file more; 0, or a negative errno after a report. */
int loader_add_file(struct loader *l, const char *path, const struct origin *origin, struct loaded_file **ret) MUST_CHECK;
/* A path as it was given: a file, or all files of a folder. */
int loader_add_path(struct loader *l, const char *path) MUST_CHECK;
/* What the digest leaves out of a path that was given. */
size_t path_skip(const char *path);
/* The file that an `include:` of f names: known already (in any state), or added. 0, or a negative errno after a report. */
int loader_include(struct loader *l, const struct loaded_file *f, const struct yaml_node *name, struct loaded_file **ret) MUST_CHECK;
