/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CEF and LEEF: a head of fields between bars, then key=value pairs. Neither can hold a signature; they name the record and the hash of its body,
 * by which it is found in the signed log.
 */
#include "alerts/format_record.h"

/* How a text is written so that it ends where it should. */
struct escapes {
	const char *backslashed; /* these have a backslash before them */
	const char *replaced;    /* these cannot stand there: '_' does */
	bool names_controls;     /* line feed, carriage return (and tab, when it separates) as \n, \r, \t; else a blank */
	bool keeps_tab;
};

static const struct escapes cef_head = { .backslashed = "\\|", .replaced = "" };
static const struct escapes cef_value = { .backslashed = "\\=", .replaced = "", .names_controls = true, .keeps_tab = true };
static const struct escapes leef_head = { .backslashed = "", .replaced = "|" };
static const struct escapes leef_value = { .backslashed = "\\", .replaced = "", .names_controls = true };

static void add_control(struct buf *out, char c, const struct escapes *e)
{
	if (c == '\t' && e->keeps_tab)
		buf_add_char(out, c);
	else if ((c == '\n' || c == '\r' || c == '\t') && e->names_controls)
		buf_add_z(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
	else if (c == '\n' || c == '\r' || c == '\t')
		buf_add_char(out, ' ');
	else
		buf_add_z(out, "\xef\xbf\xbd"); /* other control bytes have no form there */
}

static void add_escaped(struct buf *out, struct strview text, const struct escapes *e)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if ((unsigned char)c < 0x20 || c == 0x7f) {
			add_control(out, c, e);
			continue;
		}
		if (strchr(e->backslashed, c))
			buf_add_char(out, '\\');
		buf_add_char(out, strchr(e->replaced, c) ? '_' : c);
	}
}

/* --- values -------------------------------------------------------------------------------------------------------------------------------- */

static bool pairs_leaf_hash(struct format_out *o, struct format_value *ret)
{
	ret->text = sv_from(o->record->leaf_hash);
	return true;
}

static bool pairs_leef_severity(struct format_out *o, struct format_value *ret)
{
	buf_add_u64(&o->made, format_severity(o->record->severity)->leef);
	ret->text = buf_sv(&o->made);
	return true;
}

static void add_items(struct format_out *o, const char *path)
{
	const struct format_leaf *leaf = format_record_find(o->record, path);
	struct format_list list;
	struct strview item;
	if (!leaf)
		return;
	format_list_begin(&list, o, "attackTechniques", leaf->raw);
	while (format_list_next(&list, &item)) {
		if (o->made.n)
			buf_add_char(&o->made, ',');
		buf_add_sv(&o->made, item);
	}
}

/* Techniques, and sub-techniques behind them. */
static bool pairs_techniques(struct format_out *o, struct format_value *ret)
{
	add_items(o, "threat.technique.id");
	add_items(o, "threat.technique.subtechnique.id");
	ret->text = format_cut(o, buf_sv(&o->made), "attackTechniques");
	return true;
}

/* CEF has keys of their own for addresses of IPv6. */
static bool address(struct format_out *o, const char *path, bool wants_v6, struct format_value *ret)
{
	ret->text = format_text(o, path, path);
	return ret->text.n && (memchr(ret->text.p, ':', ret->text.n) != NULL) == wants_v6;
}

static bool pairs_source_v4(struct format_out *o, struct format_value *ret)
{
	return address(o, "source.ip", false, ret);
}

static bool pairs_source_v6(struct format_out *o, struct format_value *ret)
{
	return address(o, "source.ip", true, ret);
}

static bool pairs_destination_v4(struct format_out *o, struct format_value *ret)
{
	return address(o, "destination.ip", false, ret);
}

static bool pairs_destination_v6(struct format_out *o, struct format_value *ret)
{
	return address(o, "destination.ip", true, ret);
}

struct pair {
	struct format_row row;
	const char *label;
};

static const struct pair cef[] = {
#define CEF(row_kind, row_to, row_from, row_choices, row_label) \
	{ .row = { .kind = FORMAT_KIND_##row_kind, .to = (row_to), .from = (row_from), .choices = (row_choices) }, .label = (row_label) },
#define CEF_MADE(row_to, function, row_label) { .row = { .kind = FORMAT_KIND_MADE, .to = (row_to), .make = (function) }, .label = (row_label) },
#include "schemas/formats/cef.def"
};

static const struct pair leef[] = {
#define LEEF(row_kind, row_to, row_from, row_choices) \
	{ .row = { .kind = FORMAT_KIND_##row_kind, .to = (row_to), .from = (row_from), .choices = (row_choices) }, .label = "" },
#define LEEF_MADE(row_to, function) { .row = { .kind = FORMAT_KIND_MADE, .to = (row_to), .make = (function) }, .label = "" },
#include "schemas/formats/leef.def"
};

/* --- lines --------------------------------------------------------------------------------------------------------------------------------- */

static void add_pair(struct buf *out, char separator, const char *key, const char *suffix)
{
	if (separator)
		buf_add_char(out, separator);
	buf_add_z(out, key);
	buf_add_z(out, suffix);
	buf_add_char(out, '=');
}

/* Values without text are left out: nobody asks for an empty one. */
static void add_pairs(struct format_out *o, const struct pair *pairs, size_t n, char separator, const struct escapes *e)
{
	struct format_value value;
	bool is_first = true;
	for (size_t i = 0; i < n; i++) {
		if (!format_value(o, &pairs[i].row, &value) || value.text.n == 0)
			continue;
		if (pairs[i].label[0]) {
			add_pair(o->out, is_first ? '\0' : separator, pairs[i].row.to, "Label");
			buf_add_z(o->out, pairs[i].label);
			is_first = false;
		}
		add_pair(o->out, is_first ? '\0' : separator, pairs[i].row.to, "");
		add_escaped(o->out, value.text, e);
		is_first = false;
	}
	if (o->cut.n == 0)
		return;
	add_pair(o->out, separator, "vedetteCut", "");
	for (size_t at = 0; at < o->cut.n; at += strlen(o->cut.p + at) + 1) {
		buf_add_z(o->out, at ? "," : "");
		add_escaped(o->out, sv_from(o->cut.p + at), e);
	}
}

static const char *present(const struct format_out *o, const char *first, const char *otherwise)
{
	return format_record_find(o->record, first) ? first : otherwise;
}

/* What the record is, for a rule of the receiver: the rule's id, or the name of our own record. */
static const char *id_path(const struct format_out *o)
{
	return present(o, "rule.id", present(o, "event.action", "event.dataset"));
}

void format_cef(struct format_out *o)
{
	buf_add_z(o->out, "CEF:0|Vedette|Vedette|");
	add_escaped(o->out, format_text(o, "agent.version", "version"), &cef_head);
	buf_add_char(o->out, '|');
	add_escaped(o->out, format_text(o, id_path(o), "signatureId"), &cef_head);
	buf_add_char(o->out, '|');
	add_escaped(o->out, format_text(o, present(o, "rule.name", id_path(o)), "name"), &cef_head);
	buf_add_format(o->out, "|%u|", format_severity(o->record->severity)->cef);
	add_pairs(o, cef, ARRAY_SIZE(cef), ' ', &cef_value);
}

void format_leef(struct format_out *o)
{
	buf_add_z(o->out, "LEEF:2.0|Vedette|Vedette|");
	add_escaped(o->out, format_text(o, "agent.version", "version"), &leef_head);
	buf_add_char(o->out, '|');
	add_escaped(o->out, format_text(o, id_path(o), "eventId"), &leef_head);
	buf_add_z(o->out, "|x09|");
	add_pairs(o, leef, ARRAY_SIZE(leef), '\t', &leef_value);
}
