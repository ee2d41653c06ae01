/* SPDX-License-Identifier: Apache-2.0 */
/* From one format to another: names, and how a line is made short enough. */
#include "alerts/format.h"

#include <errno.h>
#include <stdlib.h>

#include "alerts/format_record.h"

enum {
	VALUE_MAX_BYTES = 1024 * 1024, /* no line of ours has a longer one */
	VALUE_FIELD_BYTES = 1023,      /* of a value in CEF and LEEF, by CEF's dictionary */
	VALUE_LEAST_BYTES = 32,        /* a line whose values are cut to this, and is too long still, is given up */
};

static const struct {
	void (*write)(struct format_out *o);
	size_t value_max;
} formats[FORMAT_COUNT] = {
	[FORMAT_OCSF] = { .write = format_ocsf, .value_max = VALUE_MAX_BYTES },
	[FORMAT_CEF] = { .write = format_cef, .value_max = VALUE_FIELD_BYTES },
	[FORMAT_LEEF] = { .write = format_leef, .value_max = VALUE_FIELD_BYTES },
	[FORMAT_OTLP] = { .write = format_otlp, .value_max = VALUE_MAX_BYTES },
	[FORMAT_FALCO] = { .write = format_falco, .value_max = VALUE_MAX_BYTES },
};

static const struct {
	const char *name, *doc;
	bool is_json;
} names[FORMAT_COUNT] = {
#define FORMAT(id, format_name, is_json_object, format_doc) \
	[FORMAT_##id] = { .name = (format_name), .doc = (format_doc), .is_json = (is_json_object) },
#include "schemas/formats/formats.def"
};

const char *format_name(enum format format)
{
	return names[format].name;
}

const char *format_doc(enum format format)
{
	return names[format].doc;
}

bool format_is_json(enum format format)
{
	return names[format].is_json;
}

int format_find(struct strview name, enum format *ret)
{
	for (int i = 0; i < FORMAT_COUNT; i++) {
		if (!sv_is(name, names[i].name))
			continue;
		*ret = (enum format)i;
		return 0;
	}
	return -EINVAL;
}

static void out_done(struct format_out *o)
{
	buf_done(&o->text);
	buf_done(&o->made);
	buf_done(&o->cut);
}

static int error_of(const struct format_out *o)
{
	return buf_error(&o->text) || buf_error(&o->made) || buf_error(&o->cut) || buf_error(o->out) ? -ENOMEM : 0;
}

/* Writes it shorter and shorter until it fits: first without the copy of the native line, then with long values cut. */
static int write_within(void (*write)(struct format_out *o), struct format_out *o, size_t max_bytes)
{
	size_t from = o->out->n;
	for (;;) {
		write(o);
		if (error_of(o))
			return -ENOMEM;
		if (max_bytes == 0 || o->out->n - from <= max_bytes)
			return 0;
		o->out->n = from;
		buf_reset(&o->cut);
		if (o->keeps_line)
			o->keeps_line = false;
		else if (o->value_max > VALUE_FIELD_BYTES)
			o->value_max = VALUE_FIELD_BYTES;
		else if (o->value_max / 2 >= VALUE_LEAST_BYTES)
			o->value_max /= 2;
		else
			return -EMSGSIZE;
	}
}

static int convert(void (*write)(struct format_out *o), size_t value_max, struct strview line, size_t max_bytes, struct buf *out)
{
	CLEANUP(out_done) struct format_out o = { .value_max = value_max, .keeps_line = true, .out = out };
	struct format_record *record = malloc(sizeof(*record)); /* too large for a thread's stack */
	size_t from = out->n;
	if (!record)
		return -ENOMEM;
	o.record = record;
	int r = format_record_read(line, record);
	if (!r)
		r = write_within(write, &o, max_bytes);
	if (r)
		out->n = from;
	free(record);
	return r;
}

int format_convert(enum format format, struct strview line, size_t max_bytes, struct buf *out)
{
	if (format != FORMAT_NATIVE)
		return convert(formats[format].write, formats[format].value_max, line, max_bytes, out);
	if (max_bytes && line.n > max_bytes)
		return -EMSGSIZE;
	buf_add_sv(out, line);
	return buf_error(out);
}

/* --- several lines in one request of OTLP ------------------------------------------------------------------------------------------------ */

int format_otlp_begin(struct strview line, bool is_first, struct buf *out)
{
	size_t from = out->n;
	buf_add_z(out, is_first ? FORMAT_OTLP_BEGIN : FORMAT_OTLP_NEXT);
	int r = convert(format_otlp_resource, VALUE_FIELD_BYTES, line, 0, out);
	if (r)
		out->n = from;
	return r;
}

int format_otlp_add(struct strview line, size_t max_bytes, bool is_first, struct buf *out)
{
	size_t from = out->n;
	if (!is_first)
		buf_add_char(out, ',');
	int r = convert(format_otlp_record, VALUE_MAX_BYTES, line, max_bytes, out);
	if (r)
		out->n = from;
	return r;
}

void format_otlp_end(struct buf *out)
{
	buf_add_z(out, FORMAT_OTLP_END);
}
