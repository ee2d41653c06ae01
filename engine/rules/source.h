/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text out of a YAML file with the place of each of its bytes: YAML folds lines and takes escapes away, so the text is laid
 * against the file's own bytes again.
 */
#pragma once

#include "engine/base/yaml.h"

struct source_place {
	unsigned line, column;
};

/* A file as it was read, with the place of every so many bytes: texts are found without reading from the top each time. */
struct raw_file {
	const char *name;     /* borrowed; outlives what is made of the file */
	struct strview bytes; /* borrowed */
	struct source_place *marks; /* owned; of bytes 0, SOURCE_MARK_BYTES, 2 * SOURCE_MARK_BYTES, ... */
	size_t n_marks;
};

enum { SOURCE_MARK_BYTES = 512 };

/* 0 or -ENOMEM. */
int raw_file_init(struct raw_file *file, const char *name, struct strview bytes) MUST_CHECK;
void raw_file_done(struct raw_file *file);

struct text_source {
	struct strview text; /* borrowed */
	const char *file;
	struct source_place *places; /* owned; one for each byte of text and one for its end; NULL: the text is line 1 */
	struct source_place start;
};

/* Of a scalar; 0 or -ENOMEM. file may be NULL: then all bytes have the node's place. */
int source_of_node(const struct yaml_node *node, const struct raw_file *file, struct text_source *ret) MUST_CHECK;
/* Of a text that is no file: line 1, columns by bytes. Cannot fail. */
struct text_source source_of_text(const char *name, struct strview text);
void source_done(struct text_source *s);

struct place source_place(const struct text_source *s, size_t offset);
