/* SPDX-License-Identifier: Apache-2.0 */
#include "alerts/receipt.h"

#include <errno.h>

#include "engine/base/clock.h"
#include "engine/base/jsonread.h"

enum { KEY_ID = 4, ED25519 = 1, RAW_KEY = 1 + CRYPTO_PUBLIC, RAW_SIGNATURE = KEY_ID + CRYPTO_SIGNATURE };
#define DOMAIN "vedette-receipt/v1 "
#define SIGNATURE_MARK "\xe2\x80\x94 " /* a long dash and a blank */

bool receipt_name_is_fine(const char *name)
{
	size_t n = strlen(name);
	return n > 0 && n <= RECEIPT_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") == n;
}

/* First bytes of SHA-256(name LF type key): tells keys of one name apart. */
static void key_id(const char *name, const uint8_t public_key[static CRYPTO_PUBLIC], uint8_t ret[static KEY_ID])
{
	uint8_t hash[CRYPTO_HASH];
	const struct strview parts[] = { sv_from(name), { "\n\1", 2 }, { (const char *)public_key, CRYPTO_PUBLIC } };
	crypto_sha256(parts, ARRAY_SIZE(parts), hash);
	memcpy(ret, hash, KEY_ID);
}

static void add_verifier(const char *name, const uint8_t public_key[static CRYPTO_PUBLIC], struct buf *out)
{
	uint8_t id[KEY_ID], raw[RAW_KEY] = { ED25519 };
	key_id(name, public_key, id);
	memcpy(raw + 1, public_key, CRYPTO_PUBLIC);
	buf_add_format(out, "%s+%02x%02x%02x%02x+", name, id[0], id[1], id[2], id[3]);
	crypto_base64(out, raw, sizeof(raw));
	buf_add_char(out, '\n');
}

void receipt_verifier_text(const char *name, const struct crypto_key *key, struct buf *out)
{
	uint8_t public_key[CRYPTO_PUBLIC];
	crypto_key_public(key, public_key);
	add_verifier(name, public_key, out);
}

/* The text before `end`, and the rest behind it. */
static bool take_until(struct strview *text, char end, struct strview *ret)
{
	const char *at = text->n ? memchr(text->p, end, text->n) : NULL;
	if (!at)
		return false;
	*ret = (struct strview){ text->p, (size_t)(at - text->p) };
	*text = sv_from_index(*text, ret->n + 1);
	return true;
}

static bool copy_name(struct strview name, char ret[static RECEIPT_NAME_MAX + 1])
{
	if (name.n == 0 || name.n > RECEIPT_NAME_MAX || memchr(name.p, '\0', name.n))
		return false;
	memcpy(ret, name.p, name.n);
	ret[name.n] = '\0';
	return receipt_name_is_fine(ret);
}

int receipt_verifier_parse(struct strview text, struct receipt_verifier *ret)
{
	struct receipt_verifier v = { .name = "" };
	CLEANUP(buf_done) struct buf again = { 0 };
	struct strview whole = text, name, id;
	uint8_t raw[RAW_KEY];
	if (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	if (!take_until(&text, '+', &name) || !take_until(&text, '+', &id) || !copy_name(name, v.name) || crypto_base64_decode(text, raw, sizeof(raw)) ||
	    raw[0] != ED25519)
		return -EINVAL;
	memcpy(v.public_key, raw + 1, CRYPTO_PUBLIC);
	add_verifier(v.name, v.public_key, &again); /* the only form, key id included */
	if (whole.p[whole.n - 1] != '\n')
		again.n--;
	if (buf_error(&again) || !sv_equal(buf_sv(&again), whole))
		return -EINVAL;
	*ret = v;
	return 0;
}

static void add_text(const struct receipt *r, struct buf *out)
{
	buf_add_format(out, DOMAIN "%s\n%llu\n", r->head.stream, (unsigned long long)r->head.next);
	crypto_base64(out, r->head.statement, CRYPTO_HASH);
	buf_add_format(out, "\n%s\n", r->time);
}

void receipt_make(const struct log_head *head, const char *name, const struct crypto_key *key, uint64_t wall_ns, struct buf *out)
{
	struct receipt r = { .head = *head };
	uint8_t public_key[CRYPTO_PUBLIC], raw[RAW_SIGNATURE];
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(buf_done) struct buf time = { 0 };
	clock_add_rfc3339(&time, wall_ns);
	memcpy(r.time, buf_cstr(&time), MIN(time.n, (size_t)RECEIPT_TIME));
	add_text(&r, &text);
	crypto_key_public(key, public_key);
	key_id(name, public_key, raw);
	crypto_key_sign(key, buf_sv(&text), raw + KEY_ID);
	buf_add_sv(out, buf_sv(&text));
	buf_add_format(out, "\n" SIGNATURE_MARK "%s ", name);
	crypto_base64(out, raw, sizeof(raw));
	buf_add_char(out, '\n');
	out->failed |= text.failed || time.failed;
}

static bool parse_text(struct strview text, struct receipt *r)
{
	struct strview stream, next, statement, time;
	uint64_t ns;
	if (!sv_starts(text, SV(DOMAIN)))
		return false;
	text = sv_from_index(text, sizeof(DOMAIN) - 1);
	if (!take_until(&text, '\n', &stream) || !take_until(&text, '\n', &next) || !take_until(&text, '\n', &statement) || !take_until(&text, '\n', &time) || text.n ||
	    stream.n == 0 || stream.n > STREAM_NAME_MAX || memchr(stream.p, '\0', stream.n) || json_integer(next, &r->head.next) ||
	    crypto_base64_decode(statement, r->head.statement, CRYPTO_HASH) || time.n != RECEIPT_TIME || clock_parse_rfc3339(time, &ns))
		return false;
	memcpy(r->head.stream, stream.p, stream.n);
	memcpy(r->time, time.p, time.n);
	return true;
}

int receipt_parse(struct strview text, const struct receipt_verifier *by, struct receipt *ret)
{
	struct receipt r = { .name = "" };
	uint8_t id[KEY_ID], raw[RAW_SIGNATURE];
	const char *empty = text.n ? memmem(text.p, text.n, "\n\n", 2) : NULL;
	if (!empty || text.n > RECEIPT_MAX)
		return -EINVAL;
	struct strview signed_text = { text.p, (size_t)(empty - text.p) + 1 }, rest = sv_from_index(text, signed_text.n + 1), line, name;
	if (!parse_text(signed_text, &r) || !take_until(&rest, '\n', &line) || rest.n || !sv_starts(line, SV(SIGNATURE_MARK)))
		return -EINVAL;
	line = sv_from_index(line, sizeof(SIGNATURE_MARK) - 1);
	if (!take_until(&line, ' ', &name) || !copy_name(name, r.name) || crypto_base64_decode(line, raw, sizeof(raw)))
		return -EINVAL;
	key_id(by->name, by->public_key, id);
	if (strcmp(r.name, by->name) != 0 || memcmp(raw, id, KEY_ID) != 0 || !crypto_verify(by->public_key, signed_text, raw + KEY_ID))
		return -EKEYREJECTED;
	*ret = r;
	return 0;
}
