/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an agent's keys. Its file is agent_file.c's. */
#include "alerts/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/agent_writer.h"
#include "engine/base/fd.h"

/*
 * Numbers past the first would be taken for damage in the agent's own file; past the second no restored folder is behind its log (a start each second for
 * half a year), and a line that says so was written by somebody else.
 */
#define NUMBER_MAX (UINT64_C(1) << 53)
#define INCARNATION_JUMP_MAX (UINT64_C(1) << 24)

enum agent_write { WRITES_NOTHING, WRITES_NEXT, WRITES_SETTLED };

struct agent {
	char *folder; /* owned: for messages */
	int folder_fd, lock_fd;
	struct agent_options options;
	struct agent_state state; /* the keys are owned */
	struct log_head found;    /* the furthest end of its log that its own keys have signed */
	uint64_t claimed;         /* the highest stream that a line spoke of, whoever signed it: that number is not used again */
	struct log_head previous; /* of the stream at hand */
	bool is_new, is_unsettled;
	bool is_next_stored;         /* the next key is on the disk */
	struct agent_writer *writer; /* owned; NULL: the caller waits for the disk */
	enum agent_write writes;     /* what the writer is at */
};

/* --- the folder --------------------------------------------------------------------------------------------------------------------- */

static int refuse(const struct agent *a, struct diag *diag, int err, const char *what)
{
	diag_error(diag, (struct place){ a->folder, 0, 0 }, "%s", what);
	return err;
}

static int open_folder(struct agent *a, struct diag *diag)
{
	struct stat st;
	if (a->options.makes && mkdir(a->folder, 0700) && errno != EEXIST) {
		int r = -errno;
		diag_error(diag, (struct place){ a->folder, 0, 0 }, "the agent's folder cannot be made: %s", strerror(-r));
		return r;
	}
	a->folder_fd = open(a->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (a->folder_fd < 0 || fstat(a->folder_fd, &st)) {
		int r = -errno;
		if (a->folder_fd < 0 && fd_is_link(a->folder))
			return refuse(a, diag, -ELOOP, "is a symbolic link, which may lead elsewhere at the next start: name the folder that it leads to");
		diag_error(diag, (struct place){ a->folder, 0, 0 }, "the agent's folder cannot be opened: %s%s", strerror(-r),
			   r == -ENOENT ? "; `vedette keys init` makes it" : "");
		return r;
	}
	if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return refuse(a, diag, -EPERM, "others may change this folder, and the signing key lies in it: it has to belong to root or this user, with mode 0700");
	a->lock_fd = openat(a->folder_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (a->lock_fd < 0) {
		int r = -errno;
		diag_error(diag, (struct place){ a->folder, 0, 0 }, "the lock cannot be opened: %s", strerror(-r));
		return r;
	}
	if (flock(a->lock_fd, LOCK_EX | LOCK_NB))
		return refuse(a, diag, -EBUSY, "another agent runs with this folder: two that sign with one key would say two things under one number");
	return 0;
}

/* --- opening and closing ---------------------------------------------------------------------------------------------------------------- */

static int store(struct agent *a, const struct agent_state *state)
{
	const struct agent_file_steps steps = { a->options.on_step, a->options.context };
	return agent_file_write(a->folder_fd, state, &steps);
}

static int make(struct agent *a, struct diag *diag)
{
	identity_make_uuid(a->state.id);
	int r = crypto_key_new(&a->state.key);
	if (!r)
		r = store(a, &a->state);
	if (r)
		diag_error(diag, (struct place){ a->folder, 0, 0 }, "the agent's key cannot be written: %s", strerror(-r));
	a->is_new = !r;
	return r;
}

static int load_or_make(struct agent *a, struct diag *diag)
{
	int r = agent_file_read(a->folder_fd, &a->state);
	if (r == -ENOENT && a->options.makes)
		return make(a, diag);
	if (r == 0 && a->options.must_make)
		return refuse(a, diag, -EEXIST, "holds an agent already, and its past is bound to its key: `vedette keys show` shows it");
	if (r == -ENOENT)
		return refuse(a, diag, r, "holds no agent: `vedette keys init` makes one");
	if (r == -EBADMSG)
		return refuse(a, diag, r, "the file 'agent' is damaged. Move it away, and `vedette keys init` makes another agent, whose logs begin anew");
	if (r)
		diag_error(diag, (struct place){ a->folder, 0, 0 }, "the file 'agent' cannot be read: %s", strerror(-r));
	return r;
}

int agent_open(const char *folder, const struct agent_options *options, struct agent **ret, struct diag *diag)
{
	CLEANUP(agent_close) struct agent *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	*a = (struct agent){ .folder_fd = -1, .lock_fd = -1, .options = *options };
	a->folder = strdup(folder);
	int r = a->folder ? crypto_init() : -ENOMEM;
	if (!r)
		r = open_folder(a, diag);
	if (!r)
		r = load_or_make(a, diag);
	if (!r)
		*ret = TAKE(a);
	return r;
}

void agent_close(struct agent **agent)
{
	struct agent *a = TAKE(*agent);
	if (!a)
		return;
	agent_writer_free(&a->writer);
	agent_state_done(&a->state);
	fd_close(&a->lock_fd);
	fd_close(&a->folder_fd);
	free(a->folder);
	free(a);
}

/* --- streams ------------------------------------------------------------------------------------------------------------------------------ */

/* The end of the log decides: behind the record that names the next key, that one is in force. */
static void choose_key(struct agent *a, const struct log_head *found)
{
	if (!a->state.next)
		return;
	if (found && found->epoch == a->state.epoch + 1) {
		crypto_key_free(&a->state.key);
		a->state.key = TAKE(a->state.next);
		a->state.epoch++;
	}
	crypto_key_free(&a->state.next);
}

/* Can this agent have written it? Its streams are numbered from 1, one for each start. */
static bool is_plausible(const struct agent *a, const struct log_head *found)
{
	uint64_t n = log_head_incarnation(found);
	return n >= 1 && n <= NUMBER_MAX - INCARNATION_JUMP_MAX && n <= a->state.incarnation + INCARNATION_JUMP_MAX && found->next <= NUMBER_MAX &&
	       found->epoch <= NUMBER_MAX;
}

static bool is_signed_by_us(const struct agent *a, struct strview line)
{
	uint8_t public_key[CRYPTO_PUBLIC];
	crypto_key_public(a->state.key, public_key);
	if (log_line_is_signed(line, public_key))
		return true;
	if (!a->state.next)
		return false;
	crypto_key_public(a->state.next, public_key);
	return log_line_is_signed(line, public_key);
}

void agent_found(struct agent *a, struct strview line, struct diag *diag)
{
	struct log_head head;
	if (log_head_of_line(line, &head) || !sv_is(stream_agent(sv_from(head.stream)), a->state.id))
		return; /* no line of a log, or another agent's */
	if (!is_plausible(a, &head)) {
		diag_warn(diag, (struct place){ a->folder, 0, 0 }, "the log ends with a line that this agent cannot have written, of stream %s, record %llu: somebody else did. It is passed over",
			  head.stream, (unsigned long long)head.next - 1);
		return;
	}
	a->claimed = MAX(a->claimed, log_head_incarnation(&head));
	if (!log_head_is_after(&head, &a->state.head))
		return; /* the agent knows better */
	if (!is_signed_by_us(a, line)) {
		diag_warn(diag, (struct place){ a->folder, 0, 0 },
			  "the log ends with record %llu of stream %s, under key %llu, which is none of the keys here (key %llu signs): somebody else wrote it, or this folder was restored "
			  "and is older than its log, which then will not verify over this start. It is passed over",
			  (unsigned long long)head.next - 1, head.stream, (unsigned long long)head.epoch, (unsigned long long)a->state.epoch);
		return;
	}
	if (log_head_is_after(&head, &a->found))
		a->found = head;
}

int agent_begin(struct agent *a, struct identity *identity, struct diag *diag)
{
	struct agent_state *s = &a->state;
	choose_key(a, a->found.stream[0] ? &a->found : NULL);
	if (log_head_is_after(&a->found, &s->head))
		s->head = a->found;
	a->found = (struct log_head){ .stream = "" };
	a->previous = s->head;
	s->incarnation = MAX(MAX(s->incarnation, a->claimed), log_head_incarnation(&s->head)) + 1;
	int r = store(a, s);
	if (r) {
		diag_error(diag, (struct place){ a->folder, 0, 0 }, "the agent's file cannot be written: %s", strerror(-r));
		return r;
	}
	memcpy(identity->agent_id, s->id, sizeof(identity->agent_id));
	(void)snprintf(identity->stream, sizeof(identity->stream), "%s/%llu", s->id, (unsigned long long)s->incarnation); /* fits: 57 bytes */
	return 0;
}

bool agent_is_new(const struct agent *a)
{
	return a->is_new;
}

const char *agent_id(const struct agent *a)
{
	return a->state.id;
}

uint64_t agent_incarnation(const struct agent *a)
{
	return a->state.incarnation;
}

uint64_t agent_epoch(const struct agent *a)
{
	return a->state.epoch;
}

const struct log_head *agent_previous(const struct agent *a)
{
	return a->previous.stream[0] ? &a->previous : NULL;
}

void agent_public_key(const struct agent *a, uint8_t ret_public[static CRYPTO_PUBLIC])
{
	crypto_key_public(a->state.key, ret_public);
}

void agent_key_line(const struct agent *a, struct buf *out)
{
	uint8_t public_key[CRYPTO_PUBLIC];
	agent_public_key(a, public_key);
	buf_add_format(out, "vedette-key/v1 %s/%llu %llu ", a->state.id, (unsigned long long)a->state.incarnation, (unsigned long long)a->state.epoch);
	crypto_base64(out, public_key, sizeof(public_key));
	buf_add_char(out, '\n');
}

/* --- keys --------------------------------------------------------------------------------------------------------------------------------- */

int agent_key(const struct agent *a, struct crypto_key **ret)
{
	return crypto_key_copy(a->state.key, ret);
}

/* What the thread wrote, or could not. */
static int note_written(struct agent *a, int r)
{
	if (a->writes == WRITES_NEXT && r)
		crypto_key_free(&a->state.next); /* if it did come to the disk: no record names it, and the next one is written over it */
	if (a->writes == WRITES_NEXT)
		a->is_next_stored = r == 0;
	else if (a->writes == WRITES_SETTLED && r == 0)
		a->is_unsettled = false;
	a->writes = WRITES_NOTHING;
	return r;
}

/* 0 or -errno: it was written, or could not be; -EINPROGRESS: ask again. */
static int store_as(struct agent *a, enum agent_write what)
{
	if (!a->writer) {
		a->writes = what;
		return note_written(a, store(a, &a->state));
	}
	if (a->writes) {
		bool was_this = a->writes == what;
		int r = agent_writer_take(a->writer);
		if (r == -EINPROGRESS)
			return r;
		r = note_written(a, r);
		if (was_this)
			return r;
	}
	int r = agent_writer_put(a->writer, &a->state);
	if (r)
		return r;
	a->writes = what;
	return -EINPROGRESS;
}

int agent_start_writer(struct agent *a)
{
	const struct agent_file_steps steps = { a->options.on_step, a->options.context };
	return a->writer ? 0 : agent_writer_new(a->folder_fd, &steps, &a->writer);
}

void agent_stop_writer(struct agent *a)
{
	if (a->writer && a->writes)
		(void)note_written(a, agent_writer_wait(a->writer)); /* what failed is tried again by whoever needs it */
	agent_writer_free(&a->writer);
}

int agent_roll(struct agent *a, struct crypto_key **ret)
{
	if (a->is_unsettled)
		return -EBUSY;
	if (!a->is_next_stored) {
		int r = a->state.next ? 0 : crypto_key_new(&a->state.next);
		if (!r)
			r = store_as(a, WRITES_NEXT);
		if (r)
			return r;
	}
	return crypto_key_copy(a->state.next, ret);
}

void agent_named(struct agent *a)
{
	crypto_key_free(&a->state.key);
	a->state.key = TAKE(a->state.next);
	a->state.epoch++;
	a->is_unsettled = true;
	a->is_next_stored = false;
}

int agent_settle(struct agent *a, const struct log_head *head)
{
	a->state.head = *head;
	return store_as(a, WRITES_SETTLED);
}

bool agent_is_unsettled(const struct agent *a)
{
	return a->is_unsettled;
}
