/* SPDX-License-Identifier: Apache-2.0 */
/* Fills records by the table of fields, as a kernel side gone mad would, and derived fields likewise. */
#include "tests/support/random_events.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/event/decode.h"
#include "engine/rules/compile.h"
#include "tests/support/random_text.h"
#include "tests/support/record.h"

enum {
	IMAGES = 24,
	LINEAGE_LENGTH = 5,
	ITEMS_MAX = 6,
	EARLIER = 64, /* events that come again, with a difference or without */
	TYPES_MAX = 4096,
	SYMBOLS_MAX = 160, /* of a kind */
};

/* A value that rules compare a field with. */
struct spoken {
	const char *field; /* "": of a computed field, or of what a function makes */
	enum value_class class;
	struct strview text;
	uint64_t u;
	struct ip_address ip;
};

struct image {
	struct image_stamp stamp;
	struct derived derived; /* in `texts` of the image */
	uint64_t lineage[LINEAGE_LENGTH];
	struct arena texts;
};

struct random_events {
	struct random *r;
	struct spoken *spoken; /* owned; sorted by field */
	size_t n_spoken, spoken_size;
	struct arena spoken_texts;
	const struct event_type *types[TYPES_MAX]; /* of the rules; more often those of more rules */
	size_t n_types;
	uint64_t symbols[KIND_COUNT][SYMBOLS_MAX];
	size_t n_symbols[KIND_COUNT];
	bool is_of_image[DERIVED_COUNT], is_never[DERIVED_COUNT]; /* is_never: no event ever has it, which evaluators may count on */
	struct image images[IMAGES];
	uint64_t next_id;
	struct record record;
	struct event earlier[EARLIER]; /* borrowed from the caller's arena */
	size_t n_earlier;
	struct buf text;
};

/* --- what rules speak of --------------------------------------------------------------------------------------------------- */

static int add_spoken(struct random_events *e, const struct spoken *one)
{
	if (e->n_spoken == e->spoken_size) {
		size_t size = e->spoken_size ? 2 * e->spoken_size : 256;
		struct spoken *p = realloc(e->spoken, size * sizeof(*p));
		if (!p)
			return -ENOMEM;
		e->spoken = p;
		e->spoken_size = size;
	}
	struct spoken *to = &e->spoken[e->n_spoken++];
	*to = *one;
	const char *text = arena_text(&e->spoken_texts, one->text), *field = arena_text(&e->spoken_texts, sv_from(one->field));
	if (!text || !field)
		return -ENOMEM;
	to->text.p = text;
	to->field = field;
	return 0;
}

static const char *first_field(const struct expr *x)
{
	for (unsigned i = 0; x->type == EXPR_CALL && i < EXPR_MAX_DEPTH; i++) {
		const struct expr *next = NULL;
		for (size_t k = 0; k < x->n_args && !next; k++)
			if (x->args[k]->type != EXPR_TEXT)
				next = x->args[k];
		if (!next)
			return "";
		x = next;
	}
	return x->type == EXPR_FIELD && !x->field->compute ? x->field->name : "";
}

/* The longest part of a pattern that stands for itself. */
static struct strview plain_part(struct strview pattern)
{
	struct strview best = { pattern.p, 0 };
	for (size_t from = 0; from < pattern.n;) {
		size_t n = 0;
		while (from + n < pattern.n && !strchr("*?[]()|\\^$+{}.", pattern.p[from + n]))
			n++;
		if (n > best.n)
			best = (struct strview){ pattern.p + from, n };
		from += n + 1;
	}
	return best;
}

static int speak_of_test(struct random_events *e, const struct test *t)
{
	static const struct spoken nothing = { .field = "" };
	for (size_t i = 0; i < t->n_operands; i++) {
		const struct operand *o = &t->operands[i];
		struct spoken one = nothing;
		one.field = first_field(t->left);
		one.class = t->left->class;
		if (one.class == CLASS_STR || one.class == CLASS_LIST)
			one.text = t->op->form == OP_FORM_REGEX || t->op->form == OP_FORM_GLOB ? plain_part(o->text) : o->text;
		else if (one.class == CLASS_IP)
			one.ip = o->net.ip;
		else
			one.u = o->u;
		int err = add_spoken(e, &one);
		if (err)
			return err;
	}
	return 0;
}

static int speak_of(struct random_events *e, const struct condition *c) /* as deep as CONDITION_MAX_DEPTH */
{
	int err = c->type == NODE_TEST ? speak_of_test(e, c->test) : 0;
	for (size_t i = 0; !err && i < c->n; i++)
		err = speak_of(e, c->children[i]);
	return err;
}

static int compare_spoken(const void *a, const void *b)
{
	return strcmp(((const struct spoken *)a)->field, ((const struct spoken *)b)->field);
}

int random_events_follow(struct random_events *e, const struct ruleset *set)
{
	e->n_spoken = e->n_types = 0;
	arena_done(&e->spoken_texts);
	e->spoken_texts = (struct arena){ .max = 1u << 30 };
	for (uint32_t i = 0; i < ruleset_count(set); i++) {
		int err = speak_of(e, ruleset_condition(set, i));
		if (err)
			return err;
	}
	if (e->n_spoken)
		qsort(e->spoken, e->n_spoken, sizeof(*e->spoken), compare_spoken);
	for (size_t i = 0; i < ruleset_count(set); i++)
		for (uint32_t k = 0; k < EVENT_NUMBERS; k++)
			if (e->n_types < TYPES_MAX && ruleset_get(set, i)->is_enabled && (ruleset_get(set, i)->events >> k & 1))
				e->types[e->n_types++] = event_type_by_number(k);
	return 0;
}

/* One of the field's own values mostly; NULL: none. */
static const struct spoken *spoken_for(struct random_events *e, const char *field, enum value_class class)
{
	if (!e->n_spoken || random_chance(e->r, 1, 4))
		return NULL;
	const char *name = random_chance(e->r, 1, 4) ? "" : field;
	size_t low = 0, high = e->n_spoken;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(e->spoken[middle].field, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	size_t n = 0;
	while (low + n < e->n_spoken && strcmp(e->spoken[low + n].field, name) == 0)
		n++;
	const struct spoken *one = n ? &e->spoken[low + random_below(e->r, n)] : NULL;
	bool is_text = class == CLASS_STR || class == CLASS_LIST;
	if (one && (one->class == CLASS_STR || one->class == CLASS_LIST) == is_text && (one->class == CLASS_IP) == (class == CLASS_IP))
		return one;
	return NULL;
}

/* --- values ---------------------------------------------------------------------------------------------------------------- */

static void add_text(struct random_events *e, const char *field, enum value_class class)
{
	const struct spoken *like = spoken_for(e, field, class);
	if (like)
		random_text_like(e->r, like->text, &e->text);
	else
		random_text(e->r, 4, &e->text);
}

/* Into e->text: a text, or items each ended by NUL. */
static void make_text(struct random_events *e, const char *field, enum value_class class)
{
	buf_reset(&e->text);
	if (class == CLASS_STR) {
		add_text(e, field, class);
		return;
	}
	for (size_t n = random_below(e->r, ITEMS_MAX + 1); n > 0; n--) {
		add_text(e, field, class);
		buf_add_char(&e->text, '\0');
	}
}

static uint64_t make_number(struct random_events *e, const char *field, enum kind_id kind, enum value_class class)
{
	const struct spoken *like = spoken_for(e, field, class);
	if (like)
		return random_chance(e->r, 1, 5) ? like->u + 1 - random_below(e->r, 3) : like->u;
	uint64_t value = 0;
	switch (class) {
	case CLASS_ENUM:
	case CLASS_FLAGS:
		for (size_t i = class == CLASS_ENUM ? 1 : random_below(e->r, 4); e->n_symbols[kind] && i > 0; i--)
			value |= e->symbols[kind][random_below(e->r, e->n_symbols[kind])];
		return random_chance(e->r, 1, 20) ? random_u64(e->r) & 0xffffffff : value;
	case CLASS_BOOL:
		return random_below(e->r, 2);
	case CLASS_SINT:
		return random_below(e->r, 7) - 3;
	default:
		return random_chance(e->r, 1, 10) ? random_u64(e->r) : random_below(e->r, 6);
	}
}

/* --- records --------------------------------------------------------------------------------------------------------------- */

static void fill_wire_text(struct random_events *e, const struct field *f)
{
	struct record *rec = &e->record;
	make_text(e, f->name, kind_get(f->kind)->class);
	if (random_chance(e->r, 1, 5) || e->text.n > RECORD_MAX - RECORD_COMMON(rec)->size)
		return; /* missing */
	record_str(rec, f->offset, buf_sv(&e->text));
}

static void fill_wire(struct random_events *e, const struct field *f)
{
	const struct kind *kind = kind_get(f->kind);
	unsigned char *to = e->record.bytes + f->offset;
	if (f->kind == KIND_COMM) {
		make_text(e, f->name, CLASS_STR);
		memset(to, 0, RECORD_COMM);
		if (e->text.n)
			memcpy(to, e->text.p, MIN(e->text.n, (size_t)RECORD_COMM - random_below(e->r, 2)));
	} else if (kind->class == CLASS_STR || kind->class == CLASS_LIST) {
		fill_wire_text(e, f);
	} else if (kind->class == CLASS_IP) {
		struct ip_address ip = { .family = (uint32_t[]){ 0, FAMILY_IPV4, FAMILY_IPV6 }[random_below(e->r, 3)] };
		const struct spoken *like = spoken_for(e, f->name, CLASS_IP);
		ip.bytes[10] = ip.bytes[11] = ip.family == FAMILY_IPV4 ? 0xff : 0;
		ip.bytes[12] = 10;
		ip.bytes[15] = (uint8_t)random_below(e->r, 4);
		if (like)
			ip = like->ip;
		if (random_chance(e->r, 1, 3))
			ip.bytes[12 + random_below(e->r, 4)] ^= (uint8_t)(1u << random_below(e->r, 8));
		memcpy(to, &ip, sizeof(ip));
	} else {
		uint64_t v = make_number(e, f->name, f->kind, kind->class);
		if (kind->is_optional && random_chance(e->r, 1, 5))
			v = UINT64_MAX;
		uint32_t v32 = (uint32_t)v;
		memcpy(to, kind->wire_size == sizeof(v32) ? (const void *)&v32 : (const void *)&v, kind->wire_size);
	}
}

static void fill_record(struct random_events *e, const struct event_type *type)
{
	size_t n;
	const struct field *common = fields_common(&n);
	record_init(&e->record, type->number);
	for (size_t i = 0; i < n; i++)
		if (common[i].offset != offsetof(struct wire_common, size) && common[i].offset != offsetof(struct wire_common, type))
			fill_wire(e, &common[i]);
	for (size_t i = 0; i < type->n_fields; i++)
		fill_wire(e, &type->fields[i]);
	struct wire_common *c = RECORD_COMMON(&e->record);
	if (random_chance(e->r, 7, 10))
		c->truncated = 0;
	if (random_chance(e->r, 8, 10))
		c->uncertain = 0;
}

/* --- derived fields -------------------------------------------------------------------------------------------------------- */

static int fill_derived(struct random_events *e, const struct field *f, struct arena *arena, struct derived *d)
{
	enum value_class class = kind_get(f->kind)->class;
	unsigned char *to = (unsigned char *)d + f->offset;
	if (e->is_never[f->index] || random_chance(e->r, 1, 5))
		return 0;
	if (class == CLASS_STR || class == CLASS_LIST) {
		make_text(e, f->name, class);
		struct strview text = { arena_text(arena, buf_sv(&e->text)), e->text.n };
		if (!text.p)
			return -ENOMEM;
		memcpy(to, &text, sizeof(text));
	} else {
		uint64_t v = make_number(e, f->name, f->kind, class);
		memcpy(to, &v, sizeof(v));
	}
	d->present |= 1ull << f->index;
	return 0;
}

static int renew_image(struct random_events *e, struct image *image)
{
	size_t n;
	const struct field *fields = fields_derived(&n);
	arena_done(&image->texts);
	image->texts = (struct arena){ .max = 1u << 26 };
	image->derived = (struct derived){ 0 };
	for (size_t i = 0; i < LINEAGE_LENGTH; i++)
		image->lineage[i] = i ? 1 + random_below(e->r, e->next_id) : image->stamp.id;
	int err = 0;
	for (size_t i = 0; i < n && !err; i++)
		if (e->is_of_image[fields[i].index])
			err = fill_derived(e, &fields[i], &image->texts, &image->derived);
	return err;
}

/* A process image: most are known already, some learn something new of themselves, some are new in an old one's slot. */
static int some_image(struct random_events *e, struct image **ret)
{
	struct image *image = *ret = &e->images[random_below(e->r, IMAGES)];
	image->stamp.slot = (uint32_t)(image - e->images);
	if (!image->stamp.version || random_chance(e->r, 1, 20)) {
		image->stamp.id = e->next_id++;
		image->stamp.version = 1 + random_below(e->r, 3);
		return renew_image(e, image);
	}
	if (random_chance(e->r, 1, 25)) {
		image->stamp.version++;
		return renew_image(e, image);
	}
	return 0;
}

/* A copy in the arena, since the image's own texts go when it learns something new. */
static int copy_image_texts(const struct random_events *e, struct arena *arena, struct derived *d)
{
	size_t n;
	const struct field *fields = fields_derived(&n);
	for (size_t i = 0; i < n; i++) {
		enum value_class class = kind_get(fields[i].kind)->class;
		struct strview text;
		if (!e->is_of_image[fields[i].index] || !(d->present >> fields[i].index & 1) || (class != CLASS_STR && class != CLASS_LIST))
			continue;
		memcpy(&text, (unsigned char *)d + fields[i].offset, sizeof(text));
		text.p = arena_text(arena, text);
		if (!text.p)
			return -ENOMEM;
		memcpy((unsigned char *)d + fields[i].offset, &text, sizeof(text));
	}
	return 0;
}

/* The parts of the record's path as enrichment tells them: they lie in the path itself. */
static void derive_path(const struct event *ev, struct derived *d)
{
	const struct field *field = field_find(ev->type, SV("file.path"));
	struct value path = field && field->source == FIELD_OWN ? event_get(ev, field) : (struct value){ .is_missing = true };
	d->present &= ~(1ull << DERIVED_file_directory | 1ull << DERIVED_file_name | 1ull << DERIVED_file_extension);
	if (path.is_missing || !path.s.n)
		return;
	const char *slash = memrchr(path.s.p, '/', path.s.n);
	struct strview name = slash ? sv_from_index(path.s, (size_t)(slash - path.s.p) + 1) : path.s;
	if (slash)
		DERIVE(d, file_directory, (struct strview){ path.s.p, MAX((size_t)(slash - path.s.p), (size_t)1) });
	if (name.n)
		DERIVE(d, file_name, name);
	const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;
	if (dot && dot != name.p && dot + 1 < name.p + name.n)
		DERIVE(d, file_extension, sv_from_index(name, (size_t)(dot - name.p) + 1));
}

static int make_derived(struct random_events *e, struct arena *arena, struct event *ev)
{
	size_t n;
	const struct field *fields = fields_derived(&n);
	struct image *image;
	struct derived *d = arena_alloc(arena, sizeof(*d));
	uint64_t *lineage = arena_alloc(arena, LINEAGE_LENGTH * sizeof(*lineage));
	int err = d && lineage ? some_image(e, &image) : -ENOMEM;
	if (err)
		return err;
	*d = image->derived;
	d->image = image->stamp;
	if (random_chance(e->r, 1, 30))
		d->image.id = 0; /* not to be kept: then anything may differ */
	memcpy(lineage, image->lineage, sizeof(image->lineage));
	d->lineage = lineage;
	d->n_lineage = random_below(e->r, LINEAGE_LENGTH + 1);
	err = copy_image_texts(e, arena, d);
	for (size_t i = 0; i < n && !err; i++)
		if (!e->is_of_image[fields[i].index] || (!d->image.id && random_chance(e->r, 1, 4)))
			err = fill_derived(e, &fields[i], arena, d);
	if (random_chance(e->r, 2, 3))
		derive_path(ev, d);
	ev->derived = d;
	return err;
}

/* --- events ---------------------------------------------------------------------------------------------------------------- */

static int decode_copy(struct arena *arena, const struct record *rec, struct event *ret)
{
	const struct wire_common *common = (const struct wire_common *)(const void *)rec->bytes;
	void *bytes = arena_alloc(arena, common->size);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, rec->bytes, common->size);
	if (event_decode(bytes, common->size, ret))
		abort(); /* records that are made here are good ones */
	return 0;
}

/* One that was there before: the same record by another process, or another record of the same process, or both as they were. */
static int make_again(struct random_events *e, struct arena *arena, struct event *ret)
{
	struct event old = e->earlier[random_below(e->r, e->n_earlier)];
	struct derived *d = arena_alloc(arena, sizeof(*d));
	if (!d)
		return -ENOMEM;
	memcpy(e->record.bytes, old.common, old.size);
	if (random_chance(e->r, 1, 3))
		fill_wire(e, &old.type->fields[random_below(e->r, old.type->n_fields)]);
	*d = *old.derived;
	int err = decode_copy(arena, &e->record, ret);
	ret->derived = d;
	if (!err && random_chance(e->r, 2, 3))
		derive_path(ret, d);
	if (!err && random_chance(e->r, 1, 3))
		err = make_derived(e, arena, ret);
	return err;
}

int random_events_next(struct random_events *e, struct arena *arena, struct event *ret)
{
	if (e->n_earlier && random_chance(e->r, 1, 3))
		return make_again(e, arena, ret);
	const struct event_type *type = e->types[random_below(e->r, e->n_types)];
	fill_record(e, type);
	int err = decode_copy(arena, &e->record, ret);
	if (!err)
		err = make_derived(e, arena, ret);
	if (err)
		return err;
	size_t at = e->n_earlier < EARLIER ? e->n_earlier++ : random_below(e->r, EARLIER);
	e->earlier[at] = *ret;
	return 0;
}

/* --- life ------------------------------------------------------------------------------------------------------------------ */

/* Which derived fields are of the image is known to who binds fields. */
static int ask_for_images(struct random_events *e)
{
	CLEANUP(arena_done) struct arena arena = { .max = 1u << 26 };
	struct regex_list regexes = { 0 };
	struct compiler c;
	size_t n;
	const struct field *fields = fields_derived(&n);
	int err = compiler_init(&c, &arena, &regexes, NULL);
	for (size_t i = 0; i < n && !err; i++) {
		const struct field_ref *ref = field_lookup(&c, sv_from(fields[i].name));
		e->is_of_image[fields[i].index] = ref && ref->is_of_image;
		e->is_never[fields[i].index] = ref && ref->never;
	}
	compiler_done(&c);
	regex_list_done(&regexes);
	return err;
}

int random_events_new(struct random *r, struct random_events **ret)
{
	CLEANUP(random_events_free) struct random_events *e = aligned_alloc(16, (sizeof(*e) + 15) / 16 * 16);
	if (!e)
		return -ENOMEM;
	*e = (struct random_events){ .r = r, .next_id = 1 };
	const char *text;
	for (enum kind_id kind = 0; kind < KIND_COUNT; kind++)
		while (e->n_symbols[kind] < SYMBOLS_MAX && symbol_at(kind, e->n_symbols[kind], &e->symbols[kind][e->n_symbols[kind]], &text))
			e->n_symbols[kind]++;
	int err = ask_for_images(e);
	if (!err)
		*ret = TAKE(e);
	return err;
}

void random_events_free(struct random_events **e)
{
	if (!*e)
		return;
	for (size_t i = 0; i < IMAGES; i++)
		arena_done(&(*e)->images[i].texts);
	arena_done(&(*e)->spoken_texts);
	buf_done(&(*e)->text);
	free((*e)->spoken);
	free(*e);
	*e = NULL;
}

void random_event_text(const struct event *ev, struct buf *out)
{
	const struct field *fields[EVENT_MAX_FIELDS];
	size_t n = event_type_sorted_fields(ev->type, fields);
	buf_add_format(out, "%s, image %llu version %llu slot %u\n", ev->type->name, (unsigned long long)ev->derived->image.id,
		       (unsigned long long)ev->derived->image.version, ev->derived->image.slot);
	for (size_t i = 0; i < n; i++) {
		struct value v = event_get(ev, fields[i]);
		CLEANUP(buf_done) struct buf scratch = { 0 };
		if (v.is_missing)
			continue;
		struct strview text = value_text(&v, &scratch);
		buf_add_format(out, "  %s: ", fields[i]->name);
		for (size_t k = 0; k < MIN(text.n, (size_t)300); k++) {
			unsigned char c = (unsigned char)text.p[k];
			if (c >= 0x20 && c < 0x7f && c != '\\')
				buf_add_char(out, (char)c);
			else
				buf_add_format(out, "\\x%02x", c);
		}
		buf_add_z(out, text.n > 300 ? "...\n" : "\n");
	}
}
