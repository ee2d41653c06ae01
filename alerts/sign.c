/* SPDX-License-Identifier: Apache-2.0 */
/* Batches, trees and statements of the stream signature. Knows nothing of what the bodies say. */
#include "alerts/sign.h"

#include <errno.h>
#include <stdlib.h>

#include "alerts/identity.h"
#include "engine/base/clock.h"
#include "engine/base/json.h"

enum {
	TREE_LEVELS = 9,              /* 256 leaves: levels of 256, 128, ... 1 */
	TIME_TEXT = 30,               /* bytes of an RFC 3339 time with nanoseconds */
	SEAL_MAX_BYTES = 1024,        /* ",vedette_sig:{...}}" and a line end: about 300 + 47 for each of at most 8 hashes */
	HASH_ITEM = 47,               /* a comma and a hash in quoted base64 */
};

struct level {
	uint8_t hash[SIGN_BATCH_MAX][CRYPTO_HASH];
	char item[SIGN_BATCH_MAX][HASH_ITEM]; /* the same as items of paths: each stands in many */
	size_t n;
};

struct signer {
	struct crypto_key *key; /* owned */
	char stream[STREAM_NAME_MAX + 1];
	char public_key[KEY_TEXT];
	uint64_t epoch;
	uint64_t next;                 /* sequence of the next body */
	uint64_t last_wall_ns;
	uint8_t prev[CRYPTO_HASH];     /* SHA-256 of the statement before */
	struct buf bodies;             /* one after the other; reserved at the start */
	size_t end[SIGN_BATCH_MAX];    /* where each ends */
	size_t n;
	struct level level[TREE_LEVELS];
};

void tree_leaf(struct strview body, struct strview body_end, uint8_t ret[static CRYPTO_HASH])
{
	const struct strview parts[] = { { "\0", 1 }, body, body_end };
	crypto_sha256(parts, ARRAY_SIZE(parts), ret);
}

void tree_node(const uint8_t left[static CRYPTO_HASH], const uint8_t right[static CRYPTO_HASH], uint8_t ret[static CRYPTO_HASH])
{
	const struct strview parts[] = { { "\1", 1 }, { (const char *)left, CRYPTO_HASH }, { (const char *)right, CRYPTO_HASH } };
	crypto_sha256(parts, ARRAY_SIZE(parts), ret);
}

static void add_hash(struct buf *out, const uint8_t hash[static CRYPTO_HASH])
{
	crypto_base64(out, hash, CRYPTO_HASH);
}

void statement_text(const struct statement *st, struct buf *out)
{
	buf_add_z(out, "vedette-batch/v1\n");
	buf_add_sv(out, st->stream);
	buf_add_char(out, '\n');
	buf_add_u64(out, st->epoch);
	buf_add_char(out, '\n');
	buf_add_u64(out, st->first);
	buf_add_char(out, ' ');
	buf_add_u64(out, st->count);
	buf_add_char(out, '\n');
	buf_add_sv(out, st->prev);
	buf_add_char(out, '\n');
	buf_add_sv(out, st->time);
	buf_add_char(out, '\n');
	add_hash(out, st->root);
	buf_add_char(out, '\n');
}

static void json_bytes(struct json *j, const uint8_t *bytes, size_t n)
{
	json_base64(j, (struct strview){ (const char *)bytes, n });
}

/* The member's value; where in out the items of the path would stand, or do. */
static size_t seal_write(const struct seal *seal, struct buf *out)
{
	char small[48];
	struct buf batch = { .p = small, .cap = sizeof(small), .max = sizeof(small) }; /* two numbers and a blank: at most 41 bytes */
	struct json j;
	buf_add_u64(&batch, seal->st.first);
	buf_add_char(&batch, ' ');
	buf_add_u64(&batch, seal->st.count);
	json_init(&j, out);
	json_object_begin(&j);
	json_key(&j, "batch");
	json_str(&j, buf_sv(&batch));
	json_key(&j, "epoch");
	json_u64(&j, seal->st.epoch);
	json_key(&j, "path");
	json_array_begin(&j);
	size_t path_at = out->n;
	for (size_t i = 0; i < seal->n_path; i++)
		json_bytes(&j, seal->path + i * CRYPTO_HASH, CRYPTO_HASH);
	json_array_end(&j);
	json_key(&j, "prev");
	json_str(&j, seal->st.prev);
	json_key(&j, "sig");
	json_bytes(&j, seal->signature, sizeof(seal->signature));
	json_key(&j, "stream");
	json_str(&j, seal->st.stream);
	json_key(&j, "time");
	json_str(&j, seal->st.time);
	json_key(&j, "v");
	json_u64(&j, 1);
	json_object_end(&j);
	return path_at;
}

const char *seal_find(struct strview line)
{
	static const char mark[] = SEAL_MEMBER;
	size_t n = sizeof(mark) - 1;
	for (size_t at = line.n >= n ? line.n - n + 1 : 0; at-- > 0;)
		if (line.p[at] == ',' && memcmp(line.p + at, mark, n) == 0)
			return line.p + at;
	return NULL;
}

void seal_text(const struct seal *seal, struct buf *out)
{
	(void)seal_write(seal, out);
}

/* Letters, digits, dots and dashes, one slash: nothing that JSON would escape or a line would break at. */
static bool is_stream_name(const char *name)
{
	size_t n = strlen(name);
	const char *slash = strchr(name, '/');
	return n <= STREAM_NAME_MAX && slash && slash > name && slash[1] && strspn(slash + 1, "0123456789") == strlen(slash + 1) &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == (size_t)(slash - name);
}

void key_text(const struct crypto_key *key, char ret[static KEY_TEXT])
{
	uint8_t public_key[CRYPTO_PUBLIC];
	struct buf text = { .p = ret, .cap = KEY_TEXT, .max = KEY_TEXT };
	memset(ret, 0, KEY_TEXT);
	crypto_key_public(key, public_key);
	crypto_base64(&text, public_key, sizeof(public_key)); /* 44 bytes; the rest stays zero */
}

int signer_new(const char *stream, struct crypto_key **key, struct signer **ret)
{
	if (!is_stream_name(stream))
		return -EINVAL;
	CLEANUP(signer_free) struct signer *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->bodies.max = SIGN_PENDING_MAX_BYTES;
	if (buf_reserve(&s->bodies, SIGN_PENDING_MAX_BYTES))
		return -ENOMEM;
	memcpy(s->stream, stream, strlen(stream));
	key_text(*key, s->public_key);
	s->key = TAKE(*key);
	*ret = TAKE(s);
	return 0;
}

void signer_free(struct signer **s)
{
	if (!*s)
		return;
	crypto_key_free(&(*s)->key);
	buf_done(&(*s)->bodies);
	free(*s);
	*s = NULL;
}

const char *signer_stream(const struct signer *s)
{
	return s->stream;
}

const char *signer_public_key(const struct signer *s)
{
	return s->public_key;
}

void signer_key_line(const struct signer *s, struct buf *out)
{
	buf_add_format(out, "vedette-key/v1 %s %llu %s\n", s->stream, (unsigned long long)s->epoch, s->public_key);
}

uint64_t signer_epoch(const struct signer *s)
{
	return s->epoch;
}

void signer_begin_at(struct signer *s, uint64_t epoch)
{
	s->epoch = epoch;
}

void signer_head(const struct signer *s, struct log_head *ret)
{
	*ret = (struct log_head){ .next = s->next - s->n, .epoch = s->epoch };
	memcpy(ret->stream, s->stream, strlen(s->stream));
	memcpy(ret->statement, s->prev, CRYPTO_HASH);
}

int signer_roll(struct signer *s, struct crypto_key **key)
{
	if (s->n)
		return -EBUSY;
	crypto_key_free(&s->key);
	s->key = TAKE(*key);
	key_text(s->key, s->public_key);
	s->epoch++;
	return 0;
}

bool signer_key_is_locked(const struct signer *s)
{
	return crypto_key_is_locked(s->key);
}

uint64_t signer_next_sequence(const struct signer *s)
{
	return s->next;
}

size_t signer_pending(const struct signer *s)
{
	return s->n;
}

size_t signer_pending_bytes(const struct signer *s)
{
	return s->bodies.n;
}

static struct strview body_at(const struct signer *s, size_t index)
{
	size_t from = index ? s->end[index - 1] : 0;
	return (struct strview){ s->bodies.p + from, s->end[index] - from };
}

/* The last two, while the caches still have them. The last of an odd number is left to the tree. */
static void hash_two_leaves(struct signer *s)
{
	const struct strview bodies[2] = { body_at(s, s->n - 2), body_at(s, s->n - 1) };
	crypto_sha256_two(0, bodies, &s->level[0].hash[s->n - 2]);
}

int signer_add(struct signer *s, uint64_t sequence, struct strview body)
{
	if (sequence != s->next || body.n < 3 || body.p[0] != '{' || body.p[body.n - 1] != '}' || body.n > SIGN_PENDING_MAX_BYTES)
		return -EINVAL;
	if (s->n == SIGN_BATCH_MAX || body.n > SIGN_PENDING_MAX_BYTES - s->bodies.n)
		return -EAGAIN;
	buf_add_sv(&s->bodies, body); /* reserved: cannot fail */
	s->end[s->n++] = s->bodies.n;
	s->next++;
	if (s->n % 2 == 0)
		hash_two_leaves(s);
	return 0;
}

/* Nodes of a level from those below, of which each has a sibling. */
static void add_nodes(struct level *up, const struct level *below)
{
	size_t n = below->n / 2, i = 0;
	for (; i + 1 < n; i += 2) {
		const struct strview pairs[2] = { { (const char *)below->hash[2 * i], 2 * CRYPTO_HASH }, { (const char *)below->hash[2 * i + 2], 2 * CRYPTO_HASH } };
		crypto_sha256_two(1, pairs, &up->hash[i]);
	}
	if (i < n)
		tree_node(below->hash[2 * i], below->hash[2 * i + 1], up->hash[i]);
}

/* A node without a sibling moves up as it is: the shape of RFC 6962. */
static size_t tree_build(struct signer *s)
{
	size_t depth = 0;
	if (s->n % 2)
		tree_leaf(body_at(s, s->n - 1), SV(""), s->level[0].hash[s->n - 1]);
	s->level[0].n = s->n;
	while (s->level[depth].n > 1) {
		const struct level *below = &s->level[depth];
		struct level *up = &s->level[++depth];
		up->n = (below->n + 1) / 2;
		add_nodes(up, below);
		if (below->n % 2)
			memcpy(up->hash[up->n - 1], below->hash[below->n - 1], CRYPTO_HASH);
	}
	return depth;
}

/* The hashes that stand in paths, as text: all but the root. */
static void write_items(struct signer *s)
{
	for (size_t depth = 0; s->level[depth].n > 1; depth++) {
		struct level *level = &s->level[depth];
		for (size_t i = 0; i < level->n; i++) {
			struct buf item = { .p = level->item[i], .cap = HASH_ITEM, .max = HASH_ITEM };
			struct json j = { .out = &item, .need_comma = true };
			json_bytes(&j, level->hash[i], CRYPTO_HASH);
		}
	}
}

static void add_path(const struct signer *s, size_t index, struct buf *out)
{
	size_t comma = 1; /* none before the first */
	for (size_t depth = 0; s->level[depth].n > 1; depth++, index /= 2) {
		size_t sibling = index ^ 1;
		if (sibling >= s->level[depth].n)
			continue;
		buf_add(out, s->level[depth].item[sibling] + comma, HASH_ITEM - comma);
		comma = 0;
	}
}

/* Each body with its seal. What seals have in common, all but the path, is written once. */
static void add_lines(struct signer *s, const struct seal *seal, struct buf *out)
{
	char small[SEAL_MAX_BYTES];
	struct buf text = { .p = small, .cap = sizeof(small), .max = sizeof(small) };
	buf_add_z(&text, SEAL_MEMBER);
	size_t path_at = seal_write(seal, &text);
	buf_add_z(&text, "}\n");
	write_items(s);
	for (size_t i = 0; i < s->n; i++) {
		struct strview body = body_at(s, i);
		buf_add(out, body.p, body.n - 1); /* without its closing brace */
		buf_add(out, small, path_at);
		add_path(s, i, out);
		buf_add(out, small + path_at, text.n - path_at);
	}
}

int signer_flush(struct signer *s, uint64_t wall_ns, struct buf *out)
{
	if (s->n == 0)
		return 0;
	if (buf_reserve(out, s->bodies.n + s->n * SEAL_MAX_BYTES))
		return -ENOMEM;
	char small[512], time_text[TIME_TEXT + 34], prev_text[48];
	struct buf text = { .p = small, .cap = sizeof(small), .max = sizeof(small) }; /* at most 17 + 65 + 21 + 42 + 45 + 31 + 45 bytes */
	struct buf time = { .p = time_text, .cap = sizeof(time_text), .max = sizeof(time_text) };
	struct buf prev = { .p = prev_text, .cap = sizeof(prev_text), .max = sizeof(prev_text) };
	struct seal seal = { .st = { .stream = sv_from(s->stream), .epoch = s->epoch, .first = s->next - s->n, .count = s->n } };

	s->last_wall_ns = MAX(wall_ns, s->last_wall_ns);
	clock_add_rfc3339(&time, s->last_wall_ns);
	add_hash(&prev, s->prev);
	memcpy(seal.st.root, s->level[tree_build(s)].hash[0], CRYPTO_HASH);
	seal.st.time = buf_sv(&time);
	seal.st.prev = buf_sv(&prev);
	statement_text(&seal.st, &text);
	crypto_key_sign(s->key, buf_sv(&text), seal.signature);
	add_lines(s, &seal, out);

	const struct strview whole = buf_sv(&text);
	crypto_sha256(&whole, 1, s->prev);
	buf_reset(&s->bodies);
	s->n = 0;
	return 0;
}
