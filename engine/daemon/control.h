/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: a unix socket on which root, or the user that the daemon runs as, gives commands. A request is one line of JSON,
 * {"command":"ping"}; the answer is one line of JSON, and the connection ends. Clients that are slow or send nonsense cost a slot for some
 * seconds and nothing else.
 */
#pragma once

#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/base/diag.h"

enum {
	CONTROL_MAX_CLIENTS = 16,
	CONTROL_MAX_REQUEST = 4 * 1024 * 1024, /* bytes of a line: a policy comes in it */
	CONTROL_MAX_ANSWER = 4 * 1024 * 1024,
};
#define CONTROL_DEFAULT_PATH "/run/vedette/control.sock"
#define CONTROL_PATIENCE_NS 5000000000ull /* for a request to come whole, and for an answer to be taken */

struct control;

/* A connection whose request is to be answered; 0: none. Numbers are not used again. */
typedef uint64_t control_client;

/* Who asks, as the kernel says when the connection is made. */
struct control_peer {
	uint32_t uid, pid;
	uint32_t login_uid; /* who logged in, whatever uid it has now; UINT32_MAX: nobody did, or it is not known */
};

/* Borrowed: valid during the call. */
struct control_request {
	control_client from;
	struct strview command;
	struct strview line; /* the whole object: json_read_members finds the command's own members in it */
	struct control_peer peer;
};

/* A command that came whole. It is answered now or later by control_answer; one that is never answered waits for its end. */
typedef void control_function(void *context, const struct control_request *request);

/* Makes the socket, mode 0600. One that is left over is replaced, one that somebody serves is refused. 0 or -errno with the reason. */
int control_open(const char *path, struct control **ret, struct diag *diag) MUST_CHECK;
/* Removes the socket. */
void control_close(struct control **c);

/* Descriptor to poll for input. */
int control_poll_fd(const struct control *c);
/* Does what can be done without waiting. */
void control_step(struct control *c, uint64_t now_ns, control_function *call, void *context);
/* One JSON value without a line end. A client that is gone is no error. */
void control_answer(struct control *c, control_client to, struct strview json);
/* {"error":TEXT,"ok":false} */
void control_answer_error(struct control *c, control_client to, const char *text);
/* All that wait for an answer get this one. */
void control_refuse_all(struct control *c, const char *text);

/* --- the other side ---------------------------------------------------------------------------------------------------------- */

enum {
	CONTROL_ASK_S = 120,  /* for what loads rules: more than the largest sets of them take */
	CONTROL_STATUS_S = 5, /* for what is answered at once */
	CONTROL_NOTICE_S = 2, /* people are told after so long that the answer is still waited for */
};

/* How long who asks waits without hearing anything. */
struct control_patience {
	unsigned seconds;
	unsigned notice_s;                                 /* below seconds; 0: nobody is told */
	void (*notice)(void *context, unsigned seconds_more); /* called once, when nothing came for notice_s */
	void *context;
};

/* A descriptor (pidfd) of the process that serves the socket, readable when it has ended; -1: it is gone already. 0 or -errno with the reason. */
int control_process(const char *path, int *ret, struct diag *diag) MUST_CHECK;
/* Sends the command and waits for the answer. 0 or -errno with the reason. */
int control_ask(const char *path, const char *command, const struct control_patience *patience, struct buf *answer, struct diag *diag) MUST_CHECK;
/* The same with a whole request: a JSON object on one line, without line end. */
int control_ask_line(const char *path, struct strview line, const struct control_patience *patience, struct buf *answer, struct diag *diag) MUST_CHECK;
