/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/untaped.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/rules/explain.h"
#include "engine/rules/set.h"

enum { MISSING_MAX = 64, RULES_SHOWN = 5 };

struct missing {
	const char *what;
	bool is_event;
	size_t n_rules;
	const struct rule_info *rules[RULES_SHOWN]; /* the first of them */
	const struct rule_info *last;
};

struct search {
	const struct tape_reader *tape;
	const struct rule_info *rule; /* the entry looked at */
	const struct rule_info *owner;
	struct missing missing[MISSING_MAX];
	size_t n;
	uint64_t known; /* bits of the events that the tape may have */
};

static void note(struct search *s, const char *what, bool is_event)
{
	size_t i = 0;
	while (i < s->n && strcmp(s->missing[i].what, what) != 0)
		i++;
	if (i == MISSING_MAX)
		return; /* so many say enough */
	struct missing *m = &s->missing[i];
	if (i == s->n)
		s->missing[s->n++] = (struct missing){ .what = what, .is_event = is_event };
	if (m->last == s->owner)
		return;
	m->last = s->owner;
	if (m->n_rules < RULES_SHOWN)
		m->rules[m->n_rules] = s->owner;
	m->n_rules++;
}

/* Computed fields that read more than the field they are made of. */
static const struct {
	const char *begin;
	const char *reads; /* a derived field, or NULL: the ancestors */
} hidden[] = {
	{ "evt.type", "vedette.syscall" }, { "syscall.type", "vedette.syscall" }, { "evt.is_open_", "vedette.syscall" }, { "proc.aname", NULL },
	{ "proc.aexe", NULL }, { "proc.acmdline", NULL }, { "proc.apid", NULL }, { "proc.sname", NULL }, { "proc.sid.", NULL }, { "proc.pgid.", NULL },
	{ "proc.vpgid.", NULL }, { "proc.loginshellid", NULL }, { "proc.ppid.ts", NULL }, { "proc.ppid.duration", NULL },
};

static const struct field *derived_named(const char *name)
{
	size_t n;
	const struct field *fields = fields_derived(&n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static void look_at_hidden(struct search *s, const struct field_ref *ref)
{
	for (size_t i = 0; ref->compute && i < ARRAY_SIZE(hidden); i++) {
		if (strncmp(ref->name, hidden[i].begin, strlen(hidden[i].begin)) != 0)
			continue;
		const struct field *field = hidden[i].reads ? derived_named(hidden[i].reads) : NULL;
		if (!hidden[i].reads && !tape_reader_has_ancestors(s->tape))
			note(s, "creators", false);
		else if (field && !tape_reader_has(s->tape, NULL, field))
			note(s, field->name, false);
	}
}

static void look_at(struct search *s, const struct field_ref *ref)
{
	look_at_hidden(s, ref);
	for (uint32_t e = 0; e < EVENT_NUMBERS; e++) {
		const struct field *field = ref->by_event[e];
		if (field && (s->rule->events & s->known) >> e & 1 && !tape_reader_has(s->tape, event_type_by_number(e), field)) {
			note(s, ref->name, false);
			return;
		}
	}
}

/* As deep as CONDITION_MAX_DEPTH. */
static void walk(struct search *s, const struct condition *c)
{
	const struct field_ref *fields[EXPLAIN_MAX_FIELDS];
	size_t n = c->type == NODE_TEST ? test_fields(c->test, fields) : 0;
	for (size_t i = 0; i < n; i++)
		look_at(s, fields[i]);
	for (size_t i = 0; i < c->n; i++)
		walk(s, c->children[i]);
}

static void look_at_keys(struct search *s, const struct stateful *stateful)
{
	for (size_t i = 0; i < stateful->n_inputs; i++) {
		const struct stateful_input *input = &stateful->inputs[i];
		for (size_t k = 0; k < stateful->n_keys; k++)
			look_at(s, input->keys[k]);
		if (input->distinct)
			look_at(s, input->distinct);
	}
}

static void look_at_rule(struct search *s, const struct ruleset *set, uint32_t index)
{
	const struct rule *rule = &set->rules[index];
	s->rule = &rule->info;
	s->owner = ruleset_owner(set, index);
	if (!rule->info.is_enabled || rule->info.needs_source)
		return;
	for (uint32_t e = 0; e < EVENT_NUMBERS; e++)
		if ((rule->info.events & ~s->known) >> e & 1)
			note(s, event_type_by_number(e)->name, true);
	if (rule->stateful)
		look_at_keys(s, rule->stateful);
	else
		walk(s, ruleset_condition(set, index));
}

static void tell(const struct missing *m, struct buf *out)
{
	buf_add_format(out, m->is_event ? "the tape knows no event %s: " : "the tape does not have %s: ", m->what);
	buf_add_format(out, "%zu rule%s for it and say%s nothing certain here (", m->n_rules, m->n_rules == 1 ? " asks" : "s ask", m->n_rules == 1 ? "s" : "");
	for (size_t i = 0; i < MIN(m->n_rules, (size_t)RULES_SHOWN); i++)
		buf_add_format(out, "%s%s", i ? ", " : "", m->rules[i]->id);
	if (m->n_rules > RULES_SHOWN)
		buf_add_format(out, ", and %zu more", m->n_rules - RULES_SHOWN);
	buf_add_z(out, ")\n");
}

int untaped_tell(const struct ruleset *set, const struct tape_reader *tape, struct buf *out)
{
	struct search *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->tape = tape;
	for (uint32_t e = 0; e < EVENT_NUMBERS; e++) {
		const struct event_type *type = event_type_by_number(e);
		if (type && type->name[0] && tape_reader_knows(tape, type))
			s->known |= 1ull << e;
	}
	for (size_t i = 0; i < ruleset_count(set); i++)
		look_at_rule(s, set, (uint32_t)i);
	for (size_t i = 0; i < s->n; i++)
		tell(&s->missing[i], out);
	free(s);
	return buf_error(out);
}
