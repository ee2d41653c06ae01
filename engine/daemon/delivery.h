/* SPDX-License-Identifier: Apache-2.0 */
/* A watch's write-ahead log and sinks: opened together, told of together, ended in the order that loses nothing. */
#pragma once

#include "alerts/agent.h"
#include "alerts/sinks.h"
#include "alerts/stream.h"
#include "engine/base/json.h"

struct delivery_options {
	const char *folder;               /* of the write-ahead log; cursors go into it */
	uint64_t max_bytes;
	size_t queue_bytes;
	enum wal_full full;
	const struct sinks_config *sinks; /* NULL or none: one file, output */
	const char *output;
};

struct delivery;

/* Opens the log; the options are borrowed for the delivery's life. 0, or -errno with diag. */
int delivery_open(const struct delivery_options *options, struct delivery **ret, struct diag *diag) MUST_CHECK;
/* Was there no write-ahead log in the folder? */
bool delivery_is_new(const struct delivery *d);
/* Shows the agent where its log ended: in the write-ahead log and, should that have been lost, in the files of the sinks. */
void delivery_find_ends(const struct delivery *d, struct agent *agent, struct diag *diag);
/* For one stream, which must be freed after the delivery; untaken, delivery_free closes it. */
struct outlet *delivery_take_outlet(struct delivery *d);
/* Opens the sinks, when a stream has taken the outlet; nothing is sent yet. */
int delivery_connect(struct delivery *d, struct diag *diag) MUST_CHECK;
int delivery_start(struct delivery *d) MUST_CHECK;

/* Tells losses of log and sinks as records. */
void delivery_tell(struct delivery *d, struct stream *stream, struct instant now);
/* Files that sinks have opened since the start. */
uint64_t delivery_files(const struct delivery *d);
/* Files and connections are opened anew. */
void delivery_reopen(struct delivery *d);
/* Gives sinks a bounded time for what is in the log, and ends them. Returns the records that required ones get after the next start. */
uint64_t delivery_finish(struct delivery *d);
void delivery_free(struct delivery **d);

/* --- delivery_check.c --- */

/* Checks a configuration without opening anything of it: files, addresses, certificates. 0 or -errno with diag. */
int delivery_check(const struct sinks_config *sinks, struct diag *diag) MUST_CHECK;
/* Warns of filters by names and tags that no rule has. 0 or -ENOMEM. */
int delivery_check_filters(const struct sinks_config *sinks, const struct ruleset *rules, struct diag *diag) MUST_CHECK;
/* Warns when output.file, which the configuration names (is_asked) or which is there, is not written because there are sinks. */
void delivery_check_output(const struct sinks_config *sinks, const char *output, bool is_asked, struct diag *diag);
/* Makes the folder of a file, the last one of its path; and whether that will make it. */
void delivery_make_folder(const char *file);
bool delivery_folder_will_be_made(const char *file);

void delivery_get_wal(const struct delivery *d, struct wal_stats *ret);
uint64_t delivery_max_bytes(const struct delivery *d) PURE; /* of the log */
size_t delivery_sinks(const struct delivery *d);
void delivery_get_sink(const struct delivery *d, size_t i, struct sink_status *ret);

/* Members "sinks" and "wal" of the status document; they do not follow one another there. */
void delivery_add_sinks(struct delivery *d, struct json *j);
void delivery_add_wal(struct delivery *d, struct json *j);
