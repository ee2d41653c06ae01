/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks into events. Trusts nothing of the file: checksums tell damage, not malice. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/event/ancestors.h"
#include "engine/event/decode.h"
#include "engine/tape/header.h"
#include "engine/tape/layout.h"

enum {
	WINDOW_BYTES = FRAME_BLOCK_HEAD + TAPE_BLOCK_MAX,
	TEXT_CODE_MISSING = 0,
	TEXT_CODE_NEW = 1,
	TEXT_CODE_FIRST = 2,
	IN_VAIN_BYTES = 64 * 1024 * 1024, /* see is_searched_enough */
	IN_VAIN_SHARE = 4,
};

/* A value as it was last read. */
struct last {
	uint64_t number; /* CODING_TEXT: its code */
	bool is_missing;
};

struct tape_reader {
	int fd;
	char *name;           /* owned; for messages */
	uint8_t *window;      /* owned; a block lies in it as a whole while its events are handed out */
	size_t at, have;      /* of the window: next byte, end */
	uint64_t offset;      /* of window[at] in the file */
	int read_error;       /* 0, or a negative errno after which the file is taken to end */
	bool is_at_end;       /* nothing follows what the window has */
	uint64_t in_vain;     /* bytes whose checksum was worked out and was wrong */
	struct tape_info info;
	struct layout layout;
	struct last *last;    /* owned; layout.n_slots of them */
	struct strview *texts; /* owned; of the block: TAPE_DICTIONARY_MAX */
	size_t n_texts;
	uint8_t *blank[EVENT_NUMBERS]; /* in the layout's arena: the fixed part of a record in which all is missing that can be */
	struct cursor cursor;  /* in the block's events */
	uint64_t left;         /* events of the block */
	size_t block_bytes;    /* to pass over when they are read */
	uint32_t next_block;
	uint64_t next_event;   /* number */
	struct tape_reader_stats stats;
	struct tape_totals totals;
	struct derived derived;
	uint64_t lineage[TAPE_LINEAGE_MAX];
	struct strview ancestors;
	_Alignas(8) uint8_t record[RECORD_MAX];
};

/* --- the window ---------------------------------------------------------------------------------------------------------- */

/* As many of the next n bytes (at most WINDOW_BYTES) as the file has. */
static size_t fill(struct tape_reader *r, size_t n)
{
	if (r->have - r->at < n && r->at && !r->is_at_end) {
		memmove(r->window, r->window + r->at, r->have - r->at);
		r->have -= r->at;
		r->at = 0;
	}
	while (r->have - r->at < n && !r->is_at_end) {
		ssize_t got = read(r->fd, r->window + r->have, WINDOW_BYTES - r->have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			r->read_error = -errno;
		if (got <= 0)
			r->is_at_end = true;
		else
			r->have += (size_t)got;
	}
	return MIN(r->have - r->at, n);
}

static void skip(struct tape_reader *r, size_t n)
{
	r->at += n;
	r->offset += n;
}

/* Goes on to the next place where a whole head stands; false: the file ends before. */
static bool find_head(struct tape_reader *r, struct block_head *ret)
{
	while (fill(r, FRAME_BLOCK_HEAD) == FRAME_BLOCK_HEAD) {
		if (frame_read_block_head(r->window + r->at, ret))
			return true;
		size_t n = r->have - r->at;
		skip(r, 1 + frame_find_head(r->window + r->at + 1, n - 1));
	}
	skip(r, r->have - r->at);
	return false;
}

static void tell_damage(struct tape_reader *r, uint64_t from, const char *what, struct diag *diag)
{
	uint64_t n = r->offset - from;
	r->stats.damaged++;
	r->stats.damaged_bytes += n;
	diag_warn(diag, (struct place){ .file = r->name }, "%s at byte %llu: %llu byte%s passed over", what, (unsigned long long)from, (unsigned long long)n,
		  n == 1 ? "" : "s");
}

/* The rest of the file holds no further block. */
static void tell_torn(struct tape_reader *r, uint64_t from, struct diag *diag)
{
	r->stats.is_torn = true;
	diag_warn(diag, (struct place){ .file = r->name }, "ends within a block: the %llu bytes from byte %llu on are left out", (unsigned long long)(r->offset - from),
		  (unsigned long long)from);
}

/* --- blocks -------------------------------------------------------------------------------------------------------------- */

static bool is_whole(struct tape_reader *r, const struct block_head *head)
{
	size_t n = FRAME_BLOCK_HEAD + (size_t)head->length;
	if (fill(r, n) < n)
		return false;
	bool is_good = frame_payload_is_good(head, r->window + r->at + FRAME_BLOCK_HEAD);
	r->in_vain += is_good ? 0 : head->length;
	return is_good;
}

/*
 * A file made of nothing but heads, each of which promises the largest payload, would have every byte read again for each of them. What is
 * damaged by accident comes nowhere near this limit.
 */
static bool is_searched_enough(const struct tape_reader *r)
{
	return r->in_vain > IN_VAIN_BYTES + IN_VAIN_SHARE * r->offset;
}

/*
 * Behind a bad block: where the next one should begin, if it does; else wherever a head is found, within the bad one too, unless the
 * search has cost too much already.
 */
static bool pass_over(struct tape_reader *r, const struct block_head *bad, struct block_head *ret)
{
	size_t n = FRAME_BLOCK_HEAD + (size_t)bad->length;
	if (fill(r, n) == n) {
		struct block_head unused;
		size_t rest = r->have - r->at - n;
		if (rest >= FRAME_BLOCK_HEAD && frame_read_block_head(r->window + r->at + n, &unused))
			skip(r, n);
		else if (rest < FRAME_BLOCK_HEAD && n + FRAME_BLOCK_HEAD > WINDOW_BYTES)
			skip(r, n); /* the largest of blocks: what follows does not fit the window beside it */
		else if (is_searched_enough(r))
			skip(r, n);
		else
			skip(r, 1);
	} else {
		skip(r, 1);
	}
	return find_head(r, ret);
}

/* The next good block, its payload in the window; false: there is none. */
static bool next_block(struct tape_reader *r, struct block_head *ret, struct diag *diag)
{
	uint64_t from = r->offset;
	size_t n = fill(r, FRAME_BLOCK_HEAD);
	if (n == 0)
		return false;
	bool is_short = n < FRAME_BLOCK_HEAD;
	bool found = !is_short && find_head(r, ret), is_cut = is_short;
	if (is_short)
		skip(r, n);
	if (found && r->offset > from)
		tell_damage(r, from, "damaged", diag);
	while (found && !is_whole(r, ret)) {
		from = r->offset;
		is_cut = fill(r, FRAME_BLOCK_HEAD + (size_t)ret->length) < FRAME_BLOCK_HEAD + (size_t)ret->length;
		found = pass_over(r, ret, ret);
		if (found)
			tell_damage(r, from, "a damaged block", diag);
	}
	if (found)
		return true;
	if (is_cut)
		tell_torn(r, from, diag);
	else
		tell_damage(r, from, "damaged", diag);
	return false;
}

/* The bytes are as they were written, but no recorder writes such. */
static void tell_senseless(const struct tape_reader *r, const char *what, struct diag *diag)
{
	diag_warn(diag, (struct place){ .file = r->name }, "the block at byte %llu is whole, but %s makes no sense", (unsigned long long)r->offset, what);
}

static void block_events(struct tape_reader *r, struct strview payload, struct diag *diag)
{
	struct cursor c = { (const uint8_t *)payload.p, (const uint8_t *)payload.p + payload.n, false };
	uint64_t first = get_varint(&c), n = get_varint(&c), lost = get_varint(&c), dropped = get_varint(&c);
	if (c.is_bad || first < r->next_event || n > payload.n) {
		r->stats.unreadable += MIN(n, (uint64_t)payload.n);
		tell_senseless(r, "its head of numbers", diag);
		return;
	}
	r->stats.missing += first - r->next_event;
	r->next_event = first + n;
	r->stats.lost = lost;
	r->stats.dropped = dropped;
	r->cursor = c;
	r->left = n;
	r->n_texts = 0;
	for (size_t i = 0; i < r->layout.n_slots; i++)
		r->last[i] = (struct last){ .is_missing = true };
}

static void block_end(struct tape_reader *r, struct strview payload, struct diag *diag)
{
	uint64_t events, dropped;
	struct tape_totals totals;
	if (totals_read(payload, &totals, &events, &dropped)) {
		tell_senseless(r, "this end of a tape", diag);
		return;
	}
	/* by our numbers of the events */
	r->totals = (struct tape_totals){ .end_ns = totals.end_ns, .all = totals.all };
	for (size_t i = 0; i < r->layout.n_events; i++) {
		const struct layout_event *e = &r->layout.events[i];
		if (e->type)
			r->totals.by_event[e->type->number] = totals.by_event[e->number];
	}
	r->stats.missing += events > r->next_event ? events - r->next_event : 0;
	r->stats.lost = totals.all.lost;
	r->stats.dropped = dropped;
	r->stats.is_ended = true;
}

/* Opens the next block with events; false: the tape is at its end. */
static bool next_events(struct tape_reader *r, struct diag *diag)
{
	while (r->left == 0) {
		struct block_head head;
		skip(r, r->block_bytes);
		r->block_bytes = 0;
		uint64_t from = r->offset;
		if (!next_block(r, &head, diag))
			return false;
		struct strview payload = { (const char *)r->window + r->at + FRAME_BLOCK_HEAD, head.length };
		r->block_bytes = FRAME_BLOCK_HEAD + (size_t)head.length;
		if (head.number < r->next_block || r->stats.is_ended || head.type == BLOCK_HEADER) {
			skip(r, r->block_bytes);
			r->block_bytes = 0;
			tell_damage(r, from, r->stats.is_ended ? "a block behind the end" : "a block out of order", diag);
			continue;
		}
		r->next_block = head.number + 1;
		if (head.type == BLOCK_EVENTS)
			block_events(r, payload, diag);
		else if (head.type == BLOCK_END)
			block_end(r, payload, diag);
	}
	return true;
}

/* --- opening ------------------------------------------------------------------------------------------------------------- */

static int make_blank(struct tape_reader *r, const struct event_type *type)
{
	size_t n_common;
	const struct field *common = fields_common(&n_common);
	uint8_t *bytes = arena_alloc(&r->layout.arena, type->wire_size);
	if (!bytes)
		return -ENOMEM;
	for (size_t i = 0; i < n_common + type->n_fields; i++) {
		const struct field *f = i < n_common ? &common[i] : &type->fields[i - n_common];
		const struct kind *kind = kind_get(f->kind);
		if (kind->is_optional && kind->class == CLASS_UINT)
			memset(bytes + f->offset, 0xff, kind->wire_size);
	}
	r->blank[type->number] = bytes;
	return 0;
}

static int bad_header(struct tape_reader *r, const char *why, struct diag *diag)
{
	diag_error(diag, (struct place){ .file = r->name }, "%s", why);
	return -EBADMSG;
}

static int read_header(struct tape_reader *r, struct diag *diag)
{
	uint32_t version;
	struct block_head head;
	struct strview layout;
	if (fill(r, FRAME_FILE_HEAD) < FRAME_FILE_HEAD || !frame_read_file_head(r->window, &version))
		return r->read_error ? r->read_error : bad_header(r, "is no tape", diag);
	if (version != TAPE_VERSION) {
		diag_error(diag, (struct place){ .file = r->name }, "has version %u of the format; this program reads version %d", (unsigned)version, TAPE_VERSION);
		return -EPROTONOSUPPORT;
	}
	skip(r, FRAME_FILE_HEAD);
	if (fill(r, FRAME_BLOCK_HEAD) < FRAME_BLOCK_HEAD || !frame_read_block_head(r->window + r->at, &head) || head.type != BLOCK_HEADER || !is_whole(r, &head))
		return r->read_error ? r->read_error : bad_header(r, "the header is damaged or cut: without it nothing can be read", diag);
	struct strview payload = { (const char *)r->window + r->at + FRAME_BLOCK_HEAD, head.length };
	int err = header_read(payload, &r->info, &layout);
	if (!err)
		err = layout_read(layout, &r->layout);
	if (err == -EBADMSG)
		return bad_header(r, "the header makes no sense", diag);
	skip(r, FRAME_BLOCK_HEAD + head.length);
	r->next_block = head.number + 1;
	return err;
}

int tape_reader_new(int fd, const char *name, struct tape_reader **ret, struct diag *diag)
{
	CLEANUP(tape_reader_free) struct tape_reader *r = calloc(1, sizeof(*r));
	if (!r) {
		fd_close(&fd);
		return -ENOMEM;
	}
	r->fd = fd;
	r->name = strdup(name);
	r->window = malloc(WINDOW_BYTES);
	r->texts = malloc(TAPE_DICTIONARY_MAX * sizeof(*r->texts));
	if (!r->name || !r->window || !r->texts)
		return -ENOMEM;
	int err = read_header(r, diag);
	if (r->read_error)
		diag_error(diag, (struct place){ .file = name }, "cannot be read: %s", strerror(-r->read_error));
	if (err)
		return err;
	r->last = calloc(r->layout.n_slots ? r->layout.n_slots : 1, sizeof(*r->last));
	err = r->last ? 0 : -ENOMEM;
	for (size_t i = 0; !err && i < r->layout.n_events; i++)
		if (r->layout.events[i].type)
			err = make_blank(r, r->layout.events[i].type);
	if (err)
		return err;
	*ret = TAKE(r);
	return 0;
}

int tape_reader_open(const char *path, struct tape_reader **ret, struct diag *diag)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		int err = -errno;
		diag_error(diag, (struct place){ .file = path }, "cannot be read: %s", strerror(-err));
		return err;
	}
	return tape_reader_new(fd, is_stdin ? "standard input" : path, ret, diag);
}

void tape_reader_free(struct tape_reader **reader)
{
	struct tape_reader *r = *reader;
	if (!r)
		return;
	fd_close(&r->fd);
	layout_done(&r->layout);
	free(r->name);
	free(r->window);
	free(r->texts);
	free(r->last);
	free(r);
	*reader = NULL;
}

const struct tape_info *tape_reader_info(const struct tape_reader *r)
{
	return &r->info;
}

void tape_reader_get_stats(const struct tape_reader *r, struct tape_reader_stats *ret)
{
	*ret = r->stats;
}

const struct tape_totals *tape_reader_totals(const struct tape_reader *r)
{
	return r->stats.is_ended ? &r->totals : NULL;
}

const char *tape_reader_schema(const struct tape_reader *r)
{
	return r->layout.digest;
}

size_t tape_reader_differences(const struct tape_reader *r, struct buf *out)
{
	return layout_differences(&r->layout, out);
}

bool tape_reader_knows(const struct tape_reader *r, const struct event_type *type)
{
	return layout_event_of(&r->layout, type) != NULL;
}

bool tape_reader_has(const struct tape_reader *r, const struct event_type *type, const struct field *field)
{
	const struct layout_event *e = type ? layout_event_of(&r->layout, type) : NULL;
	return layout_has_field(&r->layout.shared, field) || (e && layout_has_field(&e->own, field));
}

bool tape_reader_has_ancestors(const struct tape_reader *r)
{
	return layout_has(&r->layout.shared, PLACE_ANCESTORS);
}

/* --- events: from the block into last[] ---------------------------------------------------------------------------------- */

static void read_text(struct tape_reader *r, struct last *last)
{
	struct cursor *c = &r->cursor;
	uint64_t code = get_varint(c);
	if (code == TEXT_CODE_NEW) {
		struct strview text = get_text(c);
		if (c->is_bad || r->n_texts == TAPE_DICTIONARY_MAX) {
			c->is_bad = true;
			return;
		}
		r->texts[r->n_texts] = text;
		code = TEXT_CODE_FIRST + r->n_texts++;
	}
	if (code != TEXT_CODE_MISSING && code - TEXT_CODE_FIRST >= r->n_texts)
		c->is_bad = true;
	else
		last->number = code;
}

static void read_value(struct tape_reader *r, const struct layout_field *f, struct last *last)
{
	struct cursor *c = &r->cursor;
	if (f->coding == CODING_TEXT) {
		read_text(r, last);
		return;
	}
	if (f->coding == CODING_OPTIONAL) {
		struct strview mark = get_bytes(c, 1);
		last->is_missing = c->is_bad || !mark.p[0];
		if (last->is_missing)
			return;
	}
	last->number += unzigzag(get_varint(c));
}

static void read_group(struct tape_reader *r, const struct layout_group *group, struct last *last, const char *bits, size_t bit)
{
	for (size_t i = 0; i < group->n && !r->cursor.is_bad; i++, bit++)
		if (bits[bit / 8] >> bit % 8 & 1)
			read_value(r, &group->fields[i], &last[i]);
}

/* NULL: the rest of the block makes no sense. */
static const struct layout_event *read_event(struct tape_reader *r)
{
	struct cursor *c = &r->cursor;
	uint64_t number = get_varint(c);
	const struct layout_event *e = number < EVENT_NUMBERS ? r->layout.by_number[number] : NULL;
	if (c->is_bad || !e)
		return NULL;
	struct strview bits = get_bytes(c, (r->layout.shared.n + e->own.n + 7) / 8);
	if (c->is_bad)
		return NULL;
	read_group(r, &r->layout.shared, r->last, bits.p, 0);
	read_group(r, &e->own, r->last + e->first_slot, bits.p, r->layout.shared.n);
	return c->is_bad ? NULL : e;
}

/* --- events: from last[] into a record ----------------------------------------------------------------------------------- */

static struct strview text_of(const struct tape_reader *r, const struct last *last)
{
	return last->number == TEXT_CODE_MISSING ? (struct strview){ NULL, 0 } : r->texts[last->number - TEXT_CODE_FIRST];
}

static bool put_record_text(struct tape_reader *r, const struct field *f, struct strview text, uint32_t *size)
{
	uint8_t *at = r->record + f->offset;
	if (f->kind == KIND_COMM || f->kind == KIND_IP) {
		size_t room = kind_get(f->kind)->wire_size;
		if (text.n > room || (f->kind == KIND_IP && text.n != room && text.p))
			return false;
		if (text.p)
			memcpy(at, text.p, text.n);
		return true;
	}
	if (!text.p)
		return true;
	if (text.n > RECORD_MAX - *size)
		return false;
	struct wire_str s = { *size, (uint32_t)text.n };
	memcpy(r->record + *size, text.p, text.n);
	memcpy(at, &s, sizeof(s));
	*size += s.length;
	return true;
}

static bool put_derived(struct tape_reader *r, const struct field *f, const struct last *last)
{
	char *at = (char *)&r->derived + f->offset;
	enum value_class class = kind_get(f->kind)->class;
	if (class == CLASS_STR || class == CLASS_LIST) {
		struct strview text = text_of(r, last);
		if (class == CLASS_LIST && text.n && text.p[text.n - 1])
			return false; /* items are each ended by NUL */
		memcpy(at, &text, sizeof(text));
		r->derived.present |= (uint64_t)(text.p != NULL) << f->index;
		return true;
	}
	if (last->is_missing)
		return true;
	memcpy(at, &last->number, sizeof(last->number));
	r->derived.present |= 1ull << f->index;
	return true;
}

static bool put_lineage(struct tape_reader *r, struct strview ids)
{
	if (ids.n % sizeof(r->lineage[0]) || ids.n > sizeof(r->lineage))
		return false;
	if (!ids.p)
		return true;
	if (ids.n)
		memcpy(r->lineage, ids.p, ids.n);
	r->derived.lineage = r->lineage;
	r->derived.n_lineage = ids.n / sizeof(r->lineage[0]);
	return true;
}

static bool put_ancestors(struct tape_reader *r, struct strview pack)
{
	if (!pack.p)
		return true;
	if (!ancestors_pack_is_good(pack))
		return false;
	r->ancestors = pack;
	r->derived.ancestors = ancestors_unpack;
	r->derived.ancestors_source = &r->ancestors;
	return true;
}

static bool put_value(struct tape_reader *r, const struct layout_field *f, const struct last *last, uint32_t *size)
{
	uint64_t number = last->is_missing ? 0 : last->number;
	switch (f->place) {
	case PLACE_NOWHERE:
		return true;
	case PLACE_RECORD:
		if (f->coding == CODING_TEXT)
			return put_record_text(r, f->field, text_of(r, last), size);
		memcpy(r->record + f->field->offset, &last->number, kind_get(f->field->kind)->wire_size); /* little-endian, as the kernels we run on */
		return true;
	case PLACE_DERIVED:
		return put_derived(r, f->field, last);
	case PLACE_IMAGE_ID:
		r->derived.image.id = number;
		return true;
	case PLACE_IMAGE_VERSION:
		r->derived.image.version = number;
		return true;
	case PLACE_IMAGE_SLOT:
		r->derived.image.slot = (uint32_t)number;
		return true;
	case PLACE_LINEAGE:
		return put_lineage(r, text_of(r, last));
	case PLACE_ANCESTORS:
		return put_ancestors(r, text_of(r, last));
	}
	return false;
}

static bool put_group(struct tape_reader *r, const struct layout_group *group, const struct last *last, uint32_t *size)
{
	for (size_t i = 0; i < group->n; i++)
		if (!put_value(r, &group->fields[i], &last[i], size))
			return false;
	return true;
}

static bool make_event(struct tape_reader *r, const struct layout_event *e, struct event *ret)
{
	uint32_t size = e->type->wire_size;
	memcpy(r->record, r->blank[e->type->number], size);
	r->derived = (struct derived){ .host_name = sv_from(r->info.host_name) };
	if (!put_group(r, &r->layout.shared, r->last, &size) || !put_group(r, &e->own, r->last + e->first_slot, &size))
		return false;
	struct wire_common *common = (struct wire_common *)(void *)r->record;
	common->size = size;
	common->type = e->type->number;
	if (event_decode(r->record, size, ret))
		return false;
	ret->derived = &r->derived;
	return true;
}

int tape_reader_next(struct tape_reader *r, struct event *ret, struct diag *diag)
{
	while (next_events(r, diag)) {
		const struct layout_event *e = read_event(r);
		if (!e) {
			r->stats.unreadable += r->left;
			r->left = 0;
			tell_senseless(r, "what is in it", diag);
			continue;
		}
		r->left--;
		if (!e->type) {
			r->stats.unknown++;
		} else if (!make_event(r, e, ret)) {
			r->stats.unreadable++;
		} else {
			r->stats.events++;
			return 1;
		}
	}
	if (r->read_error)
		diag_error(diag, (struct place){ .file = r->name }, "cannot be read: %s", strerror(-r->read_error));
	return r->read_error;
}
