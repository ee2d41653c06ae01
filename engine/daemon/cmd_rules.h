/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands over rule files share: their arguments, and how problems are shown. */
#pragma once

#include <stdio.h>

#include "engine/base/json.h"
#include "engine/rules/ruleset.h"

struct rules_options {
	bool json;
	bool is_quiet; /* only errors are of interest */
	bool more, other; /* the command's own options were given */
	bool is_done; /* --help was given and printed */
	const char **paths; /* owned: those of --rules, then the words */
	size_t n_paths;
};
void rules_options_done(struct rules_options *options);

/*
 * --json, --quiet, --help, the command's own options (without the dashes; NULL: none) and paths, with --rules before them or not. 0, or an exit status.
 */
int rules_options_read(int argc, char **argv, const char *help, const char *const own[2], struct rules_options *ret);

/* All problems, one a line. */
void problems_print(FILE *to, const struct diag *diag);
/* Without the warnings. */
void errors_print(FILE *to, const struct diag *diag);
/* A list of messages, each with its place; with_level: and whether it is an error. */
void messages_json(struct json *j, const struct diag *diag, bool with_level);
/* "problems":[...] inside the current object. */
void problems_json(struct json *j, const struct diag *diag);
/* "1 rule", "2 rules": the number with a word that takes an s. */
void add_count(struct buf *out, size_t n, const char *word);
/* The same for standard error, as a sentence of its own: "1 error" and what follows. */
void say_errors(size_t n, const char *rest);
/* Writes the buffer to stdout; 0, or EXIT_FAILED with a note. */
int output_write(struct buf *out);
