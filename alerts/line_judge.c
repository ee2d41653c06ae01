/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of each agent is what its last record in order said. Reading, hashing and checking signatures need no lock; what is compared and kept does. */
#include "alerts/line_judge.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "alerts/verify_record.h"
#include "engine/base/jsonread.h"

/* A signature that was found good. */
struct proof {
	uint8_t statement[CRYPTO_HASH], signature[CRYPTO_SIGNATURE];
	bool is_set;
};

struct known_agent {
	char name[STREAM_NAME_MAX + 1];
	struct log_head head;      /* behind the last record in order; stream "": none came yet */
	uint64_t batch_end;        /* sequence behind the batch of that record */
	struct proof last, other;  /* its batch; one that was out of order: what is sent again costs no more than what comes first */
	struct verify_key named[LINE_KEYS_KEPT]; /* by records; a ring */
	uint64_t n_named;
};

struct line_judge {
	pthread_mutex_t lock;
	struct verify_keys keys;   /* owned */
	struct known_agent *agent; /* sorted by name */
	size_t n;
};

const char *line_order_text(enum line_order order)
{
	static const char *const texts[LINE_ORDERS] = {
		[LINE_FIRST] = "first", [LINE_NEXT] = "next", [LINE_GAP] = "gap", [LINE_AGAIN] = "again", [LINE_BROKEN] = "broken",
	};
	return texts[order];
}

/* --- agents and keys ---------------------------------------------------------------------------------------------------------------------- */

static int compare_agents(const void *a, const void *b)
{
	return strcmp(((const struct known_agent *)a)->name, ((const struct known_agent *)b)->name);
}

static int compare_name(const void *name, const void *agent)
{
	return sv_compare(*(const struct strview *)name, sv_from(((const struct known_agent *)agent)->name));
}

static struct known_agent *find_agent(const struct line_judge *j, struct strview stream)
{
	const struct strview name = stream_agent(stream);
	return bsearch(&name, j->agent, j->n, sizeof(*j->agent), compare_name);
}

int line_judge_new(const struct verify_keys *keys, struct line_judge **ret)
{
	CLEANUP(line_judge_free) struct line_judge *j = calloc(1, sizeof(*j));
	if (!j)
		return -ENOMEM;
	pthread_mutex_init(&j->lock, NULL);
	j->keys.key = calloc(MAX(keys->n, (size_t)1), sizeof(*keys->key));
	j->agent = calloc(MAX(keys->n, (size_t)1), sizeof(*j->agent));
	if (!j->keys.key || !j->agent)
		return -ENOMEM;
	for (; j->keys.n < keys->n; j->keys.n++) {
		const struct strview name = stream_agent(sv_from(keys->key[j->keys.n].stream));
		j->keys.key[j->keys.n] = keys->key[j->keys.n];
		memcpy(j->agent[j->keys.n].name, name.p, name.n);
	}
	qsort(j->agent, keys->n, sizeof(*j->agent), compare_agents);
	for (size_t i = 0; i < keys->n; i++) /* of several keys of one agent, one agent stays */
		if (!j->n || compare_agents(&j->agent[j->n - 1], &j->agent[i]) != 0)
			j->agent[j->n++] = j->agent[i];
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
	free(j->agent);
	free(j);
}

static const struct verify_key *find_key(const struct line_judge *j, const struct known_agent *agent, struct strview stream, uint64_t epoch)
{
	for (size_t i = 0; i < MIN(agent->n_named, (uint64_t)LINE_KEYS_KEPT); i++)
		if (agent->named[i].epoch == epoch)
			return &agent->named[i];
	return verify_keys_find(&j->keys, stream, epoch);
}

/* The agent was at this epoch, or is about to be: what signs with a key before the one before it is of the past, or has found that key. */
static uint64_t highest_epoch(const struct line_judge *j, const struct known_agent *agent)
{
	uint64_t highest = 0;
	for (size_t i = 0; i < MIN(agent->n_named, (uint64_t)LINE_KEYS_KEPT); i++)
		highest = MAX(highest, agent->named[i].epoch);
	for (size_t i = 0; i < j->keys.n; i++)
		if (sv_equal(stream_agent(sv_from(j->keys.key[i].stream)), sv_from(agent->name)))
			highest = MAX(highest, j->keys.key[i].epoch);
	return highest;
}

static void keep_key(struct known_agent *agent, const struct verify_key *key)
{
	agent->named[agent->n_named++ % LINE_KEYS_KEPT] = *key;
}

/* The key that a verified record names, by the rules of a log; false: it names none, or not as it must. */
static bool read_next_key(const struct verify_record *record, struct verify_key *ret)
{
	const struct statement *st = &record->seal.st;
	return sv_is(record->dataset, "vedette.key-roll") && record->sequence + 1 == st->first + st->count &&
	       json_integer(record->next_epoch, &ret->epoch) == 0 && ret->epoch == st->epoch + 1 &&
	       crypto_base64_decode(record->next_key, ret->public_key, CRYPTO_PUBLIC) == 0;
}

/* Once a number has its key no other one gets it: who finds an old key cannot name a new one with it. */
static void take_key(const struct line_judge *j, struct known_agent *agent, const struct verify_record *record, struct line_verdict *ret)
{
	struct verify_key key = { .epoch = 0 };
	if (!read_next_key(record, &key))
		return;
	const struct verify_key *known = find_key(j, agent, record->seal.st.stream, key.epoch);
	if (known) {
		if (memcmp(known->public_key, key.public_key, CRYPTO_PUBLIC) != 0)
			ret->order = LINE_BROKEN;
		return;
	}
	if (ret->order == LINE_AGAIN || ret->order == LINE_BROKEN)
		return;
	if (key.epoch < highest_epoch(j, agent)) {
		ret->order = LINE_BROKEN;
		return;
	}
	memcpy(key.stream, record->seal.st.stream.p, record->seal.st.stream.n); /* checked: at most STREAM_NAME_MAX */
	keep_key(agent, &key);
	ret->has_new_key = true;
}

void line_judge_add_keys(struct line_judge *j, const struct verify_keys *keys)
{
	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < keys->n; i++) {
		const struct strview stream = sv_from(keys->key[i].stream);
		struct known_agent *agent = find_agent(j, stream);
		if (agent && !find_key(j, agent, stream, keys->key[i].epoch))
			keep_key(agent, &keys->key[i]);
	}
	pthread_mutex_unlock(&j->lock);
}

void line_judge_keys(struct line_judge *j, struct buf *out)
{
	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < j->n; i++) {
		const struct known_agent *a = &j->agent[i];
		const uint64_t n = MIN(a->n_named, (uint64_t)LINE_KEYS_KEPT);
		for (uint64_t k = a->n_named - n; k < a->n_named; k++) {
			const struct verify_key *key = &a->named[k % LINE_KEYS_KEPT];
			buf_add_format(out, "vedette-key/v1 %s %llu ", key->stream, (unsigned long long)key->epoch);
			crypto_base64(out, key->public_key, CRYPTO_PUBLIC);
			buf_add_char(out, '\n');
		}
	}
	pthread_mutex_unlock(&j->lock);
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

static enum verify_fault ask_signature(const struct line_judge *j, const struct known_agent *agent, const struct verify_record *record, struct question *ret)
{
	const struct verify_key *key = find_key(j, agent, record->seal.st.stream, record->seal.st.epoch);
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
	const struct known_agent *agent = find_agent(j, record->seal.st.stream);
	enum verify_fault fault = agent ? ask_signature(j, agent, record, &q) : VERIFY_WRONG_KEY;
	pthread_mutex_unlock(&j->lock);
	if (fault || q.is_known)
		return fault;
	return crypto_verify(q.key.public_key, statement, record->seal.signature) ? VERIFY_OK : VERIFY_EDITED;
}

/* --- the place ------------------------------------------------------------------------------------------------------------------------------- */

/* A record of the stream at hand. */
static enum line_order order_within(const struct known_agent *agent, const struct verify_record *record, uint64_t *ret_missing)
{
	const struct log_head *head = &agent->head;
	const struct statement *st = &record->seal.st;
	if (record->sequence < head->next)
		return LINE_AGAIN;
	if (head->is_closed || st->epoch < head->epoch)
		return LINE_BROKEN;
	if (st->first < agent->batch_end && !is_same(&agent->last, record))
		return LINE_BROKEN; /* some of its places are under another signature */
	if (record->sequence > head->next) {
		*ret_missing = record->sequence - head->next;
		return LINE_GAP;
	}
	bool begins = record->sequence == agent->batch_end;
	return begins && memcmp(record->prev, head->statement, CRYPTO_HASH) != 0 ? LINE_BROKEN : LINE_NEXT;
}

/* A later stream of the agent: its open record says where the one before ended. */
static enum line_order order_behind(const struct known_agent *agent, const struct verify_record *record, uint64_t *ret_missing)
{
	struct json_want w[] = { { .path = "vedette.previous.stream" }, { .path = "vedette.previous.next" }, { .path = "vedette.previous.statement" } };
	uint64_t next = 0;
	uint8_t statement[CRYPTO_HASH];
	const char *error;
	size_t at;
	*ret_missing = record->sequence + 1; /* at least its open record, or one of a stream between */
	if (record->seal.st.epoch < agent->head.epoch)
		return LINE_BROKEN;
	if (record->sequence != 0 || json_read_members(record->text, w, ARRAY_SIZE(w), &error, &at) || !sv_is(w[0].raw, agent->head.stream) ||
	    json_integer(w[1].raw, &next) || crypto_base64_decode(w[2].raw, statement, CRYPTO_HASH))
		return LINE_GAP;
	*ret_missing = next > agent->head.next ? next - agent->head.next : 0;
	if (*ret_missing)
		return LINE_GAP;
	return next < agent->head.next || memcmp(statement, agent->head.statement, CRYPTO_HASH) != 0 ? LINE_BROKEN : LINE_NEXT;
}

static enum line_order order_of(const struct line_judge *j, const struct known_agent *agent, const struct verify_record *record, uint64_t *ret_missing)
{
	struct log_head there = { .next = record->sequence };
	memcpy(there.stream, record->seal.st.stream.p, record->seal.st.stream.n); /* checked: at most STREAM_NAME_MAX */
	if (!agent->head.stream[0])
		return record->seal.st.epoch + 1 < highest_epoch(j, agent) ? LINE_AGAIN : LINE_FIRST;
	if (strcmp(there.stream, agent->head.stream) == 0)
		return order_within(agent, record, ret_missing);
	if (log_head_incarnation(&there) <= log_head_incarnation(&agent->head))
		return LINE_AGAIN;
	return order_behind(agent, record, ret_missing);
}

static void remember(struct known_agent *agent, const struct verify_record *record)
{
	const struct statement *st = &record->seal.st;
	agent->head = (struct log_head){ .next = record->sequence + 1, .epoch = st->epoch, .is_closed = sv_is(record->dataset, "vedette.close") };
	memcpy(agent->head.stream, st->stream.p, st->stream.n); /* checked: at most STREAM_NAME_MAX */
	memcpy(agent->head.statement, record->statement, CRYPTO_HASH);
	agent->batch_end = st->first + st->count;
	set_proof(&agent->last, record);
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
	pthread_mutex_lock(&j->lock);
	struct known_agent *agent = find_agent(j, record.seal.st.stream); /* there is one: agents neither come nor go */
	if (!is_same(&agent->last, &record))
		set_proof(&agent->other, &record); /* remember() makes it the last one */
	ret->order = order_of(j, agent, &record, &ret->missing);
	take_key(j, agent, &record, ret);
	if (ret->order == LINE_BROKEN || ret->order == LINE_AGAIN)
		ret->missing = 0;
	else
		remember(agent, &record);
	pthread_mutex_unlock(&j->lock);
}
