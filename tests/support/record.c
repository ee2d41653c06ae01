/* SPDX-License-Identifier: Apache-2.0 */
/* Builders of records. They stand in for the kernel: what they make, the decoder takes. */
#include "tests/support/record.h"

#include <stdio.h>
#include <stdlib.h>

void record_init(struct record *rec, uint32_t event_number)
{
	const struct event_type *type = event_type_by_number(event_number);
	if (!type)
		abort();
	memset(rec->bytes, 0, type->wire_size);
	*RECORD_COMMON(rec) = (struct wire_common){
		.size = type->wire_size,
		.type = event_number,
		.boot_ns = 1000000000,
		.cpu_seq = 1,
		.exec_id = 0x1000,
		.pid = 100,
		.tid = 100,
		.ns_pid = 100,
		.ns_tid = 100,
		.ppid = 1,
		.loginuid = UINT32_MAX,
		.audit_session = UINT32_MAX,
		.sensor = SENSOR_LSM,
		.stage = STAGE_COMPLETED,
		.start_boot_ns = 500000000,
	};
}

struct record *record_new(uint32_t event_number)
{
	struct record *rec = aligned_alloc(8, sizeof(*rec));
	if (!rec)
		abort();
	record_init(rec, event_number);
	return rec;
}

void record_free(struct record **rec)
{
	free(*rec);
	*rec = NULL;
}

void record_str(struct record *rec, size_t wire_str_offset, struct strview text)
{
	struct wire_common *common = RECORD_COMMON(rec);
	struct wire_str s = { common->size, (uint32_t)MIN(text.n, (size_t)(RECORD_MAX - common->size)) };
	if (s.length)
		memcpy(rec->bytes + s.offset, text.p, s.length);
	memcpy(rec->bytes + wire_str_offset, &s, sizeof(s));
	common->size += s.length;
}

void record_comm(struct wire_comm *into, const char *text)
{
	*into = (struct wire_comm){ 0 };
	memcpy(into->text, text, strnlen(text, RECORD_COMM - 1));
}

struct event record_event(const struct record *rec)
{
	struct event ev = { 0 };
	if (event_decode(rec->bytes, ((const struct wire_common *)(const void *)rec->bytes)->size, &ev)) {
		fprintf(stderr, "a test built a record that does not decode\n");
		abort();
	}
	return ev;
}

void record_actor(struct record *rec, const struct actor *who)
{
	struct wire_common *c = RECORD_COMMON(rec);
	c->exec_id = who->exec_id;
	c->parent_id = who->parent_id;
	c->start_boot_ns = who->start_ns;
	c->boot_ns = who->boot_ns ? who->boot_ns : c->boot_ns;
	c->pid = c->tid = c->ns_pid = c->ns_tid = who->pid;
	record_comm(&c->comm, who->comm ? who->comm : "");
}
