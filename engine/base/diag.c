/* SPDX-License-Identifier: Apache-2.0 */
/* Messages for people. Owns their text; never prints anything itself. */
#include "engine/base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/json.h"

static void message_done(struct diag_message *m)
{
	free(m->file);
	free(m->text);
}

/* Warnings must not keep an error from being seen: the last of them makes room. */
static void drop_last_warning(struct diag *diag)
{
	for (size_t i = diag->n; i-- > 0;) {
		if (diag->messages[i].level != DIAG_WARNING)
			continue;
		message_done(&diag->messages[i]);
		memmove(&diag->messages[i], &diag->messages[i + 1], (diag->n - i - 1) * sizeof(diag->messages[0]));
		diag->n--;
		return;
	}
}

PRINTF_LIKE(4, 0)
static void diag_add(struct diag *diag, enum diag_level level, struct place at, const char *format, va_list args)
{
	if (!diag)
		return;
	if (level == DIAG_ERROR)
		diag->errors++;
	else
		diag->warnings++;
	if (diag->n == DIAG_MAX_MESSAGES && level == DIAG_ERROR)
		drop_last_warning(diag);
	if (diag->n == DIAG_MAX_MESSAGES)
		return;

	char raw[DIAG_MAX_TEXT];
	int len = vsnprintf(raw, sizeof(raw), format, args);
	if (len < 0)
		raw[0] = '\0';
	if (len >= (int)sizeof(raw))
		memcpy(raw + utf8_cut(raw, sizeof(raw) - 4), "...", 4);

	struct diag_message *m = &diag->messages[diag->n++];
	*m = (struct diag_message){ .level = level, .line = at.line, .column = at.column };
	m->file = at.file ? strdup(at.file) : NULL;
	m->text = strdup(raw);
	for (char *c = m->text; c && *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

void diag_error(struct diag *diag, struct place at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	diag_add(diag, DIAG_ERROR, at, format, args);
	va_end(args);
}

void diag_warn(struct diag *diag, struct place at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	diag_add(diag, DIAG_WARNING, at, format, args);
	va_end(args);
}

void diag_done(struct diag *diag)
{
	if (!diag)
		return;
	for (size_t i = 0; i < diag->n; i++)
		message_done(&diag->messages[i]);
	*diag = (struct diag){ 0 };
}

/* The name of a file with its control bytes as \xHH; one too long for the buffer ends early. */
static void printable(const char *name, char *buffer, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t at = 0;
	for (; *name && at + 5 <= size; name++) {
		unsigned char c = (unsigned char)*name;
		if (c >= 0x20 && c != 0x7f) {
			buffer[at++] = *name;
			continue;
		}
		memcpy(buffer + at, (const char[]){ '\\', 'x', hex[c >> 4], hex[c & 15] }, 4);
		at += 4;
	}
	buffer[at] = '\0';
}

size_t diag_format(const struct diag_message *m, char *buffer, size_t size)
{
	char file[4096 + 8] = "";
	if (m->file)
		printable(m->file, file, sizeof(file));
	const char *level = m->level == DIAG_WARNING ? "warning: " : "";
	const char *text = m->text ? m->text : "(out of memory)";
	int n;
	if (m->file && m->line)
		n = snprintf(buffer, size, "%s:%u:%u: %s%s", file, m->line, m->column, level, text);
	else if (m->file)
		n = snprintf(buffer, size, "%s: %s%s", file, level, text);
	else
		n = snprintf(buffer, size, "%s%s", level, text);
	return n < 0 ? 0 : (size_t)n;
}

const char *diag_quote(struct strview text, char *buffer, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t at = 0;
	if (size < 8) {
		if (size)
			buffer[0] = '\0';
		return buffer;
	}
	buffer[at++] = '\'';
	for (size_t i = 0; i < text.n; i++) {
		if (at + 9 > size) { /* room for one escape, "...", quote and NUL */
			at = utf8_cut(buffer, at);
			memcpy(buffer + at, "...", 3);
			at += 3;
			break;
		}
		unsigned char c = (unsigned char)text.p[i];
		if (c >= 0x20 && c != 0x7f) {
			buffer[at++] = (char)c;
			continue;
		}
		buffer[at++] = '\\';
		buffer[at++] = 'x';
		buffer[at++] = hex[c >> 4];
		buffer[at++] = hex[c & 15];
	}
	buffer[at++] = '\'';
	buffer[at] = '\0';
	return buffer;
}

enum { SUGGEST_MAX = 64 }; /* names are short; a longer text has no near name */

/* Levenshtein distance with one row of memory; both lengths are at most SUGGEST_MAX. */
static size_t edit_distance(struct strview a, struct strview b)
{
	size_t row[SUGGEST_MAX + 1];
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t above = row[j];
			size_t change = diagonal + (a.p[i - 1] != b.p[j - 1]);
			row[j] = MIN(MIN(above + 1, row[j - 1] + 1), change);
			diagonal = above;
		}
	}
	return row[b.n];
}

size_t diag_distance(struct strview a, struct strview b)
{
	return a.n > SUGGEST_MAX || b.n > SUGGEST_MAX ? SIZE_MAX : edit_distance(a, b);
}

static size_t common_prefix(struct strview a, struct strview b)
{
	size_t n = 0;
	while (n < a.n && n < b.n && a.p[n] == b.p[n])
		n++;
	return n;
}

/* A name cut short, with at most its last byte wrong: process.exee for process.executable. */
static const char *suggest_longer(struct strview text, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t best_common = text.n - 2;
	for (size_t i = 0; i < n; i++) {
		size_t common = common_prefix(text, sv_from(names[i]));
		if (common > best_common) {
			best = names[i];
			best_common = common;
		}
	}
	return best;
}

static bool is_at(const struct diag_message *m, struct place at)
{
	return m->line == at.line && m->column == at.column && m->file && at.file && strcmp(m->file, at.file) == 0;
}

bool diag_speaks_of(const struct diag *diag, struct place at)
{
	for (size_t i = 0; diag && i < diag->n; i++)
		if (is_at(&diag->messages[i], at))
			return true;
	return false;
}

bool diag_refuses(const struct diag *diag, struct place at)
{
	for (size_t i = 0; diag && i < diag->n; i++)
		if (diag->messages[i].level == DIAG_ERROR && is_at(&diag->messages[i], at))
			return true;
	return false;
}

const char *diag_suggest(struct strview text, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t best_distance = text.n / 3 + 1;
	if (text.n > SUGGEST_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct strview name = sv_from(names[i]);
		if (name.n > SUGGEST_MAX)
			continue;
		size_t d = edit_distance(text, name);
		bool is_tie = best && d == best_distance; /* then a letter that was left out at the end is likelier than a wrong one */
		bool is_better = is_tie ? sv_starts(name, text) && !sv_starts(sv_from(best), text) : d <= best_distance;
		if (is_better) {
			best = names[i];
			best_distance = d;
		}
	}
	const char *longer = text.n >= 6 && (!best || best_distance > 1) ? suggest_longer(text, names, n) : NULL;
	return longer ? longer : best;
}
