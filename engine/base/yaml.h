/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text as a small tree of nodes with places, under limits on size, depth and count. Anchors, aliases and tags are
 * refused (no billion laughs), duplicate keys too. The tree owns all its text; nodes and views live as long as the tree.
 */
#pragma once

#include <stdbool.h>

#include "engine/base/diag.h"
#include "engine/base/strview.h"

enum {
	YAML_MAX_BYTES = 4 * 1024 * 1024, /* Falco's largest shipped rule file has 0.2 MB */
	YAML_MAX_DEPTH = 16,
	YAML_MAX_NODES = 200000,
	YAML_MAX_KEYS = 1024, /* in one map: keeps the search for doubled keys short */
};

enum yaml_type { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_type type;
	bool is_quoted;        /* scalar: 'x', "x", | or >: never a number or a boolean */
	bool is_block;         /* scalar: | or >: text starts on the line after the place */
	struct place at;       /* file is the name given to yaml_parse, owned by the tree */
	struct strview text;   /* scalar: its text, NUL-terminated beyond n */
	struct yaml_node *first; /* list: items; map: key, value, key, value, ... linked by next */
	struct yaml_node *next;
	size_t n;              /* list: items; map: pairs */
};

struct yaml_tree;

/* Reads all documents of text as one list of their roots. 0, or -EINVAL with the faults in diag. */
int yaml_parse(const char *file, struct strview text, struct yaml_tree **ret, struct diag *diag) MUST_CHECK;
/* The same from a file; -errno when it cannot be read (also in diag). */
int yaml_load(const char *path, struct yaml_tree **ret, struct diag *diag) MUST_CHECK;
/* Not "yaml_free": libyaml has a function of that name, and calls it. */
void yaml_tree_free(struct yaml_tree **tree);

/* List of the documents' roots. */
const struct yaml_node *yaml_root(const struct yaml_tree *tree);

/* Bytes of the character at the front of p[0..n) if a line of YAML may have it as it is; 0: a control, an end of line of any kind, no UTF-8. */
size_t yaml_char(const char *p, size_t n);

/* Value of a key of a map, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* Iterate: for (n = node->first; n; n = n->next) for lists; pairs of a map: key = n, value = n->next, n = n->next->next. */

/* Typed scalars: 0, or -EINVAL with a message naming what was expected. */
int yaml_bool(const struct yaml_node *node, bool *ret, struct diag *diag) MUST_CHECK;
const char *yaml_type_name(enum yaml_type type);
