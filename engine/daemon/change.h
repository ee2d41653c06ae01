/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts other rules in force under way: takes the wish (a signal, the control socket), has a policy built beside the one in force, and
 * changes over between two events. Every event is judged once, by the rules of before or by those of after.
 */
#pragma once

#include "engine/daemon/control.h"
#include "engine/daemon/pipeline.h"
#include "engine/daemon/policies.h"
#include "engine/daemon/reload.h"

/* A command that is not among those of change.c. 0, or -errno with the reason; -ENOENT: there is no such command. */
typedef int change_command(void *context, const struct control_request *q, struct diag *diag);

/* All borrowed. */
struct change_config {
	struct reload_request request; /* generation and time are not looked at */
	const char *control;           /* path of the control socket; "": none */
	struct policy **policy;        /* the one in force: replaced */
	struct enrich *enrich;       /* borrowed; what processes there are; NULL: without enforcement */
	struct pipeline *pipeline;
	struct stream *stream;         /* NULL: no log */
	struct policies *policies;     /* NULL: none can be applied under way */
	uint64_t breaker;              /* blocks of a minute that take an unconfirmed policy back when there are more; 0: none do */
	void (*add_status)(const void *context, struct buf *out); /* the status document */
	const void *status_context;
	change_command *command;       /* NULL: no others */
	void *command_context;
	void (*changed)(void *context); /* other rules are in force; NULL: nobody needs to know */
};

struct change;
struct json;

/* 0 or -errno with the reason. */
int change_new(const struct change_config *config, struct change **ret, struct diag *diag) MUST_CHECK;
/* Waits for the thread, if it runs; no change any more. Before the sensor is stopped. */
void change_stop(struct change *c);
void change_free(struct change **c);

/* Descriptors to poll for input; below 0: none. */
int change_reload_fd(const struct change *c);
int change_control_fd(const struct change *c);

/* The rules are to be loaded anew. */
void change_ask(struct change *c);
/* Does what can be done without waiting, the change included. To be called between two events. */
void change_step(struct change *c);

/* What was done last to a policy that was applied under way; name "": nothing yet. */
struct change_last {
	char name[POLICY_NAME_MAX + 1];
	const char *action, *reason; /* as in the log's record: apply, confirm, rollback or remove; asked, timeout, breaker, unkept */
	uint64_t blocked;            /* acts that it blocked while it waited to be confirmed */
	uint64_t wall_ns;
};

/* The tables that were filled last may not be those in force. */
bool change_is_filling(const struct change *c) PURE;

/* Of the policies that were applied under way; texts are borrowed until the next step. */
struct change_status {
	const struct policy_file *kept;
	size_t n_kept;
	const char *pending; /* name of the one that waits to be confirmed; NULL: none */
	bool is_removal;     /* of which its removal waits */
	uint64_t left_ns;    /* to confirm it in */
	uint64_t blocked;    /* acts it blocked so far */
	struct change_last last;
	uint64_t changes;    /* counts what changes any of this, and reloads */
};
/* As a JSON object. */
void change_last_json(struct json *j, const struct change_last *last);
void change_get_status(const struct change *c, struct change_status *ret);
