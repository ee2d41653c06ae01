/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts other rules in force under way: takes the wish (a signal, the control socket), has a policy built beside the one in force, and
 * changes over between two events. Every event is judged once, by the rules of before or by those of after.
 */
#pragma once

#include "engine/daemon/pipeline.h"
#include "engine/daemon/reload.h"

/* All borrowed. */
struct change_config {
	struct reload_request request; /* generation and time are not looked at */
	const char *control;           /* path of the control socket; "": none */
	struct policy **policy;        /* the one in force: replaced */
	struct pipeline *pipeline;
	struct stream *stream;         /* NULL: no log */
	void (*add_status)(const void *context, struct buf *out); /* the status document */
	const void *status_context;
};

struct change;

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
