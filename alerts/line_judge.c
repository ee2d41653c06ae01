/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of each agent is what its last record in order said. Reading, hashing and checking signatures need no lock; what is compared and kept does. */
#include "alerts/line_judge.h"

#include <errno.h>
#include <stdlib.h>

#include "alerts/line_judge_parts.h"
#include "engine/base/jsonread.h"

const char *line_order_text(enum line_order order)
{
	static const char *const texts[LINE_ORDERS] = {
		[LINE_FIRST] = "first", [LINE_NEXT] = "next", [LINE_GAP] = "gap", [LINE_AGAIN] = "again", [LINE_BROKEN] = "broken",
	};
	return texts[order];
}

/* --- agents and keys ---------------------------------------------------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
	const struct verify_key *x = *(const struct verify_key *const *)a, *y = *(const struct verify_key *const *)b;
	int by_agent = sv_compare(stream_agent(sv_from(x->stream)), stream_agent(sv_from(y->stream)));
	return by_agent ? by_agent : (x > y) - (x < y); /* of several for one number the first counts */
}

static int compare_name(const void *name, const void *agent)
{
	return sv_compare(*(const struct strview *)name, sv_from(((const struct known_agent *)agent)->name));
}

struct known_agent *line_judge_agent(const struct line_judge *j, struct strview stream)
{
	const struct strview name = stream_agent(stream);
	return bsearch(&name, j->agent, j->n, sizeof(*j->agent), compare_name);
}

/* One for each name among the keys. */
static void make_agents(struct line_judge *j)
{
	for (size_t i = 0; i < j->keys.n; i++) {
		const struct strview name = stream_agent(sv_from(j->order[i]->stream));
		struct known_agent *a = j->n ? &j->agent[j->n - 1] : NULL;
		if (!a || !sv_is(name, a->name)) {
			a = &j->agent[j->n++];
			memcpy(a->name, name.p, name.n);
			a->own = &j->order[i];
		}
		a->n_own++;
	}
}

int line_judge_new(const struct verify_keys *keys, struct line_judge **ret)
{
	struct line_judge *made = calloc(1, sizeof(*made));
	int r = made ? -pthread_mutex_init(&made->lock, NULL) : -ENOMEM;
	if (r) {
		free(made);
		return r;
	}
	CLEANUP(line_judge_free) struct line_judge *j = made;
	j->keys.key = calloc(MAX(keys->n, (size_t)1), sizeof(*keys->key));
	j->order = calloc(MAX(keys->n, (size_t)1), sizeof(struct verify_key *));
	j->agent = calloc(MAX(keys->n, (size_t)1), sizeof(*j->agent));
	if (!j->keys.key || !j->order || !j->agent)
		return -ENOMEM;
	for (; j->keys.n < keys->n; j->keys.n++) {
		j->keys.key[j->keys.n] = keys->key[j->keys.n];
		j->order[j->keys.n] = &j->keys.key[j->keys.n];
	}
	qsort(j->order, j->keys.n, sizeof(struct verify_key *), compare_keys);
	make_agents(j);
	*ret = TAKE(j);
	return 0;
}

void line_judge_free(struct line_judge **judge)
{
	struct line_judge *j = TAKE(*judge);
	if (!j)
		return;
	pthread_mutex_destroy(&j->lock);
	verify_keys_done(&j->keys);
	free(j->order);
	free(j->agent);
	free(j);
}

const struct verify_key *line_judge_key(const struct known_agent *agent, uint64_t epoch)
{
	for (size_t i = 0; i < MIN(agent->n_named, (uint64_t)LINE_KEYS_KEPT); i++)
		if (agent->named[i].epoch == epoch)
			return &agent->named[i];
	for (size_t i = 0; i < agent->n_own; i++)
		if (agent->own[i]->epoch == epoch)
			return agent->own[i];
	return NULL;
}

/* The agent was at this epoch, or is about to be: what signs with a key before the one before it is of the past, or has found that key. */
static uint64_t highest_epoch(const struct known_agent *agent)
{
	uint64_t highest = 0;
	for (size_t i = 0; i < MIN(agent->n_named, (uint64_t)LINE_KEYS_KEPT); i++)
		highest = MAX(highest, agent->named[i].epoch);
	for (size_t i = 0; i < agent->n_own; i++)
		highest = MAX(highest, agent->own[i]->epoch);
	return highest;
}

void line_judge_keep_key(struct known_agent *agent, const struct verify_key *key)
{
	agent->named[agent->n_named++ % LINE_KEYS_KEPT] = *key;
}

static bool names_key(const struct verify_record *record)
{
	return sv_is(record->dataset, "vedette.key-roll");
}

/* The key that a verified record names; false: not as it must by the rules of a log. */
static bool read_next_key(const struct verify_record *record, struct verify_key *ret)
{
	const struct statement *st = &record->seal.st;
	return record->sequence + 1 == st->first + st->count &&
	       json_integer(record->next_epoch, &ret->epoch) == 0 && ret->epoch == st->epoch + 1 &&
	       crypto_base64_decode(record->next_key, ret->public_key, CRYPTO_PUBLIC) == 0;
}

/* Once a number has its key no other one gets it: who finds an old key cannot name a new one with it. */
static void take_key(struct known_agent *agent, const struct verify_record *record, struct line_verdict *ret)
{
	struct verify_key key = { .epoch = 0 };
	if (!names_key(record))
		return;
	if (!read_next_key(record, &key)) {
		ret->order = LINE_BROKEN;
		return;
	}
	const struct verify_key *known = line_judge_key(agent, key.epoch);
	if (known) {
		if (memcmp(known->public_key, key.public_key, CRYPTO_PUBLIC) != 0)
			ret->order = LINE_BROKEN;
		return;
	}
	if (ret->order == LINE_AGAIN || ret->order == LINE_BROKEN)
		return;
	if (key.epoch < highest_epoch(agent)) {
		ret->order = LINE_BROKEN;
		return;
	}
	memcpy(key.stream, record->seal.st.stream.p, record->seal.st.stream.n); /* checked: at most STREAM_NAME_MAX */
	line_judge_keep_key(agent, &key);
	ret->has_new_key = true;
}

/* --- the signature --------------------------------------------------------------------------------------------------------------------------- */

static bool is_same(const struct proof *p, const struct verify_record *record)
{
	return p->is_set && memcmp(p->statement, record->statement, CRYPTO_HASH) == 0 &&
	       memcmp(p->signature, record->seal.signature, CRYPTO_SIGNATURE) == 0;
}

static void set_proof(struct proof *p, const struct verify_record *record)
{
	memcpy(p->statement, record->statement, CRYPTO_HASH);
	memcpy(p->signature, record->seal.signature, CRYPTO_SIGNATURE);
	p->is_set = true;
}

/* What it takes to check a signature without the lock. */
struct question {
	struct verify_key key;
	bool is_known; /* the signature was found good before */
};

static enum verify_fault ask_signature(const struct known_agent *agent, const struct verify_record *record, struct question *ret)
{
	const struct verify_key *key = line_judge_key(agent, record->seal.st.epoch);
	*ret = (struct question){ .is_known = is_same(&agent->last, record) || is_same(&agent->other, record) };
	if (!key)
		return ret->is_known ? VERIFY_OK : VERIFY_WRONG_KEY;
	ret->key = *key;
	return VERIFY_OK;
}

/* The lock is not held meanwhile: who sends signatures that are none would make all others wait for them. */
static enum verify_fault check_signature(struct line_judge *j, const struct verify_record *record, struct strview statement)
{
	struct question q;
	pthread_mutex_lock(&j->lock);
	const struct known_agent *agent = line_judge_agent(j, record->seal.st.stream);
	enum verify_fault fault = agent ? ask_signature(agent, record, &q) : VERIFY_WRONG_KEY;
	pthread_mutex_unlock(&j->lock);
	if (fault || q.is_known)
		return fault;
	return crypto_verify(q.key.public_key, statement, record->seal.signature) ? VERIFY_OK : VERIFY_EDITED;
}

/* --- the place ------------------------------------------------------------------------------------------------------------------------------- */

/* By what they say of themselves: a stream begins with its open record, which follows no batch, and has no other. */
static bool is_in_its_place(const struct verify_record *record)
{
	static const uint8_t genesis[CRYPTO_HASH];
	return sv_is(record->dataset, "vedette.open") == (record->sequence == 0) &&
	       (record->seal.st.first != 0 || memcmp(record->prev, genesis, CRYPTO_HASH) == 0);
}

/* A record of the stream at hand. */
static enum line_order order_within(const struct known_agent *agent, const struct verify_record *record, uint64_t *ret_missing)
{
	const struct line_place *p = &agent->place;
	const struct statement *st = &record->seal.st;
	if (record->sequence < p->head.next)
		return LINE_AGAIN;
	if (p->head.is_closed || st->epoch < p->head.epoch)
		return LINE_BROKEN;
	const bool is_within = st->first < p->batch_end;
	if (is_within ? !is_same(&agent->last, record) : sv_compare(st->time, sv_from(p->time)) < 0)
		return LINE_BROKEN; /* some of its places are under another signature, or its batch was signed before the one it follows */
	if (record->sequence > p->head.next) {
		*ret_missing = record->sequence - p->head.next;
		return LINE_GAP;
	}
	bool follows = is_within || memcmp(record->prev, p->head.statement, CRYPTO_HASH) == 0;
	return follows && st->epoch == p->head.epoch ? LINE_NEXT : LINE_BROKEN;
}

static uint64_t incarnation_of(struct strview stream)
{
	struct log_head head = { .next = 0 };
	memcpy(head.stream, stream.p, MIN(stream.n, (size_t)STREAM_NAME_MAX));
	return log_head_incarnation(&head);
}

/* Is the stream between that of the agent's last record and this one? */
static bool is_between(const struct known_agent *agent, struct strview stream, const struct verify_record *record)
{
	uint64_t n = incarnation_of(stream);
	return stream.n <= STREAM_NAME_MAX && sv_is(stream_agent(stream), agent->name) && n > log_head_incarnation(&agent->place.head) &&
	       n < incarnation_of(record->seal.st.stream);
}

/* The open record of a later stream, which says where the one before ended. By the same rules as those of whole logs. */
static enum line_order order_of_open(const struct known_agent *agent, const struct verify_record *record, uint64_t *ret_missing)
{
	const struct line_place *p = &agent->place;
	struct verify_end end = { .next = p->head.next, .is_closed = p->head.is_closed, .rolled_next = p->rolled_next };
	struct verify_past past;
	memcpy(end.statement, p->head.statement, CRYPTO_HASH);
	memcpy(end.rolled_statement, p->rolled_statement, CRYPTO_HASH);
	if (!verify_record_past(record, &past))
		return LINE_BROKEN;
	if (!sv_is(past.stream, p->head.stream)) {
		*ret_missing = MAX(past.next, UINT64_C(1)); /* that stream whole */
		return is_between(agent, past.stream, record) ? LINE_GAP : LINE_BROKEN;
	}
	switch (verify_past_joins(&past, &end)) {
	case JOIN_MISSING:
		*ret_missing = past.next - p->head.next;
		return LINE_GAP;
	case JOIN_FITS:
	case JOIN_FORGETFUL:
		return record->seal.st.epoch == p->head.epoch ? LINE_NEXT : LINE_BROKEN;
	case JOIN_OTHER:
	default:
		/* an agent that lost its log names where its key began, and that may be among what did not come */
		*ret_missing = 0;
		return p->has_hole && !past.is_closed && past.next < p->head.next && past.next > p->rolled_next ? LINE_GAP : LINE_BROKEN;
	}
}

static enum line_order order_behind(const struct known_agent *agent, const struct verify_record *record, uint64_t *ret_missing)
{
	if (record->seal.st.epoch < agent->place.head.epoch)
		return LINE_BROKEN;
	if (record->sequence == 0)
		return order_of_open(agent, record, ret_missing);
	*ret_missing = record->sequence; /* of its own stream, its open record among them */
	return LINE_GAP;
}

static enum line_order order_of(const struct known_agent *agent, const struct verify_record *record, uint64_t *ret_missing)
{
	const struct line_place *p = &agent->place;
	const struct strview stream = record->seal.st.stream;
	if (!p->head.stream[0])
		return record->seal.st.epoch + 1 < highest_epoch(agent) ? LINE_AGAIN : is_in_its_place(record) ? LINE_FIRST : LINE_BROKEN;
	const bool is_same_stream = sv_is(stream, p->head.stream);
	if (!is_same_stream && incarnation_of(stream) <= log_head_incarnation(&p->head))
		return LINE_AGAIN;
	enum line_order order = is_same_stream ? order_within(agent, record, ret_missing) : order_behind(agent, record, ret_missing);
	if (order != LINE_AGAIN && !is_in_its_place(record))
		return LINE_BROKEN;
	return order == LINE_GAP && p->is_old ? LINE_FIRST : order; /* they may have come before the start */
}

static void remember(struct known_agent *agent, const struct verify_record *record, enum line_order order)
{
	struct line_place *p = &agent->place;
	const struct statement *st = &record->seal.st;
	const bool names = names_key(record), begins = record->sequence == 0;
	if (names || begins) {
		p->rolled_next = 0;
		memset(p->rolled_statement, 0, CRYPTO_HASH);
	}
	if (names) {
		p->rolled_next = record->sequence + 1;
		memcpy(p->rolled_statement, record->statement, CRYPTO_HASH);
	}
	p->has_hole = !names && !begins && (p->has_hole || order != LINE_NEXT);
	p->is_old = false;
	p->head = (struct log_head){ .next = record->sequence + 1, .epoch = st->epoch + names, .is_closed = sv_is(record->dataset, "vedette.close") };
	memcpy(p->head.stream, st->stream.p, st->stream.n); /* checked: at most STREAM_NAME_MAX */
	memcpy(p->head.statement, record->statement, CRYPTO_HASH);
	memcpy(p->time, st->time.p, MIN(st->time.n, (size_t)LINE_TIME));
	p->batch_end = st->first + st->count;
	set_proof(&agent->last, record);
	agent->is_heard = true;
}

void line_judge(struct line_judge *j, struct strview line, struct line_verdict *ret)
{
	CLEANUP(buf_done) struct buf scratch = { 0 };
	char explain[VERIFY_EXPLAIN_MAX];
	struct verify_record record;
	*ret = (struct line_verdict){ .fault = verify_record_read(line, &scratch, explain, &record) };
	if (!ret->fault)
		ret->fault = verify_record_hash(&record, &scratch, explain);
	if (ret->fault)
		return;
	ret->fault = check_signature(j, &record, buf_sv(&scratch));
	if (ret->fault)
		return;
	ret->agent = stream_agent(record.seal.st.stream);
	pthread_mutex_lock(&j->lock);
	struct known_agent *agent = line_judge_agent(j, record.seal.st.stream); /* there is one: agents neither come nor go */
	if (!is_same(&agent->last, &record))
		set_proof(&agent->other, &record); /* remember() makes it the last one */
	ret->order = order_of(agent, &record, &ret->missing);
	take_key(agent, &record, ret);
	if (ret->order != LINE_GAP)
		ret->missing = 0;
	if (ret->order != LINE_BROKEN && ret->order != LINE_AGAIN)
		remember(agent, &record, ret->order);
	pthread_mutex_unlock(&j->lock);
}
