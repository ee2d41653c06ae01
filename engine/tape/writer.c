/* SPDX-License-Identifier: Apache-2.0 */
/* Events into blocks. Memory is set aside at the opening. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/event/ancestors.h"
#include "engine/tape/header.h"
#include "engine/tape/layout.h"

enum {
	HASH_SLOTS = 2 * TAPE_DICTIONARY_MAX, /* a power of two */
	TEXT_CODE_MISSING = 0,
	TEXT_CODE_NEW = 1,
	TEXT_CODE_FIRST = 2, /* and so on: text 0, 1, ... of the block */
	ANCESTORS_BYTES = 256 * 1024, /* the texts of the process table are no longer, all together */
	STAMP_SLOTS = 4096,           /* a power of two */
};

struct dictionary {
	uint32_t slots[HASH_SLOTS]; /* index plus one; 0: free */
	struct {
		uint32_t offset, length, hash; /* in the payload */
	} texts[TAPE_DICTIONARY_MAX];
	size_t n;
};

/* A value as it was last written. */
struct last {
	uint64_t number; /* CODING_TEXT: its code */
	bool is_missing;
};

/* Code of the ancestors of an image: while the stamp is the same, so are they. */
struct stamped {
	uint64_t id, version, code;
	uint64_t dictionary; /* that the code is of */
};

struct tape_writer {
	int fd;
	bool is_file;         /* a failed write can be taken back */
	uint64_t offset;      /* end of the last whole block */
	uint32_t next_block;
	struct layout layout;
	struct dictionary *dictionary;
	struct last *last;    /* layout.n_slots of them */
	struct buf events;    /* of the block being filled; TAPE_BLOCK_MAX from the start */
	struct buf payload;   /* the same with what stands before the events */
	uint64_t n_events;    /* in the block */
	uint64_t lost;
	bool has_failed;      /* a pipe took a part of a block: nothing can be written behind it */
	char *packed;         /* owned; ANCESTORS_BYTES: the ancestors of the event being added */
	struct strview ancestors; /* in packed; p NULL: not known, or the code says it */
	uint64_t ancestors_code;  /* they are in the dictionary; 0: not that we know */
	size_t ancestors_slot;    /* of last */
	uint64_t n_dictionaries;  /* so far, the one of now included */
	struct stamped stamps[STAMP_SLOTS];
	struct tape_writer_stats stats;
};

/* --- blocks -------------------------------------------------------------------------------------------------------------- */

static void block_begin(struct tape_writer *w)
{
	buf_reset(&w->events);
	w->n_events = 0;
	w->dictionary->n = 0;
	w->n_dictionaries++;
	memset(w->dictionary->slots, 0, sizeof(w->dictionary->slots));
	for (size_t i = 0; i < w->layout.n_slots; i++)
		w->last[i] = (struct last){ .is_missing = true };
}

static int block_write(struct tape_writer *w, enum block_type type, struct strview payload)
{
	uint8_t head[FRAME_BLOCK_HEAD];
	if (w->has_failed)
		return -EPIPE;
	frame_block_head(head, type, w->next_block, payload);
	int err = fd_write_all(w->fd, head, sizeof(head));
	if (!err)
		err = fd_write_all(w->fd, payload.p, payload.n);
	if (!err) {
		w->next_block++;
		w->offset += sizeof(head) + payload.n;
		w->stats.bytes = w->offset;
		return 0;
	}
	w->stats.error = -err;
	if (!w->is_file || ftruncate(w->fd, (off_t)w->offset) || lseek(w->fd, (off_t)w->offset, SEEK_SET) < 0)
		w->has_failed = true;
	return err;
}

static int block_end(struct tape_writer *w)
{
	if (w->n_events == 0)
		return 0;
	buf_reset(&w->payload);
	put_varint(&w->payload, w->stats.events);
	put_varint(&w->payload, w->n_events);
	put_varint(&w->payload, w->lost);
	put_varint(&w->payload, w->stats.dropped);
	buf_add_sv(&w->payload, buf_sv(&w->events));
	int err = block_write(w, BLOCK_EVENTS, buf_sv(&w->payload));
	if (err)
		w->stats.dropped += w->n_events;
	else
		w->stats.events += w->n_events;
	block_begin(w);
	return err;
}

/* --- opening and ending -------------------------------------------------------------------------------------------------- */

static int open_file(const char *path, bool replace, struct diag *diag)
{
	struct place at = { .file = path };
	struct stat st;
	if (strcmp(path, "-") == 0)
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (replace ? 0 : O_EXCL), 0600);
	if (fd < 0 && errno == EEXIST) {
		diag_error(diag, at, "is there already: not overwritten (--force replaces it)");
		return -EEXIST;
	}
	if (fd < 0) {
		int err = -errno;
		diag_error(diag, at, "cannot be made: %s", strerror(-err));
		return err;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		diag_error(diag, at, "is no regular file; - is standard output");
		return -EINVAL;
	}
	if (ftruncate(fd, 0)) {
		int err = -errno;
		diag_error(diag, at, "cannot be emptied: %s", strerror(-err));
		return err;
	}
	return TAKE_FD(fd);
}

static int write_header(struct tape_writer *w, const struct tape_info *info, const char *path, struct diag *diag)
{
	uint8_t head[FRAME_FILE_HEAD];
	CLEANUP(buf_done) struct buf layout = { 0 };
	CLEANUP(buf_done) struct buf payload = { .max = TAPE_BLOCK_MAX };
	frame_file_head(head, TAPE_VERSION);
	layout_write(&layout);
	header_write(info, buf_sv(&layout), &payload);
	if (buf_error(&layout) || buf_error(&payload))
		return -ENOMEM;
	int err = layout_read(buf_sv(&layout), &w->layout);
	if (!err)
		err = fd_write_all(w->fd, head, sizeof(head));
	if (!err) {
		w->offset = sizeof(head);
		err = block_write(w, BLOCK_HEADER, buf_sv(&payload));
	}
	if (err)
		diag_error(diag, (struct place){ .file = path }, "cannot be written: %s", strerror(-err));
	return err;
}

int tape_writer_open(const char *path, bool replace, const struct tape_info *info, struct tape_writer **ret, struct diag *diag)
{
	CLEANUP(tape_writer_free) struct tape_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->fd = -1;
	w->events.max = TAPE_BLOCK_MAX;
	w->payload.max = TAPE_BLOCK_MAX + 4 * VARINT_MAX;
	w->dictionary = malloc(sizeof(*w->dictionary));
	w->packed = malloc(ANCESTORS_BYTES);
	if (!w->dictionary || !w->packed || buf_reserve(&w->events, TAPE_BLOCK_MAX) || buf_reserve(&w->payload, w->payload.max))
		return -ENOMEM;
	w->fd = open_file(path, replace, diag);
	if (w->fd < 0)
		return w->fd;
	w->is_file = strcmp(path, "-") != 0;
	int err = write_header(w, info, path, diag);
	if (err)
		return err;
	w->last = calloc(w->layout.n_slots, sizeof(*w->last));
	if (!w->last)
		return -ENOMEM;
	while (w->layout.shared.fields[w->ancestors_slot].place != PLACE_ANCESTORS)
		w->ancestors_slot++;
	block_begin(w);
	*ret = TAKE(w);
	return 0;
}

void tape_writer_free(struct tape_writer **writer)
{
	struct tape_writer *w = *writer;
	if (!w)
		return;
	fd_close(&w->fd);
	buf_done(&w->events);
	buf_done(&w->payload);
	layout_done(&w->layout);
	free(w->dictionary);
	free(w->packed);
	free(w->last);
	free(w);
	*writer = NULL;
}

void tape_writer_flush(struct tape_writer *w, uint64_t lost)
{
	w->lost = lost;
	IGNORE(block_end(w)); /* counted, and told at the end */
}

int tape_writer_finish(struct tape_writer *w, const struct tape_totals *totals)
{
	CLEANUP(buf_done) struct buf payload = { 0 };
	w->lost = totals->all.lost;
	IGNORE(block_end(w)); /* stats.error keeps it */
	totals_write(totals, w->stats.events, w->stats.dropped, &payload);
	if (buf_error(&payload))
		return -ENOMEM;
	int err = block_write(w, BLOCK_END, buf_sv(&payload));
	if (!err && w->is_file && fsync(w->fd))
		err = -errno;
	return err ? err : -w->stats.error;
}

void tape_writer_get_stats(const struct tape_writer *w, struct tape_writer_stats *ret)
{
	*ret = w->stats;
}

/* --- events -------------------------------------------------------------------------------------------------------------- */

struct taped {
	bool is_missing;
	uint64_t number;
	struct strview text;
	uint64_t code;  /* of the text, where it is known; else 0 */
	uint8_t ip[sizeof(struct wire_ip)]; /* text points here */
};

static void read_record(const struct event *ev, const struct field *f, struct taped *ret)
{
	const char *at = (const char *)ev->common + f->offset;
	const struct kind *kind = kind_get(f->kind);
	if (f->kind == KIND_COMM) {
		ret->text = (struct strview){ at, strnlen(at, RECORD_COMM) };
	} else if (kind->class == CLASS_STR || kind->class == CLASS_LIST) {
		struct wire_str s;
		memcpy(&s, at, sizeof(s));
		ret->text = event_str(ev, s);
		ret->is_missing = !ret->text.p;
	} else if (kind->class == CLASS_IP) {
		memcpy(ret->ip, at, sizeof(ret->ip));
		ret->text = (struct strview){ (const char *)ret->ip, sizeof(ret->ip) };
	} else {
		memcpy(&ret->number, at, kind->wire_size); /* little-endian, as the kernels we run on */
	}
}

static void read_derived(const struct derived *d, const struct field *f, struct taped *ret)
{
	enum value_class class = kind_get(f->kind)->class;
	ret->is_missing = !(d->present >> f->index & 1);
	if (ret->is_missing)
		return;
	if (class == CLASS_STR || class == CLASS_LIST)
		memcpy(&ret->text, (const char *)d + f->offset, sizeof(ret->text));
	else
		memcpy(&ret->number, (const char *)d + f->offset, sizeof(ret->number));
}

static void read_value(const struct tape_writer *w, const struct event *ev, const struct layout_field *f, struct taped *ret)
{
	const struct derived *d = ev->derived;
	*ret = (struct taped){ 0 };
	switch (f->place) {
	case PLACE_RECORD:
		read_record(ev, f->field, ret);
		break;
	case PLACE_DERIVED:
		read_derived(d, f->field, ret);
		break;
	case PLACE_IMAGE_ID:
		ret->number = d->image.id;
		break;
	case PLACE_IMAGE_VERSION:
		ret->number = d->image.version;
		break;
	case PLACE_IMAGE_SLOT:
		ret->number = d->image.slot;
		break;
	case PLACE_LINEAGE:
		ret->text = (struct strview){ (const char *)d->lineage, MIN(d->n_lineage, (size_t)TAPE_LINEAGE_MAX) * sizeof(d->lineage[0]) };
		ret->is_missing = !d->lineage;
		break;
	case PLACE_ANCESTORS:
		ret->text = w->ancestors;
		ret->code = w->ancestors_code;
		ret->is_missing = !ret->text.p && !ret->code;
		break;
	case PLACE_NOWHERE: /* our own layout has none */
		ret->is_missing = true;
		break;
	}
}

static uint32_t hash_of(struct strview text)
{
	uint64_t h = 0xcbf29ce484222325ull ^ text.n;
	size_t i = 0;
	for (; i + 8 <= text.n; i += 8) {
		uint64_t word;
		memcpy(&word, text.p + i, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	for (; i < text.n; i++)
		h = (h ^ (unsigned char)text.p[i]) * 0x100000001b3ull;
	return (uint32_t)(h ^ h >> 32);
}

/* Code of a text; a new one is to be written out with the code. */
static uint64_t text_code(struct tape_writer *w, struct strview text, uint32_t hash, bool *ret_is_new)
{
	struct dictionary *d = w->dictionary;
	size_t at = hash & (HASH_SLOTS - 1);
	for (; d->slots[at]; at = (at + 1) & (HASH_SLOTS - 1)) {
		uint32_t i = d->slots[at] - 1;
		if (d->texts[i].hash == hash && d->texts[i].length == text.n &&
		    (text.n == 0 || memcmp(w->events.p + d->texts[i].offset, text.p, text.n) == 0))
			return TEXT_CODE_FIRST + i;
	}
	d->texts[d->n].hash = hash;
	d->texts[d->n].length = (uint32_t)text.n;
	d->slots[at] = (uint32_t)++d->n;
	*ret_is_new = true;
	return TEXT_CODE_FIRST + d->n - 1;
}

static void put_new_text(struct tape_writer *w, uint64_t code, struct strview text)
{
	put_varint(&w->events, TEXT_CODE_NEW);
	put_varint(&w->events, text.n);
	w->dictionary->texts[code - TEXT_CODE_FIRST].offset = (uint32_t)w->events.n;
	buf_add_sv(&w->events, text);
}

/* Writes the value if it differs from the last one; true when it does. */
static bool put_value(struct tape_writer *w, const struct layout_field *f, struct last *last, const struct taped *v)
{
	if (f->coding == CODING_TEXT) {
		bool is_new = false;
		uint64_t code = v->code;
		if (!code)
			code = v->is_missing ? TEXT_CODE_MISSING : text_code(w, v->text, hash_of(v->text), &is_new);
		if (code == last->number)
			return false;
		if (is_new)
			put_new_text(w, code, v->text);
		else
			put_varint(&w->events, code);
		last->number = code;
		return true;
	}
	bool is_missing = f->coding == CODING_OPTIONAL && v->is_missing;
	bool was_missing = f->coding == CODING_OPTIONAL && last->is_missing;
	if (is_missing == was_missing && (is_missing || v->number == last->number))
		return false;
	if (f->coding == CODING_OPTIONAL)
		buf_add_char(&w->events, (char)!is_missing);
	last->is_missing = is_missing;
	if (is_missing)
		return true;
	put_varint(&w->events, zigzag(v->number - last->number));
	last->number = v->number;
	return true;
}

static void put_group(struct tape_writer *w, const struct event *ev, const struct layout_group *group, struct last *last, size_t bits_at, size_t bit)
{
	struct taped v;
	for (size_t i = 0; i < group->n; i++, bit++) {
		read_value(w, ev, &group->fields[i], &v);
		if (put_value(w, &group->fields[i], &last[i], &v))
			w->events.p[bits_at + bit / 8] = (char)(w->events.p[bits_at + bit / 8] | 1 << bit % 8);
	}
}

/* Bytes that the event takes at most. */
static size_t size_limit(const struct tape_writer *w, const struct event *ev, const struct layout_event *e)
{
	const struct layout_group *groups[] = { &w->layout.shared, &e->own };
	size_t limit = 2 * VARINT_MAX;
	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		for (size_t i = 0; i < groups[g]->n; i++) {
			struct taped v = { 0 };
			if (groups[g]->fields[i].coding == CODING_TEXT)
				read_value(w, ev, &groups[g]->fields[i], &v);
			limit += 2 * VARINT_MAX + 1 + v.text.n;
		}
	}
	return limit;
}

/* Of the event to be added, for the block as it is now. False: they are longer than can be. */
static bool find_ancestors(struct tape_writer *w, const struct event *ev)
{
	const struct derived *d = ev->derived;
	const struct stamped *known = &w->stamps[d->image.slot & (STAMP_SLOTS - 1)];
	w->ancestors = (struct strview){ NULL, 0 };
	w->ancestors_code = 0;
	if (!d->ancestors)
		return true;
	if (d->image.id && known->id == d->image.id && known->version == d->image.version && known->dictionary == w->n_dictionaries) {
		w->ancestors_code = known->code;
		return true;
	}
	w->ancestors = (struct strview){ w->packed, ancestors_pack(d, w->packed, ANCESTORS_BYTES) };
	return w->ancestors.n <= ANCESTORS_BYTES;
}

static void keep_ancestors(struct tape_writer *w, const struct image_stamp *image)
{
	if (image->id && w->ancestors.p)
		w->stamps[image->slot & (STAMP_SLOTS - 1)] =
			(struct stamped){ image->id, image->version, w->last[w->ancestors_slot].number, w->n_dictionaries };
}

void tape_writer_add(struct tape_writer *w, const struct event *ev)
{
	const struct layout_event *e = w->layout.by_number[ev->type->number];
	if (!e || !ev->derived) { /* such events are not judged either */
		w->stats.dropped++;
		return;
	}
	bool fits = find_ancestors(w, ev);
	size_t limit = size_limit(w, ev, e), n_fields = w->layout.shared.n + e->own.n;
	if (w->events.n >= TAPE_BLOCK_BYTES || w->events.n + limit > TAPE_BLOCK_MAX - 4 * VARINT_MAX || w->dictionary->n + n_fields > TAPE_DICTIONARY_MAX) {
		IGNORE(block_end(w)); /* counted, and told at the end */
		fits = fits && find_ancestors(w, ev);
		limit = size_limit(w, ev, e);
	}
	if (!fits || limit > TAPE_BLOCK_MAX - 4 * VARINT_MAX) {
		w->stats.dropped++;
		return;
	}
	put_varint(&w->events, e->number);
	size_t bits_at = w->events.n;
	for (size_t i = 0; i < (n_fields + 7) / 8; i++)
		buf_add_char(&w->events, 0);
	put_group(w, ev, &w->layout.shared, w->last, bits_at, 0);
	put_group(w, ev, &e->own, w->last + e->first_slot, bits_at, w->layout.shared.n);
	keep_ancestors(w, &ev->derived->image);
	w->n_events++;
}
