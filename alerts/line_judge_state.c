/* SPDX-License-Identifier: Apache-2.0 */
/* What a judge of lines knew, as text: for the next one, and to be read by people. */
#include "alerts/line_judge.h"

#include <errno.h>

#include "alerts/line_judge_parts.h"
#include "engine/base/jsonread.h"

#define PLACE "# vedette-place/v1 " /* a comment to readers of key files */

static void save_keys(const struct known_agent *a, struct buf *out)
{
	const uint64_t n = MIN(a->n_named, (uint64_t)LINE_KEYS_KEPT);
	for (uint64_t k = a->n_named - n; k < a->n_named; k++) {
		const struct verify_key *key = &a->named[k % LINE_KEYS_KEPT];
		buf_add_format(out, "vedette-key/v1 %s %llu ", key->stream, (unsigned long long)key->epoch);
		crypto_base64(out, key->public_key, CRYPTO_PUBLIC);
		buf_add_char(out, '\n');
	}
}

/* STREAM NEXT EPOCH BATCH_END TIME ROLLED_NEXT open|closed whole|holed latest|least STATEMENT ROLLED_STATEMENT SIGNATURE */
static void save_place(const struct known_agent *a, bool is_end, struct buf *out)
{
	const struct line_place *p = &a->place;
	if (!p->head.stream[0])
		return;
	buf_add_format(out, PLACE "%s %llu %llu %llu %s %llu %s %s %s ", p->head.stream, (unsigned long long)p->head.next, (unsigned long long)p->head.epoch,
		       (unsigned long long)p->batch_end, p->time, (unsigned long long)p->rolled_next, p->head.is_closed ? "closed" : "open",
		       p->has_hole ? "holed" : "whole", is_end && !p->is_old ? "latest" : "least");
	crypto_base64(out, p->head.statement, CRYPTO_HASH);
	buf_add_char(out, ' ');
	crypto_base64(out, p->rolled_statement, CRYPTO_HASH);
	buf_add_char(out, ' ');
	crypto_base64(out, a->last.signature, CRYPTO_SIGNATURE);
	buf_add_char(out, '\n');
}

void line_judge_save(struct line_judge *j, bool is_end, struct buf *out)
{
	out->max = MAX(out->max, (size_t)LINE_STATE_MAX); /* what many agents need is more than a buffer holds by itself */
	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < j->n; i++)
		save_keys(&j->agent[i], out);
	for (size_t i = 0; i < j->n; i++)
		save_place(&j->agent[i], is_end, out);
	pthread_mutex_unlock(&j->lock);
}

/* --- reading ------------------------------------------------------------------------------------------------------------------------ */

static void take_key(struct line_judge *j, const struct verify_key *key)
{
	struct known_agent *agent = line_judge_agent(j, sv_from(key->stream));
	if (!agent || line_judge_key(agent, key->epoch))
		return;
	if (agent->n_named && key->epoch < agent->named[(agent->n_named - 1) % LINE_KEYS_KEPT].epoch)
		return; /* it would take the place of a newer one */
	line_judge_keep_key(agent, key);
}

static bool read_word(struct strview word, const char *yes, const char *no, bool *ret)
{
	*ret = sv_is(word, yes);
	return *ret || sv_is(word, no);
}

static bool read_place(struct strview line, struct line_place *p, struct proof *last)
{
	enum { STREAM, NEXT, EPOCH, BATCH_END, TIME, ROLLED_NEXT, CLOSED, HOLED, LEAST, STATEMENT, ROLLED_STATEMENT, SIGNATURE, WORDS };
	struct strview w[WORDS];
	for (size_t i = 0; i < WORDS; i++)
		if (!sv_take_word(&line, &w[i]))
			return false;
	if (line.n || w[STREAM].n == 0 || w[STREAM].n > STREAM_NAME_MAX || w[TIME].n != LINE_TIME)
		return false;
	memcpy(p->head.stream, w[STREAM].p, w[STREAM].n);
	memcpy(p->time, w[TIME].p, w[TIME].n);
	last->is_set = true;
	return json_integer(w[NEXT], &p->head.next) == 0 && json_integer(w[EPOCH], &p->head.epoch) == 0 && json_integer(w[BATCH_END], &p->batch_end) == 0 &&
	       json_integer(w[ROLLED_NEXT], &p->rolled_next) == 0 && read_word(w[CLOSED], "closed", "open", &p->head.is_closed) &&
	       read_word(w[HOLED], "holed", "whole", &p->has_hole) && read_word(w[LEAST], "least", "latest", &p->is_old) &&
	       crypto_base64_decode(w[STATEMENT], p->head.statement, CRYPTO_HASH) == 0 &&
	       crypto_base64_decode(w[ROLLED_STATEMENT], p->rolled_statement, CRYPTO_HASH) == 0 &&
	       crypto_base64_decode(w[SIGNATURE], last->signature, CRYPTO_SIGNATURE) == 0;
}

static bool take_place(struct line_judge *j, struct strview line)
{
	struct line_place place = { .is_old = true };
	struct proof last = { .is_set = false };
	if (!read_place(line, &place, &last))
		return false;
	struct known_agent *agent = line_judge_agent(j, sv_from(place.head.stream));
	if (!agent || agent->is_heard)
		return true;
	memcpy(last.statement, place.head.statement, CRYPTO_HASH);
	agent->place = place;
	agent->last = last;
	return true;
}

static bool take_line(struct line_judge *j, struct strview line)
{
	struct verify_key key;
	if (sv_starts(line, SV(PLACE)))
		return take_place(j, sv_from_index(line, sizeof(PLACE) - 1));
	if (line.n == 0 || line.p[0] == '#')
		return true;
	if (!verify_key_parse(line, &key))
		return false;
	take_key(j, &key);
	return true;
}

int line_judge_load(struct line_judge *j, const char *name, struct strview text, struct diag *diag)
{
	int r = 0;
	pthread_mutex_lock(&j->lock);
	for (unsigned number = 1; text.n && !r; number++) {
		const char *end = memchr(text.p, '\n', text.n);
		const struct strview line = { text.p, end ? (size_t)(end - text.p) : text.n };
		text = sv_from_index(text, line.n + (end != NULL));
		if (take_line(j, line))
			continue;
		diag_error(diag, (struct place){ name, number, 1 }, "is neither a key ('vedette-key/v1 STREAM EPOCH BASE64') nor a place as this program writes them: "
			   "remove the line, or the file");
		r = -EINVAL;
	}
	pthread_mutex_unlock(&j->lock);
	return r;
}
