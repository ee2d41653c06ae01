/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: text to one read-only struct, by the table options.def. */
#pragma once

#include "engine/config/option.h"
#include "engine/config/sinks.h"

#define CONFIG_OUTPUT_FILE "/var/log/vedette/alerts.jsonl"

struct config {
	char digest[65]; /* SHA-256 of the file's bytes, hexadecimal */
	struct option_texts owned; /* all texts but the sinks' */
	struct sinks_config sinks;
#define OPTION(type, member, key, fallback, least, most, doc) config_##type member;
#include "engine/config/options.def"
};

/* All faults of the file go into diag; 0, or a negative errno with *ret untouched. */
int config_load(const char *path, struct config **ret, struct diag *diag) MUST_CHECK;
int config_parse(const char *name, struct strview text, struct config **ret, struct diag *diag) MUST_CHECK;
void config_free(struct config **c);

/* Which of the values of wal.full it is, from 0 in the order of its row; -EINVAL: none. */
int config_wal_full(const struct config *c) PURE;

/* noise.floor as a number, from 0 for info; one more than that of critical for none. */
int config_noise_floor(const struct config *c) PURE;

/* Warns of each key but `rules` that has another value in `now`; returns how many. */
size_t config_changes(const struct config *before, const struct config *now, struct place at, struct diag *diag);

/* A commented file with every key and its default. */
void config_template(struct buf *out);
/* The settings in force, as a file that config_parse reads back to the same. */
void config_show(const struct config *c, struct buf *out);
