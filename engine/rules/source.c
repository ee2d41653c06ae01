/* SPDX-License-Identifier: Apache-2.0 */
/* Places of a scalar's bytes. Wrong at worst where a file is not UTF-8; never outside of the file. */
#include "engine/rules/source.h"

#include <errno.h>
#include <stdlib.h>

/* A reader over the raw bytes that counts lines and columns (in characters, as YAML's places do). */
struct cursor {
	struct strview raw;
	size_t at;
	unsigned line, column;
};

static void cursor_step(struct cursor *c)
{
	unsigned char byte = (unsigned char)c->raw.p[c->at++];
	if (byte == '\n') {
		c->line++;
		c->column = 1;
		return;
	}
	if (c->at < c->raw.n && ((unsigned char)c->raw.p[c->at] & 0xc0) == 0x80)
		return; /* the character goes on */
	c->column++;
}

static void cursor_go(struct cursor *c, unsigned line, unsigned column)
{
	while (c->at < c->raw.n && (c->line < line || (c->line == line && c->column < column)))
		cursor_step(c);
}

int raw_file_init(struct raw_file *file, const char *name, struct strview bytes)
{
	*file = (struct raw_file){ .name = name, .bytes = bytes };
	file->marks = malloc((bytes.n / SOURCE_MARK_BYTES + 1) * sizeof(*file->marks));
	if (!file->marks)
		return -ENOMEM;
	struct cursor c = { .raw = bytes, .line = 1, .column = 1 };
	for (;;) {
		if (c.at % SOURCE_MARK_BYTES == 0)
			file->marks[file->n_marks++] = (struct source_place){ c.line, c.column };
		if (c.at == bytes.n)
			return 0;
		cursor_step(&c);
	}
}

void raw_file_done(struct raw_file *file)
{
	free(file->marks);
	*file = (struct raw_file){ 0 };
}

static bool is_before(struct source_place a, unsigned line, unsigned column)
{
	return a.line < line || (a.line == line && a.column < column);
}

/* A cursor at the last mark before a place, or at the top. */
static struct cursor cursor_near(const struct raw_file *file, unsigned line, unsigned column)
{
	size_t low = 0, high = file->n_marks; /* marks below low are before the place, those from high on are not */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (is_before(file->marks[middle], line, column))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return (struct cursor){ .raw = file->bytes, .line = 1, .column = 1 };
	struct source_place mark = file->marks[low - 1];
	return (struct cursor){ .raw = file->bytes, .at = (low - 1) * SOURCE_MARK_BYTES, .line = mark.line, .column = mark.column };
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t hex_length(char kind)
{
	return kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
}

/*
 * Moves to where the byte of the text stands. Between two bytes that are not blanks, only blanks, line ends, doubled quotes
 * and escapes can be in the way, so looking for the next equal byte is enough; an escape stands for a byte of its own.
 */
static void cursor_find(struct cursor *c, char want, bool has_escapes)
{
	while (c->at < c->raw.n) {
		char have = c->raw.p[c->at];
		if (has_escapes && have == '\\' && c->at + 1 < c->raw.n) {
			char next = c->raw.p[c->at + 1];
			if (next == want || hex_length(next))
				return;
			cursor_step(c);
			cursor_step(c);
			continue;
		}
		if (have == want)
			return;
		if (!is_blank(have) && !has_escapes)
			return; /* the file is not in UTF-8: stay near */
		cursor_step(c);
	}
}

static void cursor_pass(struct cursor *c, bool has_escapes)
{
	if (c->at >= c->raw.n)
		return;
	size_t n = 1;
	if (has_escapes && c->raw.p[c->at] == '\\' && c->at + 1 < c->raw.n)
		n = 2 + hex_length(c->raw.p[c->at + 1]);
	while (n-- && c->at < c->raw.n)
		cursor_step(c);
}

int source_of_node(const struct yaml_node *node, const struct raw_file *file, struct text_source *ret)
{
	struct text_source s = { .text = node->text, .file = file ? file->name : node->at.file, .start = { node->at.line, node->at.column } };
	s.places = malloc((node->text.n + 1) * sizeof(*s.places));
	if (!s.places)
		return -ENOMEM;
	struct cursor c = { .line = 1, .column = 1 };
	if (file)
		c = cursor_near(file, node->at.line, node->at.column);
	cursor_go(&c, node->at.line, node->at.column);
	bool has_escapes = false, is_single = false;
	if (node->is_block) {
		cursor_go(&c, node->at.line + 1, 1);
	} else if (node->is_quoted && c.at < c.raw.n) {
		has_escapes = c.raw.p[c.at] == '"';
		is_single = c.raw.p[c.at] == '\'';
		cursor_step(&c);
	}
	for (size_t i = 0; i < node->text.n; i++) {
		char byte = node->text.p[i];
		bool goes_on = ((unsigned char)byte & 0xc0) == 0x80;
		if (!is_blank(byte) && !goes_on)
			cursor_find(&c, byte, has_escapes);
		s.places[i] = c.raw.n ? (struct source_place){ c.line, c.column } : s.start;
		bool is_here = c.at < c.raw.n && (c.raw.p[c.at] == byte || c.raw.p[c.at] == '\\');
		if (is_here && byte != '\n') {
			cursor_pass(&c, has_escapes);
			if (is_single && byte == '\'')
				cursor_pass(&c, false);
		}
	}
	s.places[node->text.n] = c.raw.n ? (struct source_place){ c.line, c.column } : s.start;
	*ret = s;
	return 0;
}

struct text_source source_of_text(const char *name, struct strview text)
{
	return (struct text_source){ .text = text, .file = name, .start = { 1, 1 } };
}

void source_done(struct text_source *s)
{
	free(s->places);
	*s = (struct text_source){ 0 };
}

struct place source_place(const struct text_source *s, size_t offset)
{
	offset = MIN(offset, s->text.n);
	if (!s->places)
		return (struct place){ s->file, s->start.line, s->start.column + (unsigned)offset };
	return (struct place){ s->file, s->places[offset].line, s->places[offset].column };
}
