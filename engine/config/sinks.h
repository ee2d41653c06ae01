/* SPDX-License-Identifier: Apache-2.0 */
/* The list `sinks` of the configuration: where records go. By the table sinks.def. */
#pragma once

#include "engine/config/option.h"

enum { SINKS_MAX = 16, SINK_NAME_MAX = 32 };

enum sink_kind {
#define SINK(kind, name, doc) SINK_##kind,
#include "engine/config/sinks.def"
	SINK_KINDS,
};

struct sink_options {
	enum sink_kind kind;
	struct place at; /* of its mapping; the file's name lives as long as the list */
#define SINK_OPTION(kinds, type, member, key, fallback, least, most, choices, doc) config_##type member;
#include "engine/config/sinks.def"
};

struct sinks_config {
	struct sink_options *sinks; /* owned */
	size_t n;
	struct option_texts owned;
};

/* Reads the list; all faults go into diag. 0, or a negative errno: then *ret holds what sinks_config_done frees. */
int sinks_parse(const struct yaml_node *list, struct sinks_config *ret, struct diag *diag) MUST_CHECK;
/* A list of one: a file that is never rotated, named "output". The path is borrowed. */
int sinks_one_file(const char *path, struct sinks_config *ret, struct diag *diag) MUST_CHECK;
void sinks_config_done(struct sinks_config *sinks);
/* As sinks_parse reads it back; nothing when there is none. */
void sinks_show(const struct sinks_config *sinks, struct buf *out);

enum { SINK_SECRETS = 6 };
/* Names of the files of secrets that it reads, borrowed; returns how many. Certificates and their keys, which hosts share and renew, are not among them. */
size_t sink_secret_files(const struct sink_options *s, const char *ret[static SINK_SECRETS]);
const char *sink_kind_name(enum sink_kind kind) PURE;
/* What is wrong with a url of a sink over HTTP, without the url itself, which may be a secret; NULL: nothing. */
const char *sink_url_fault(const struct sink_options *s, const char *url);
