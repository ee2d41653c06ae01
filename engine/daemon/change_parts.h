/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a change: what reloads (change.c) and policies that are applied under way (apply.c) share. */
#pragma once

#include "engine/daemon/change.h"
#include "engine/daemon/control.h"
#include "engine/daemon/window.h"

/* Who waits for a reload. */
struct waiters {
	control_client clients[CONTROL_MAX_CLIENTS];
	size_t n;
};

/* What somebody wants done to the policies. */
struct proposal {
	char name[POLICY_NAME_MAX + 1]; /* "": nothing */
	bool is_removal;
	bool is_forced;
	uint64_t confirm_ns; /* 0: for good at once */
	struct control_peer by;
	control_client from;
	struct buf text;     /* owned; until it is staged */
};

/* When the kernel's tables are to be compiled anew from the same rules. */
struct renew {
	int mounts_fd; /* owned */
	bool is_stale; /* mounts have changed since the tables were compiled */
	bool is_stale_again; /* and since those that are to come were begun */
	uint64_t look_ns, mounts_ns, retry_ns; /* not before these times */
};

struct change {
	struct change_config config;
	struct reload *reload;   /* owned */
	struct control *control; /* owned; NULL: none */
	struct policy *earlier;  /* owned */
	uint64_t forget_ns;      /* when earlier may go; not while the window is open */
	uint64_t asked_ns;       /* 0: no reload is to be begun */
	uint64_t began_ns;       /* of the one that runs: when it was asked for */
	struct waiters asking, waiting; /* for the next one; for the one that runs */
	uint32_t generation;     /* the last one that was given out */
	struct proposal asked;   /* to be begun */
	struct proposal trial;   /* being built, or in force and to be confirmed */
	uint64_t changes;        /* counts whatever the status would show */
	struct change_last last; /* that was done to a policy */
	struct window window;    /* open: the trial is in force */
	struct sensor_change *held; /* owned; of the trial: events of before and of now are wanted until it is decided */
	struct epochs epochs;
	struct renew renew;
	bool is_stopped;
};

/*
 * Puts the result in force, or changes nothing: 0 or -errno. is_trial: so that change_back needs nothing that is not there already.
 */
int change_over(struct change *c, struct reload_result *r, bool is_trial) MUST_CHECK;
/* The rules of before again, as they were. Cannot fail; what is not as it should be is in diag. */
void change_back(struct change *c, struct diag *diag);
/* The trial stays. */
void change_settle(struct change *c, struct diag *diag);

/*
 * In force, once they are filled in, with what living processes have among their ancestors; a change of nothing when it fails. until_boot_ns: when the
 * kernel goes back by itself; 0: never.
 */
int change_put_verdicts(struct change *c, struct policy *p, uint64_t until_boot_ns, struct diag *diag) MUST_CHECK;

/* --- renew.c --------------------------------------------------------------------------------------------------------------------- */

int renew_open(struct renew *r, struct diag *diag) MUST_CHECK;
void renew_close(struct renew *r);
/* until_wall_ns: when an exception ends; UINT64_MAX: none does. */
bool renew_is_due(struct renew *r, uint64_t until_wall_ns, uint64_t wall_ns, uint64_t now_ns);
/* Mounts have changed since the tables in force were compiled: labels that were made by them say another thing than those to come would. */
bool renew_has_moved(struct renew *r);
/* Looks whether there is something to do, and begins it in the thread of reloads. */
void renew_step(struct change *c, uint64_t now_ns);
/* The tables are compiled, and filled in if they differ: puts them in force. */
void renew_finish(struct change *c, struct reload_result *r);

/* The errors of a change as texts, NULL-terminated; err 0: none. */
struct change_errors {
	char *texts[DIAG_MAX_MESSAGES + 1]; /* owned */
};
void change_errors_fill(struct change_errors *e, int err, const struct diag *diag);
void change_errors_done(struct change_errors *e);

/* --- apply.c --------------------------------------------------------------------------------------------------------------------- */

void apply_ask(struct change *c, const struct control_request *q);
void apply_ask_removal(struct change *c, const struct control_request *q);
void apply_confirm(struct change *c, const struct control_request *q);
void apply_roll_back(struct change *c, const struct control_request *q);
void apply_show(struct change *c, const struct control_request *q);
void apply_answer_status(struct change *c, const struct control_request *q);

/* Makes ready what was asked for: 0, or the asker has been answered. Then the rules are to be built. */
int apply_begin(struct change *c) MUST_CHECK;
/* They are built, or refused. */
void apply_finish(struct change *c, struct reload_result *r);
/* Looks at the window. */
void apply_step(struct change *c, uint64_t now_ns);
/* The daemon ends. */
void apply_stop(struct change *c);
