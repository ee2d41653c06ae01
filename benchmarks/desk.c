/* SPDX-License-Identifier: Apache-2.0 */
#include "benchmarks/desk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/num.h"

enum { RECORD_ALIGN = 8 };

int desk_init(struct desk *desk)
{
	*desk = (struct desk){ .bytes = malloc(DESK_BYTES) };
	return desk->bytes ? 0 : -ENOMEM;
}

void desk_done(struct desk *desk)
{
	free(desk->bytes);
	desk->bytes = NULL;
}

static size_t room_for(const struct event *ev)
{
	const struct derived *d = ev->derived;
	return ev->size + RECORD_ALIGN + d->args.n + d->command_line.n + d->ancestor_executables.n + d->ancestor_names.n;
}

static const char *copy(struct desk *desk, const void *from, size_t n)
{
	char *to = desk->bytes + desk->used;
	if (n)
		memcpy(to, from, n);
	desk->used += n;
	return to;
}

static struct strview copy_text(struct desk *desk, struct strview text)
{
	return (struct strview){ copy(desk, text.p, text.n), text.n };
}

/* A view into the record goes with it. */
static void move_view(struct strview *view, const struct event *from, const struct event *to)
{
	if (view->p)
		view->p = (const char *)to->common + (view->p - (const char *)from->common);
}

static void lay_one(struct desk *desk, const struct event *from)
{
	struct event *to = &desk->events[desk->n];
	struct derived *d = &desk->derived[desk->n++];
	desk->used = (desk->used + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
	*to = *from;
	to->common = (const void *)copy(desk, from->common, from->size);
	*d = *from->derived;
	to->derived = d;
	move_view(&d->file_name, from, to);
	move_view(&d->file_directory, from, to);
	move_view(&d->file_extension, from, to);
	if (from->type->number != EVENT_PROC_EXEC)
		return;
	/* of a new image all is written anew */
	d->args = copy_text(desk, d->args);
	d->command_line = copy_text(desk, d->command_line);
	d->ancestor_executables = copy_text(desk, d->ancestor_executables);
	d->ancestor_names = copy_text(desk, d->ancestor_names);
}

size_t desk_lay(struct desk *desk, const struct event *events, size_t n)
{
	desk->used = desk->n = 0;
	for (size_t i = 0; i < n && desk->n < DESK_EVENTS && room_for(&events[i]) <= DESK_BYTES - desk->used; i++)
		lay_one(desk, &events[i]);
	return desk->n;
}
