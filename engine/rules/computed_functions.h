/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that computed.def names, declared for the files that define them. */
#pragma once

#include "engine/rules/computed.h"

#define COMPUTED(name, kind, argument, function, of, events, flags, may_be, doc) field_function function;
#include "engine/rules/computed.def"

field_may_be fd_name_changed_may_be, event_call_may_be, event_open_may_be, fd_type_may_be, fd_typechar_may_be;

/* Of a list, whose items end with NUL. */
static inline struct strview first_item(struct strview list)
{
	return (struct strview){ list.p, list.n ? strnlen(list.p, list.n) : 0 };
}

static inline struct strview comm_of(const struct event *ev)
{
	const char *comm = ev->common->comm.text;
	return (struct strview){ comm, strnlen(comm, RECORD_COMM) };
}

/* Shared between the files: the result of the call, false while it is not known; the letter of fd.typechar, 0: none; IPPROTO number. */
bool event_result(const struct event *ev, int64_t *ret);
char fd_letter(const struct event *ev);
uint32_t fd_transport(const struct event *ev);
enum { CONTAINER_SHORT = 12 }; /* characters of a short id */
struct strview container_short(const struct event *ev);
/* Of process.exec: may its user write to the executed file? Is this the path of a memfd? */
bool exec_is_writable(const struct event *ev);
bool path_is_memfd(struct strview path);

/* What a field with an argument needs to know of it beforehand. COMPUTED_FOUND, or what is wrong with the argument. */
enum computed_fault arg_prepare(struct compiler *c, struct field_ref *ref);
