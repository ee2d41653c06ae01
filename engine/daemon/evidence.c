/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "alerts/agent.h"
#include "alerts/keyfile.h"
#include "alerts/sink_file.h"
#include "alerts/wal.h"
#include "engine/base/fd.h"
#include "engine/daemon/log.h"
#include "engine/daemon/watch_parts.h"

/* Key of the configuration, and what becomes of the evidence without it. */
struct place_of {
	const char *folder, *section, *without;
};

static struct place_of agent_place(const struct watch_options *o)
{
	return (struct place_of){ o->agent_folder, "agent", "then each start is an agent of its own, without a past (and there can be no write-ahead log: `wal: off`, too)" };
}

static struct place_of wal_place(const struct watch_options *o)
{
	return (struct place_of){ o->wal_folder, "wal", "then records go straight to output.file, and a crash may take the last of them" };
}

static void say_what_to_do(const struct place_of *p, struct diag *diag)
{
	diag_error(diag, (struct place){ .file = p->folder }, "evidence is kept there: let root write there and give it room, name another place (%s.folder), or say `%s: off`: %s",
		   p->section, p->section, p->without);
}

/* --- folders ------------------------------------------------------------------------------------------------------------------------- */

/* Why one cannot be made, the last mkdir says. */
static void make_those_above(const char *path)
{
	CLEANUP(str_free) char *part = strdup(path);
	for (char *slash = part; slash && (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		(void)mkdir(part, 0755);
		*slash = '/';
	}
}

/* The path, or the nearest above it that is there; "" when none is. */
static void find_nearest(const char *path, char nearest[static PATH_MAX])
{
	struct stat st;
	(void)snprintf(nearest, PATH_MAX, "%s", path); /* a longer one cannot be opened either */
	while (nearest[0] && lstat(nearest, &st)) {
		char *slash = strrchr(nearest, '/');
		if (!slash)
			(void)snprintf(nearest, PATH_MAX, "%s", strcmp(nearest, ".") == 0 ? "" : ".");
		else
			slash[slash == nearest && slash[1]] = '\0';
	}
}

static void warn_of_room(const struct place_of *p, const char *nearest, struct diag *diag)
{
	const struct wal_config wal = wal_defaults();
	uint64_t wants = wal.segment_bytes + wal.reserve_bytes;
	struct statvfs fs;
	if (statvfs(nearest, &fs) == 0 && fs.f_bavail * fs.f_frsize < wants)
		diag_warn(diag, (struct place){ .file = p->folder }, "less than %llu MiB are free there: the write-ahead log will be full from its beginning on",
			  (unsigned long long)(wants >> 20));
}

static int check_folder(const struct place_of *p, struct diag *diag)
{
	char nearest[PATH_MAX];
	struct stat st;
	const struct place at = { .file = p->folder };
	find_nearest(p->folder, nearest);
	int err = !nearest[0] || stat(nearest, &st) ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	if (!err && faccessat(AT_FDCWD, nearest, W_OK | X_OK, AT_EACCESS))
		err = -errno;
	if (err == -EACCES && geteuid() != 0) {
		diag_warn(diag, at, "whether the daemon can write there was not tried: that needs root");
		return 0;
	}
	if (err) {
		diag_error(diag, at, "the folder cannot be %s: %s: %s", strcmp(nearest, p->folder) == 0 ? "used" : "made", nearest, strerror(-err));
		say_what_to_do(p, diag);
	} else if (strcmp(p->section, "wal") == 0 && strcmp(nearest, p->folder) != 0) {
		warn_of_room(p, nearest, diag);
	}
	return err;
}

/* --- what is there from before --------------------------------------------------------------------------------------------------------- */

static bool ends_in_output(const struct watch_options *o)
{
	return o->wal_folder[0] && (!o->sinks || o->sinks->n == 0) && strcmp(o->output, "-") != 0;
}

static int check_output(const struct watch_options *o, struct diag *diag)
{
	struct stat st;
	if (!ends_in_output(o) || stat(o->output, &st) || S_ISREG(st.st_mode))
		return 0;
	diag_error(diag, (struct place){ .file = o->output }, "is no regular file, and with a write-ahead log output.file is one: name a file, give `sinks` (one can be of type stdout), or say `wal: off`");
	return -EINVAL;
}

static bool is_own_end(struct strview line, const struct agent *agent)
{
	struct log_head head;
	return log_head_of_line(line, &head) == 0 && sv_is(stream_agent(sv_from(head.stream)), agent_id(agent));
}

/*
 * A log of before there was a write-ahead log, by agents that ended with their runs: it keeps its own key beside it, under the name that the
 * next start without a write-ahead log would have given it.
 */
static int set_earlier_aside(const struct watch *w, struct diag *diag)
{
	const struct watch_options *o = &w->options;
	CLEANUP(buf_done) struct buf line = { 0 };
	CLEANUP(str_free) char *name = NULL;
	CLEANUP(buf_done) struct buf key = { 0 };
	CLEANUP(buf_done) struct buf aside = { 0 };
	if (!w->delivery || !ends_in_output(o) || !delivery_is_new(w->delivery) || log_end_of_file(o->output, &line) || is_own_end(buf_sv(&line), w->agent))
		return 0;
	int err = sink_file_set_aside(o->output, &name, diag);
	if (err || !name)
		return err;
	diag_warn(diag, (struct place){ 0 }, "the earlier log %s is now %s", o->output, name);
	buf_add_format(&key, "%s.pub", o->output);
	buf_add_format(&aside, "%s.pub", name);
	if (buf_error(&key) || buf_error(&aside))
		return -ENOMEM;
	return o->key_file[0] ? 0 : keyfile_set_aside(buf_cstr(&key), buf_cstr(&aside), diag);
}

/* --- opening --------------------------------------------------------------------------------------------------------------------------- */

static int open_delivery(struct watch *w, struct diag *diag)
{
	const struct watch_options *o = &w->options;
	const struct place_of place = wal_place(o);
	const struct delivery_options options = {
		.folder = o->wal_folder,
		.max_bytes = o->wal_max,
		.queue_bytes = o->queue_bytes,
		.full = (enum wal_full)o->wal_full,
		.sinks = o->sinks,
		.output = o->output,
	};
	if (!o->wal_folder[0])
		return 0;
	make_those_above(o->wal_folder);
	int err = delivery_open(&options, &w->delivery, diag);
	if (err && err != -EBUSY && err != -ENOMEM && err != -ELOOP)
		say_what_to_do(&place, diag);
	return err;
}

/* Its first key proves all of its logs; `keys show` tells the one in force, which is another soon. */
static void tell_new_agent(const struct watch *w, struct diag *diag)
{
	const struct watch_options *o = &w->options;
	CLEANUP(buf_done) struct buf key = { 0 };
	agent_key_line(w->agent, &key);
	diag_warn(diag, (struct place){ o->agent_folder, 0, 0 }, "a new agent was made; give its first key to those who verify, as a file with the line '%.*s'; in %s%s it is the line of this agent that has a 0 behind its name",
		  (int)(key.n ? key.n - 1 : 0), buf_cstr(&key), o->key_file[0] ? o->key_file : o->output, o->key_file[0] ? "" : ".pub");
}

static int open_agent(struct watch *w, struct diag *diag)
{
	const struct watch_options *o = &w->options;
	make_those_above(o->agent_folder);
	int err = agent_open(o->agent_folder, &(struct agent_options){ .makes = true }, &w->agent, diag);
	if (err)
		return err;
	if (agent_is_new(w->agent))
		tell_new_agent(w, diag);
	CLEANUP(buf_done) struct buf line = { 0 };
	if (w->delivery)
		delivery_find_ends(w->delivery, w->agent, diag);
	else if (log_end_of_file(o->output, &line) == 0)
		agent_found(w->agent, buf_sv(&line), diag);
	err = agent_begin(w->agent, &w->identity, diag);
	return err ? err : agent_start_writer(w->agent);
}

/* The agent of the folder begins its next stream, behind the end of the log that is there. */
static int begin_agent(struct watch *w, struct diag *diag)
{
	const struct place_of place = agent_place(&w->options);
	if (!w->options.agent_folder[0])
		return 0;
	int err = open_agent(w, diag);
	if (err && err != -EBUSY && err != -ENOMEM && err != -EBADMSG && err != -ELOOP)
		say_what_to_do(&place, diag);
	return err;
}

int evidence_open(struct watch *w, struct diag *diag)
{
	const struct watch_options *o = &w->options;
	if (!o->output[0])
		return 0;
	int err = check_output(o, diag);
	if (!err)
		err = open_delivery(w, diag);
	if (!err)
		err = begin_agent(w, diag);
	if (!err)
		err = set_earlier_aside(w, diag);
	if (err)
		return err;
	struct log_options lo = { .file = o->output, .key_file = o->key_file, .queue_bytes = o->queue_bytes, .agent = w->agent };
	lo.outlet = w->delivery ? delivery_take_outlet(w->delivery) : NULL;
	err = log_open(&lo, &w->identity, &w->stream, diag);
	return err || !w->delivery ? err : delivery_connect(w->delivery, diag);
}

int evidence_check(const struct watch_options *options, struct diag *diag)
{
	const struct place_of places[] = { agent_place(options), wal_place(options) };
	int worst = options->output[0] ? check_output(options, diag) : 0;
	for (size_t i = 0; options->output[0] && i < ARRAY_SIZE(places); i++) {
		int err = places[i].folder[0] ? check_folder(&places[i], diag) : 0;
		worst = worst ? worst : err;
	}
	return worst;
}

void evidence_warn(const struct watch *w, struct diag *diag)
{
	const struct watch_options *o = &w->options;
	if (!o->takes_over) /* a command that is watched: its log ends with it */
		return;
	if (!o->output[0])
		diag_warn(diag, (struct place){ 0 }, "no log is written: output.file is empty");
	else if (!o->wal_folder[0])
		diag_warn(diag, (struct place){ 0 }, "the write-ahead log is off: a crash may take records that were written last, and %s is the only sink", o->output);
	if (o->output[0] && !o->agent_folder[0])
		diag_warn(diag, (struct place){ 0 }, "no agent is kept: this log follows no other, and is signed by a key of this run alone");
}
