/* SPDX-License-Identifier: Apache-2.0 */
/* Reads by the rows of schemas/audit.def. The texts are those that a signed line has, and still nobody's to trust. */
#include "alerts/audit_line.h"

#include <errno.h>

#include "alerts/terminal.h"
#include "engine/base/json.h"

static const char *const paths[AUDIT_FIELD_COUNT] = {
#define AUDIT_FIELD(id, path) [AUDIT_FIELD_##id] = (path),
#include "schemas/audit.def"
};

int audit_record_read(struct strview line, struct audit_record *ret)
{
	const char *error;
	size_t at;
	for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++)
		ret->member[i] = (struct json_want){ .path = paths[i] };
	return json_read_members(line, ret->member, AUDIT_FIELD_COUNT, &error, &at);
}

struct strview audit_record_raw(const struct audit_record *r, enum audit_field field)
{
	const struct json_want *w = &r->member[field];
	return w->token == JSON_STRING || w->token == JSON_NUMBER ? w->raw : SV("");
}

bool audit_record_is(const struct audit_record *r, enum audit_field field, const char *text)
{
	return sv_is(audit_record_raw(r, field), text);
}

uint64_t audit_record_number(const struct audit_record *r, enum audit_field field)
{
	uint64_t n;
	return r->member[field].token == JSON_NUMBER && json_integer(r->member[field].raw, &n) == 0 ? n : UINT64_MAX;
}

/* --- text --------------------------------------------------------------------------------------------------------------------------------- */

void audit_printable(struct strview text, char *into, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t at = 0;
	for (size_t i = 0; i < text.n;) {
		const unsigned char *p = (const unsigned char *)text.p + i;
		size_t n = utf8_length(text.p + i, text.n - i);
		bool is_plain = n && !terminal_is_unsafe(text.p + i, n);
		n = n ? n : 1;
		size_t needs = is_plain ? n : 4 * n;
		if (at + needs + sizeof("...") > size) { /* what was taken has left room for this */
			memcpy(into + at, "...", sizeof("..."));
			return;
		}
		for (size_t k = 0; k < n; k++) {
			if (is_plain) {
				into[at++] = (char)p[k];
				continue;
			}
			into[at++] = '\\';
			into[at++] = 'x';
			into[at++] = hex[p[k] >> 4];
			into[at++] = hex[p[k] & 15];
		}
		i += n;
	}
	into[at] = '\0';
}

static void add_items(struct strview array, struct buf *out)
{
	struct json_reader r;
	json_reader_init(&r, array);
	(void)json_next(&r); /* the bracket */
	for (enum json_token token; (token = json_next(&r)) == JSON_STRING || token == JSON_NUMBER;) {
		if (out->n)
			buf_add_z(out, ", ");
		if (json_unescape(r.raw, out))
			return;
	}
}

void audit_record_text(const struct audit_record *r, enum audit_field field, char *into, size_t size, struct buf *scratch)
{
	const struct json_want *w = &r->member[field];
	int err = 0;
	buf_reset(scratch);
	if (w->token == JSON_ARRAY)
		add_items(w->raw, scratch);
	else
		err = json_unescape(audit_record_raw(r, field), scratch);
	audit_printable(err || scratch->failed ? SV("(not readable)") : buf_sv(scratch), into, size);
}

/* --- what it is ------------------------------------------------------------------------------------------------------------------------ */

enum op { OP_HAS, OP_IS, OP_STARTS, OP_LISTS };

struct test {
	enum audit_field field;
	enum op op;
	const char *values;
};

static const struct match {
	enum audit_show show;
	struct test test[2];
} matches[] = {
#define AUDIT_BOTH(show, field, op, values, field2, op2, values2) \
	{ AUDIT_SHOW_##show, { { AUDIT_FIELD_##field, OP_##op, (values) }, { AUDIT_FIELD_##field2, OP_##op2, (values2) } } },
#include "schemas/audit.def"
};

static const struct {
	uint64_t fields;
	const char *not;
} contents[AUDIT_CONTENT_COUNT] = {
#define BIT(id) (UINT64_C(1) << AUDIT_FIELD_##id)
#define AUDIT_CONTENT(id, what, fields, not) [AUDIT_CONTENT_##id] = { (fields), (not) },
#include "schemas/audit.def"
};
_Static_assert(AUDIT_FIELD_COUNT <= 64 && AUDIT_SHOW_COUNT <= 64, "a bit for each");

/* Has the list the item? A quote within a text is escaped, so that the item between two quotes is the whole of one. */
static bool list_has(struct strview raw, struct strview item)
{
	for (size_t i = 0; i + item.n + 2 <= raw.n; i++)
		if (raw.p[i] == '"' && memcmp(raw.p + i + 1, item.p, item.n) == 0 && raw.p[i + 1 + item.n] == '"')
			return true;
	return false;
}

static bool holds_for(const struct json_want *w, enum op op, struct strview value)
{
	bool is_scalar = w->token == JSON_STRING || w->token == JSON_NUMBER;
	switch (op) {
	case OP_IS:
		return is_scalar && sv_equal(w->raw, value);
	case OP_STARTS:
		return is_scalar && sv_starts(w->raw, value);
	case OP_LISTS:
		return w->token == JSON_ARRAY && list_has(w->raw, value);
	case OP_HAS:
		break;
	}
	return false;
}

static bool holds(const struct audit_record *r, const struct test *t)
{
	const struct json_want *w = &r->member[t->field];
	if (t->op == OP_HAS)
		return w->token != JSON_ERROR && w->token != JSON_NULL;
	for (const char *v = t->values; *v;) {
		size_t n = strcspn(v, ",");
		if (holds_for(w, t->op, (struct strview){ v, n }))
			return true;
		v += n + (v[n] == ',');
	}
	return false;
}

uint64_t audit_record_shows(const struct audit_record *r)
{
	uint64_t shows = 0;
	for (size_t i = 0; i < ARRAY_SIZE(matches); i++)
		if (holds(r, &matches[i].test[0]) && holds(r, &matches[i].test[1]))
			shows |= UINT64_C(1) << matches[i].show;
	return shows;
}

uint64_t audit_record_contents(const struct audit_record *r)
{
	uint64_t has = 0;
	for (size_t c = 0; c < AUDIT_CONTENT_COUNT; c++)
		for (size_t f = 0; f < AUDIT_FIELD_COUNT; f++)
			if (contents[c].fields >> f & 1 && holds(r, &(struct test){ (enum audit_field)f, OP_HAS, "" }) &&
			    !(contents[c].not[0] && audit_record_is(r, (enum audit_field)f, contents[c].not)))
				has |= UINT64_C(1) << c;
	return has;
}
