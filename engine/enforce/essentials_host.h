/* SPDX-License-Identifier: Apache-2.0 */
/* The sets of files that essentials.def speaks of, as they are on this host. */
#pragma once

#include "engine/base/arena.h"
#include "engine/enforce/essentials.h"

enum essential_set {
	SET_NONE,
#define SET(id) SET_##id,
#include "engine/enforce/essentials.def"
	SET_COUNT,
};

enum {
	ESSENTIAL_MAX_CONFFILES = 8192, /* a desktop has about 2,000 */
	ESSENTIAL_MAX_SHELLS = 64,
};

/* A file by one of its names. The kernel knows it by the one that leads through no link; rules may be written by others. */
struct essential_file {
	const char *path;
	bool is_alias;
};

struct essential_files {
	struct essential_file *items;
	size_t n, size;
};

struct essential_sets {
	const char *root;   /* borrowed */
	struct arena arena; /* owned; the paths */
	struct essential_files sets[SET_COUNT]; /* items owned */
};

/* 0 or -ENOMEM. */
int essential_sets_fill(struct essential_sets *s, const struct essentials_host *host) MUST_CHECK;
void essential_sets_done(struct essential_sets *s);

/* Adds a file with its names if it is there; 0 or -ENOMEM. */
int essential_sets_add(struct essential_sets *s, enum essential_set set, const char *path) MUST_CHECK;
/* The written path leads through links: the files that it stands for get the name they have by it. 0 or -ENOMEM. */
int essential_sets_alias(struct essential_sets *s, struct strview written) MUST_CHECK;
bool essential_sets_has(const struct essential_sets *s, enum essential_set set, const char *path) PURE;
/* Is there such a file on the host? */
bool essential_sets_exists(const struct essential_sets *s, const char *path);
