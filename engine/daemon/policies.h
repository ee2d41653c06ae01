/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policies that were applied to a running daemon, as files of a folder of its own: NAME.yaml is in force at every start, NAME.force beside it
 * says that it was forced. What waits to be confirmed lies in .pending, where no start looks: a daemon that ends before, in whatever way,
 * comes up without it. Every change is written whole, renamed and synced.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/buf.h"
#include "engine/base/diag.h"
#include "engine/base/strview.h"

enum {
	POLICY_NAME_MAX = 63,
	POLICY_MAX_BYTES = 1024 * 1024, /* of one policy's text: the request that brings it is at most four times that, escapes and all */
	POLICIES_MAX = 64,
};

struct policy_file {
	char name[POLICY_NAME_MAX + 1];
	bool is_forced;
};

struct policies;
struct rule_paths;

/* Letters, digits, - and _, not at the beginning; what a file may be called. */
bool policy_name_is_valid(struct strview name) PURE;

/*
 * Makes the folder (mode 0700) if it is missing, and its parent. Refused: a folder that others may write to, names that are none. 0 or -errno
 * with the reason.
 */
int policies_open(const char *folder, struct policies **ret, struct diag *diag) MUST_CHECK;
/* Takes away what waited to be confirmed when an earlier daemon ended, with a warning. Only by who knows that no other daemon runs. */
void policies_sweep(struct policies *p, struct diag *diag);
void policies_free(struct policies **p);

/* Sorted by name. */
size_t policies_list(const struct policies *p, const struct policy_file **ret);
const struct policy_file *policies_find(const struct policies *p, const char *name);
/* Path of the kept file; for messages, and to tell whose a rule is. */
bool policies_owner(const struct policies *p, const char *path, struct policy_file *ret);

/* Writes what is to be tried; one at a time. 0 or -errno with the reason. */
int policies_stage(struct policies *p, const char *name, struct strview text, bool is_forced, struct diag *diag) MUST_CHECK;
/* Nothing is to be tried any more. */
void policies_unstage(struct policies *p);
/* The path it has while it is tried; "" when there is none. */
const char *policies_staged_path(const struct policies *p);
/* What was staged is in force at every start from now on; 0 or -errno, then it is still staged. */
int policies_keep(struct policies *p, struct diag *diag) MUST_CHECK;
/* 0, -ENOENT or -errno with the reason. */
int policies_remove(struct policies *p, const char *name, struct diag *diag) MUST_CHECK;
/* Appends the text of a kept one; 0 or -errno. */
int policies_read(const struct policies *p, const char *name, struct buf *out) MUST_CHECK;

/*
 * Adds the paths of all that are to be in force, sorted by name: the kept ones, the staged one in place of one of its name, without the one named
 * (NULL: all). 0 or -ENOMEM, -E2BIG.
 */
int policies_add_paths(const struct policies *p, const char *without, struct rule_paths *ret) MUST_CHECK;
