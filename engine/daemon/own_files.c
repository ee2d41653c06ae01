/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/own_files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/daemon/watch.h"

struct list {
	char **items;
	size_t n, room; /* the last one stays NULL */
};

/* The absolute path, without links where it is there; of a folder, a file in it. */
static int add(struct list *l, const char *path)
{
	char joined[PATH_MAX], cwd[PATH_MAX];
	struct stat st;
	if (!path[0] || l->n == l->room)
		return 0;
	CLEANUP(str_free) char *real = realpath(path, NULL);
	bool is_relative = !real && path[0] != '/';
	if (is_relative && !getcwd(cwd, sizeof(cwd)))
		return 0; /* then nobody opens it by that name either */
	bool is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	int n = snprintf(joined, sizeof(joined), "%s%s%s%s", is_relative ? cwd : "", is_relative ? "/" : "", real ? real : path, is_folder ? "/rules.yaml" : "");
	if (n < 0 || (size_t)n >= sizeof(joined))
		return 0;
	l->items[l->n] = strdup(joined);
	return l->items[l->n++] ? 0 : -ENOMEM;
}

/* What sinks read, and what they write. */
static int add_sinks(struct list *config, struct list *log, const struct sinks_config *sinks)
{
	int err = 0;
	for (size_t i = 0; !err && sinks && i < sinks->n; i++) {
		const char *secrets[SINK_SECRETS];
		size_t n = sink_secret_files(&sinks->sinks[i], secrets);
		for (size_t k = 0; !err && k < n; k++)
			err = add(config, secrets[k]);
		if (!err && sinks->sinks[i].kind == SINK_FILE)
			err = add(log, sinks->sinks[i].path);
	}
	return err;
}

int own_files_fill(struct own_files *f, const struct watch_options *o)
{
	*f = (struct own_files){ 0 };
	struct list config = { f->config, 0, ARRAY_SIZE(f->config) - 1 }, rules = { f->rules, 0, ARRAY_SIZE(f->rules) - 1 };
	struct list log = { f->log, 0, ARRAY_SIZE(f->log) - 1 }, control = { f->control, 0, ARRAY_SIZE(f->control) - 1 };
	const struct {
		struct list *list;
		const char *path;
	} all[] = { { &config, o->config_file ? o->config_file : "" }, { &rules, o->policy_folder }, { &log, watch_writes_output(o) ? o->output : "" }, { &log, o->key_file },
		    { &log, o->status_file }, { &log, o->metrics_file }, { &log, o->agent_folder }, { &log, o->wal_folder }, { &control, o->control } };
	int err = 0;
	f->self = realpath("/proc/self/exe", NULL);
	for (size_t i = 0; !err && i < ARRAY_SIZE(all); i++)
		err = add(all[i].list, all[i].path);
	if (!err)
		err = add_sinks(&config, &log, o->sinks);
	for (size_t i = 0; !err && i < o->n_rule_paths; i++)
		err = add(&rules, o->rule_paths[i]);
	f->host = (struct essentials_host){
		.root = "",
		.self = f->self,
		.config = (const char *const *)f->config,
		.rules = (const char *const *)f->rules,
		.log = (const char *const *)f->log,
		.control = (const char *const *)f->control,
		.is_warning = !o->enforce,
	};
	return err;
}

static void free_list(char **items)
{
	for (; *items; items++)
		str_free(items);
}

void own_files_done(struct own_files *f)
{
	str_free(&f->self);
	free_list(f->config);
	free_list(f->rules);
	free_list(f->log);
	free_list(f->control);
}
