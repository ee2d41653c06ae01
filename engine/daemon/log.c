/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/log.h"

#include <errno.h>
#include <unistd.h>

#include "alerts/agent.h"
#include "alerts/keyfile.h"
#include "alerts/sink_file.h"

#define RETRY_NS 1000000000ull

/* A full disk keeps no agent from starting: the key that it began with proves those that follow, which its log names. */
static int append_key(const struct log_options *o, const char *path, struct strview line, struct diag *diag)
{
	CLEANUP(diag_done) struct diag why = { 0 };
	int err = keyfile_append(path, o->file, line, &why);
	bool is_excused = o->agent && !agent_is_new(o->agent) && (err == -ENOSPC || err == -EDQUOT);
	for (size_t i = 0; i < why.n; i++) {
		const struct diag_message *m = &why.messages[i];
		const struct place at = { m->file, m->line, m->column };
		if (is_excused || m->level == DIAG_WARNING)
			diag_warn(diag, at, "%s", m->text);
		else
			diag_error(diag, at, "%s", m->text);
	}
	return is_excused ? 0 : err;
}

static int write_key(const struct log_options *o, const struct stream *stream, struct diag *diag)
{
	CLEANUP(buf_done) struct buf path = { 0 };
	CLEANUP(buf_done) struct buf line = { 0 };
	if (o->key_file[0]) {
		buf_add_z(&path, o->key_file);
	} else if (o->outlet && strcmp(o->file, "-") != 0 && (access(o->file, F_OK) != 0 || keyfile_fits_beside(o->file))) {
		buf_add_format(&path, "%s.pub", o->file); /* the file of the streams before, too */
	} else if (keyfile_fits_beside(o->file)) {
		/* one key beside its log: that of an earlier log goes where that log went */
		const char *kept = stream_kept_as(stream);
		CLEANUP(buf_done) struct buf aside = { 0 };
		buf_add_format(&path, "%s.pub", o->file);
		buf_add_format(&aside, kept[0] ? "%s.pub" : "%s.pub.old", kept[0] ? kept : o->file);
		if (buf_error(&path) || buf_error(&aside))
			return -ENOMEM;
		int err = keyfile_set_aside(buf_cstr(&path), buf_cstr(&aside), diag);
		if (err)
			return err;
	} else {
		diag_warn(diag, (struct place){ 0 }, "the public key of this log goes nowhere, and without it the log proves nothing: --key-file FILE (output.key_file) names a place");
		return 0;
	}
	stream_key_line(stream, &line);
	if (buf_error(&path) || buf_error(&line))
		return -ENOMEM;
	return append_key(o, buf_cstr(&path), buf_sv(&line), diag);
}

int log_open(const struct log_options *options, const struct identity *identity, struct stream **ret, struct diag *diag)
{
	struct sink_file_config sc = { .path = options->file, .queue_max_bytes = options->queue_bytes, .retry_ns = RETRY_NS };
	struct sink_file *sink = NULL;
	struct outlet *outlet = options->outlet;
	struct stream *stream = NULL;
	int err = outlet ? 0 : sink_file_open(&sc, &sink, diag);
	if (err)
		return err;
	if (!outlet)
		outlet = sink_file_outlet(&sink);
	err = stream_new(identity, options->agent, &outlet, &stream, diag);
	if (err) {
		(void)outlet_close(&outlet); /* nothing was written */
		return err;
	}
	err = write_key(options, stream, diag);
	if (err) {
		(void)stream_free(&stream); /* nothing was written */
		return err;
	}
	*ret = stream;
	return 0;
}
