/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/explain_approval.h"

#include "alerts/terminal.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/enforce/approve.h"
#include "engine/enforce/dimensions.h"

enum { REASON_BYTES = 240 };

/* Of one event. */
struct overview {
	const struct ruleset *set;
	const struct approval *approval;
	uint32_t event;
	size_t n_rules, n_costs;
	bool is_crowded;
};

static bool is_cost(const struct overview *o, uint32_t rule)
{
	for (size_t i = 0; i < o->approval->n_costs; i++)
		if (o->approval->costs[i].event == o->event && o->approval->costs[i].rule == rule)
			return true;
	return false;
}

/* Enabled, and evaluated on this event. */
static bool is_of_event(const struct rule_info *rule, uint32_t event)
{
	return rule->is_enabled && !rule->is_stateful && rule->events >> event & 1;
}

static struct overview overview_of(const struct ruleset *set, const struct approval *approval, uint32_t event)
{
	struct overview o = { .set = set, .approval = approval, .event = event, .is_crowded = approval->crowded >> event & 1 };
	for (uint32_t i = 0; i < ruleset_count(set); i++) {
		o.n_rules += is_of_event(ruleset_get(set, i), event);
		o.n_costs += is_cost(&o, i);
	}
	return o;
}

static bool is_whole(const struct overview *o)
{
	return o->n_costs || o->is_crowded;
}

/* --- as text ------------------------------------------------------------------------------------------------------------------ */

static void add_rule_name(struct buf *out, const struct overview *o, uint32_t index)
{
	const struct rule_info *entry = ruleset_get(o->set, index), *rule = ruleset_owner(o->set, index);
	terminal_text(out, sv_from(entry->id));
	if (rule->format && strcmp(rule->id, rule->title) != 0) {
		buf_add_z(out, " (");
		terminal_text(out, sv_from(rule->title));
		buf_add_char(out, ')');
	}
}

static void add_place(struct buf *out, struct place at)
{
	terminal_text(out, sv_from(at.file ? at.file : ""));
	buf_add_format(out, at.column ? ":%u:%u: " : ":%u: ", at.line, at.column);
}

static void add_reason(struct buf *out, const struct buf *text)
{
	terminal_text(out, (struct strview){ text->p, MIN(text->n, (size_t)REASON_BYTES) });
	buf_add_z(out, text->n > REASON_BYTES ? " ..." : "");
}

static void add_rule(struct buf *out, const struct overview *o, uint32_t index)
{
	struct approval_reason why;
	enum approval_of_rule is = approval_of_rule(o->set, index, o->event, &why);
	buf_add_z(out, "  ");
	add_place(out, is == APPROVAL_COSTS && why.at.file ? why.at : ruleset_get(o->set, index)->at);
	add_rule_name(out, o, index);
	if (is == APPROVAL_COSTS)
		buf_add_z(out, ": the kernel cannot tell ");
	else if (is == APPROVAL_WIDE && !is_cost(o, index))
		buf_add_z(out, ": nearly every one is sent because of this rule: ");
	else
		buf_add_z(out, is_cost(o, index) ? ": together with others it asks for every one: " : !why.text.n ? ": it cannot hold here" : ": ");
	add_reason(out, &why.text);
	buf_add_char(out, '\n');
	approval_reason_done(&why);
}

static void add_heading(struct buf *out, const struct overview *o)
{
	buf_add_z(out, event_type_by_number(o->event)->name);
	if (!is_whole(o)) {
		buf_add_z(out, o->n_rules == 1 ? ": sent where its one rule may hold\n" : ": sent where one of its ");
		if (o->n_rules > 1)
			buf_add_format(out, "%zu rules may hold\n", o->n_rules);
		return;
	}
	buf_add_z(out, ": all are sent, because ");
	if (!o->n_costs)
		buf_add_z(out, "there is no room for what is asked by its ");
	else if (o->n_costs < o->n_rules)
		buf_add_format(out, "of %zu of its ", o->n_costs);
	else
		buf_add_z(out, "of its ");
	add_count(out, o->n_rules, "rule");
	buf_add_char(out, '\n');
}

static void add_event(struct buf *out, const struct overview *o, bool costs_only)
{
	if (costs_only && !is_whole(o))
		return;
	add_heading(out, o);
	for (uint32_t i = 0; i < ruleset_count(o->set); i++)
		if (is_of_event(ruleset_get(o->set, i), o->event) && (is_cost(o, i) || !is_whole(o)))
			add_rule(out, o, i);
}

/* What carries the process table, or is rare: the kernel does not ask. */
static void add_always(struct buf *out, const struct ruleset *set)
{
	size_t n = 0;
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++) {
		if (!((ruleset_events(set) & ~events_approved()) >> event & 1))
			continue;
		buf_add_z(out, n++ ? ", " : "always sent: ");
		buf_add_z(out, event_type_by_number(event)->name);
	}
	buf_add_z(out, n ? "\n" : "");
}

int approval_overview_text(const struct ruleset *set, bool costs_only, struct buf *out)
{
	struct approval approval = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	int err = approval_compile(set, &approval, &diag);
	for (uint32_t event = 0; !err && event < EVENT_NUMBERS; event++) {
		struct overview o = overview_of(set, &approval, event);
		if (events_approved() >> event & 1 && o.n_rules)
			add_event(out, &o, costs_only);
	}
	if (!err && !costs_only)
		add_always(out, set);
	approval_done(&approval);
	return err;
}

/* --- as JSON ------------------------------------------------------------------------------------------------------------------ */

static void json_rule(struct json *j, const struct overview *o, uint32_t index)
{
	struct approval_reason why;
	enum approval_of_rule is = approval_of_rule(o->set, index, o->event, &why);
	struct place at = is == APPROVAL_COSTS && why.at.file ? why.at : ruleset_get(o->set, index)->at;
	json_object_begin(j);
	json_key(j, "costs");
	json_bool(j, is_cost(o, index));
	json_key(j, "file");
	json_str(j, sv_from(at.file ? at.file : ""));
	json_key(j, "line");
	json_u64(j, at.line);
	json_key(j, is == APPROVAL_COSTS ? "not_told" : "needs");
	json_str(j, buf_sv(&why.text));
	json_key(j, "rule");
	json_str(j, sv_from(ruleset_get(o->set, index)->id));
	json_object_end(j);
	approval_reason_done(&why);
}

static void json_event(struct json *j, const struct overview *o)
{
	bool is_asked = events_approved() >> o->event & 1;
	json_object_begin(j);
	json_key(j, "event");
	json_str(j, sv_from(event_type_by_number(o->event)->name));
	json_key(j, "rules");
	json_array_begin(j);
	for (uint32_t i = 0; is_asked && i < ruleset_count(o->set); i++)
		if (is_of_event(ruleset_get(o->set, i), o->event))
			json_rule(j, o, i);
	json_array_end(j);
	json_key(j, "sent");
	json_str(j, !is_asked ? SV("always") : is_whole(o) ? SV("all") : SV("approved"));
	json_object_end(j);
}

int approval_overview_json(const struct ruleset *set, struct json *j)
{
	struct approval approval = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	int err = approval_compile(set, &approval, &diag);
	json_object_begin(j);
	json_key(j, "events");
	json_array_begin(j);
	for (uint32_t event = 0; !err && event < EVENT_NUMBERS; event++) {
		struct overview o = overview_of(set, &approval, event);
		if (o.n_rules)
			json_event(j, &o);
	}
	json_array_end(j);
	json_object_end(j);
	approval_done(&approval);
	return err;
}
