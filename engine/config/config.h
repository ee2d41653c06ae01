/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: text to one read-only struct, by the table options.def. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/base/diag.h"

enum { CONFIG_MAX_WORDS = 64 };

typedef bool config_BOOL;
typedef uint64_t config_SIZE;
typedef uint64_t config_POWER;
typedef uint64_t config_TIME;  /* nanoseconds */
typedef uint64_t config_COUNT;
typedef const char *config_TEXT;
typedef struct {
	const char *items[CONFIG_MAX_WORDS + 1]; /* NULL-terminated */
	struct config_at {
		unsigned line, column; /* 0: a default */
	} at[CONFIG_MAX_WORDS];
	size_t n;
} config_WORDS;

struct config {
	char digest[65]; /* SHA-256 of the file's bytes, hexadecimal */
	char **owned;    /* all texts */
	size_t n_owned;
#define OPTION(type, member, key, fallback, least, most, doc) config_##type member;
#include "engine/config/options.def"
};

/* All faults of the file go into diag; 0, or a negative errno with *ret untouched. */
int config_load(const char *path, struct config **ret, struct diag *diag) MUST_CHECK;
int config_parse(const char *name, struct strview text, struct config **ret, struct diag *diag) MUST_CHECK;
void config_free(struct config **c);

/* Warns of each key but `rules` that has another value in `now`; returns how many. */
size_t config_changes(const struct config *before, const struct config *now, struct place at, struct diag *diag);

/* A commented file with every key and its default. */
void config_template(struct buf *out);
/* The settings in force, as a file that config_parse reads back to the same. */
void config_show(const struct config *c, struct buf *out);
