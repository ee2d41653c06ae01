/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything a watch needs, built in order and taken down in order: rules, kernel side, enrichment, stream, pipeline; and the loop
 * that `run` and `daemon` share.
 */
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "engine/daemon/pipeline.h"
#include "engine/daemon/reload.h"
#include "engine/probe/sensor.h"
#include "engine/tape/tape.h"

struct watch_options {
	const char *const *rule_paths; /* files and folders */
	size_t n_rule_paths;
	enum sensor_mode sensor;       /* SENSOR_NONE: the best there is */
	bool enforce;                  /* rules that block do block */
	bool protect;                  /* with enforce: keep others off */
	const char *const *protect_paths; /* more that is to be kept */
	size_t n_protect_paths;
	bool needs_rules;              /* rule files without any rule are refused, at the start and in a reload */
	bool takes_over;               /* from a daemon of before that left verdicts in force: watch_seed takes over */
	bool keep;                     /* leave ours in force at the end, however it comes */
	bool detect_only;              /* take rules that block in tracepoint mode too: they only report */
	bool approve;                /* the kernel drops what no rule can hold on */
	bool log_events;
	const char *output;            /* file for the signed log; "": none */
	const char *wal_folder;        /* of the write-ahead log; "": none, records go straight to output */
	uint64_t wal_max;
	int wal_full;                  /* enum wal_full */
	const struct sinks_config *sinks; /* NULL: none but output; borrowed */
	const char *key_file;          /* where the public key goes; "": output with ".pub" */
	bool terminal;                 /* readable alerts on stderr */
	const char *scope_text;        /* for the stream-open record */
	const char *cgroup;            /* "": none; else only processes below this folder are in scope */
	uint64_t ring_priority_bytes, ring_bulk_bytes;
	uint32_t max_processes;
	uint64_t process_text_bytes;
	uint64_t queue_bytes;
	uint64_t heartbeat_ns;
	uint64_t outcome_timeout_ns;
	bool containers, rootless;     /* read the state of containers; of users' own too */
	const char *docker_root, *storage_root; /* "": where they usually are */
	uint64_t state_bytes, state_reorder_ns; /* of rules about several events */
	const char *const *env_names;
	const char *config_digest;
	const char *control;           /* path of the control socket; "": none */
	rule_paths_function *rules_now; /* where the rules are when they are loaded anew; NULL: rule_paths again, and only with a control socket */
	void *rules_context;
	const char *tape_file;         /* "": none; else every event goes there, "-": standard output */
	bool tape_replace;             /* a file that is there may go */
	bool tape_all;                 /* all events are wanted, whatever the rules */
	bool progress;                 /* a line on stderr, each second */
	uint64_t duration_ns;          /* watch_loop ends then; 0: never */
	struct noise_options noise;    /* limits besides throttles */
	const char *config_file;       /* NULL: none */
	const char *policy_folder;     /* of policies that are applied under way; "": none can be */
	uint64_t policy_breaker;       /* see change_config */
	bool force;                    /* rules of the configuration may block what the host cannot do without */
	bool ask_essentials;           /* whether rules do so is asked */
	const char *status_file;       /* "": none; else rewritten every second */
	const char *metrics_listen;    /* where metrics are served; "": nowhere */
	const char *metrics_file;      /* "": none; else rewritten every metrics_interval_ns */
	uint64_t metrics_interval_ns;
	const char *agent_folder;      /* of what the agent keeps between its runs; "": it keeps nothing */
};

/* The defaults of all sizes and times; paths stay empty. */
struct watch_options watch_defaults(void);
/* Records go to output and nowhere else; not when there are sinks. */
bool watch_writes_output(const struct watch_options *o) PURE;
/* What messages about the log name: the file, or the folder of the write-ahead log. */
const char *watch_log_name(const struct watch_options *o);

struct watch;

/*
 * Loads the rules, the kernel side and all the rest; nothing is in scope yet. Messages for people go to diag; notes (what is missing on
 * this host) as warnings. With options->cgroup that scope is set already.
 */
/*
 * What watch_open would refuse of the rules and of the host, changing nothing: 0 and how many rules there are, or -errno with all that is wrong. What
 * only root can find out is left out for others, with a warning.
 */
int watch_check(const struct watch_options *options, size_t *ret_rules, struct diag *diag) MUST_CHECK;

int watch_open(const struct watch_options *options, struct watch **ret, struct diag *diag) MUST_CHECK;
void watch_close(struct watch **w);

struct sensor *watch_sensor(struct watch *w);
const struct pipeline_stats *watch_stats(const struct watch *w);
const struct ruleset *watch_rules(const struct watch *w);
/* Reads what ran before the watch (root_pid and its ancestors, or everything with 0). Call when the scope is set. */
int watch_seed(struct watch *w, uint32_t root_pid, struct diag *diag) MUST_CHECK;

/* The signals that a watch takes: they must be blocked before watch_loop. */
void watch_signals(sigset_t *ret);

struct watch_end {
	int signal;       /* that ended the loop; 0: the child ended, or the time was up */
	bool is_time_up;
	bool is_asked;    /* `vedette stop` */
	uint32_t pid, uid; /* who sent the signal, or asked */
	int child_status; /* of waitpid; when the child ended */
};
/*
 * Until child ends (0: none is waited for), or SIGTERM, SIGINT or SIGQUIT. The signals of watch_signals must be blocked. With a child, SIGINT
 * and SIGQUIT are left to it (the terminal sends them to both), the others are passed on.
 */
int watch_loop(struct watch *w, pid_t child, struct watch_end *ret, struct diag *diag) MUST_CHECK;

/* Empties the rings, tells losses, closes the stream with the reason. */
int watch_finish(struct watch *w, const char *reason, struct diag *diag) MUST_CHECK;

/* Writes the status file now; 0 or -errno. */
int watch_write_status(const struct watch *w) MUST_CHECK;
/* The same for the metrics file. */
int watch_write_metrics(const struct watch *w) MUST_CHECK;
/* May metrics be written and served there? 0 or -errno with the reason. */
int watch_check_metrics(const struct watch_options *options, struct diag *diag) MUST_CHECK;

/* With a tape: what is on it. */
void watch_get_tape(const struct watch *w, struct tape_writer_stats *ret);

struct totals watch_totals(const struct watch *w);
