/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the acts of essentials.def into events and asks the rules that block. */
#include "engine/enforce/essentials.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/enforce/essentials_host.h"
#include "engine/event/builder.h"

enum group {
#define GROUP(id, what, advice) GROUP_##id,
#include "engine/enforce/essentials.def"
	GROUP_COUNT,
};
static const struct {
	const char *what, *advice;
} groups[] = {
#define GROUP(id, what, advice) { what, advice },
#include "engine/enforce/essentials.def"
};

enum deed_id {
#define DEED(id, event, path, suffix, new_path, fields, verb) DEED_##id,
#include "engine/enforce/essentials.def"
};
static const struct deed {
	const char *event, *path, *suffix, *new_path, *fields, *verb;
} deeds[] = {
#define DEED(id, event, path, suffix, new_path, fields, verb) { event, path, suffix, new_path, fields, verb },
#include "engine/enforce/essentials.def"
};

enum as_id {
#define AS(id, login, tty, cgroup) AS_##id,
#include "engine/enforce/essentials.def"
};
static const struct {
	const char *login, *tty, *cgroup;
} as[] = {
#define AS(id, login, tty, cgroup) { login, tty, cgroup },
#include "engine/enforce/essentials.def"
};

static const struct essential {
	enum group group;
	enum as_id as;
	enum essential_set subject;
	enum deed_id deed;
	enum essential_set object, parent;
} essentials[] = {
#define ESSENTIAL(group, as, subject, deed, object, parent) { GROUP_##group, AS_##as, SET_##subject, DEED_##deed, SET_##object, SET_##parent },
#include "engine/enforce/essentials.def"
};

enum { ACTS_TOLD = 4 }; /* each by another subject: whoever mends a rule wants to know of all of them */

/* What one rule does to one group. */
struct finding {
	struct buf acts;                  /* owned */
	const char *subjects[ACTS_TOLD];  /* those in acts */
	size_t n_told, n_more;
};

struct check {
	const struct ruleset *set;
	struct essential_sets host;    /* owned */
	struct event_builder *builder; /* owned */
	uint32_t *rules;               /* owned; those that block and are not forced */
	size_t n_rules;
	struct finding *findings;      /* owned; GROUP_COUNT of each, by place in rules */
	bool is_warning, is_bad;
	struct diag *diag;
};

/* One act: who does what to which. */
struct act {
	const struct essential *row;
	struct essential_file subject, object;
	const char *parent; /* NULL: pid 1 */
	const char *cgroup; /* "": not said */
};

/* --- the event of an act --------------------------------------------------------------------------------------------------------- */

static const char *init_of(const struct check *c)
{
	return c->host.sets[SET_INIT].n ? c->host.sets[SET_INIT].items[0].path : "/sbin/init";
}

/* A field that this event does not have is left out. */
static int set_field(struct check *c, const char *name, const char *text)
{
	int err = name[0] && text[0] ? event_builder_set_text(c->builder, name, text) : 0;
	return err == -ENOENT ? 0 : err;
}

static int set_name(struct check *c, const char *path)
{
	const char *slash = strrchr(path, '/');
	char comm[16];
	(void)snprintf(comm, sizeof(comm), "%s", slash ? slash + 1 : path); /* the kernel cuts it just so */
	return set_field(c, "process.name", comm);
}

/* Who it is: the image, and those it comes from. In an exec the image is the new one, and the subject its first ancestor. */
static int set_subject(struct check *c, const struct act *act)
{
	const char *init = init_of(c), *image = act->row->deed == DEED_EXEC ? act->object.path : act->subject.path;
	bool is_init = act->row->subject == SET_INIT;
	struct strview chain[3];
	size_t n = 0;
	if (act->row->deed == DEED_EXEC && !is_init)
		chain[n++] = sv_from(act->subject.path);
	if (act->parent)
		chain[n++] = sv_from(act->parent);
	chain[n++] = sv_from(init);
	bool is_pid1 = is_init && act->row->deed != DEED_EXEC;
	int err = set_field(c, "process.executable", image);
	if (!err)
		err = set_name(c, image);
	if (!err)
		err = set_field(c, "process.pid", is_pid1 ? "1" : "4242");
	if (!err && !is_pid1)
		err = event_builder_set(c->builder, SV("vedette.ancestors.executable"), chain, n);
	if (!err && !is_pid1)
		err = event_builder_set(c->builder, SV("process.parent.executable"), chain, 1);
	if (!err && act->row->deed == DEED_EXEC)
		err = set_field(c, "process.previous.executable", act->subject.path);
	if (!err)
		err = set_field(c, "process.parent.pid", is_pid1 ? "" : n == 1 ? "1" : "4000");
	return err;
}

static int set_user(struct check *c, const struct act *act)
{
	static const char *const names[][2] = {
		{ "user.name", "root" }, { "user.effective.name", "root" }, { "group.name", "root" },
		{ "user.id", "0" }, { "user.effective.id", "0" }, { "group.id", "0" },
	};
	int err = 0;
	for (size_t i = 0; !err && i < ARRAY_SIZE(names); i++)
		err = set_field(c, names[i][0], names[i][1]);
	bool is_login = as[act->row->as].login[0] != '\0';
	if (!err)
		err = set_field(c, "user.audit.id", as[act->row->as].login);
	if (!err && is_login)
		err = set_field(c, "user.audit.name", "root");
	if (!err)
		err = set_field(c, "process.tty.name", as[act->row->as].tty);
	return err ? err : set_field(c, "process.interactive", is_login ? "true" : "false");
}

/* "field=value field=value" */
static int set_fields(struct check *c, const char *fields)
{
	char text[256], *rest = text;
	int err = 0;
	(void)snprintf(text, sizeof(text), "%s", fields); /* fits: they are in our own table */
	for (char *one; !err && (one = strsep(&rest, " "));) {
		char *value = strchr(one, '=');
		if (value)
			*value++ = '\0';
		err = value ? set_field(c, one, value) : 0;
	}
	return err;
}

static int set_object(struct check *c, const struct act *act)
{
	const struct deed *deed = &deeds[act->row->deed];
	char path[PATH_MAX + 16];
	(void)snprintf(path, sizeof(path), "%s%s", act->object.path, deed->suffix);
	const char *const fields[][2] = {
		{ deed->path, path },
		{ deed->new_path, act->object.path },
		{ act->row->deed == DEED_CONNECT ? "" : "file.type", "file" },
		{ "file.uid", "0" },
		{ "vedette.file.nlink", "1" },
		{ "vedette.bpf.command", "BPF_PROG_LOAD" },
	};
	int err = 0;
	for (size_t i = 0; !err && i < ARRAY_SIZE(fields); i++)
		err = set_field(c, fields[i][0], fields[i][1]);
	if (!err)
		err = set_field(c, "vedette.cgroup.path", act->cgroup);
	return err ? err : set_fields(c, deed->fields);
}

static int make_event(struct check *c, const struct act *act, struct event *ret)
{
	event_builder_begin(c->builder, event_type_by_name(sv_from(deeds[act->row->deed].event)));
	int err = set_subject(c, act);
	if (!err)
		err = set_user(c, act);
	if (!err)
		err = set_object(c, act);
	return err ? err : event_builder_event(c->builder, ret);
}

/* --- asking ---------------------------------------------------------------------------------------------------------------------- */

/* Does the condition name the path, or one that it begins with? */
static bool names(const struct condition *at, const char *path)
{
	if (condition_type(at) == NODE_TEST) {
		for (size_t i = 0; i < condition_values(at); i++) {
			struct strview v = condition_value(at, i);
			if (v.n > 1 && v.p[0] == '/' && sv_starts(sv_from(path), v))
				return true;
		}
		return false;
	}
	for (size_t i = 0; i < condition_children(at); i++) /* depth is limited by the parser */
		if (names(condition_child(at, i), path))
			return true;
	return false;
}

/*
 * A name that leads through a link is none that the kernel would ever see; but a rule that is written with it blocks by the other one too.
 */
static bool is_concerned(const struct check *c, uint32_t rule, const struct act *act)
{
	const struct condition *root = ruleset_condition(c->set, rule);
	return (!act->subject.is_alias || names(root, act->subject.path)) && (!act->object.is_alias || names(root, act->object.path));
}

static bool is_subject_told(const struct finding *f, const char *subject)
{
	for (size_t i = 0; i < f->n_told; i++)
		if (strcmp(f->subjects[i], subject) == 0)
			return true;
	return false;
}

static void note(struct finding *f, const struct act *act)
{
	char subject[120], object[120];
	if (f->n_told == ACTS_TOLD || is_subject_told(f, act->subject.path)) {
		f->n_more++;
		return;
	}
	f->subjects[f->n_told++] = act->subject.path;
	buf_add_format(&f->acts, "%s%s %s %s", f->n_told > 1 ? ", " : "", diag_quote(sv_from(act->subject.path), subject, sizeof(subject)),
		       deeds[act->row->deed].verb, diag_quote(sv_from(act->object.path), object, sizeof(object)));
}

static void tell(struct check *c, const struct rule_info *rule, enum group group, struct finding *f)
{
	const char *verb = rule->action == ACTION_KILL ? "kill in" : "block";
	if (f->n_more)
		buf_add_format(&f->acts, ", and %zu more act%s", f->n_more, f->n_more == 1 ? "" : "s");
	if (c->is_warning)
		diag_warn(c->diag, rule->at, "rule %s would %s %s, if it were enforced: %s; %s", rule->id, verb, groups[group].what, buf_cstr(&f->acts),
			  groups[group].advice);
	else
		diag_error(c->diag, rule->at, "rule %s would %s %s: %s; %s (except it, or force the rule)", rule->id, verb, groups[group].what, buf_cstr(&f->acts),
			   groups[group].advice);
	c->is_bad = true;
}

static void tell_all(struct check *c)
{
	for (size_t i = 0; i < c->n_rules; i++)
		for (size_t group = 0; group < GROUP_COUNT; group++)
			if (c->findings[i * GROUP_COUNT + group].n_told)
				tell(c, ruleset_get(c->set, c->rules[i]), (enum group)group, &c->findings[i * GROUP_COUNT + group]);
}

/* only: the place in c->rules of the one rule to ask; SIZE_MAX: all. */
static int ask(struct check *c, const struct act *act, size_t only)
{
	struct event ev;
	int err = make_event(c, act, &ev);
	if (err)
		return err == -E2BIG ? 0 : err; /* a path that no kernel would give */
	for (size_t i = only == SIZE_MAX ? 0 : only; i < (only == SIZE_MAX ? c->n_rules : only + 1); i++) {
		if (ruleset_may_hold(c->set, c->rules[i], &ev) && is_concerned(c, c->rules[i], act))
			note(&c->findings[i * GROUP_COUNT + act->row->group], act);
	}
	return 0;
}

/* Of every subject there is. */
static int ask_subjects_in(struct check *c, const struct essential *row, struct essential_file object, const char *cgroup, size_t only)
{
	const struct essential_files *subjects = &c->host.sets[row->subject], *parents = &c->host.sets[row->parent];
	int err = 0;
	for (size_t i = 0; !err && i < subjects->n; i++) {
		struct act act = { row, subjects->items[i], object, parents->n ? parents->items[0].path : NULL, cgroup };
		err = ask(c, &act, only);
	}
	return err;
}

static const char *cgroup_of(const struct check *c, const struct essential *row)
{
	bool has_sessions = c->host.sets[SET_PAM_SYSTEMD].n != 0;
	return as[row->as == AS_ADMIN && !has_sessions ? AS_LOGIN : row->as].cgroup;
}

static int ask_subjects(struct check *c, const struct essential *row, struct essential_file object, size_t only)
{
	return ask_subjects_in(c, row, object, cgroup_of(c, row), only);
}

/* --- services that a rule names ----------------------------------------------------------------------------------------------------- */

static bool has(struct strview text, const char *part)
{
	return text.n && memmem(text.p, text.n, part, strlen(part));
}

/*
 * A cgroup of a service that the value stands for, or is the begin of. Those of scopes (containers, sessions) are not set up by systemd's own process,
 * and what else is no service's lies in no slice, or in Kubernetes'.
 */
static bool service_of(struct strview value, char out[static PATH_MAX])
{
	static const char any[] = "/system.slice/x.service";
	const char *star = value.n ? memchr(value.p, '*', value.n) : NULL;
	if (star)
		value.n = (size_t)(star - value.p);
	if (sv_starts(sv_from(any), value)) {
		memcpy(out, any, sizeof(any));
		return true;
	}
	bool is_slice = sv_ends(value, SV(".slice")), is_service = is_slice || has(value, ".slice/") || sv_ends(value, SV(".service"));
	if (!is_service || value.n + sizeof(any) > PATH_MAX || memchr(value.p, '\0', value.n) || sv_ends(value, SV(".scope")) || has(value, "kubepods"))
		return false;
	(void)snprintf(out, PATH_MAX, SV_FMT "%s", SV_ARG(value), is_slice ? "/x.service" : sv_ends(value, SV("/")) ? "x.service" : ""); /* there is room */
	return true;
}

static int ask_service(struct check *c, const struct essential *row, const char *cgroup, size_t rule)
{
	const struct essential_files *objects = &c->host.sets[row->object];
	char path[PATH_MAX + 64];
	int err = 0;
	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cgroup.procs", cgroup); /* there is room */
	if (row->object == SET_CGROUP)
		return ask_subjects_in(c, row, (struct essential_file){ path, false }, cgroup, rule);
	for (size_t i = 0; !err && i < objects->n; i++)
		err = ask_subjects_in(c, row, objects->items[i], cgroup, rule);
	return err;
}

static int ask_services(struct check *c, const struct essential *row, const struct condition *at, size_t rule)
{
	int err = 0;
	for (size_t i = 0; !err && condition_type(at) != NODE_TEST && i < condition_children(at); i++)
		err = ask_services(c, row, condition_child(at, i), rule); /* depth is limited by the parser */
	if (err || condition_type(at) != NODE_TEST || strcmp(condition_field(at), "vedette.cgroup.path") != 0)
		return err;
	for (size_t i = 0; !err && i < condition_values(at); i++) {
		char cgroup[PATH_MAX];
		if (service_of(condition_value(at, i), cgroup))
			err = ask_service(c, row, cgroup, rule);
	}
	return err;
}

/* --- files of packages that a rule names ---------------------------------------------------------------------------------------- */

static bool is_of_packages(const struct check *c, const char *path)
{
	static const char *const folders[] = { "/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/boot/" };
	bool is_below = false;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		is_below |= sv_starts(sv_from(path), sv_from(folders[i]));
	if (sv_starts(sv_from(path), SV("/usr/local/")))
		return false;
	return is_below && essential_sets_exists(&c->host, path);
}

/*
 * A file that the value stands for: itself; of a value that is the begin of others, one that begins so, if its folder is there: what holds for it
 * holds for what a package puts there. suffix: "" for values that are whole.
 */
static bool sample_of(const struct check *c, struct strview value, const char *suffix, char out[static PATH_MAX])
{
	if (value.n < 2 || value.p[0] != '/' || value.n + 16 > PATH_MAX || memchr(value.p, '\0', value.n))
		return false;
	memcpy(out, value.p, value.n);
	out[value.n] = '\0';
	if (!suffix[0])
		return is_of_packages(c, out);
	char *slash = suffix[0] == '/' ? out + value.n : strrchr(out, '/') + 1;
	char kept = *slash;
	*slash = '\0';
	bool is_there = is_of_packages(c, out);
	*slash = kept;
	(void)snprintf(out + value.n, 16, "%s", suffix);
	return is_there;
}

static int ask_named(struct check *c, const struct essential *row, const struct condition *at, size_t rule)
{
	int err = 0;
	for (size_t i = 0; !err && condition_type(at) != NODE_TEST && i < condition_children(at); i++)
		err = ask_named(c, row, condition_child(at, i), rule); /* depth is limited by the parser */
	if (err || condition_type(at) != NODE_TEST)
		return err;
	for (size_t i = 0; !err && i < condition_values(at); i++) {
		char path[PATH_MAX];
		struct strview value = condition_value(at, i);
		const char *op = condition_operator(at), *star = value.n ? memchr(value.p, '*', value.n) : NULL;
		const char *suffix = star || strcmp(op, "startswith") == 0 ? "new" : strcmp(op, "pmatch") == 0 ? "/new" : "";
		if (star)
			value.n = (size_t)(star - value.p);
		if (sample_of(c, value, suffix, path))
			err = ask_subjects(c, row, (struct essential_file){ path, false }, rule);
	}
	return err;
}

static int ask_row(struct check *c, const struct essential *row)
{
	const struct event_type *type = event_type_by_name(sv_from(deeds[row->deed].event));
	uint64_t events = 0;
	int err = 0;
	for (size_t i = 0; i < c->n_rules; i++)
		events |= ruleset_get(c->set, c->rules[i])->events;
	if (!(events >> type->number & 1))
		return 0;
	for (size_t i = 0; !err && row->group == GROUP_START && i < c->n_rules; i++)
		err = ask_services(c, row, ruleset_condition(c->set, c->rules[i]), i);
	for (size_t i = 0; !err && row->object == SET_NAMED && i < c->n_rules; i++)
		err = ask_named(c, row, ruleset_condition(c->set, c->rules[i]), i);
	for (size_t i = 0; !err && row->group != GROUP_START && i < c->host.sets[row->object].n; i++)
		err = ask_subjects(c, row, c->host.sets[row->object].items[i], SIZE_MAX);
	return err;
}

/* The names that files have by the links that rules are written with. */
static int add_names(struct check *c, const struct condition *at)
{
	int err = 0;
	for (size_t i = 0; !err && condition_type(at) != NODE_TEST && i < condition_children(at); i++)
		err = add_names(c, condition_child(at, i)); /* depth is limited by the parser */
	for (size_t i = 0; !err && condition_type(at) == NODE_TEST && i < condition_values(at); i++)
		err = essential_sets_alias(&c->host, condition_value(at, i));
	return err;
}

/* --- all of it -------------------------------------------------------------------------------------------------------------------- */

static void check_done(struct check *c)
{
	essential_sets_done(&c->host);
	event_builder_free(&c->builder);
	free(c->rules);
	for (size_t i = 0; c->findings && i < c->n_rules * GROUP_COUNT; i++)
		buf_done(&c->findings[i].acts);
	free(c->findings);
}

int essentials_check(const struct ruleset *set, const struct essentials_host *host, essentials_forced_function *is_forced, void *context,
		     struct diag *diag)
{
	CLEANUP(check_done) struct check c = { .set = set, .is_warning = host->is_warning, .diag = diag };
	c.rules = calloc(ruleset_count(set) + 1, sizeof(*c.rules));
	c.findings = calloc((ruleset_count(set) + 1) * GROUP_COUNT, sizeof(*c.findings));
	if (!c.rules || !c.findings)
		return -ENOMEM;
	for (uint32_t i = 0; i < ruleset_count(set); i++) {
		const struct rule_info *rule = ruleset_get(set, i);
		if ((rule_is_blocking(rule) || rule_is_killing(rule)) && !rule->is_stateful && !(is_forced && is_forced(context, rule)))
			c.rules[c.n_rules++] = i;
	}
	if (c.n_rules == 0)
		return 0;
	int err = essential_sets_fill(&c.host, host);
	if (!err)
		err = event_builder_new(&c.builder);
	for (size_t i = 0; !err && i < c.n_rules; i++)
		err = add_names(&c, ruleset_condition(set, c.rules[i]));
	for (size_t i = 0; !err && i < ARRAY_SIZE(essentials); i++)
		err = ask_row(&c, &essentials[i]);
	tell_all(&c);
	return err ? err : c.is_bad && !c.is_warning ? -EPERM : 0;
}
