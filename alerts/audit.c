/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers. Times are those of the signatures, which the verifier has found in order; what they leave out of the time asked is accounted for. */
#include "alerts/audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "alerts/audit_line.h"
#include "engine/base/clock.h"

#define AUDIT_TAIL_NS UINT64_C(30000000000) /* three heartbeats */

/* --- the tables ----------------------------------------------------------------------------------------------------------------------- */

static const struct audit_requirement requirements[] = {
#define FACT(id) (UINT64_C(1) << AUDIT_FACT_##id)
#define SHOW(id) (UINT64_C(1) << AUDIT_SHOW_##id)
#define AUDIT_REQUIREMENT(standard, number, about, facts, shows, cannot) { AUDIT_STANDARD_##standard, (number), (about), (cannot), (facts), (shows) },
#include "schemas/audit.def"
};

static const struct {
	const char *key, *name;
} standards[] = {
#define AUDIT_STANDARD(id, key, name) { (key), (name) },
#include "schemas/audit.def"
};

const struct audit_requirement *audit_requirements(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(requirements);
	return requirements;
}

const char *audit_standard_key(enum audit_standard standard)
{
	return standards[standard].key;
}

const char *audit_standard_name(enum audit_standard standard)
{
	return standards[standard].name;
}

const char *audit_show_text(enum audit_show show)
{
	static const char *const texts[] = {
#define AUDIT_SHOW(id, what) (what),
#include "schemas/audit.def"
	};
	return texts[show];
}

const char *audit_content_text(enum audit_content content)
{
	static const char *const texts[] = {
#define AUDIT_CONTENT(id, what, fields, not) (what),
#include "schemas/audit.def"
	};
	return texts[content];
}

const char *audit_loss_text(const char *what, bool *ret_is_held)
{
	enum { LOST, HELD };
	static const struct { const char *what, *meaning; int class; } kinds[] = {
#define AUDIT_LOSS(loss_what, loss_class, loss_meaning) { (loss_what), (loss_meaning), loss_class },
#include "schemas/audit.def"
	};
	*ret_is_held = false;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(what, kinds[i].what) != 0)
			continue;
		*ret_is_held = kinds[i].class == HELD;
		return kinds[i].meaning;
	}
	return "";
}

const char *audit_gap_text(enum audit_gap_kind kind)
{
	static const char *const texts[AUDIT_GAP_COUNT] = {
		[AUDIT_GAP_BEFORE] = "the log begins later", [AUDIT_GAP_STOPPED] = "the agent was stopped and started again",
		[AUDIT_GAP_UNCLEAN] = "the agent ended without a close record", [AUDIT_GAP_SILENCE] = "no sign of life for more than three heartbeats",
		[AUDIT_GAP_AFTER] = "the log ends earlier",
	};
	return texts[kind];
}

/* --- rows of a list --------------------------------------------------------------------------------------------------------------------- */

/* Room for one more; false: it is only counted. */
static bool has_room(size_t n, uint64_t *more)
{
	if (n < AUDIT_ROWS_MAX)
		return true;
	++*more;
	return false;
}

static void log_free(struct audit_log *log)
{
	free(log->streams);
	free(log->keys);
	free(log->gaps);
	free(log->periods);
	free(log);
}

int audit_new(uint64_t from_ns, uint64_t to_ns, struct audit **ret)
{
	CLEANUP(audit_free) struct audit *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->from_ns = from_ns;
	a->to_ns = to_ns;
	a->rules = calloc(AUDIT_RULES_MAX, sizeof(*a->rules));
	if (!a->rules)
		return -ENOMEM;
	*ret = TAKE(a);
	return 0;
}

void audit_free(struct audit **a)
{
	if (!*a)
		return;
	for (size_t i = 0; i < (*a)->n_logs; i++)
		log_free((*a)->logs[i]);
	strmap_done(&(*a)->rules_by_id);
	free((*a)->rules);
	buf_done(&(*a)->scratch);
	free(*a);
	*a = NULL;
}

int audit_begin_log(struct audit *a, const char *file)
{
	if (a->n_logs == AUDIT_LOGS_MAX)
		return -E2BIG;
	struct audit_log *log = calloc(1, sizeof(*log));
	if (!log)
		return -ENOMEM;
	log->file = file;
	a->logs[a->n_logs++] = log;
	log->streams = calloc(AUDIT_ROWS_MAX, sizeof(*log->streams)); /* what no log fills costs no memory */
	log->keys = calloc(AUDIT_ROWS_MAX, sizeof(*log->keys));
	log->gaps = calloc(AUDIT_ROWS_MAX, sizeof(*log->gaps));
	log->periods = calloc(AUDIT_ROWS_MAX, sizeof(*log->periods));
	return log->streams && log->keys && log->gaps && log->periods ? 0 : -ENOMEM;
}

static struct audit_log *log_at_hand(struct audit *a)
{
	return a->logs[a->n_logs - 1];
}

/* --- samples ------------------------------------------------------------------------------------------------------------------------------ */

static uint64_t draw_of(const struct audit_record *r)
{
	uint8_t hash[CRYPTO_HASH];
	const struct strview id = audit_record_raw(r, AUDIT_FIELD_ID);
	uint64_t draw = 0;
	crypto_sha256(&id, 1, hash);
	for (size_t i = 0; i < sizeof(draw); i++)
		draw = draw << 8 | hash[i];
	return draw;
}

/* Where it goes among those that are kept, the least first; NULL: nowhere. */
static struct audit_sample *sample_place(struct audit_shown *shown, uint64_t draw)
{
	size_t at = shown->n_samples;
	if (at == AUDIT_SAMPLES_MAX && shown->samples[--at].draw <= draw)
		return NULL;
	if (shown->n_samples < AUDIT_SAMPLES_MAX)
		shown->n_samples++;
	for (; at > 0 && shown->samples[at - 1].draw > draw; at--)
		shown->samples[at] = shown->samples[at - 1];
	return &shown->samples[at];
}

static void take_object(struct audit *a, const struct audit_record *r, struct audit_sample *s)
{
	static const enum audit_field fields[] = { AUDIT_FIELD_PATH, AUDIT_FIELD_DESTINATION_IP, AUDIT_FIELD_TARGET, AUDIT_FIELD_NEW_USER,
						   AUDIT_FIELD_LOSS_WHAT, AUDIT_FIELD_POLICY_NAME };
	for (size_t i = 0; i < ARRAY_SIZE(fields) && !s->object[0]; i++)
		audit_record_text(r, fields[i], s->object, sizeof(s->object), &a->scratch);
}

static void take_sample(struct audit *a, const struct audit_record *r, struct audit_sample *s)
{
	struct buf *scratch = &a->scratch;
	AUDIT_TAKE(r, TIME, s->time, scratch);
	AUDIT_TAKE(r, SIGNED, s->signed_at, scratch);
	AUDIT_TAKE(r, DATASET, s->dataset, scratch);
	AUDIT_TAKE(r, ACTION, s->action, scratch);
	AUDIT_TAKE(r, DONE, s->done, scratch);
	AUDIT_TAKE(r, VERDICT, s->verdict, scratch);
	AUDIT_TAKE(r, OUTCOME, s->outcome, scratch);
	AUDIT_TAKE(r, SEVERITY, s->severity, scratch);
	AUDIT_TAKE(r, RULE, s->rule, scratch);
	AUDIT_TAKE(r, USER, s->user, scratch);
	AUDIT_TAKE(r, ID, s->id, scratch);
	AUDIT_TAKE(r, MESSAGE, s->message, scratch);
	AUDIT_TAKE(r, EXECUTABLE, s->executable, scratch);
	take_object(a, r, s);
}

static void count_shown(struct audit *a, const struct audit_record *r, const char *file, uint64_t line_number)
{
	uint64_t shows = audit_record_shows(r), draw = shows ? draw_of(r) : 0;
	for (size_t i = 0; i < AUDIT_SHOW_COUNT; i++) {
		if (!(shows >> i & 1))
			continue;
		struct audit_shown *shown = &a->shown[i];
		AUDIT_TAKE(r, SIGNED, shown->last, &a->scratch);
		if (!shown->count++)
			memcpy(shown->first, shown->last, sizeof(shown->first));
		struct audit_sample *s = sample_place(shown, draw);
		if (!s)
			continue;
		*s = (struct audit_sample){ .draw = draw, .file = file, .line = line_number, .sequence = audit_record_number(r, AUDIT_FIELD_SEQUENCE) };
		take_sample(a, r, s);
	}
}

/* --- alerts ------------------------------------------------------------------------------------------------------------------------------ */

enum done { DONE_ALERT, DONE_BLOCK, DONE_WOULD_BLOCK };

static enum done done_of(const struct audit_record *r)
{
	if (audit_record_is(r, AUDIT_FIELD_DONE, "block") || audit_record_is(r, AUDIT_FIELD_DONE, "kill"))
		return DONE_BLOCK;
	bool would = audit_record_is(r, AUDIT_FIELD_DONE, "would-block") || audit_record_is(r, AUDIT_FIELD_DONE, "would-kill");
	return would ? DONE_WOULD_BLOCK : DONE_ALERT;
}

/* NULL: there are too many rules. */
static struct audit_rule *rule_of(struct audit *a, const struct audit_record *r)
{
	audit_name id;
	AUDIT_TAKE(r, RULE, id, &a->scratch);
	struct audit_rule *rule = strmap_get(&a->rules_by_id, sv_from(id));
	if (rule || a->n_rules == AUDIT_RULES_MAX)
		return rule;
	rule = &a->rules[a->n_rules];
	memcpy(rule->id, id, sizeof(id));
	if (strmap_add(&a->rules_by_id, sv_from(rule->id), rule))
		return NULL;
	a->n_rules++;
	AUDIT_TAKE(r, RULE_NAME, rule->name, &a->scratch);
	AUDIT_TAKE(r, SIGNED, rule->first, &a->scratch);
	return rule;
}

static void count_rule(struct audit *a, const struct audit_record *r, enum done done, unsigned severity)
{
	struct audit_rule *rule = rule_of(a, r);
	if (!rule) {
		a->other_alerts++;
		return;
	}
	rule->alerts++;
	rule->blocked += done == DONE_BLOCK;
	rule->would_block += done == DONE_WOULD_BLOCK;
	rule->severity = MAX(rule->severity, severity);
	AUDIT_TAKE(r, SIGNED, rule->last, &a->scratch);
}

static void count_alert(struct audit *a, struct audit_log *log, const struct audit_record *r)
{
	enum done done = done_of(r);
	uint64_t number = audit_record_number(r, AUDIT_FIELD_SEVERITY);
	enum severity s = severity_of_number(number == UINT64_MAX ? 0 : number);
	a->alerts++;
	a->by_severity[s]++;
	a->blocked += done == DONE_BLOCK;
	a->would_block += done == DONE_WOULD_BLOCK;
	a->killed += audit_record_is(r, AUDIT_FIELD_DONE, "kill");
	count_rule(a, r, done, severity_number(s));
	if (!log->n_periods || log->more_periods)
		return; /* of rules whose period is not listed */
	struct audit_period *p = &log->periods[log->n_periods - 1];
	p->alerts++;
	p->blocked += done == DONE_BLOCK;
	p->would_block += done == DONE_WOULD_BLOCK;
}

static void count_act(struct audit *a, struct audit_log *log, const struct audit_record *r)
{
	bool is_alert = audit_record_is(r, AUDIT_FIELD_DATASET, "vedette.alert");
	if (is_alert)
		count_alert(a, log, r);
	else
		a->events++;
	uint64_t has = audit_record_contents(r);
	for (size_t i = 0; i < AUDIT_CONTENT_COUNT; i++)
		a->content[i] += has >> i & 1;
}

/* --- rules in force ------------------------------------------------------------------------------------------------------------------------ */

static void take_by(const struct audit_record *r, char *into, size_t size)
{
	static const struct { enum audit_field field; const char *what; } parts[] = {
		{ AUDIT_FIELD_BY_UID, "uid" }, { AUDIT_FIELD_BY_LOGIN, "login uid" }, { AUDIT_FIELD_BY_PID, "pid" },
	};
	struct buf text = { .max = AUDIT_NAME_MAX };
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		uint64_t n = audit_record_number(r, parts[i].field);
		if (n != UINT64_MAX)
			buf_add_format(&text, "%s%s %llu", text.n ? ", " : "", parts[i].what, (unsigned long long)n);
	}
	(void)snprintf(into, size, "%s", buf_cstr(&text)); /* three numbers fit */
	buf_done(&text);
}

static void take_period(struct audit *a, const struct audit_record *r, struct audit_period *p)
{
	struct buf *scratch = &a->scratch;
	AUDIT_TAKE(r, SIGNED, p->from, scratch);
	AUDIT_TAKE(r, DIGEST, p->digest, scratch);
	AUDIT_TAKE(r, POLICY_NAME, p->name, scratch);
	AUDIT_TAKE(r, POLICY_REASON, p->reason, scratch);
	AUDIT_TAKE(r, ID, p->id, scratch);
	p->rules = audit_record_number(r, AUDIT_FIELD_RULES);
	p->confirm_ns = audit_record_number(r, AUDIT_FIELD_POLICY_CONFIRM);
	p->blocked_on_trial = audit_record_number(r, AUDIT_FIELD_POLICY_BLOCKED);
	p->is_forced = r->member[AUDIT_FIELD_POLICY_FORCED].token == JSON_TRUE;
	take_by(r, p->by, sizeof(p->by));
	if (audit_record_is(r, AUDIT_FIELD_DATASET, "vedette.policy")) {
		AUDIT_TAKE(r, POLICY_ACTION, p->how, scratch);
		AUDIT_TAKE(r, POLICY_ERRORS, p->errors, scratch);
	} else {
		bool is_open = audit_record_is(r, AUDIT_FIELD_DATASET, "vedette.open");
		(void)snprintf(p->how, sizeof(p->how), "%s", is_open ? "start" : "reload"); /* fits */
		AUDIT_TAKE(r, RELOAD_ERRORS, p->errors, scratch);
	}
}

/* Those that ended before the time asked make room for the next. */
static void begin_period(struct audit *a, struct audit_log *log, const struct audit_record *r, uint64_t signed_ns)
{
	audit_name mode = "";
	if (log->n_periods && !log->more_periods) { /* behind the last that is listed stand others */
		struct audit_period *before = &log->periods[log->n_periods - 1];
		memcpy(mode, before->mode, sizeof(mode));
		AUDIT_TAKE(r, SIGNED, before->to, &a->scratch);
		if (signed_ns <= a->from_ns)
			log->n_periods--;
	}
	if (!has_room(log->n_periods, &log->more_periods))
		return;
	struct audit_period *p = &log->periods[log->n_periods++];
	*p = (struct audit_period){ .rules = 0 };
	if (audit_record_is(r, AUDIT_FIELD_DATASET, "vedette.open"))
		AUDIT_TAKE(r, ENFORCEMENT, p->mode, &a->scratch);
	else
		memcpy(p->mode, mode, sizeof(mode));
	take_period(a, r, p);
}

/* --- streams, clocks, losses ------------------------------------------------------------------------------------------------------------- */

static void begin_stream(struct audit *a, struct audit_log *log, const struct audit_record *r, const struct verify_result *now)
{
	struct buf *scratch = &a->scratch;
	log->is_in_last_stream = has_room(log->n_streams, &log->more_streams);
	if (!log->is_in_last_stream)
		return;
	struct audit_stream *s = &log->streams[log->n_streams++];
	*s = (struct audit_stream){ .first = now->next - 1 };
	(void)snprintf(s->name, sizeof(s->name), "%s", now->stream); /* fits */
	AUDIT_TAKE(r, SIGNED, s->from, scratch);
	AUDIT_TAKE(r, KERNEL, s->kernel, scratch);
	AUDIT_TAKE(r, SENSOR, s->sensor, scratch);
	AUDIT_TAKE(r, ENFORCEMENT, s->enforcement, scratch);
	AUDIT_TAKE(r, SCOPE, s->scope, scratch);
	AUDIT_TAKE(r, BOOT, s->boot, scratch);
	AUDIT_TAKE(r, VERSION, s->version, scratch);
	AUDIT_TAKE(r, HOOKS_MISSING, s->hooks_missing, scratch);
}

static void note_stream(struct audit *a, struct audit_log *log, const struct audit_record *r, const struct verify_result *now)
{
	bool is_new = !log->is_in_last_stream || strcmp(log->streams[log->n_streams - 1].name, now->stream) != 0;
	if (is_new && log->more_streams)
		return; /* counted when it was met; those behind it are in verify_result.streams */
	if (is_new && log->is_in_last_stream && strcmp(log->streams[log->n_streams - 1].to, "") != 0) {
		struct audit_stream *before = &log->streams[log->n_streams - 1];
		uint64_t ended_ns = 0;
		if (clock_parse_rfc3339(sv_from(before->to), &ended_ns) == 0 && ended_ns < a->from_ns)
			log->n_streams--; /* all of it was before the time asked */
	}
	if (is_new)
		begin_stream(a, log, r, now);
	if (!log->is_in_last_stream)
		return;
	struct audit_stream *s = &log->streams[log->n_streams - 1];
	AUDIT_TAKE(r, SIGNED, s->to, &a->scratch);
	s->last = now->next - 1;
	s->is_closed = now->is_closed;
	if (now->is_closed)
		AUDIT_TAKE(r, CLOSE_REASON, s->close_reason, &a->scratch);
}

static void count_loss(struct audit *a, struct audit_log *log, const struct audit_record *r)
{
	audit_name what;
	size_t i = 0;
	uint64_t count = audit_record_number(r, AUDIT_FIELD_LOSS_COUNT);
	AUDIT_TAKE(r, LOSS_WHAT, what, &a->scratch);
	while (i < log->n_losses && i + 1 < AUDIT_KINDS_MAX && strcmp(log->losses[i].what, what) != 0)
		i++;
	struct audit_loss *loss = &log->losses[i];
	if (i == log->n_losses) {
		log->n_losses++;
		(void)snprintf(loss->what, sizeof(loss->what), "%s", i + 1 < AUDIT_KINDS_MAX ? what : "others"); /* fits */
		AUDIT_TAKE(r, SIGNED, loss->first, &a->scratch);
	}
	loss->records++;
	loss->count += count == UINT64_MAX ? 0 : count;
	AUDIT_TAKE(r, SIGNED, loss->last, &a->scratch);
}

static void count_own(struct audit *a, struct audit_log *log, const struct audit_record *r)
{
	uint64_t failures = audit_record_number(r, AUDIT_FIELD_PROTECTION);
	const struct json_want *missing = &r->member[AUDIT_FIELD_HOOKS_MISSING];
	log->clock_yes += audit_record_is(r, AUDIT_FIELD_SYNC, "yes");
	log->clock_no += audit_record_is(r, AUDIT_FIELD_SYNC, "no");
	log->clock_unknown += audit_record_is(r, AUDIT_FIELD_SYNC, "unknown");
	log->protection_failures += failures && failures != UINT64_MAX;
	log->hooks_missing += missing->token == JSON_ARRAY && missing->raw.n > 2;
	log->rolls += audit_record_is(r, AUDIT_FIELD_DATASET, "vedette.key-roll");
	if (audit_record_is(r, AUDIT_FIELD_DATASET, "vedette.loss"))
		count_loss(a, log, r);
}

static bool is_about_rules(const struct audit_record *r)
{
	return audit_record_is(r, AUDIT_FIELD_DATASET, "vedette.open") || audit_record_is(r, AUDIT_FIELD_DATASET, "vedette.reload") ||
	       audit_record_is(r, AUDIT_FIELD_DATASET, "vedette.policy");
}

static void note_host(struct audit *a, struct audit_log *log, const struct audit_record *r)
{
	AUDIT_TAKE(r, HOST, log->host, &a->scratch);
	AUDIT_TAKE(r, HOST_ID, log->host_id, &a->scratch);
	AUDIT_TAKE(r, AGENT, log->agent, &a->scratch);
	log->first = audit_record_number(r, AUDIT_FIELD_SEQUENCE);
}

int audit_line(struct audit *a, const struct verifier *verifier, const char *file, uint64_t line_number, struct strview line)
{
	struct audit_log *log = log_at_hand(a);
	struct audit_record r;
	struct verify_result now;
	if (audit_record_read(line, &r))
		return -EBADMSG; /* the verifier has read it: cannot be */
	verifier_result(verifier, &now);
	uint64_t signed_ns = clock_rfc3339_ns(sv_from(now.last_time));
	if (now.records == 1)
		note_host(a, log, &r);
	if (now.records == 1 || signed_ns < log->first_ns)
		log->first_ns = signed_ns;
	log->reached_ns = MAX(log->reached_ns, signed_ns);
	if (signed_ns >= a->to_ns) {
		if (log->is_in_last_stream && strcmp(log->streams[log->n_streams - 1].name, now.stream) == 0)
			log->streams[log->n_streams - 1].goes_on = true;
		return 0;
	}
	note_stream(a, log, &r, &now);
	if (is_about_rules(&r))
		begin_period(a, log, &r, signed_ns);
	if (signed_ns < a->from_ns)
		return buf_error(&a->scratch);
	log->in_time++;
	if (audit_record_is(&r, AUDIT_FIELD_DATASET, "vedette.alert") || audit_record_is(&r, AUDIT_FIELD_DATASET, "vedette.event"))
		count_act(a, log, &r);
	else
		count_own(a, log, &r);
	count_shown(a, &r, file, line_number);
	return buf_error(&a->scratch);
}

/* --- time -------------------------------------------------------------------------------------------------------------------------------- */

/* Of from..to what lies in the time asked. */
static uint64_t within(const struct audit *a, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t from = MAX(from_ns, a->from_ns), to = MIN(to_ns, a->to_ns);
	return to > from ? to - from : 0;
}

static void add_gap(struct audit_log *log, const struct audit_gap *gap)
{
	log->uncovered_ns[gap->kind] += gap->within_ns;
	/* of a running agent the last seconds are never there */
	bool is_tail = gap->kind == AUDIT_GAP_AFTER && gap->within_ns <= AUDIT_TAIL_NS;
	log->unexplained += gap->kind != AUDIT_GAP_STOPPED && !is_tail;
	if (!has_room(log->n_gaps, &log->more_gaps))
		return;
	size_t at = gap->kind == AUDIT_GAP_BEFORE ? 0 : log->n_gaps; /* the others come in the order of the log */
	memmove(&log->gaps[at + 1], &log->gaps[at], (log->n_gaps++ - at) * sizeof(*log->gaps));
	log->gaps[at] = *gap;
}

void audit_gap(struct audit *a, const struct verify_gap *gap)
{
	static const enum audit_gap_kind kinds[VERIFY_GAP_COUNT] = {
		[VERIFY_GAP_STOPPED] = AUDIT_GAP_STOPPED, [VERIFY_GAP_UNCLEAN] = AUDIT_GAP_UNCLEAN, [VERIFY_GAP_SILENCE] = AUDIT_GAP_SILENCE,
	};
	struct audit_log *log = log_at_hand(a);
	if (gap->kind == VERIFY_GAP_LOSS)
		return; /* counted as its record is read; the sensor was watching */
	uint64_t latest = MAX(gap->from_ns, gap->to_ns), earliest = gap->to_ns ? MIN(gap->from_ns, gap->to_ns) : gap->from_ns;
	log->set_back += gap->to_ns < log->reached_ns;
	if ((gap->to_ns && latest < a->from_ns) || earliest >= a->to_ns)
		return;
	struct audit_gap g = { .kind = kinds[gap->kind], .from_ns = gap->from_ns, .to_ns = gap->to_ns, .count = gap->count, .next = gap->next,
			       .within_ns = within(a, MAX(gap->from_ns, log->reached_ns), gap->to_ns) };
	audit_printable(sv_from(gap->what), g.what, sizeof(g.what));
	(void)snprintf(g.stream, sizeof(g.stream), "%s", gap->stream); /* fits */
	add_gap(log, &g);
}

void audit_key(struct audit *a, const struct verify_key *key)
{
	struct audit_log *log = log_at_hand(a);
	uint8_t hash[CRYPTO_HASH];
	if (!has_room(log->n_keys, &log->more_keys))
		return;
	struct audit_key *k = &log->keys[log->n_keys++];
	*k = (struct audit_key){ .epoch = key->epoch };
	memcpy(k->stream, key->stream, sizeof(k->stream));
	crypto_sha256(&(struct strview){ (const char *)key->public_key, CRYPTO_PUBLIC }, 1, hash);
	for (size_t i = 0; i < sizeof(hash); i++)
		(void)snprintf(k->fingerprint + 2 * i, 3, "%02x", hash[i]); /* two digits and an end */
}

static void end_streams(struct audit *a, struct audit_log *log)
{
	if (log->n_streams && clock_rfc3339_ns(sv_from(log->streams[log->n_streams - 1].to)) < a->from_ns)
		log->n_streams--;
}

void audit_end_log(struct audit *a, const struct verifier *verifier)
{
	struct audit_log *log = log_at_hand(a);
	struct verify_result now;
	uint64_t asked = a->to_ns - a->from_ns, uncovered = 0;
	verifier_result(verifier, &now);
	log->records = now.records;
	log->streams_n = now.streams;
	log->last = now.records ? now.next - 1 : 0;
	(void)snprintf(log->first_time, sizeof(log->first_time), "%s", now.first_time); /* the verifier's times have that length */
	(void)snprintf(log->last_time, sizeof(log->last_time), "%s", now.last_time);
	(void)snprintf(log->follows, sizeof(log->follows), "%s", now.follows);
	end_streams(a, log);
	struct audit_gap before = { .kind = AUDIT_GAP_BEFORE, .from_ns = a->from_ns, .to_ns = now.records ? log->first_ns : a->to_ns };
	(void)snprintf(before.what, sizeof(before.what), "%s", log->follows[0] ? "an earlier stream of the agent is not here" : log->first ?
		       "it begins within a stream" : "it is the agent's first stream, nothing was signed before"); /* fits */
	before.within_ns = within(a, before.from_ns, before.to_ns);
	struct audit_gap after = { .kind = AUDIT_GAP_AFTER, .from_ns = log->reached_ns, .to_ns = a->to_ns };
	after.within_ns = now.records ? within(a, after.from_ns, after.to_ns) : 0;
	bool is_broken = log->state == AUDIT_BAD || log->state == AUDIT_UNREADABLE;
	(void)snprintf(after.what, sizeof(after.what), "%s", is_broken ? "what follows did not verify" : now.is_closed ? "it ends with its close record" :
		       "it stops without a close record"); /* fits */
	if (before.within_ns)
		add_gap(log, &before);
	if (after.within_ns)
		add_gap(log, &after);
	for (size_t i = 0; i < AUDIT_GAP_COUNT; i++)
		uncovered += log->uncovered_ns[i];
	log->covered_ns = asked - MIN(asked, uncovered);
}

bool audit_log_has_losses(const struct audit_log *log)
{
	bool is_held;
	for (size_t i = 0; i < log->n_losses; i++)
		if (audit_loss_text(log->losses[i].what, &is_held), !is_held)
			return true;
	return false;
}
