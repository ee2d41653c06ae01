/* SPDX-License-Identifier: Apache-2.0 */
/* What tables of options share: each row says a key, its kind, its default, its range, and the member of a struct that it fills. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/base/diag.h"
#include "engine/base/yaml.h"

enum {
	CONFIG_MAX_WORDS = 64,
	OPTIONS_MAX = 128, /* rows of one table that messages choose a near key from */
};

typedef bool config_BOOL;
typedef uint64_t config_SIZE;
typedef uint64_t config_POWER;
typedef uint64_t config_TIME;  /* nanoseconds */
typedef uint64_t config_COUNT;
typedef const char *config_TEXT;
typedef const char *config_CHOICE;
typedef struct {
	const char *items[CONFIG_MAX_WORDS + 1]; /* NULL-terminated */
	struct config_at {
		unsigned line, column; /* 0: a default */
	} at[CONFIG_MAX_WORDS];
	size_t n;
} config_WORDS;

enum option_type { OPTION_BOOL, OPTION_SIZE, OPTION_POWER, OPTION_TIME, OPTION_COUNT, OPTION_TEXT, OPTION_CHOICE, OPTION_WORDS };

struct config_option {
	enum option_type type;
	const char *key, *fallback, *doc;
	size_t offset;
	uint64_t least, most;
	const char *choices; /* CHOICE: "one, other" */
	unsigned kinds;      /* of a table for several kinds of a thing: those that have it, as bits */
};

/* Texts that members point to. */
struct option_texts {
	char **items; /* owned */
	size_t n;
};
void option_texts_done(struct option_texts *texts);
/* A copy; NULL: no memory. */
const char *option_keep(struct option_texts *texts, struct strview text);

/* Where values go. */
struct option_into {
	void *base;                 /* of the offsets */
	struct option_texts *texts; /* that own what they point to */
};

/* 0, or a negative errno with the place and what would be right in diag. */
int option_set(const struct option_into *into, const struct config_option *o, const struct yaml_node *value, struct diag *diag) MUST_CHECK;
int option_default(const struct option_into *into, const struct config_option *o, struct diag *diag) MUST_CHECK;
/* Do keys begin with it and a dot? */
bool option_is_section(const struct config_option *options, size_t n_options, const char *key) PURE;
/* -EINVAL, with the nearest key. */
int option_unknown(const struct config_option *options, size_t n, struct place at, const char *key, struct diag *diag) MUST_CHECK;
/* As it can be read back. */
void option_add_value(const void *base, const struct config_option *o, struct buf *out);
