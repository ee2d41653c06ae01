/* SPDX-License-Identifier: Apache-2.0 */
/* Events by field name. Switches on the class of a field, never on the event. */
#include "engine/event/builder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/clock.h"
#include "engine/base/num.h"
#include "engine/event/decode.h"
#include "engine/event/value.h"

struct event_builder {
	const struct event_type *type;
	size_t size;                    /* bytes of the record so far */
	struct derived derived;
	struct buf text;                /* derived texts; reserved at its full size, so that views into it stay */
	_Alignas(8) unsigned char record[RECORD_MAX];
};

enum { BUILDER_TEXT_BYTES = 4 * RECORD_MAX };

int event_builder_new(struct event_builder **ret)
{
	CLEANUP(event_builder_free) struct event_builder *b = calloc(1, sizeof(*b));
	if (!b || buf_reserve(&b->text, BUILDER_TEXT_BYTES))
		return -ENOMEM;
	*ret = TAKE(b);
	return 0;
}

void event_builder_free(struct event_builder **b)
{
	if (!*b)
		return;
	buf_done(&(*b)->text);
	free(*b);
	*b = NULL;
}

static struct wire_common *common_of(struct event_builder *b)
{
	return (struct wire_common *)(void *)b->record;
}

/* Numbers whose "missing" is all bits set. What a record says of itself (its flags, mode and stage) is never missing. */
static void mark_missing(struct event_builder *b, const struct field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (kind_get(fields[i].kind)->is_optional && (fields[i].source == FIELD_OWN || kind_get(fields[i].kind)->class == CLASS_UINT))
			memset(b->record + fields[i].offset, 0xff, kind_get(fields[i].kind)->wire_size);
}

void event_builder_begin(struct event_builder *b, const struct event_type *type)
{
	size_t n_common;
	const struct field *common = fields_common(&n_common);
	memset(b->record, 0, sizeof(b->record));
	b->type = type;
	b->size = type->wire_size;
	b->derived = (struct derived){ 0 };
	buf_reset(&b->text);
	mark_missing(b, common, n_common);
	mark_missing(b, type->fields, type->n_fields);
	common_of(b)->type = type->number;
}

static int read_number(const struct field *f, struct strview text, uint64_t *ret)
{
	const struct kind *kind = kind_get(f->kind);
	uint64_t max = kind->wire_size == sizeof(uint32_t) ? UINT32_MAX - kind->is_optional : UINT64_MAX;
	if (f->kind == KIND_HEXID) {
		char z[24] = "0x";
		struct strview digits = sv_starts(text, SV("0x")) ? sv_from_index(text, 2) : text;
		if (digits.n == 0 || digits.n > 16)
			return -EINVAL;
		memcpy(z + 2, digits.p, digits.n);
		return num_parse_u64((struct strview){ z, digits.n + 2 }, max, ret);
	}
	const char *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
	if (f->kind == KIND_TIME && colon)
		return clock_parse_rfc3339(text, ret);
	if (f->kind == KIND_DEV && colon) {
		uint64_t major = 0, minor = 0;
		size_t at = (size_t)(colon - text.p);
		if (num_parse_u64((struct strview){ text.p, at }, 0xfff, &major) || num_parse_u64(sv_from_index(text, at + 1), 0xfffff, &minor))
			return -EINVAL;
		*ret = major << 20 | minor;
		return 0;
	}
	return num_parse_u64(text, max, ret) ? -EINVAL : 0;
}

static int read_symbols(const struct field *f, const struct strview *items, size_t n, uint64_t *ret)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t value = 0;
		if (!symbol_value(f->kind, items[i], &value) && num_parse_u64(items[i], UINT32_MAX, &value))
			return -EINVAL;
		bits |= value;
	}
	*ret = bits;
	return 0;
}

/* The number of any class that is one on the wire. */
static int read_scalar(const struct field *f, const struct strview *items, size_t n, uint64_t *ret)
{
	enum value_class class = kind_get(f->kind)->class;
	if (class == CLASS_FLAGS)
		return read_symbols(f, items, n, ret);
	if (n != 1)
		return -EINVAL;
	int64_t i = 0;
	switch (class) {
	case CLASS_BOOL:
		*ret = sv_is(items[0], "true");
		return *ret || sv_is(items[0], "false") ? 0 : -EINVAL;
	case CLASS_ENUM:
		return read_symbols(f, items, 1, ret);
	case CLASS_SINT:
		if (num_parse_s64(items[0], &i))
			return -EINVAL;
		if (kind_get(f->kind)->wire_size == sizeof(int32_t) && (i < INT32_MIN || i > INT32_MAX))
			return -EINVAL;
		*ret = (uint64_t)i;
		return 0;
	default:
		return read_number(f, items[0], ret);
	}
}

/* Items one after the other, each ended by NUL for a list. */
static int put_text(const struct field *f, const struct strview *items, size_t n, char *at, size_t room, size_t *ret_n)
{
	bool is_list = kind_get(f->kind)->class == CLASS_LIST;
	size_t used = 0;
	if (!is_list && n != 1)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (is_list && items[i].n && memchr(items[i].p, 0, items[i].n))
			return -EINVAL;
		if (items[i].n + is_list > room - used)
			return -E2BIG;
		if (items[i].n)
			memcpy(at + used, items[i].p, items[i].n);
		used += items[i].n;
		if (is_list)
			at[used++] = '\0';
	}
	*ret_n = used;
	return 0;
}

static int set_derived(struct event_builder *b, const struct field *f, const struct strview *items, size_t n)
{
	unsigned char *to = (unsigned char *)&b->derived + f->offset;
	enum value_class class = kind_get(f->kind)->class;
	if (class == CLASS_STR || class == CLASS_LIST) {
		size_t used = 0;
		char *at = b->text.p + b->text.n;
		int err = put_text(f, items, n, at, b->text.cap - b->text.n, &used);
		if (err)
			return err;
		b->text.n += used;
		struct strview view = { at, used };
		memcpy(to, &view, sizeof(view));
	} else {
		uint64_t v = 0;
		int err = read_scalar(f, items, n, &v);
		if (err)
			return err;
		memcpy(to, &v, sizeof(v));
	}
	b->derived.present |= 1ull << f->index;
	return 0;
}

static int set_wire_text(struct event_builder *b, const struct field *f, const struct strview *items, size_t n)
{
	size_t used = 0;
	int err = put_text(f, items, n, (char *)b->record + b->size, sizeof(b->record) - b->size, &used);
	if (err)
		return err;
	struct wire_str s = { (uint32_t)b->size, (uint32_t)used };
	memcpy(b->record + f->offset, &s, sizeof(s));
	b->size += used;
	return 0;
}

static int set_wire(struct event_builder *b, const struct field *f, const struct strview *items, size_t n)
{
	const struct kind *kind = kind_get(f->kind);
	unsigned char *to = b->record + f->offset;
	if (f->kind == KIND_COMM) {
		if (n != 1 || items[0].n >= RECORD_COMM)
			return -EINVAL;
		memset(to, 0, RECORD_COMM);
		if (items[0].n)
			memcpy(to, items[0].p, items[0].n);
		return 0;
	}
	if (kind->class == CLASS_STR || kind->class == CLASS_LIST)
		return set_wire_text(b, f, items, n);
	if (kind->class == CLASS_IP) {
		struct ip_address ip;
		if (n != 1 || ip_parse(items[0], &ip))
			return -EINVAL;
		memcpy(to, &ip, sizeof(ip));
		return 0;
	}
	uint64_t v = 0;
	int err = read_scalar(f, items, n, &v);
	if (err)
		return err;
	uint32_t v32 = (uint32_t)v;
	if (kind->wire_size == sizeof(v32))
		memcpy(to, &v32, sizeof(v32));
	else
		memcpy(to, &v, sizeof(v));
	return 0;
}

int event_builder_set(struct event_builder *b, struct strview name, const struct strview *items, size_t n)
{
	const struct field *f = field_find(b->type, name);
	if (!f)
		return -ENOENT;
	return f->source == FIELD_DERIVED ? set_derived(b, f, items, n) : set_wire(b, f, items, n);
}

int event_builder_set_text(struct event_builder *b, const char *name, const char *text)
{
	struct strview item = sv_from(text);
	return event_builder_set(b, sv_from(name), &item, 1);
}

int event_builder_set_time(struct event_builder *b, uint64_t wall_ns)
{
	char digits[24];
	(void)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)wall_ns);
	return event_builder_set_text(b, "@timestamp", digits);
}

static int derive_file_names(struct event_builder *b, struct strview path)
{
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
	struct derived *d = &b->derived;
	struct strview name = slash ? sv_from_index(path, (size_t)(slash - path.p) + 1) : path;
	if (!IS_DERIVED(d, file_name))
		DERIVE(d, file_name, name);
	if (slash && !IS_DERIVED(d, file_directory))
		DERIVE(d, file_directory, (struct strview){ path.p, MAX((size_t)(slash - path.p), (size_t)1) });
	const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;
	if (dot && dot > name.p && !IS_DERIVED(d, file_extension))
		DERIVE(d, file_extension, sv_from_index(name, (size_t)(dot - name.p) + 1));
	return 0;
}

static int derive_command_line(struct event_builder *b)
{
	struct strview args = b->derived.args;
	if (args.n == 0)
		return 0;
	if (args.n > b->text.cap - b->text.n)
		return -E2BIG;
	char *at = b->text.p + b->text.n;
	memcpy(at, args.p, args.n);
	for (size_t i = 0; i + 1 < args.n; i++)
		if (at[i] == '\0')
			at[i] = ' ';
	b->text.n += args.n;
	DERIVE(&b->derived, command_line, (struct strview){ at, args.n - 1 });
	return 0;
}

static bool is_refused_exec(const struct event *ev)
{
	return ev->type->number == EVENT_PROC_EXEC && ev->common->verdict == VERDICT_BLOCK;
}

int event_builder_as_judged(struct event_builder *b, struct event *ret)
{
	struct derived *d = &b->derived;
	struct strview file = event_str(ret, EVENT_AS(ret, proc_exec)->path), caller = d->executable;
	if (!is_refused_exec(ret) || !file.n || (IS_DERIVED(d, executable) && sv_equal(file, caller)))
		return 0;
	ret->derived = d;
	DERIVE(d, executable, file);
	if (!caller.n)
		return 1;
	size_t n = caller.n + 1;
	if (n + d->ancestor_executables.n > b->text.cap - b->text.n)
		return -E2BIG;
	char *list = b->text.p + b->text.n;
	memcpy(list, caller.p, caller.n);
	list[caller.n] = '\0';
	if (d->ancestor_executables.n)
		memcpy(list + n, d->ancestor_executables.p, d->ancestor_executables.n);
	n += d->ancestor_executables.n;
	b->text.n += n;
	DERIVE(d, ancestor_executables, (struct strview){ list, n });
	DERIVE(d, previous_executable, caller);
	return 1;
}

int event_builder_event(struct event_builder *b, struct event *ret)
{
	struct event ev;
	common_of(b)->size = (uint32_t)b->size;
	int err = event_decode(b->record, b->size, &ev);
	if (err)
		return err;
	if (!IS_DERIVED(&b->derived, action))
		DERIVE(&b->derived, action, sv_from(b->type->name));
	const struct field *path = field_find(b->type, SV("file.path"));
	struct value v = { .is_missing = true };
	if (path)
		v = event_get(&ev, path);
	if (!v.is_missing)
		err = derive_file_names(b, v.s);
	if (!err && IS_DERIVED(&b->derived, args) && !IS_DERIVED(&b->derived, command_line))
		err = derive_command_line(b);
	if (err)
		return err;
	ev.derived = &b->derived;
	*ret = ev;
	return 0;
}
