/* SPDX-License-Identifier: Apache-2.0 */
/* From the counters of all parts to samples. Reads, and changes nothing. */
#include "engine/daemon/metrics_collect.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "engine/daemon/loss_names.h"

enum { RUNS_ROWS = RULE_COUNTS_ROWS };

static const struct metric_labels no_labels = { NULL, NULL };

static struct metric_labels label(const char *first)
{
	return (struct metric_labels){ first, NULL };
}

static struct metric_labels labels(const char *first, const char *second)
{
	return (struct metric_labels){ first, second };
}

static const char *known(const char *text)
{
	return text[0] ? text : "unknown";
}

uint64_t metrics_resident_bytes(void)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	uint64_t pages = 0;
	if (fd_read_file("/proc/self/statm", 256, &text))
		return 0;
	const char *p = buf_cstr(&text), *blank = strchr(p, ' ');
	if (!blank || num_parse_u64((struct strview){ blank + 1, strcspn(blank + 1, " ") }, UINT32_MAX, &pages))
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* --- the kernel side ------------------------------------------------------------------------------------------------------------- */

static void add_sensor(struct metrics *m, const struct status_of *of)
{
	const struct sensor_caps *caps = sensor_get_caps(of->sensor);
	const struct sensor_hook *hooks;
	uint64_t attached = 0, missing = 0;
	size_t n = sensor_get_hooks(of->sensor, &hooks);
	for (size_t i = 0; i < n; i++) {
		attached += hooks[i].is_attached;
		missing += hooks[i].missing != NULL;
	}
	metric_add(m, METRIC_SENSOR_INFO, labels(symbol_text(KIND_SENSOR, caps->mode), known(caps->preemption)), 1);
	metric_add(m, METRIC_ENFORCING, no_labels, of->is_enforcing);
	metric_add(m, METRIC_HOOKS, label("attached"), attached);
	metric_add(m, METRIC_HOOKS, label("missing"), missing);
	metric_add(m, METRIC_CANARY, label("seen"), caps->is_canary_seen);
	if (caps->mode == SENSOR_LSM)
		metric_add(m, METRIC_CANARY, label("denied"), caps->is_canary_denied);
	metric_add(m, METRIC_SKIPPED_RUNS, no_labels, sensor_missed_runs(of->sensor));
}

static const char *event_name(uint32_t event)
{
	const struct event_type *type = event_type_by_number(event);
	return !type ? NULL : type->name[0] ? type->name : "outcome";
}

struct event_sums {
	struct event_counters by_event[EVENT_NUMBERS];
	bool is_there[EVENT_NUMBERS];
	uint64_t lost_ring, lost_slot;
};

static void sum_events(const struct status_of *of, struct event_sums *ret)
{
	*ret = (struct event_sums){ 0 };
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		struct event_counters *c = &ret->by_event[i];
		if (!event_name(i) || sensor_get_counters(of->sensor, i, -1, c))
			continue;
		ret->is_there[i] = c->produced || c->blocked || c->undecided || c->filtered;
		ret->lost_ring += c->lost_ring;
		ret->lost_slot += c->lost_slot;
	}
}

static uint64_t blocked_of(const struct event_counters *c)
{
	return c->blocked + c->undecided;
}

static void add_events(struct metrics *m, const struct status_of *of, const struct event_sums *sums)
{
	static const enum metric_id ids[] = { METRIC_EVENTS_PRODUCED, METRIC_EVENTS_DELIVERED, METRIC_EVENTS_FILTERED, METRIC_EVENTS_BLOCKED };
	for (size_t k = 0; k < ARRAY_SIZE(ids); k++) {
		for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
			const struct event_counters *c = &sums->by_event[i];
			const uint64_t values[ARRAY_SIZE(ids)] = { c->produced, of->stats->delivered[i], c->filtered, blocked_of(c) };
			if (sums->is_there[i])
				metric_add(m, ids[k], label(event_name(i)), values[k]);
		}
	}
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		if (!sums->is_there[i])
			continue;
		metric_add(m, METRIC_EVENTS_LOST, labels(event_name(i), "ring"), sums->by_event[i].lost_ring);
		metric_add(m, METRIC_EVENTS_LOST, labels(event_name(i), "scratch"), sums->by_event[i].lost_slot);
	}
}

static void add_delivery_losses(struct metrics *m, const struct delivery *delivery)
{
	struct wal_stats wal;
	uint64_t sinks = 0;
	for (size_t i = 0; i < delivery_sinks(delivery); i++) {
		struct sink_status s;
		delivery_get_sink(delivery, i, &s);
		sinks += s.refused + s.missed;
	}
	delivery_get_wal(delivery, &wal);
	metric_add(m, METRIC_LOSSES, label("log"), wal.lost_lines);
	metric_add(m, METRIC_LOSSES, label("sink"), sinks);
}

static void add_losses(struct metrics *m, const struct status_of *of, const struct event_sums *sums)
{
	const struct pipeline_stats *s = of->stats;
	uint64_t told = sums->lost_ring + sums->lost_slot;
	metric_add(m, METRIC_LOSSES, label("ring"), sums->lost_ring);
	metric_add(m, METRIC_LOSSES, label("scratch"), sums->lost_slot);
	metric_add(m, METRIC_LOSSES, label("handover"), of->totals.lost > told ? of->totals.lost - told : 0); /* of the daemon before */
	metric_add(m, METRIC_LOSSES, label("decode"), s->damaged);
	metric_add(m, METRIC_LOSSES, label("matches"), s->matches_dropped);
	metric_add(m, METRIC_LOSSES, label("state"), s->state.evicted + s->state.dropped);
	for (int i = 0; i < MISC_COUNT; i++) {
		const char *name = loss_misc_name((enum misc_counter)i);
		uint64_t n;
		if (name && sensor_get_misc(of->sensor, (enum misc_counter)i, &n) == 0)
			metric_add(m, METRIC_LOSSES, label(name), n);
	}
	metric_add(m, METRIC_LOSSES, label("skipped-programs"), sensor_missed_runs(of->sensor));
	if (of->stream) {
		struct stream_stats stream;
		stream_get_stats(of->stream, &stream);
		metric_add(m, METRIC_LOSSES, label("output"), stream.unwritten);
	}
	if (of->delivery)
		add_delivery_losses(m, of->delivery);
}

static void add_rings(struct metrics *m, const struct sensor *sensor)
{
	struct sensor_rings r;
	sensor_get_rings(sensor, &r);
	metric_add(m, METRIC_RING_USED, label("priority"), r.priority_used);
	metric_add(m, METRIC_RING_USED, label("bulk"), r.bulk_used);
	metric_add(m, METRIC_RING_SIZE, label("priority"), r.priority_size);
	metric_add(m, METRIC_RING_SIZE, label("bulk"), r.bulk_size);
}

/* --- rules ----------------------------------------------------------------------------------------------------------------------- */

static void add_policy(struct metrics *m, const struct status_of *of)
{
	const struct policy_counts *c = &of->policy->counts;
	uint64_t all = ruleset_rules(of->policy->rules), other = c->blocking + c->killing + c->watching;
	metric_add(m, METRIC_POLICY_INFO, label(known(ruleset_digest(of->policy->rules))), 1);
	metric_add(m, METRIC_POLICY_GENERATION, no_labels, of->policy->generation);
	metric_add(m, METRIC_POLICY_RULES, label("alert"), all > other ? all - other : 0);
	metric_add(m, METRIC_POLICY_RULES, label("block"), c->blocking);
	metric_add(m, METRIC_POLICY_RULES, label("kill"), c->killing);
	metric_add(m, METRIC_POLICY_RULES, label("detect"), c->watching);
	metric_add(m, METRIC_POLICY_CHANGES, no_labels, of->change.changes);
	metric_add(m, METRIC_POLICY_PENDING, no_labels, of->change.pending != NULL);
}

static void add_alerts(struct metrics *m, const struct pipeline_stats *s)
{
	static const struct {
		enum rule_count count;
		const char *by;
	} held[] = { { COUNT_THROTTLED, "throttle" }, { COUNT_LIMITED, "limit" } };
	const struct rule_counts *c = &s->by_rule;
	for (size_t i = 0; i < c->n_rows; i++)
		metric_add(m, METRIC_ALERTS, labels(c->rows[i].id, severity_text(c->rows[i].severity)), c->rows[i].n[COUNT_ALERTS]);
	if (c->others[COUNT_ALERTS])
		metric_add(m, METRIC_ALERTS, labels("_other", "unknown"), c->others[COUNT_ALERTS]);
	for (size_t i = 0; i < c->n_rows; i++)
		if (c->rows[i].n[COUNT_BLOCKED])
			metric_add(m, METRIC_ALERTS_BLOCKED, label(c->rows[i].id), c->rows[i].n[COUNT_BLOCKED]);
	if (c->others[COUNT_BLOCKED])
		metric_add(m, METRIC_ALERTS_BLOCKED, label("_other"), c->others[COUNT_BLOCKED]);
	for (size_t k = 0; k < ARRAY_SIZE(held); k++) {
		for (size_t i = 0; i < c->n_rows; i++)
			if (c->rows[i].n[held[k].count])
				metric_add(m, METRIC_ALERTS_HELD, labels(c->rows[i].id, held[k].by), c->rows[i].n[held[k].count]);
		if (c->others[held[k].count])
			metric_add(m, METRIC_ALERTS_HELD, labels("_other", held[k].by), c->others[held[k].count]);
	}
	metric_add(m, METRIC_ALERTS_UNDECIDED, no_labels, s->undecided);
}

/* By the rule that an entry is of: the steps of one rule about several events count as one. */
static void add_runs(struct metrics *m, const struct policy *policy)
{
	size_t n = ruleset_count(policy->rules), rows = 0;
	uint64_t others = 0;
	uint64_t *runs = calloc(n + 1, sizeof(*runs));
	for (uint32_t i = 0; runs && i < n; i++)
		runs[ruleset_owner(policy->rules, i)->index] += engine_rule_runs(policy->engine, i);
	for (uint32_t i = 0; runs && i < n; i++) {
		if (!runs[i])
			continue;
		if (rows < RUNS_ROWS)
			metric_add(m, METRIC_RULE_RUNS, label(ruleset_get(policy->rules, i)->id), runs[i]);
		else
			others += runs[i];
		rows++;
	}
	if (others)
		metric_add(m, METRIC_RULE_RUNS, label("_other"), others);
	free(runs);
}

static void add_evaluation(struct metrics *m, const struct status_of *of)
{
	struct throttle_stats t;
	add_runs(m, of->policy);
	metric_add_histogram(m, METRIC_EVALUATE, &of->stats->evaluate_ns);
	metric_add(m, METRIC_STATE_GROUPS, no_labels, of->stats->state.groups);
	throttle_get_stats(of->policy->throttle, &t);
	metric_add(m, METRIC_THROTTLE_WINDOWS, no_labels, t.windows);
	metric_add(m, METRIC_THROTTLE_HURRIED, no_labels, t.hurried);
}

/* --- log and sinks --------------------------------------------------------------------------------------------------------------- */

static void add_log(struct metrics *m, const struct stream *stream)
{
	struct stream_stats s;
	stream_get_stats(stream, &s);
	metric_add(m, METRIC_LOG_RECORDS, no_labels, s.records);
	metric_add(m, METRIC_LOG_BYTES, no_labels, s.bytes);
	metric_add(m, METRIC_LOG_QUEUE, no_labels, s.queued_bytes);
	if (s.sealed_ns)
		metric_add_ns(m, METRIC_LOG_LAST, no_labels, s.sealed_ns);
	metric_add_histogram(m, METRIC_SIGN, &s.sign_ns);
	metric_add_histogram(m, METRIC_BATCH, &s.batches);
	metric_add(m, METRIC_KEY_EPOCH, no_labels, s.epoch);
	metric_add(m, METRIC_KEY_HELD, no_labels, s.held);
}

static void add_wal(struct metrics *m, const struct delivery *delivery)
{
	struct wal_stats s;
	delivery_get_wal(delivery, &s);
	metric_add(m, METRIC_WAL_BYTES, no_labels, s.bytes);
	metric_add(m, METRIC_WAL_MAX, no_labels, delivery_max_bytes(delivery));
	metric_add(m, METRIC_WAL_FULL, no_labels, s.is_full);
	metric_add(m, METRIC_WAL_SYNCS, no_labels, s.syncs);
	metric_add(m, METRIC_WAL_FAULTS, no_labels, s.faults);
}

static void add_sink(struct metrics *m, enum metric_id id, const struct sink_status *s)
{
	switch (id) {
	case METRIC_SINK_UP:
		metric_add(m, id, labels(s->name, s->kind), s->state == SINK_GOOD);
		break;
	case METRIC_SINK_STATE:
		for (enum sink_state state = 0; state < SINK_STATES; state++)
			metric_add(m, id, labels(s->name, sink_state_text(state)), s->state == state);
		break;
	case METRIC_SINK_LAG_RECORDS:
		metric_add(m, id, label(s->name), s->lag_records);
		break;
	case METRIC_SINK_LAG:
		metric_add_ns(m, id, label(s->name), s->lag_ns);
		break;
	case METRIC_SINK_LINES:
		metric_add(m, id, label(s->name), s->lines);
		break;
	case METRIC_SINK_FAULTS:
		metric_add(m, id, label(s->name), s->faults);
		break;
	case METRIC_SINK_LOST:
		metric_add(m, id, labels(s->name, "refused"), s->refused);
		metric_add(m, id, labels(s->name, "missed"), s->missed);
		break;
	default: /* METRIC_SINK_LAST_GOOD */
		if (s->last_good_ns)
			metric_add_ns(m, id, label(s->name), s->last_good_ns);
	}
}

static void add_sinks(struct metrics *m, const struct delivery *delivery)
{
	for (int id = METRIC_SINK_UP; id <= METRIC_SINK_LAST_GOOD; id++) {
		for (size_t i = 0; i < delivery_sinks(delivery); i++) {
			struct sink_status s;
			delivery_get_sink(delivery, i, &s);
			add_sink(m, (enum metric_id)id, &s);
		}
	}
}

/* --- the daemon itself ------------------------------------------------------------------------------------------------------------ */

static void add_self(struct metrics *m, const struct status_of *of)
{
	static const char *const states[] = { "on", "off", "none" };
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		metric_add(m, METRIC_PROTECTION, label(states[i]), strcmp(of->protection.state, states[i]) == 0);
	metric_add(m, METRIC_PROTECTION_REFUSED, no_labels, of->protection.refused);
	metric_add(m, METRIC_PROTECTION_FAILURES, no_labels, of->protection.failures);
}

static void add_memory(struct metrics *m, const struct status_of *of)
{
	struct enrich_stats enrich;
	struct engine_stats engine;
	struct throttle_stats throttle;
	enrich_get_stats(of->enrich, &enrich);
	engine_get_stats(of->policy->engine, &engine);
	throttle_get_stats(of->policy->throttle, &throttle);
	metric_add(m, METRIC_PROCESSES, no_labels, enrich.processes);
	metric_add(m, METRIC_MEMORY, label("resident"), metrics_resident_bytes());
	metric_add(m, METRIC_MEMORY, label("index"), engine.index_bytes);
	metric_add(m, METRIC_MEMORY, label("caches"), engine.cache_bytes);
	metric_add(m, METRIC_MEMORY, label("state"), of->stats->state.memory_bytes);
	metric_add(m, METRIC_MEMORY, label("throttles"), throttle.bytes);
	metric_add(m, METRIC_MEMORY, label("process-text"), enrich.text_bytes);
}

void metrics_collect(const struct status_of *of, enum metrics_format format, struct buf *out)
{
	struct metrics m;
	struct event_sums sums;
	metrics_begin(&m, format, out);
	metric_add(&m, METRIC_BUILD_INFO, label(VEDETTE_VERSION), 1);
	metric_add_ns(&m, METRIC_START_TIME, no_labels, of->start_ns);
	sum_events(of, &sums);
	add_sensor(&m, of);
	add_events(&m, of, &sums);
	add_losses(&m, of, &sums);
	add_rings(&m, of->sensor);
	add_policy(&m, of);
	add_alerts(&m, of->stats);
	add_evaluation(&m, of);
	if (of->stream)
		add_log(&m, of->stream);
	if (of->delivery)
		add_wal(&m, of->delivery);
	if (of->delivery)
		add_sinks(&m, of->delivery);
	add_self(&m, of);
	add_memory(&m, of);
	metric_add_ns(&m, METRIC_CPU, no_labels, clock_ns(CLOCK_PROCESS_CPUTIME_ID));
	for (int i = 0; i < METRICS_ANSWERS && of->server; i++)
		metric_add(&m, METRIC_SCRAPES, label(metrics_answer_code((enum metrics_answer)i)), metrics_server_answers(of->server, (enum metrics_answer)i));
	metrics_end(&m);
}
