/* SPDX-License-Identifier: Apache-2.0 */
/* Files of public keys: what a verifier is given. */
#include <errno.h>
#include <stdlib.h>

#include "alerts/verify.h"
#include "engine/base/fd.h"
#include "engine/base/jsonread.h"

enum { KEY_FILE_MAX = 2 * 1024 * 1024 };

bool verify_key_parse(struct strview line, struct verify_key *ret)
{
	struct strview mark, stream, epoch, key;
	bool has_all = sv_take_word(&line, &mark) && sv_take_word(&line, &stream) && sv_take_word(&line, &epoch) && sv_take_word(&line, &key);
	if (!has_all || line.n || !sv_is(mark, "vedette-key/v1") || stream.n > STREAM_NAME_MAX)
		return false;
	memcpy(ret->stream, stream.p, stream.n);
	ret->stream[stream.n] = '\0';
	return json_integer(epoch, &ret->epoch) == 0 && crypto_base64_decode(key, ret->public_key, CRYPTO_PUBLIC) == 0;
}

static int parse_lines(const char *name, struct strview text, struct verify_keys *keys, struct diag *diag)
{
	for (unsigned number = 1; text.n; number++) {
		const char *end = memchr(text.p, '\n', text.n);
		struct strview line = { text.p, end ? (size_t)(end - text.p) : text.n };
		struct place at = { name, number, 1 };
		text = sv_from_index(text, line.n + (end != NULL));
		if (line.n && line.p[line.n - 1] == '\r') /* a key may have come by way of Windows or mail */
			line.n--;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (keys->n == VERIFY_KEYS_MAX) {
			diag_error(diag, at, "more than %d keys", VERIFY_KEYS_MAX);
			return -E2BIG;
		}
		if (!verify_key_parse(line, &keys->key[keys->n++])) {
			diag_error(diag, at, "is no public key: expected 'vedette-key/v1 STREAM EPOCH BASE64'");
			return -EINVAL;
		}
	}
	if (keys->n == 0) {
		diag_error(diag, (struct place){ name, 0, 0 }, "holds no public key: expected lines 'vedette-key/v1 STREAM EPOCH BASE64'");
		return -EINVAL;
	}
	return 0;
}

int verify_keys_parse(const char *name, struct strview text, struct verify_keys *ret, struct diag *diag)
{
	struct verify_keys keys = { .key = calloc(VERIFY_KEYS_MAX, sizeof(struct verify_key)) };
	if (!keys.key)
		return -ENOMEM;
	int r = parse_lines(name, text, &keys, diag);
	if (r)
		verify_keys_done(&keys);
	else
		*ret = keys;
	return r;
}

int verify_keys_read(const char *path, struct verify_keys *ret, struct diag *diag)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	int r = fd_read_file(path, KEY_FILE_MAX, &text);
	if (r) {
		diag_error(diag, (struct place){ path, 0, 0 }, "cannot be read: %s", strerror(-r));
		return r;
	}
	return verify_keys_parse(path, buf_sv(&text), ret, diag);
}

void verify_keys_done(struct verify_keys *keys)
{
	free(keys->key);
	*keys = (struct verify_keys){ 0 };
}

const struct verify_key *verify_keys_find(const struct verify_keys *keys, struct strview stream, uint64_t epoch)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->key[i].epoch == epoch && sv_equal(stream_agent(sv_from(keys->key[i].stream)), stream_agent(stream)))
			return &keys->key[i];
	return NULL;
}

const struct verify_key *verify_keys_find_earlier(const struct verify_keys *keys, struct strview stream, uint64_t epoch)
{
	const struct verify_key *latest = NULL;
	for (size_t i = 0; i < keys->n; i++) {
		const struct verify_key *key = &keys->key[i];
		if (key->epoch < epoch && (!latest || key->epoch > latest->epoch) && sv_equal(stream_agent(sv_from(key->stream)), stream_agent(stream)))
			latest = key;
	}
	return latest;
}
