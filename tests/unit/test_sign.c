/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alerts/sign.h"
#include "alerts/verify.h"
#include "tests/support/sample_log.h"

static const size_t tree_sizes[] = { 1, 2, 3, 5, 7, 13, 100, 255, 256 };

static struct verifier *verifier_for(const struct sample_log *log, struct verify_keys *keys, bool from_middle)
{
	struct verifier *v = NULL;
	assert_int_equal(verify_keys_parse("key", buf_sv(&log->key_line), keys, NULL), 0);
	assert_int_equal(verifier_new(keys, &(struct verify_options){ .from_middle = from_middle }, &v), 0);
	return v;
}

static void trees_of_every_size_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tree_sizes); i++) {
		CLEANUP(sample_log_done) struct sample_log log;
		CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
		const size_t batches[] = { 1, tree_sizes[i], 2, 0 };
		assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = batches }, &log), 0);
		assert_int_equal(log.n, tree_sizes[i] + 3);
		CLEANUP(verifier_free) struct verifier *v = verifier_for(&log, &keys, false);
		for (size_t k = 0; k < log.n; k++)
			if (verifier_line(v, log.line[k]))
				fail_msg("size %zu, line %zu: %s", tree_sizes[i], k, verifier_explain(v));
		struct verify_result result;
		verifier_result(v, &result);
		assert_true(result.is_closed);
		assert_int_equal(result.missing, 0);
		assert_int_equal(result.records, log.n);
	}
}

static void every_line_verifies_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tree_sizes); i++) {
		CLEANUP(sample_log_done) struct sample_log log;
		const size_t batches[] = { tree_sizes[i], 1, 0 };
		assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = batches }, &log), 0);
		for (size_t k = 0; k < log.n; k++) {
			CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
			CLEANUP(verifier_free) struct verifier *v = verifier_for(&log, &keys, true);
			if (verifier_line(v, log.line[k]))
				fail_msg("size %zu, line %zu: %s", tree_sizes[i], k, verifier_explain(v));
		}
	}
}

/* The tree hash of RFC 6962 written as its definition, over a list of leaves. */
static void defined_root(const uint8_t (*leaf)[CRYPTO_HASH], size_t n, uint8_t ret[static CRYPTO_HASH])
{
	if (n == 1) {
		memcpy(ret, leaf[0], CRYPTO_HASH);
		return;
	}
	size_t k = 1;
	while (k * 2 < n)
		k *= 2;
	uint8_t left[CRYPTO_HASH], right[CRYPTO_HASH];
	defined_root(leaf, k, left); /* depth: log2 of 256 */
	defined_root(leaf + k, n - k, right);
	tree_node(left, right, ret);
}

/* What was signed is the definition's root: rebuilt here from the lines without the paths. */
static void the_signed_root_is_that_of_rfc_6962(void **state)
{
	(void)state;
	static uint8_t leaf[SIGN_BATCH_MAX][CRYPTO_HASH];
	for (size_t i = 0; i < ARRAY_SIZE(tree_sizes); i++) {
		CLEANUP(sample_log_done) struct sample_log log;
		CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
		CLEANUP(buf_done) struct buf text = { 0 };
		const size_t batches[] = { tree_sizes[i], 1, 0 };
		assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = batches }, &log), 0);
		assert_int_equal(verify_keys_parse("key", buf_sv(&log.key_line), &keys, NULL), 0);
		for (size_t k = 0; k < tree_sizes[i]; k++) {
			const char *mark = memmem(log.line[k].p, log.line[k].n, SEAL_MEMBER, strlen(SEAL_MEMBER));
			tree_leaf((struct strview){ log.line[k].p, (size_t)(mark - log.line[k].p) }, SV("}"), leaf[k]);
		}
		struct statement st = { .stream = sv_from(keys.key[0].stream), .count = tree_sizes[i] };
		static const uint8_t genesis[CRYPTO_HASH];
		CLEANUP(buf_done) struct buf prev = { 0 };
		crypto_base64(&prev, genesis, sizeof(genesis));
		st.prev = buf_sv(&prev);
		const char *time = memmem(log.line[0].p, log.line[0].n, "\"time\":\"", 8);
		st.time = (struct strview){ time + 8, 30 };
		defined_root((const uint8_t (*)[CRYPTO_HASH])leaf, tree_sizes[i], st.root);
		statement_text(&st, &text);
		uint8_t signature[CRYPTO_SIGNATURE];
		const char *sig = memmem(log.line[0].p, log.line[0].n, "\"sig\":\"", 7);
		assert_int_equal(crypto_base64_decode((struct strview){ sig + 7, 88 }, signature, sizeof(signature)), 0);
		if (!crypto_verify(keys.key[0].public_key, buf_sv(&text), signature))
			fail_msg("size %zu: another root was signed", tree_sizes[i]);
	}
}

static struct signer *signer_for_test(void)
{
	static const uint8_t seed[32] = { 9 };
	struct crypto_key *key = NULL;
	struct signer *s = NULL;
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(crypto_key_from_seed(seed, &key), 0);
	assert_int_equal(signer_new("a/0", &key, &s), 0);
	assert_null(key);
	return s;
}

static void a_full_signer_asks_for_a_flush(void **state)
{
	(void)state;
	CLEANUP(signer_free) struct signer *s = signer_for_test();
	CLEANUP(buf_done) struct buf out = { .max = 64 * 1024 * 1024 };
	uint64_t n = 0;
	while (signer_add(s, n, SV("{\"a\":1}")) == 0)
		n++;
	assert_int_equal(n, SIGN_BATCH_MAX);
	assert_int_equal(signer_add(s, n, SV("{\"a\":1}")), -EAGAIN);
	assert_int_equal(signer_flush(s, 1, &out), 0);
	assert_int_equal(signer_pending(s), 0);

	static char large[1024 * 1024];
	memset(large, 'x', sizeof(large));
	large[0] = '{';
	large[sizeof(large) - 1] = '}';
	for (int i = 0; i < 4; i++)
		assert_int_equal(signer_add(s, n++, (struct strview){ large, sizeof(large) }), 0);
	assert_int_equal(signer_add(s, n, SV("{\"a\":1}")), -EAGAIN);
	assert_int_equal(signer_flush(s, 1, &out), 0);
	assert_int_equal(signer_add(s, n, SV("{\"a\":1}")), 0);
}

static void wrong_sequences_and_bodies_are_refused(void **state)
{
	(void)state;
	CLEANUP(signer_free) struct signer *s = signer_for_test();
	assert_int_equal(signer_add(s, 1, SV("{\"a\":1}")), -EINVAL);
	assert_int_equal(signer_add(s, 0, SV("[1,2,3]")), -EINVAL);
	assert_int_equal(signer_add(s, 0, SV("{}")), -EINVAL); /* nothing to put a comma behind */
	assert_int_equal(signer_add(s, 0, SV("")), -EINVAL);
	assert_int_equal(signer_pending(s), 0);
	static const char *const bad_streams[] = { "", "a", "a/", "/0", "a/b", "a b/0", "a\"/0", "a/0/0", "a\n/0",
						   "0123456789012345678901234567890123456789012345678901234567890123/0" };
	for (size_t i = 0; i < ARRAY_SIZE(bad_streams); i++) {
		struct crypto_key *key = NULL;
		struct signer *other = NULL;
		assert_int_equal(crypto_key_new(&key), 0);
		if (signer_new(bad_streams[i], &key, &other) != -EINVAL)
			fail_msg("accepted: '%s'", bad_streams[i]);
		assert_non_null(key);
		crypto_key_free(&key);
	}
}

static void a_flush_without_memory_loses_nothing(void **state)
{
	(void)state;
	CLEANUP(signer_free) struct signer *s = signer_for_test();
	CLEANUP(buf_done) struct buf small = { .max = 64 };
	CLEANUP(buf_done) struct buf out = { 0 };
	assert_int_equal(signer_flush(s, 1, &out), 0);
	assert_int_equal(out.n, 0);
	assert_int_equal(signer_add(s, 0, SV("{\"a\":1}")), 0);
	assert_int_equal(signer_flush(s, 1, &small), -ENOMEM);
	assert_int_equal(small.n, 0);
	assert_int_equal(signer_pending(s), 1);
	assert_int_equal(signer_flush(s, 1, &out), 0);
	assert_true(out.n > 0 && out.p[out.n - 1] == '\n');
}

static void the_time_of_statements_never_goes_back(void **state)
{
	(void)state;
	CLEANUP(signer_free) struct signer *s = signer_for_test();
	CLEANUP(buf_done) struct buf out = { 0 };
	assert_int_equal(signer_add(s, 0, SV("{\"a\":1}")), 0);
	assert_int_equal(signer_flush(s, 5000000000, &out), 0);
	buf_reset(&out);
	assert_int_equal(signer_add(s, 1, SV("{\"a\":1}")), 0);
	assert_int_equal(signer_flush(s, 1000000000, &out), 0);
	assert_non_null(memmem(out.p, out.n, "\"1970-01-01T00:00:05.000000000Z\"", 32));
}

static void a_key_is_not_left_while_it_has_something_to_sign(void **state)
{
	(void)state;
	CLEANUP(signer_free) struct signer *s = signer_for_test();
	CLEANUP(buf_done) struct buf out = { 0 };
	CLEANUP(crypto_key_free) struct crypto_key *key = NULL;
	char text[KEY_TEXT];
	assert_int_equal(crypto_key_new(&key), 0);
	key_text(key, text);
	assert_int_equal(signer_add(s, 0, SV("{\"a\":1}")), 0);
	assert_int_equal(signer_roll(s, &key), -EBUSY);
	assert_non_null(key);
	assert_int_equal(signer_epoch(s), 0);
	assert_int_equal(signer_flush(s, 1, &out), 0);
	assert_int_equal(signer_roll(s, &key), 0);
	assert_null(key);
	assert_int_equal(signer_epoch(s), 1);
	assert_string_equal(signer_public_key(s), text);
	assert_int_equal(signer_next_sequence(s), 1); /* the sequence goes on */
}

static void base64_has_one_form(void **state)
{
	(void)state;
	uint8_t bytes[4];
	static const struct {
		const char *text;
		size_t n;
		int result;
	} cases[] = {
		{ "AAAA", 3, 0 },         { "AAA=", 2, 0 },        { "AA==", 1, 0 },         { "AAB=", 2, -EINVAL }, /* stray bits */
		{ "AAA", 2, -EINVAL },    { "AAAA", 2, -EINVAL },  { "AA A", 3, -EINVAL },   { "AA-_", 3, -EINVAL },
		{ "AAA=\n", 2, -EINVAL }, { "A===", 1, -EINVAL },  { "====", 1, -EINVAL },   { "AAAA", 4, -EINVAL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (crypto_base64_decode(sv_from(cases[i].text), bytes, cases[i].n) != cases[i].result)
			fail_msg("'%s' as %zu bytes", cases[i].text, cases[i].n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_of_every_size_verify),
		cmocka_unit_test(every_line_verifies_alone),
		cmocka_unit_test(the_signed_root_is_that_of_rfc_6962),
		cmocka_unit_test(a_full_signer_asks_for_a_flush),
		cmocka_unit_test(wrong_sequences_and_bodies_are_refused),
		cmocka_unit_test(a_flush_without_memory_loses_nothing),
		cmocka_unit_test(the_time_of_statements_never_goes_back),
		cmocka_unit_test(a_key_is_not_left_while_it_has_something_to_sign),
		cmocka_unit_test(base64_has_one_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
