/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/sample_log.h"

#include <errno.h>
#include <stdio.h>

#include "alerts/render.h"
#include "alerts/sign.h"

enum { TIME_2026 = 1767323045 };

/* The key of an epoch; the same in every run. */
static int make_key(const struct sample_spec *spec, uint64_t epoch, struct crypto_key **ret)
{
	const uint8_t seed[32] = { (uint8_t)(spec->stream + 1), spec->key, (uint8_t)epoch };
	return crypto_key_from_seed(seed, ret);
}

/* Adds the record that names the next key, and gives that back. */
static int add_roll(struct renderer *renderer, struct signer *signer, struct instant at, const struct sample_spec *spec, struct crypto_key **ret)
{
	CLEANUP(buf_done) struct buf body = { 0 };
	char text[KEY_TEXT];
	uint64_t n = signer_next_sequence(signer), epoch = signer_epoch(signer) + 1;
	int r = make_key(spec, epoch, ret);
	if (r)
		return r;
	key_text(*ret, text);
	r = render_key_roll(renderer, n, &(struct key_roll_info){ .at = at, .reason = "interval", .next_epoch = epoch, .next_key = text }, &body);
	return r ? r : signer_add(signer, n, buf_sv(&body));
}

/* One stream of the agent. */
struct part {
	const size_t *batches;
	uint64_t rolls, epoch;
	bool is_closed;
	unsigned incarnation;
	const struct log_head *previous;
};

static bool is_open_record(const struct sample_spec *spec, uint64_t sequence, bool is_first)
{
	return spec->wrong == SAMPLE_MORE_OPEN ? is_first : sequence == 0 && spec->wrong != SAMPLE_NO_OPEN;
}

static int add_record(struct renderer *renderer, struct signer *signer, struct instant at, bool is_first, bool is_last, const struct sample_spec *spec,
		      const struct part *part)
{
	static const char *const none[] = { NULL };
	CLEANUP(buf_done) struct buf body = { 0 };
	uint64_t n = signer_next_sequence(signer);
	struct totals totals = { .produced = n + spec->content, .delivered = n };
	struct log_counts counts = { .epoch = signer_epoch(signer) };
	int r;
	if (is_open_record(spec, n, is_first))
		r = render_open(renderer, &(struct open_info){ .at = at, .policy_digest = "00", .config_digest = "", .sensor = "lsm",
							       .scope = "", .hooks_attached = none, .hooks_missing = none,
							       .epoch = part->epoch, .previous = part->previous },
				signer_public_key(signer), &body);
	else if (is_last && part->is_closed)
		r = render_close(renderer, n, &(struct close_info){ .at = at, .reason = "test", .totals = totals }, &counts, &body);
	else
		r = render_heartbeat(renderer, n, &(struct heartbeat_info){ .at = at, .policy_digest = "00", .sensor = "lsm", .totals = totals },
				     &counts, &body);
	return r ? r : signer_add(signer, n, buf_sv(&body));
}

static int fill(const struct sample_spec *spec, const struct part *part, struct renderer *renderer, struct signer *signer, struct sample_log *log, struct log_head *ret_rolled)
{
	struct instant at = { .wall_ns = (TIME_2026 + part->incarnation * 60ull) * 1000000000ull, .boot_ns = 1000000000, .clock_sync = "yes" };
	for (const size_t *batch = part->batches; *batch; batch++) {
		CLEANUP(crypto_key_free) struct crypto_key *next = NULL;
		bool rolls = batch - part->batches < 64 && part->rolls & UINT64_C(1) << (batch - part->batches);
		for (size_t i = 0; i < *batch; i++) {
			bool is_end = i + 1 == *batch, is_roll = rolls && (spec->wrong == SAMPLE_EARLY_ROLL ? i == 0 : is_end);
			int r = is_roll ? add_roll(renderer, signer, at, spec, &next) : add_record(renderer, signer, at, i == 0, !batch[1] && is_end, spec, part);
			if (r)
				return r;
			at.wall_ns += 1000000;
			at.boot_ns += 1000000;
		}
		int r = signer_flush(signer, at.wall_ns, &log->text);
		if (!r && next && spec->wrong != SAMPLE_OLD_KEY) {
			r = signer_roll(signer, &next);
			signer_head(signer, ret_rolled);
		}
		if (r)
			return r;
	}
	return 0;
}

static void find_lines(struct sample_log *log)
{
	log->n = 0;
	for (size_t at = 0; at < log->text.n && log->n < SAMPLE_MAX_LINES;) {
		const char *end = memchr(log->text.p + at, '\n', log->text.n - at);
		size_t n = end ? (size_t)(end - log->text.p) - at : log->text.n - at;
		log->line[log->n++] = (struct strview){ log->text.p + at, n };
		at += n + 1;
	}
}

static int add_part(const struct sample_spec *spec, const struct part *part, struct sample_log *log, struct log_head *ret_head, struct log_head *ret_rolled)
{
	CLEANUP(renderer_free) struct renderer *renderer = NULL;
	CLEANUP(signer_free) struct signer *signer = NULL;
	struct crypto_key *key = NULL;
	struct identity id = { .host_id = "h", .host_name = "test", .boot_id = "b" };
	(void)snprintf(id.agent_id, sizeof(id.agent_id), "00000000-0000-4000-8000-%012u", spec->stream);
	(void)snprintf(id.stream, sizeof(id.stream), "%s/%u", id.agent_id, part->incarnation);
	int r = renderer_new(&id, &renderer);
	if (!r)
		r = make_key(spec, part->epoch, &key);
	if (!r)
		r = signer_new(id.stream, &key, &signer);
	if (!r) {
		signer_begin_at(signer, part->epoch);
		if (!part->incarnation)
			signer_key_line(signer, &log->key_line);
		r = fill(spec, part, renderer, signer, log, ret_rolled);
	}
	if (!r) {
		signer_head(signer, ret_head);
		ret_head->is_closed = part->is_closed;
	}
	crypto_key_free(&key);
	return r;
}

int sample_log_make(const struct sample_spec *spec, struct sample_log *ret)
{
	struct log_head head, rolled = { .next = 0 };
	const struct part first = { .batches = spec->batches, .rolls = spec->rolls, .is_closed = !spec->is_open_ended };
	*ret = (struct sample_log){ .text = { .max = spec->max_bytes } };
	int r = crypto_init();
	if (!r)
		r = add_part(spec, &first, ret, &head, &rolled);
	if (!r && spec->again) {
		head.is_closed ^= spec->wrong == SAMPLE_OTHER_CLOSE;
		const struct part second = { .batches = spec->again, .rolls = spec->rolls_again, .is_closed = true, .incarnation = 1,
					     .epoch = head.epoch, .previous = spec->wrong == SAMPLE_NO_PAST ? NULL : spec->forgets ? &rolled : &head };
		r = add_part(spec, &second, ret, &(struct log_head){ .next = 0 }, &rolled);
	}
	find_lines(ret);
	return r;
}

void sample_log_done(struct sample_log *log)
{
	buf_done(&log->text);
	buf_done(&log->key_line);
}
