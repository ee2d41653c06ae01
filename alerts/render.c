/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record is a row of cells: one per field of the event and per member of record.def, in the order of JSON. The rows of each event type
 * are merged once (a plan); rendering fills the cells, finds how far text must be cut, and writes them in order.
 */
#include "alerts/render.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "alerts/render_parts.h"
#include "engine/base/clock.h"

#define ECS_VERSION "9.0.0"

enum {
	KEYS_MAX_BYTES = 4 * 1024 * 1024, /* some 6,000 names made ready, of some 60 bytes */
	LISTS_MAX_BYTES = 64 * 1024, /* all lists made for one record: tags, ids, names of probes */
};

/* --- plans ----------------------------------------------------------------------------------------------------------------- */

static void plan_insert(struct plan *plan, struct cell_source source)
{
	size_t at = plan->n++;
	for (; at > 0 && json_path_compare(source.name, plan->cells[at - 1].name) < 0; at--)
		plan->cells[at] = plan->cells[at - 1];
	plan->cells[at] = source;
}

static int plan_keys(struct plan *plan, struct arena *arena)
{
	for (size_t i = 0; i < plan->n; i++) {
		int err = json_name_make(arena, plan->cells[i].name, &plan->cells[i].key);
		if (err)
			return err;
		plan->cells[i].shared = i ? json_name_shared(&plan->cells[i - 1].key, &plan->cells[i].key) : 0;
	}
	return 0;
}

static int plan_make(struct plan *plan, struct arena *arena, const struct event_type *type, unsigned records)
{
	plan->cells = calloc(CELLS_MAX, sizeof(*plan->cells));
	if (!plan->cells)
		return -ENOMEM;
	if (type) {
		const struct field *fields[EVENT_MAX_FIELDS];
		size_t n = event_type_sorted_fields(type, fields);
		for (size_t i = 0; i < n; i++)
			if (!member_find(records, sv_from(fields[i]->name)))
				plan_insert(plan, (struct cell_source){ .name = fields[i]->name, .field = fields[i] });
	}
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		const struct member *m = member_get((enum member_id)i);
		if (m->records & records)
			plan_insert(plan, (struct cell_source){ .name = m->name, .member = (enum member_id)i });
	}
	return plan_keys(plan, arena);
}

int renderer_new(const struct identity *identity, struct renderer **ret)
{
	CLEANUP(renderer_free) struct renderer *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->identity = *identity;
	r->lists.max = r->names.max = LISTS_MAX_BYTES;
	r->body.max = LINE_MAX_BYTES;
	r->keys.max = KEYS_MAX_BYTES;
	if (buf_reserve(&r->lists, LISTS_MAX_BYTES) || buf_reserve(&r->names, LISTS_MAX_BYTES) || buf_reserve(&r->body, LINE_MAX_BYTES))
		return -ENOMEM;
	if (plan_make(&r->own, &r->keys, NULL, IN_OWN))
		return -ENOMEM;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (type && type->name[0] && (plan_make(&r->events[i], &r->keys, type, IN_EVENTS) || render_quick_prepare(r, &r->events[i], type)))
			return -ENOMEM;
	}
	*ret = TAKE(r);
	return 0;
}

void renderer_go_plain(struct renderer *r)
{
	r->is_plain = true;
}

void renderer_free(struct renderer **r)
{
	if (!*r)
		return;
	for (size_t i = 0; i < EVENT_NUMBERS; i++)
		free((*r)->events[i].cells);
	free((*r)->own.cells);
	arena_done(&(*r)->keys);
	buf_done(&(*r)->lists);
	buf_done(&(*r)->names);
	buf_done(&(*r)->body);
	free(*r);
	*r = NULL;
}

/* --- setting members ----------------------------------------------------------------------------------------------------------- */

static struct value *member_at(struct record *rec, enum member_id id)
{
	struct value *v = &rec->member[id];
	rec->is_set[id] = true;
	*v = (struct value){ .kind = member_get(id)->kind };
	v->class = kind_get(v->kind)->class;
	return v;
}

static void set_text(struct record *rec, enum member_id id, struct strview text)
{
	if (text.n)
		member_at(rec, id)->s = text;
}

static void set_z(struct record *rec, enum member_id id, const char *text)
{
	if (text)
		set_text(rec, id, sv_from(text));
}

static void set_number(struct record *rec, enum member_id id, uint64_t number)
{
	member_at(rec, id)->u = number;
}

static void list_add(struct buf *lists, struct strview item)
{
	if (lists->n + item.n + 1 > LISTS_MAX_BYTES)
		return; /* thousands of tags on one rule: what is kept is long past every line's length and gets cut and named */
	buf_add_sv(lists, item);
	buf_add_char(lists, '\0');
}

static struct strview list_from(const struct buf *lists, size_t from)
{
	return (struct strview){ lists->p + from, lists->n - from };
}

static void set_list(struct renderer *r, struct record *rec, enum member_id id, const char *const *items, bool keep_empty)
{
	size_t from = r->lists.n;
	for (; items && *items; items++)
		list_add(&r->lists, sv_from(*items));
	if (r->lists.n > from || keep_empty)
		member_at(rec, id)->s = list_from(&r->lists, from);
}

/* "connection,start" as a list. */
static void set_words(struct renderer *r, struct record *rec, enum member_id id, const char *words, const char *one_more)
{
	size_t from = r->lists.n;
	for (const char *w = words; *w;) {
		size_t n = strcspn(w, ",");
		list_add(&r->lists, (struct strview){ w, n });
		w += n + (w[n] == ',');
	}
	if (one_more)
		list_add(&r->lists, sv_from(one_more));
	member_at(rec, id)->s = list_from(&r->lists, from);
}

void record_clear(struct record *rec, enum record_id id)
{
	rec->id = id;
	memset(rec->is_set, 0, sizeof(rec->is_set));
}

void record_set_fixed(struct renderer *r, struct record *rec, const struct event_type *type)
{
	const struct record_type *t = record_type_get(rec->id);
	set_z(rec, MEMBER_agent_id, r->identity.agent_id);
	set_z(rec, MEMBER_agent_type, "vedette");
	set_z(rec, MEMBER_agent_version, VEDETTE_VERSION);
	set_z(rec, MEMBER_ecs_version, ECS_VERSION);
	set_words(r, rec, MEMBER_event_category, type ? type->category : t->category, NULL);
	set_z(rec, MEMBER_event_dataset, t->dataset);
	set_z(rec, MEMBER_event_kind, t->kind);
	if (!rec->is_set[MEMBER_event_type])
		set_words(r, rec, MEMBER_event_type, type ? type->ecs_type : t->type, NULL);
	set_z(rec, MEMBER_boot_id, r->identity.boot_id);
	set_z(rec, MEMBER_host_id, r->identity.host_id);
	set_z(rec, MEMBER_host_name, r->identity.host_name);
}

/* The record with what every one has, but for what record_set_fixed sets. ev: NULL for our own records. */
static struct record *record_begin(struct renderer *r, enum record_id id, uint64_t sequence, const struct event *ev)
{
	struct record *rec = &r->record;
	struct buf event_id = { .p = r->event_id, .cap = sizeof(r->event_id), .max = sizeof(r->event_id) }; /* fits */
	record_clear(rec, id);
	buf_reset(&r->lists);
	buf_add_z(&event_id, r->identity.stream);
	buf_add_char(&event_id, ':');
	buf_add_u64(&event_id, sequence);
	set_text(rec, MEMBER_event_id, buf_sv(&event_id));
	set_number(rec, MEMBER_event_sequence, sequence);
	if (ev && ev->common->verdict == VERDICT_BLOCK)
		set_words(r, rec, MEMBER_event_type, ev->type->ecs_type, "denied");
	return rec;
}

static struct record *own_begin(struct renderer *r, enum record_id id, uint64_t sequence, struct instant at)
{
	struct record *rec = record_begin(r, id, sequence, NULL);
	set_z(rec, MEMBER_event_action, record_type_get(id)->action);
	set_number(rec, MEMBER_time, at.wall_ns);
	set_number(rec, MEMBER_boot_ns, at.boot_ns);
	set_z(rec, MEMBER_clock_sync, at.clock_sync);
	return rec;
}

/* --- ATT&CK ----------------------------------------------------------------------------------------------------------------------- */

static bool list_has(struct strview list, struct strview item)
{
	for (size_t at = 0; at < list.n;) {
		struct strview one = { list.p + at, strnlen(list.p + at, list.n - at) };
		if (sv_equal(one, item))
			return true;
		at += one.n + 1;
	}
	return false;
}

enum attack_part { ATTACK_TACTIC, ATTACK_TECHNIQUE, ATTACK_SUBTECHNIQUE };

/* The part of an id: T1003.008 is a technique T1003 and a sub-technique T1003.008. Empty when it has none. */
static struct strview attack_part(const char *id, enum attack_part part)
{
	bool is_tactic = strncmp(id, "TA", 2) == 0;
	const char *dot = strchr(id, '.');
	if (part == ATTACK_TACTIC)
		return is_tactic ? sv_from(id) : SV("");
	if (is_tactic || (part == ATTACK_SUBTECHNIQUE && !dot))
		return SV("");
	if (part == ATTACK_TECHNIQUE && dot)
		return (struct strview){ id, (size_t)(dot - id) };
	return sv_from(id);
}

static void set_attack(struct renderer *r, struct record *rec, enum member_id id, const char *const *attack, enum attack_part part)
{
	size_t from = r->lists.n;
	for (; *attack; attack++) {
		struct strview text = attack_part(*attack, part);
		if (text.n && !list_has(list_from(&r->lists, from), text))
			list_add(&r->lists, text);
	}
	if (r->lists.n > from)
		member_at(rec, id)->s = list_from(&r->lists, from);
}

/* --- rules about several events ------------------------------------------------------------------------------------------------------ */

enum other_part { OTHER_TIME, OTHER_ACTION, OTHER_ENTITY_ID, OTHER_KEYS };

/* In r->names, which is free until the record is written. */
static struct strview other_text(struct renderer *r, const struct alert_other *other, enum other_part part)
{
	buf_reset(&r->names);
	switch (part) {
	case OTHER_TIME:
		if (other->wall_ns)
			clock_add_rfc3339(&r->names, other->wall_ns);
		break;
	case OTHER_ACTION:
		buf_add_z(&r->names, other->action);
		break;
	case OTHER_ENTITY_ID:
		buf_add_format(&r->names, "%016llx", (unsigned long long)other->exec_id);
		break;
	case OTHER_KEYS:
		return other->keys;
	}
	return buf_sv(&r->names);
}

static void set_others(struct renderer *r, struct record *rec, enum member_id id, const struct alert_correlation *c, enum other_part part)
{
	size_t from = r->lists.n;
	for (size_t i = 0; i < c->n_others; i++)
		list_add(&r->lists, other_text(r, &c->others[i], part));
	if (c->n_others)
		member_at(rec, id)->s = list_from(&r->lists, from);
}

static void set_correlation(struct renderer *r, struct record *rec, const struct alert_correlation *c)
{
	set_z(rec, MEMBER_correlation_kind, c->kind);
	set_number(rec, MEMBER_correlation_count, c->count);
	set_text(rec, MEMBER_correlation_keys, c->keys);
	if (c->since_ns)
		set_number(rec, MEMBER_correlation_since, c->since_ns);
	if (c->until_ns)
		set_number(rec, MEMBER_correlation_until, c->until_ns);
	if (c->n_left_out)
		set_number(rec, MEMBER_correlation_left_out, c->n_left_out);
	set_others(r, rec, MEMBER_correlation_time, c, OTHER_TIME);
	set_others(r, rec, MEMBER_correlation_action, c, OTHER_ACTION);
	set_others(r, rec, MEMBER_correlation_entity_id, c, OTHER_ENTITY_ID);
	if (c->keys.n)
		set_others(r, rec, MEMBER_correlation_event_keys, c, OTHER_KEYS);
}

/* --- cutting and writing --------------------------------------------------------------------------------------------------------- */

static bool is_text(const struct value *v)
{
	return !v->is_missing && (v->class == CLASS_STR || v->class == CLASS_LIST);
}

/* The value with its text cut to max bytes, not within a character. */
static struct value value_cut(const struct value *v, size_t max)
{
	struct value cut = *v;
	if (!is_text(v) || v->s.n <= max)
		return cut;
	size_t n = max;
	while (n > 0 && max - n < 3 && ((unsigned char)v->s.p[n] & 0xc0) == 0x80)
		n--;
	cut.s.n = n;
	return cut;
}

/* Names of what was cut: by the kernel side, then here. */
static struct value truncated_names(struct renderer *r, const struct plan *plan, const struct event *ev, size_t max)
{
	size_t from = r->names.n;
	if (ev && ev->common->truncated) {
		struct value v = { .class = CLASS_FLAGS, .kind = KIND_TRUNCATED, .u = ev->common->truncated };
		struct strview item;
		for (size_t pos = 0; value_next_item(&v, &pos, &item);)
			list_add(&r->names, item);
	}
	for (size_t i = 0; max != SIZE_MAX && i < plan->n; i++) {
		struct strview name = sv_from(plan->cells[i].name);
		if (is_text(&r->cells[i]) && r->cells[i].s.n > max && !list_has(list_from(&r->names, from), name))
			list_add(&r->names, name);
	}
	return (struct value){ .class = CLASS_LIST, .kind = KIND_LIST, .s = list_from(&r->names, from), .is_missing = r->names.n == from };
}

/* Texts that come from an event get a twin with the raw bytes. */
static bool has_twin(const struct cell_source *source, const struct value *v)
{
	return source->field && v->class == CLASS_STR;
}

static struct value replaced_names(struct renderer *r, const struct plan *plan, size_t max)
{
	size_t from = r->names.n;
	for (size_t i = 0; i < plan->n; i++) {
		if (!is_text(&r->cells[i]) || has_twin(&plan->cells[i], &r->cells[i]))
			continue;
		struct value v = value_cut(&r->cells[i], max);
		if (!utf8_valid(v.s))
			list_add(&r->names, sv_from(plan->cells[i].name));
	}
	return (struct value){ .class = CLASS_LIST, .kind = KIND_LIST, .s = list_from(&r->names, from), .is_missing = r->names.n == from };
}

/* <name>_b64: sorts right behind its name, in the same object; no field can stand between (a test says so). */
static void write_twin(struct json *j, const char *name, struct strview raw)
{
	char twin[JSON_MAX_PATH];
	const char *leaf = strrchr(name, '.');
	int n = snprintf(twin, sizeof(twin), "%s_b64", leaf ? leaf + 1 : name);
	assert(n > 0 && (size_t)n < sizeof(twin));
	json_key(j, twin);
	json_base64(j, raw);
}

static void write_cells(struct renderer *r, const struct plan *plan, const struct event *ev, size_t max, struct buf *out)
{
	struct json j;
	buf_reset(&r->names);
	struct value truncated = truncated_names(r, plan, ev, max);
	struct value replaced = replaced_names(r, plan, max);
	json_init(&j, out);
	json_object_begin(&j);
	unsigned shared = 0;
	for (size_t i = 0; i < plan->n; i++) {
		const struct cell_source *source = &plan->cells[i];
		const struct value *value = &r->cells[i];
		struct value cut;
		shared = MIN(shared, source->shared);
		if (!source->field && source->member == MEMBER_truncated)
			value = &truncated;
		else if (!source->field && source->member == MEMBER_replaced)
			value = &replaced;
		else if (max != SIZE_MAX)
			value = (cut = value_cut(value, max), &cut);
		if (value->is_missing)
			continue;
		json_named(&j, &source->key, shared);
		shared = source->key.n_objects;
		j.replaced = false;
		value_json(&j, value);
		if (j.replaced && has_twin(source, value))
			write_twin(&j, source->name, value->s);
	}
	json_named_end(&j);
	json_object_end(&j);
}

static void fill_cells(struct renderer *r, const struct plan *plan, const struct record *rec, const struct event *ev)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct cell_source *source = &plan->cells[i];
		if (!source->field) {
			r->cells[i] = rec->is_set[source->member] ? rec->member[source->member] : (struct value){ .is_missing = true };
			continue;
		}
		r->cells[i] = event_get(ev, source->field);
		if (source->field->kind == KIND_UNCERTAIN && r->cells[i].u == 0)
			r->cells[i].is_missing = true;
	}
}

/*
 * Common lengths that texts are cut to until the body fits. The last: 140 texts of 64 bytes, each byte escaped to 6 and a twin, is far
 * below the limit.
 */
static const size_t cut_levels[] = { SIZE_MAX, 32768, 24576, 16384, 12288, 8192, 6144, 4096, 3072, 2048, 1536, 1024, 768, 512, 256, 128, 64 };

static int record_write(struct renderer *r, struct record *rec, const struct event *ev, struct buf *out)
{
	const struct plan *plan = ev ? &r->events[ev->type->number] : &r->own;
	if (ev && render_quick(r, rec, ev, out) == 0)
		return 0;
	record_set_fixed(r, rec, ev ? ev->type : NULL);
	fill_cells(r, plan, rec, ev);
	for (size_t i = 0; i < ARRAY_SIZE(cut_levels); i++) {
		buf_reset(&r->body);
		write_cells(r, plan, ev, cut_levels[i], &r->body);
		if (buf_error(&r->body) || r->body.n > BODY_MAX_BYTES)
			continue;
		if (buf_reserve(out, r->body.n))
			return -ENOMEM;
		buf_add_sv(out, buf_sv(&r->body));
		return buf_error(out);
	}
	return -EMSGSIZE;
}

/* --- the records ----------------------------------------------------------------------------------------------------------------- */

int render_alert(struct renderer *r, uint64_t sequence, const struct alert *alert, struct buf *out)
{
	const struct rule_info *rule = alert->rule;
	struct record *rec = record_begin(r, RECORD_ALERT, sequence, alert->ev);
	set_number(rec, MEMBER_event_severity, severity_number(alert_severity(alert)));
	set_text(rec, MEMBER_message, alert->message.n ? alert->message : sv_from(rule->title));
	set_list(r, rec, MEMBER_rule_author, (const char *const[]){ rule->author, NULL }, false);
	set_z(rec, MEMBER_rule_description, rule->description);
	set_z(rec, MEMBER_rule_id, rule->id);
	set_z(rec, MEMBER_rule_license, rule->license);
	set_z(rec, MEMBER_rule_name, rule->title);
	set_list(r, rec, MEMBER_rule_reference, rule->references, false);
	set_z(rec, MEMBER_rule_ruleset, rule->ruleset);
	set_list(r, rec, MEMBER_tags, rule->tags, false);
	if (rule->attack[0])
		set_z(rec, MEMBER_threat_framework, "MITRE ATT&CK");
	set_attack(r, rec, MEMBER_threat_tactic, rule->attack, ATTACK_TACTIC);
	set_attack(r, rec, MEMBER_threat_technique, rule->attack, ATTACK_TECHNIQUE);
	set_attack(r, rec, MEMBER_threat_subtechnique, rule->attack, ATTACK_SUBTECHNIQUE);
	if (alert->correlation)
		set_correlation(r, rec, alert->correlation);
	set_z(rec, MEMBER_action, alert_action_text(alert->action));
	set_z(rec, MEMBER_kill, alert->kill);
	set_z(rec, MEMBER_policy_digest, alert->policy_digest);
	if (alert->undecided.n)
		set_number(rec, MEMBER_rule_undecided, 1);
	set_text(rec, MEMBER_undecided_reason, alert->undecided);
	return record_write(r, rec, alert->ev, out);
}

int render_event(struct renderer *r, uint64_t sequence, const struct event *ev, struct buf *out)
{
	struct record *rec = record_begin(r, RECORD_EVENT, sequence, ev);
	return record_write(r, rec, ev, out);
}

int render_open(struct renderer *r, const struct open_info *info, const char *public_key, struct buf *out)
{
	struct record *rec = own_begin(r, RECORD_OPEN, 0, info->at);
	set_z(rec, MEMBER_message, "The stream begins");
	set_z(rec, MEMBER_policy_digest, info->policy_digest);
	set_number(rec, MEMBER_policy_rules, info->policy_rules);
	set_z(rec, MEMBER_config_digest, info->config_digest);
	set_z(rec, MEMBER_sensor, info->sensor);
	set_z(rec, MEMBER_scope, info->scope);
	set_z(rec, MEMBER_enforcement, info->enforcement);
	set_z(rec, MEMBER_host_kernel, r->identity.kernel);
	set_list(r, rec, MEMBER_hooks_attached, info->hooks_attached, true);
	set_list(r, rec, MEMBER_hooks_missing, info->hooks_missing, true);
	if (info->heartbeat_ns)
		set_number(rec, MEMBER_heartbeat_interval, info->heartbeat_ns);
	set_z(rec, MEMBER_evidence_agent, info->is_agent_kept ? "kept" : "new");
	set_z(rec, MEMBER_evidence_log, info->has_wal ? "wal" : "file");
	set_number(rec, MEMBER_key_epoch, info->epoch);
	set_z(rec, MEMBER_key_public, public_key);
	struct buf hash = { .max = 64 };
	if (info->previous) {
		crypto_base64(&hash, info->previous->statement, sizeof(info->previous->statement));
		set_z(rec, MEMBER_previous_stream, info->previous->stream);
		set_number(rec, MEMBER_previous_next, info->previous->next);
		set_text(rec, MEMBER_previous_statement, buf_sv(&hash));
		set_number(rec, MEMBER_previous_closed, info->previous->is_closed);
	}
	int err = buf_error(&hash) ? -ENOMEM : record_write(r, rec, NULL, out);
	buf_done(&hash);
	return err;
}

static void set_totals(struct record *rec, uint64_t sequence, const struct totals *totals, const struct log_counts *counts)
{
	set_number(rec, MEMBER_produced, totals->produced);
	set_number(rec, MEMBER_delivered, totals->delivered);
	set_number(rec, MEMBER_lost, totals->lost);
	if (totals->filtered)
		set_number(rec, MEMBER_filtered, totals->filtered);
	set_number(rec, MEMBER_alerts, counts->alerts);
	set_number(rec, MEMBER_unwritten, counts->unwritten);
	set_number(rec, MEMBER_records, sequence);
}

int render_heartbeat(struct renderer *r, uint64_t sequence, const struct heartbeat_info *info, const struct log_counts *counts, struct buf *out)
{
	struct record *rec = own_begin(r, RECORD_HEARTBEAT, sequence, info->at);
	set_z(rec, MEMBER_message, "The agent is alive");
	set_z(rec, MEMBER_policy_digest, info->policy_digest);
	set_z(rec, MEMBER_sensor, info->sensor);
	set_number(rec, MEMBER_queue_bytes, counts->queue_bytes);
	set_number(rec, MEMBER_key_epoch, counts->epoch);
	if (counts->held)
		set_number(rec, MEMBER_key_held, counts->held);
	if (info->protection) {
		set_z(rec, MEMBER_protection_state, info->protection);
		set_number(rec, MEMBER_protection_refused, info->refused);
		set_number(rec, MEMBER_protection_canaries, info->canaries);
		set_number(rec, MEMBER_protection_failures, info->failures);
	}
	set_totals(rec, sequence, &info->totals, counts);
	return record_write(r, rec, NULL, out);
}

/* What a loss record says in one line; cut to what fits. */
static int loss_message(const struct loss_info *info, char *text, size_t size)
{
	unsigned long long n = info->count;
	bool is_of_rule = info->rule && info->rule[0], is_limit = strcmp(info->what, "limit") == 0;
	if (is_of_rule)
		return snprintf(text, size, "%llu alerts of rule %s held back by %s", n, info->rule, is_limit ? "the limit of all rules" : "its throttle");
	if (is_limit)
		return snprintf(text, size, "%llu alerts of other rules held back by the limit of all rules", n);
	return snprintf(text, size, "%llu lost: %s", n, info->what);
}

int render_loss(struct renderer *r, uint64_t sequence, const struct loss_info *info, struct buf *out)
{
	char message[256];
	int n = loss_message(info, message, sizeof(message));
	struct record *rec = own_begin(r, RECORD_LOSS, sequence, info->at);
	set_text(rec, MEMBER_message, (struct strview){ message, MIN((size_t)MAX(n, 0), sizeof(message) - 1) });
	set_z(rec, MEMBER_loss_what, info->what);
	set_z(rec, MEMBER_loss_event, info->event);
	if (info->cpu >= 0)
		set_number(rec, MEMBER_loss_cpu, (uint64_t)info->cpu);
	set_number(rec, MEMBER_loss_count, info->count);
	set_number(rec, MEMBER_loss_since, info->since_ns);
	if (info->last_ns)
		set_number(rec, MEMBER_loss_last, info->last_ns);
	set_z(rec, MEMBER_loss_rule, info->rule);
	set_z(rec, MEMBER_loss_group, info->group);
	return record_write(r, rec, NULL, out);
}

int render_reload(struct renderer *r, uint64_t sequence, const struct reload_info *info, struct buf *out)
{
	struct record *rec = own_begin(r, RECORD_RELOAD, sequence, info->at);
	set_z(rec, MEMBER_message, info->errors[0] ? "New rules were refused" : "New rules are in force");
	set_z(rec, MEMBER_policy_digest, info->policy_digest);
	set_number(rec, MEMBER_policy_rules, info->policy_rules);
	set_z(rec, MEMBER_reload_from, info->from_digest);
	set_number(rec, MEMBER_reload_from_rules, info->from_rules);
	set_number(rec, MEMBER_reload_duration, info->duration_ns);
	set_list(r, rec, MEMBER_hooks_missing, info->hooks_missing, true);
	if (info->errors[0])
		set_list(r, rec, MEMBER_reload_errors, info->errors, false);
	return record_write(r, rec, NULL, out);
}

static const char *policy_message(const struct policy_info *info)
{
	static const struct {
		const char *action, *done, *refused;
	} texts[] = {
		{ "apply", "A policy is in force", "A policy was refused" },
		{ "confirm", "A policy was confirmed", "A policy could not be confirmed" },
		{ "rollback", "A policy was taken back", "A policy could not be taken back" },
		{ "remove", "A policy was removed", "A policy could not be removed" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(info->action, texts[i].action) == 0)
			return info->errors[0] ? texts[i].refused : texts[i].done;
	return "A policy was changed";
}

int render_policy(struct renderer *r, uint64_t sequence, const struct policy_info *info, struct buf *out)
{
	struct record *rec = own_begin(r, RECORD_POLICY, sequence, info->at);
	set_z(rec, MEMBER_message, policy_message(info));
	set_z(rec, MEMBER_policy_action, info->action);
	set_z(rec, MEMBER_policy_name, info->name);
	set_z(rec, MEMBER_policy_reason, info->reason);
	set_z(rec, MEMBER_policy_digest, info->policy_digest);
	set_number(rec, MEMBER_policy_rules, info->policy_rules);
	set_z(rec, MEMBER_policy_from, info->from_digest);
	set_number(rec, MEMBER_policy_from_rules, info->from_rules);
	set_number(rec, MEMBER_policy_forced, info->is_forced);
	if (info->confirm_ns)
		set_number(rec, MEMBER_policy_confirm, info->confirm_ns);
	if (info->blocked != UINT64_MAX)
		set_number(rec, MEMBER_policy_blocked, info->blocked);
	if (info->has_by) {
		set_number(rec, MEMBER_policy_by_uid, info->by_uid);
		set_number(rec, MEMBER_policy_by_pid, info->by_pid);
		if (info->by_login != UINT32_MAX)
			set_number(rec, MEMBER_policy_by_login, info->by_login);
	}
	if (info->errors[0])
		set_list(r, rec, MEMBER_policy_errors, info->errors, false);
	return record_write(r, rec, NULL, out);
}

int render_key_roll(struct renderer *r, uint64_t sequence, const struct key_roll_info *info, struct buf *out)
{
	struct record *rec = own_begin(r, RECORD_KEY_ROLL, sequence, info->at);
	set_z(rec, MEMBER_message, "Another key signs from here on");
	set_z(rec, MEMBER_key_reason, info->reason);
	set_number(rec, MEMBER_key_epoch, info->next_epoch - 1);
	set_number(rec, MEMBER_next_epoch, info->next_epoch);
	set_z(rec, MEMBER_next_key, info->next_key);
	return record_write(r, rec, NULL, out);
}

int render_close(struct renderer *r, uint64_t sequence, const struct close_info *info, const struct log_counts *counts, struct buf *out)
{
	struct record *rec = own_begin(r, RECORD_CLOSE, sequence, info->at);
	set_z(rec, MEMBER_message, "The stream ends");
	set_z(rec, MEMBER_close_reason, info->reason);
	set_totals(rec, sequence, &info->totals, counts);
	return record_write(r, rec, NULL, out);
}
