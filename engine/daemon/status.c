/* SPDX-License-Identifier: Apache-2.0 */
/* The status document. */
#include "engine/daemon/status.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/json.h"
#include "engine/daemon/loss_names.h"
#include "engine/daemon/metrics_collect.h"
#include "engine/daemon/whole_file.h"
#include "engine/probe/blind.h"

static void add_events(struct json *j, const struct sensor *sensor, const struct pipeline_stats *stats)
{
	json_key(j, "events");
	json_object_begin(j);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		struct event_counters c;
		if (!type || sensor_get_counters(sensor, i, -1, &c) || (!c.produced && !c.blocked && !c.undecided && !c.filtered))
			continue;
		json_key(j, type->name[0] ? type->name : "outcome");
		json_object_begin(j);
		json_key(j, "blocked");
		json_u64(j, c.blocked + c.undecided);
		json_key(j, "delivered");
		json_u64(j, stats->delivered[i]);
		json_key(j, "filtered");
		json_u64(j, c.filtered);
		json_key(j, "lost_ring");
		json_u64(j, c.lost_ring);
		json_key(j, "lost_scratch");
		json_u64(j, c.lost_slot);
		json_key(j, "produced");
		json_u64(j, c.produced);
		json_object_end(j);
	}
	json_object_end(j);
}

static void add_hooks(struct json *j, const struct sensor *sensor)
{
	const struct sensor_hook *hooks;
	size_t n = sensor_get_hooks(sensor, &hooks);
	json_key(j, "hooks");
	json_array_begin(j);
	for (size_t i = 0; i < n; i++) {
		if (!hooks[i].is_attached && !hooks[i].missing)
			continue;
		json_object_begin(j);
		json_key(j, "attached");
		json_bool(j, hooks[i].is_attached);
		if (hooks[i].missing) {
			json_key(j, "missing");
			json_str(j, sv_from(hooks[i].missing));
		}
		json_key(j, "where");
		json_str(j, sv_from(hooks[i].where));
		json_object_end(j);
	}
	json_array_end(j);
}

static void add_sensor(struct json *j, const struct sensor *sensor)
{
	const struct sensor_caps *caps = sensor_get_caps(sensor);
	json_key(j, "sensor");
	json_object_begin(j);
	json_key(j, "blind_spots");
	json_array_begin(j);
	size_t n_blind;
	const struct blind_spot *blind = blind_spots(caps->mode, &n_blind);
	for (size_t i = 0; i < n_blind; i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		buf_add_format(&text, "%s: %s", blind[i].what, blind[i].why);
		json_str(j, buf_sv(&text));
	}
	json_array_end(j);
	json_key(j, "canary_denied");
	json_bool(j, caps->is_canary_denied);
	json_key(j, "canary_seen");
	json_bool(j, caps->is_canary_seen);
	if (caps->lsm_refused[0]) {
		json_key(j, "lsm_refused");
		json_str(j, sv_from(caps->lsm_refused));
	}
	json_key(j, "mode");
	json_str(j, sv_from(symbol_text(KIND_SENSOR, caps->mode)));
	json_key(j, "paths_checked");
	json_bool(j, caps->is_path_checked);
	json_key(j, "preemption");
	json_str(j, sv_from(caps->preemption[0] ? caps->preemption : "unknown"));
	json_key(j, "skipped_runs");
	json_u64(j, sensor_missed_runs(sensor));
	json_object_end(j);
}

struct status_row {
	const char *name;
	uint64_t n;
};

static void add_rows(struct json *j, const char *key, const struct status_row *rows, size_t n)
{
	json_key(j, key);
	json_object_begin(j);
	for (size_t i = 0; i < n; i++) {
		json_key(j, rows[i].name);
		json_u64(j, rows[i].n);
	}
	json_object_end(j);
}

/* Does it block? What, how often, and what becomes of it when the daemon ends. */
static void add_enforcement(struct json *j, const struct status_of *of)
{
	const struct policy_counts *c = &of->policy->counts;
	const struct tally *by = &of->stats->blocked_by;
	json_key(j, "enforcement");
	json_object_begin(j);
	json_key(j, "blocked_by");
	json_array_begin(j);
	for (size_t i = 0; i < by->n_rows; i++) {
		json_object_begin(j);
		json_key(j, "count");
		json_u64(j, by->rows[i].n);
		json_key(j, "rule");
		json_str(j, sv_from(by->rows[i].id));
		json_object_end(j);
	}
	json_array_end(j);
	json_key(j, "blocked_by_others");
	json_u64(j, by->others);
	json_key(j, "enabled");
	json_bool(j, of->is_enforcing);
	json_key(j, "on_exit");
	json_str(j, of->keeps ? SV("keep") : SV("release"));
	const struct status_row rows[] = {
		{ "blocking", c->blocking }, { "killing", c->killing }, { "partly", c->partly }, { "watching", c->watching },
	};
	add_rows(j, "rules", rows, ARRAY_SIZE(rows));
	json_object_end(j);
}

/* The words of the open record. */
static void add_evidence(struct json *j, const struct status_of *of)
{
	json_key(j, "evidence");
	json_object_begin(j);
	json_key(j, "agent");
	json_str(j, of->is_agent_kept ? SV("kept") : SV("new"));
	json_key(j, "log");
	json_str(j, of->delivery ? SV("wal") : of->stream ? SV("file") : SV("none"));
	json_object_end(j);
}

static void add_engine(struct json *j, const struct engine *engine)
{
	struct engine_stats s;
	engine_get_stats(engine, &s);
	const struct status_row rows[] = {
		{ "cache_bytes", s.cache_bytes }, { "candidates", s.candidates }, { "classes", s.classes }, { "events", s.events },
		{ "fallbacks", s.fallbacks }, { "flushes", s.flushes }, { "image_hits", s.image_hits }, { "image_misses", s.image_misses },
		{ "index_bytes", s.index_bytes }, { "predicates", s.predicates }, { "string_evictions", s.string_evictions },
		{ "string_hits", s.string_hits }, { "string_misses", s.string_misses }, { "strings", s.strings },
		{ "verdict_hits", s.verdict_hits }, { "verdict_misses", s.verdict_misses },
	};
	add_rows(j, "engine", rows, ARRAY_SIZE(rows));
}

static void add_state(struct json *j, const struct state_stats *s)
{
	const struct status_row rows[] = {
		{ "dropped", s->dropped }, { "evicted", s->evicted }, { "fed", s->fed }, { "groups", s->groups }, { "hurried", s->hurried },
		{ "late", s->late }, { "memory_bytes", s->memory_bytes }, { "raised", s->raised }, { "used_bytes", s->used_bytes },
	};
	add_rows(j, "state", rows, ARRAY_SIZE(rows));
}

static void add_totals(struct json *j, const struct pipeline_stats *stats, struct totals totals, const struct stream *stream)
{
	json_key(j, "totals");
	json_object_begin(j);
	json_key(j, "alerts");
	json_u64(j, stats->alerts);
	json_key(j, "blocked");
	json_u64(j, stats->blocked);
	json_key(j, "damaged");
	json_u64(j, stats->damaged);
	json_key(j, "delivered");
	json_u64(j, totals.delivered);
	json_key(j, "filtered");
	json_u64(j, totals.filtered);
	json_key(j, "limited");
	json_u64(j, stats->limited);
	json_key(j, "lost");
	json_u64(j, totals.lost);
	json_key(j, "produced");
	json_u64(j, totals.produced);
	json_key(j, "suppressed");
	json_u64(j, stats->suppressed);
	json_key(j, "undecided");
	json_u64(j, stats->undecided);
	if (stream) {
		struct stream_stats s;
		stream_get_stats(stream, &s);
		json_key(j, "unwritten");
		json_u64(j, s.unwritten);
	}
	json_object_end(j);
}

/* Variables that exec events keep because rules name them. */
static void add_environment(struct json *j, const struct ruleset *rules)
{
	size_t n, left_out;
	const char *const *names = ruleset_env_names(rules, &n, &left_out);
	json_key(j, "environment");
	json_array_begin(j);
	for (size_t i = 0; i < n; i++)
		json_str(j, sv_from(names[i]));
	json_array_end(j);
}

static void add_keys(struct json *j, const struct stream *stream)
{
	struct stream_stats s;
	stream_get_stats(stream, &s);
	json_key(j, "keys");
	json_object_begin(j);
	json_key(j, "epoch");
	json_u64(j, s.epoch);
	json_key(j, "held");
	json_u64(j, s.held);
	json_key(j, "locked");
	json_bool(j, stream_key_is_locked(stream));
	json_object_end(j);
}

static void add_memory(struct json *j, const struct status_of *of)
{
	struct engine_stats engine;
	struct enrich_stats enrich;
	struct throttle_stats throttle;
	engine_get_stats(of->policy->engine, &engine);
	enrich_get_stats(of->enrich, &enrich);
	throttle_get_stats(of->policy->throttle, &throttle);
	const struct status_row rows[] = {
		{ "caches", engine.cache_bytes }, { "index", engine.index_bytes }, { "process_text", enrich.text_bytes }, { "resident", metrics_resident_bytes() },
		{ "state", of->stats->state.memory_bytes }, { "throttles", throttle.bytes },
	};
	add_rows(j, "memory_bytes", rows, ARRAY_SIZE(rows));
}

/* Counts of the last minute, and how long that is. */
static void add_rates(struct json *j, const struct rates *rates)
{
	struct rates_note r;
	rates_get(rates, &r);
	const struct status_row rows[] = { { "alerts", r.alerts }, { "events", r.events }, { "lost", r.lost }, { "over_ms", r.boot_ns / 1000000 } };
	add_rows(j, "rates", rows, ARRAY_SIZE(rows));
}

static void add_rings(struct json *j, const struct sensor *sensor)
{
	struct sensor_rings r;
	sensor_get_rings(sensor, &r);
	const struct status_row rows[] = {
		{ "bulk_size", r.bulk_size }, { "bulk_used", r.bulk_used }, { "priority_size", r.priority_size }, { "priority_used", r.priority_used },
	};
	add_rows(j, "rings", rows, ARRAY_SIZE(rows));
}

/* Losses by what was lost, besides records of the kernel: 0 is left out. */
static void add_losses(struct json *j, const struct status_of *of)
{
	const struct pipeline_stats *s = of->stats;
	struct status_row rows[MISC_COUNT + 3];
	size_t n = 0;
	for (int i = 0; i < MISC_COUNT; i++) {
		const char *name = loss_misc_name((enum misc_counter)i);
		uint64_t count = 0;
		if (name && sensor_get_misc(of->sensor, (enum misc_counter)i, &count) == 0 && count)
			rows[n++] = (struct status_row){ name, count };
	}
	if (s->matches_dropped)
		rows[n++] = (struct status_row){ "matches", s->matches_dropped };
	if (s->state.evicted + s->state.dropped)
		rows[n++] = (struct status_row){ "state", s->state.evicted + s->state.dropped };
	add_rows(j, "losses", rows, n);
}

static void add_throttles(struct json *j, const struct throttle *throttle)
{
	struct throttle_stats s;
	throttle_get_stats(throttle, &s);
	const struct status_row rows[] = { { "hurried", s.hurried }, { "windows", s.windows } };
	add_rows(j, "throttles", rows, ARRAY_SIZE(rows));
}

static void add_containers(struct json *j, const struct enrich *enrich)
{
	struct enrich_stats all;
	enrich_get_stats(enrich, &all);
	const struct containers_stats *s = &all.containers;
	const struct status_row rows[] = {
		{ "cut", s->cut }, { "damaged", s->damaged }, { "evicted", s->evicted }, { "known", s->known }, { "missing", s->missing },
		{ "postponed", s->postponed }, { "reads", s->reads }, { "refused", s->refused },
	};
	add_rows(j, "containers", rows, ARRAY_SIZE(rows));
}

/* One that waits to be confirmed. */
static void add_pending(struct json *j, const struct change_status *change)
{
	json_key(j, "pending");
	json_object_begin(j);
	json_key(j, "blocked");
	json_u64(j, change->blocked);
	json_key(j, "left_seconds");
	json_u64(j, change->left_ns / 1000000000);
	json_key(j, "name");
	json_str(j, sv_from(change->pending));
	json_key(j, "removal");
	json_bool(j, change->is_removal);
	json_object_end(j);
}

enum { STATUS_COSTS = 8 }; /* rules named for one event */

/* By event: what of it the kernel sends, and the first rules because of which it is all. */
static void add_approval(struct json *j, const struct policy *policy)
{
	const struct approval *a = &policy->approval;
	json_key(j, "approval");
	json_object_begin(j);
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++) {
		size_t n = 0;
		for (size_t i = 0; i < a->n_costs; i++)
			n += a->costs[i].event == event;
		if (!n && !((a->events | a->crowded) >> event & 1))
			continue;
		json_key(j, event_type_by_number(event)->name);
		json_object_begin(j);
		json_key(j, "because_of");
		json_array_begin(j);
		for (size_t i = 0, named = 0; i < a->n_costs && named < STATUS_COSTS; i++) {
			if (a->costs[i].event != event)
				continue;
			json_str(j, sv_from(ruleset_owner(policy->rules, a->costs[i].rule)->id));
			named++;
		}
		json_array_end(j);
		json_key(j, "rules");
		json_u64(j, n);
		json_key(j, "sent");
		json_str(j, a->events >> event & 1 ? SV("approved") : SV("all"));
		json_object_end(j);
	}
	json_object_end(j);
}

static void add_policy(struct json *j, const struct policy *policy, const struct change_status *change)
{
	json_key(j, "policy");
	json_object_begin(j);
	json_key(j, "applied");
	json_array_begin(j);
	for (size_t i = 0; i < change->n_kept; i++)
		json_str(j, sv_from(change->kept[i].name));
	json_array_end(j);
	add_approval(j, policy);
	json_key(j, "digest");
	json_str(j, sv_from(ruleset_digest(policy->rules)));
	add_environment(j, policy->rules);
	json_key(j, "forced");
	json_array_begin(j);
	for (size_t i = 0; i < change->n_kept; i++)
		if (change->kept[i].is_forced)
			json_str(j, sv_from(change->kept[i].name));
	json_array_end(j);
	if (change->last.name[0]) {
		json_key(j, "last");
		change_last_json(j, &change->last);
	}
	if (change->pending)
		add_pending(j, change);
	json_key(j, "rules");
	json_u64(j, ruleset_rules(policy->rules));
	json_object_end(j);
}

static void add_protection(struct json *j, const struct protect_state *p)
{
	json_key(j, "protection");
	json_object_begin(j);
	json_key(j, "canaries");
	json_u64(j, p->canaries);
	json_key(j, "failures");
	json_u64(j, p->failures);
	json_key(j, "files");
	json_u64(j, p->files);
	if (p->off_until_ns) {
		uint64_t now_ns = clock_ns(CLOCK_BOOTTIME);
		json_key(j, "off_for_seconds");
		json_u64(j, p->off_until_ns > now_ns ? (p->off_until_ns - now_ns) / 1000000000 : 0);
	}
	json_key(j, "refused");
	json_u64(j, p->refused);
	json_key(j, "state");
	json_str(j, sv_from(p->state));
	json_key(j, "unproven");
	json_u64(j, p->unproven);
	json_object_end(j);
}

void status_json(const struct status_of *of, struct buf *out)
{
	struct json j;
	json_init(&j, out);
	json_object_begin(&j);
	json_key(&j, "at");
	CLEANUP(buf_done) struct buf at = { 0 };
	clock_add_rfc3339(&at, clock_ns(CLOCK_REALTIME));
	json_str(&j, buf_sv(&at));
	add_containers(&j, of->enrich);
	add_engine(&j, of->policy->engine);
	add_enforcement(&j, of);
	add_events(&j, of->sensor, of->stats);
	add_evidence(&j, of);
	add_hooks(&j, of->sensor);
	if (of->stream)
		add_keys(&j, of->stream);
	add_losses(&j, of);
	add_memory(&j, of);
	json_key(&j, "pid");
	json_u64(&j, (uint64_t)getpid());
	add_policy(&j, of->policy, &of->change);
	add_protection(&j, &of->protection);
	add_rates(&j, &of->rates);
	add_rings(&j, of->sensor);
	add_sensor(&j, of->sensor);
	if (of->delivery)
		delivery_add_sinks(of->delivery, &j);
	json_key(&j, "started");
	CLEANUP(buf_done) struct buf started = { 0 };
	clock_add_rfc3339(&started, of->start_ns);
	json_str(&j, buf_sv(&started));
	add_state(&j, &of->stats->state);
	add_throttles(&j, of->policy->throttle);
	add_totals(&j, of->stats, of->totals, of->stream);
	json_key(&j, "version");
	json_str(&j, SV(VEDETTE_VERSION));
	if (of->delivery)
		delivery_add_wal(of->delivery, &j);
	json_object_end(&j);
	buf_add_char(out, '\n');
}

int status_check(const char *file, struct diag *diag)
{
	return whole_file_check(&(struct whole_file){ .file = file, .begin = "{\"at\":\"", .what = "status" }, diag);
}

int status_write(const char *file, const struct status_of *of)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	status_json(of, &text);
	return buf_error(&text) ? -ENOMEM : whole_file_write(file, buf_sv(&text));
}
