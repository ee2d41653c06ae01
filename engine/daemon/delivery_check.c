/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of sinks before they are opened: what a start would refuse, and what it would take though nobody can want it. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/link.h"
#include "engine/base/fd.h"
#include "engine/config/sinks_check.h"
#include "engine/daemon/delivery.h"

/* --- what a start refuses --------------------------------------------------------------------------------------------------------------- */

/* The folder of a file, or what stands in its place. */
static int check_folder_of(const struct sink_options *s, struct diag *diag)
{
	CLEANUP(str_free) char *folder = strdup(s->path);
	if (!folder)
		return -ENOMEM;
	*strrchr(folder, '/') = '\0'; /* the path is a whole one */
	struct stat st;
	int err = stat(folder[0] ? folder : "/", &st) ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	if (err == -ENOENT && delivery_folder_will_be_made(s->path))
		return 0;
	if (err)
		diag_error(diag, s->at, "sink '%s': %s cannot be opened for writing: %s: %s%s", s->name, s->path, folder, strerror(-err),
			   err == -ENOENT ? ": make it, for only the last folder of a path is made" : "");
	return err;
}

/* A file is not opened: that would make it, and a daemon may be at work on it. */
static int check_file(const struct sink_options *s, struct diag *diag)
{
	struct stat st;
	int err = lstat(s->path, &st) ? -errno : 0;
	if (err == -ENOENT || err == -ENOTDIR)
		return check_folder_of(s, diag);
	if (err || S_ISLNK(st.st_mode)) {
		diag_error(diag, s->at, "sink '%s': %s cannot be opened for writing: %s", s->name, s->path, err ? strerror(-err) : "it is a symbolic link");
		return err ? err : -ELOOP;
	}
	if (S_ISREG(st.st_mode) && st.st_nlink == 1)
		return 0;
	diag_error(diag, s->at, "sink '%s': %s must be a regular file with one name", s->name, s->path);
	return -EINVAL;
}

static int check_syslog(const struct sink_options *s, struct diag *diag)
{
	CLEANUP(link_free) struct link *link = NULL;
	const struct link_config lc = { s->address, s->tls_ca, s->tls_cert, s->tls_key, s->tls_name, s->timeout, NULL };
	int err = link_new(&lc, &link, diag);
	if (err)
		diag_error(diag, s->at, "sink '%s' cannot be made ready", s->name);
	return err;
}

static int check_sink(const struct sink_options *s, struct diag *diag)
{
	switch (s->kind) {
	case SINK_FILE: return check_file(s, diag);
	case SINK_SYSLOG: return check_syslog(s, diag);
	case SINK_WEBHOOK:
	case SINK_OTLP:
	case SINK_NATS: return sinks_try(s, diag);
	default: return 0;
	}
}

int delivery_check(const struct sinks_config *sinks, struct diag *diag)
{
	int worst = 0;
	for (size_t i = 0; i < sinks->n; i++) {
		int err = check_sink(&sinks->sinks[i], diag);
		worst = worst ? worst : err;
	}
	return worst;
}

/* --- folders ---------------------------------------------------------------------------------------------------------------------------- */

void delivery_make_folder(const char *file)
{
	CLEANUP(str_free) char *folder = strdup(file);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	if (!slash || slash == folder)
		return;
	*slash = '\0';
	(void)mkdir(folder, 0755); /* there already, or opening the file says why not */
}

bool delivery_folder_will_be_made(const char *file)
{
	CLEANUP(str_free) char *folder = strdup(file);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	if (!slash || slash == folder)
		return false;
	*slash = '\0';
	if (access(folder, F_OK) == 0 || errno != ENOENT)
		return false;
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	return access(slash ? folder : ".", W_OK | X_OK) == 0;
}

/* --- what is taken, and hardly meant ------------------------------------------------------------------------------------------------------ */

enum { NAMES_MAX = 4096 }; /* that a slip is looked for in */

static void add_name(const char **names, size_t *n, const char *name)
{
	if (*n < NAMES_MAX)
		names[(*n)++] = name;
}

static bool has_rule(const struct ruleset *rules, const char *id)
{
	for (size_t i = 0; i < ruleset_count(rules); i++)
		if (!ruleset_get(rules, i)->is_step && strcmp(ruleset_get(rules, i)->id, id) == 0)
			return true;
	return false;
}

static bool has_tag(const struct ruleset *rules, const char *tag)
{
	for (size_t i = 0; i < ruleset_count(rules); i++)
		for (const char *const *t = ruleset_get(rules, i)->tags; *t; t++)
			if (strcmp(*t, tag) == 0)
				return true;
	return false;
}

static void warn_of(const struct sink_options *s, const config_WORDS *words, size_t i, const char *what, const char *near, struct diag *diag)
{
	const struct place at = { s->at.file, words->at[i].line, words->at[i].column };
	char quoted[160];
	diag_warn(diag, at, "sink '%s': no rule has the %s %s%s%s%s", s->name, what, diag_quote(sv_from(words->items[i]), quoted, sizeof(quoted)),
		  near ? " (did you mean '" : ": nothing comes by it", near ? near : "", near ? "'?)" : "");
}

static void check_filter(const struct sink_options *s, const struct ruleset *rules, const char **names, struct diag *diag)
{
	for (size_t i = 0; i < s->rules.n; i++) {
		size_t n = 0;
		if (has_rule(rules, s->rules.items[i]))
			continue;
		for (size_t k = 0; k < ruleset_count(rules); k++)
			if (!ruleset_get(rules, k)->is_step)
				add_name(names, &n, ruleset_get(rules, k)->id);
		warn_of(s, &s->rules, i, "name", diag_suggest(sv_from(s->rules.items[i]), names, n), diag);
	}
	for (size_t i = 0; i < s->tags.n; i++) {
		size_t n = 0;
		if (has_tag(rules, s->tags.items[i]))
			continue;
		for (size_t k = 0; k < ruleset_count(rules); k++)
			for (const char *const *t = ruleset_get(rules, k)->tags; *t; t++)
				add_name(names, &n, *t);
		warn_of(s, &s->tags, i, "tag", diag_suggest(sv_from(s->tags.items[i]), names, n), diag);
	}
}

int delivery_check_filters(const struct sinks_config *sinks, const struct ruleset *rules, struct diag *diag)
{
	bool has_filter = false;
	for (size_t i = 0; sinks && i < sinks->n; i++)
		has_filter |= sinks->sinks[i].rules.n || sinks->sinks[i].tags.n;
	const char **names = has_filter ? calloc(NAMES_MAX, sizeof(*names)) : NULL;
	if (!names)
		return has_filter ? -ENOMEM : 0;
	for (size_t i = 0; i < sinks->n; i++)
		check_filter(&sinks->sinks[i], rules, names, diag);
	free(names);
	return 0;
}

void delivery_check_output(const struct sinks_config *sinks, const char *output, bool is_asked, struct diag *diag)
{
	bool is_stdout = strcmp(output, "-") == 0;
	bool is_written = sinks->n == 0 || !output[0] || (!is_asked && (is_stdout || access(output, F_OK) != 0));
	for (size_t i = 0; i < sinks->n && !is_written; i++) {
		const struct sink_options *s = &sinks->sinks[i];
		is_written = is_stdout ? s->kind == SINK_STDOUT : s->kind == SINK_FILE && output[0] == '/' && sink_paths_meet(s->path, output);
	}
	if (!is_written)
		diag_warn(diag, sinks->sinks[0].at, "output.file (%s) is not written, for there are `sinks`: a sink of type %s writes it", output,
			  is_stdout ? "stdout" : "file with that path");
}
