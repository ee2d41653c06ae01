/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any sequence of records, well made and damaged, through decoder, tables and derived fields, in tables far too small.
 * Input: items of one byte that says what follows. 0x80 and above: a record as it is (two bytes of length, bytes); others: an
 * event number, four bytes of small ids (exec, parent, other, pid), a byte of flags, a byte of length and a text.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/enrich/enrich.h"
#include "engine/enrich/outcome.h"
#include "engine/event/value.h"
#include "tests/support/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

struct input {
	const uint8_t *p;
	size_t n;
};

static uint8_t next_byte(struct input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->p++;
}

static struct strview next_bytes(struct input *in, size_t n)
{
	struct strview s = { (const char *)in->p, MIN(n, in->n) };
	in->p += s.n;
	in->n -= s.n;
	return s;
}

/* False when the item is no record. */
static bool next_record(struct input *in, struct record *rec, size_t *ret_size)
{
	uint8_t what = next_byte(in);
	if (what & 0x80) {
		size_t size = next_byte(in);
		size |= (size_t)next_byte(in) << 8;
		struct strview raw = next_bytes(in, size);
		memcpy(rec->bytes, raw.p ? raw.p : "", raw.n);
		*ret_size = raw.n;
		return true;
	}
	if (!event_type_by_number(what))
		return false;
	record_init(rec, what);
	struct wire_common *c = RECORD_COMMON(rec);
	c->exec_id = next_byte(in);
	c->parent_id = next_byte(in);
	uint64_t other = next_byte(in);
	c->pid = next_byte(in);
	uint8_t flags = next_byte(in);
	c->stage = flags & 1;
	c->result = flags & 2 ? -1 : 0;
	c->call_id = flags >> 6;
	c->boot_ns = (uint64_t)flags << 28;
	c->cgroup_id = other % 4;
	struct strview text = next_bytes(in, next_byte(in));
	if (what == EVENT_PROC_FORK)
		RECORD(rec, proc_fork)->child_id = other;
	if (what == EVENT_PROC_EXEC) {
		RECORD(rec, proc_exec)->previous_id = other;
		RECORD_STR(rec, proc_exec, path, text);
		RECORD_STR(rec, proc_exec, cgroup, text);
		if (text.n && !text.p[text.n - 1])
			RECORD_STR(rec, proc_exec, args, text);
	}
	*ret_size = c->size;
	return true;
}

/* Every text can be read, and lists end their items. */
static void read_fields(const struct event *ev, const struct field *fields, size_t n)
{
	volatile uint8_t sum = 0; /* so that the reading is not left out */
	for (size_t i = 0; i < n; i++) {
		struct value v = event_get(ev, &fields[i]);
		if (v.is_missing || (v.class != CLASS_STR && v.class != CLASS_LIST))
			continue;
		for (size_t k = 0; k < v.s.n; k++)
			sum = (uint8_t)(sum + (uint8_t)v.s.p[k]);
		if (v.class == CLASS_LIST && v.s.n && v.s.p[v.s.n - 1])
			abort();
	}
}

static void read_all(const struct event *ev)
{
	size_t n;
	const struct field *derived = fields_derived(&n);
	read_fields(ev, derived, n);
	read_fields(ev, ev->type->fields, ev->type->n_fields);
}

static void feed(struct enrich *e, struct outcome_table *held, const struct event *ev)
{
	struct derived d;
	struct event taken[OUTCOME_MAX_PER_CALL];
	enrich_apply(e, ev);
	struct event full = *ev;
	enrich_derive(e, ev, &d);
	full.derived = &d;
	read_all(&full);
	if (ev->type->number != EVENT_OUTCOME) {
		int r = outcome_hold(held, ev);
		if (r != 0 && r != -EINVAL && r != -ENOSPC)
			abort();
		return;
	}
	size_t n = outcome_take(held, ev->common->call_id, taken);
	for (size_t i = 0; i < n; i++) {
		enrich_derive(e, &taken[i], &d);
		enrich_outcome(&d, ev->common, ev->common->result);
		taken[i].derived = &d;
		read_all(&taken[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct input in = { bytes, n };
	struct enrich *e = NULL;
	struct outcome_table *held = NULL;
	const struct enrich_config config = { .max_processes = 12, .max_text_bytes = 3 * 8192, .linger_ns = 1u << 30 };
	if (enrich_new(&config, &e, NULL) || outcome_new(6, RECORD_MAX, 1u << 30, &held))
		abort();
	struct record *rec = record_new(EVENT_PROC_EXIT);
	while (in.n) {
		struct event ev;
		size_t size;
		if (!next_record(&in, rec, &size)) {
			struct event late[4];
			uint64_t now = (uint64_t)next_byte(&in) << 28;
			enrich_tick(e, now);
			(void)outcome_expired(held, now, late, ARRAY_SIZE(late));
			continue;
		}
		if (event_decode(rec->bytes, size, &ev) == 0)
			feed(e, held, &ev);
	}
	struct enrich_stats stats;
	enrich_get_stats(e, &stats);
	if (stats.processes > config.max_processes || stats.text_bytes > config.max_text_bytes)
		abort();
	record_free(&rec);
	outcome_free(&held);
	enrich_free(&e);
	return 0;
}
