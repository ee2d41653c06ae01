/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of requests against vectors of others, and files of secrets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/crypto.h"
#include "alerts/webhook_sign.h"

struct fixture {
	char folder[64], file[96], other[96];
};

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f || crypto_init())
		return -1;
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/vedette-secret-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	(void)snprintf(f->file, sizeof(f->file), "%s/a", f->folder);
	(void)snprintf(f->other, sizeof(f->other), "%s/b", f->folder);
	*state = f;
	return 0;
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;
	(void)unlink(f->file);
	(void)unlink(f->other);
	(void)rmdir(f->folder);
	free(f);
	return 0;
}

static void write_file(const char *path, const void *bytes, size_t n, mode_t mode)
{
	(void)unlink(path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void write_secret(const char *path, const char *text)
{
	write_file(path, text, strlen(text), 0600);
}

static void sign_with(const char *hmac, const char *ed25519, struct strview id, uint64_t seconds, struct strview body, struct buf *out)
{
	CLEANUP(webhook_signer_free) struct webhook_signer *s = NULL;
	assert_int_equal(webhook_signer_new(hmac, ed25519, &s, NULL), 0);
	webhook_sign(s, id, seconds, body, out);
}

/* The example of the specification of Standard Webhooks, which other libraries test as well. */
static void v1_is_that_of_the_standard(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf out = { 0 };
	write_secret(f->file, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
	sign_with(f->file, "", SV("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330, SV("{\"test\": 2432232314}"), &out);
	assert_string_equal(buf_cstr(&out), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

/* HMAC-SHA-256 of RFC 4231, cases 1, 2, 3 and 6. */
static void the_hmac_is_that_of_rfc_4231(void **state)
{
	static char aa_20[20], dd_50[50], aa_131[131], b_20[20];
	memset(aa_20, 0xaa, sizeof(aa_20));
	memset(dd_50, 0xdd, sizeof(dd_50));
	memset(aa_131, 0xaa, sizeof(aa_131));
	memset(b_20, 0x0b, sizeof(b_20));
	const struct {
		struct strview key, text;
		const char *hex;
	} cases[] = {
		{ { b_20, 20 }, SV("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ SV("Jefe"), SV("what do ya want for nothing?"), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ { aa_20, 20 }, { dd_50, 50 }, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
		{ { aa_131, 131 }, SV("Test Using Larger Than Block-Size Key - Hash Key First"), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t cut = 0; cut <= cases[i].text.n; cut += cases[i].text.n) { /* in one part, and in two */
			const struct strview parts[] = { { cases[i].text.p, cut / 2 }, sv_from_index(cases[i].text, cut / 2) };
			uint8_t hash[CRYPTO_HASH];
			char hex[2 * CRYPTO_HASH + 1];
			crypto_hmac_sha256(cases[i].key, parts, ARRAY_SIZE(parts), hash);
			for (size_t k = 0; k < sizeof(hash); k++)
				(void)snprintf(hex + 2 * k, 3, "%02x", hash[k]);
			if (strcmp(hex, cases[i].hex) != 0)
				fail_msg("case %zu: %s", i, hex);
		}
	}
}

/* Seed and public key of RFC 8032, 7.1, test 1: what is signed is checked with the public key that stands there. */
static const uint8_t seed[] = { 0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
				0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60 };
static const uint8_t public_key[] = { 0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
				      0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a };

static void write_key(const char *path, const void *bytes, size_t n)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_add_z(&text, "whsk_");
	crypto_base64(&text, bytes, n);
	write_secret(path, buf_cstr(&text));
}

static void v1a_is_by_the_key_of_the_file(void **state)
{
	struct fixture *f = *state;
	uint8_t both[64], signature[CRYPTO_SIGNATURE];
	CLEANUP(buf_done) struct buf alone = { 0 }, with_public = { 0 }, two = { 0 };
	memcpy(both, seed, 32);
	memcpy(both + 32, public_key, 32);
	write_key(f->file, seed, sizeof(seed));
	sign_with("", f->file, SV("id-1"), 1700000000, SV("{}"), &alone);
	assert_true(sv_starts(buf_sv(&alone), SV("v1a,")));
	assert_int_equal(crypto_base64_decode(sv_from_index(buf_sv(&alone), 4), signature, sizeof(signature)), 0);
	assert_true(crypto_verify(public_key, SV("id-1.1700000000.{}"), signature));
	assert_false(crypto_verify(public_key, SV("id-1.1700000001.{}"), signature));
	write_key(f->file, both, sizeof(both));
	sign_with("", f->file, SV("id-1"), 1700000000, SV("{}"), &with_public);
	assert_true(sv_equal(buf_sv(&alone), buf_sv(&with_public)));
	write_secret(f->other, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
	sign_with(f->other, f->file, SV("id-1"), 1700000000, SV("{}"), &two);
	assert_true(sv_starts(buf_sv(&two), SV("v1,")));
	assert_true(sv_ends(buf_sv(&two), buf_sv(&alone))); /* both, with a blank between them */
	assert_int_equal(two.p[two.n - alone.n - 1], ' ');
}

static void keys_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *text, *says;
		bool is_hmac;
	} cases[] = {
		{ "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "should hold a key as whsec_ and base64", true },
		{ "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "should hold a key as whsec_ and base64", true }, /* a letter is missing */
		{ "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==x", "should hold a key as whsec_ and base64", true },
		{ "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La", "has 21 bytes, 24 to 64 are safe", true },
		{ "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "should hold an Ed25519 key", false }, /* 24 bytes are no seed */
		{ "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "should hold a key as whsk_ and base64", false },
	};
	struct fixture *f = *state;
	uint8_t both[64];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct webhook_signer *s = NULL;
		write_secret(f->file, cases[i].text);
		int r = webhook_signer_new(cases[i].is_hmac ? f->file : "", cases[i].is_hmac ? "" : f->file, &s, &diag);
		if (!r || s || diag.n != 1 || !strstr(diag.messages[0].text, cases[i].says) || strstr(diag.messages[0].text, "MfKQ"))
			fail_msg("%s: %d, '%s'", cases[i].text, r, diag.n ? diag.messages[0].text : "");
	}
	memcpy(both, seed, 32);
	memset(both + 32, 1, 32); /* the public key of another */
	write_key(f->file, both, sizeof(both));
	struct webhook_signer *s = NULL;
	assert_int_equal(webhook_signer_new("", f->file, &s, NULL), -EMSGSIZE);
	assert_int_equal(webhook_signer_new("", "", &s, NULL), 0);
	assert_null(s);
}

/* --- files of secrets ---------------------------------------------------------------------------------------------------------------------- */

static void a_secret_is_one_line_of_a_file(void **state)
{
	static char longest[SECRET_MAX + 3], too_long[SECRET_MAX + 4];
	memset(longest, 'x', SECRET_MAX);
	memset(too_long, 'x', SECRET_MAX + 1);
	const struct {
		const char *text, *secret; /* NULL: refused, with what it says */
		const char *says;
	} cases[] = {
		{ "token", "token", NULL }, { "token\n", "token", NULL }, { "token\r\n\n", "token", NULL }, { "a b\xc3\xa9", "a b\xc3\xa9", NULL }, { longest, longest, NULL },
		{ "", NULL, "is empty" }, { "\n", NULL, "is empty" }, { "a\nb\n", NULL, "one line of text" }, { "a\tb", NULL, "one line of text" },
		{ "a\x7f", NULL, "one line of text" }, { too_long, NULL, "is too long" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(secret_free) struct secret *s = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		write_secret(f->file, cases[i].text);
		int r = secret_read(f->file, &s, &diag);
		if ((r == 0) != (cases[i].secret != NULL) || (r && !strstr(diag.messages[0].text, cases[i].says)))
			fail_msg("case %zu: %d, '%s'", i, r, diag.n ? diag.messages[0].text : "");
		if (!r && (!sv_is(secret_text(s), cases[i].secret) || strcmp(secret_cstr(s), cases[i].secret) != 0))
			fail_msg("case %zu: '%s'", i, secret_cstr(s));
	}
	write_file(f->file, "a\0b", 3, 0600);
	struct secret *s = NULL;
	assert_int_equal(secret_read(f->file, &s, NULL), -EINVAL);
}

static void a_file_that_others_may_read_holds_no_secret(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0602, 0620, 0610, 0644 };
	struct fixture *f = *state;
	struct secret *s = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		write_file(f->file, "token", 5, modes[i]);
		if (secret_read(f->file, &s, &diag) != -EPERM || s || !strstr(diag.messages[0].text, "chmod 600") || secret_check(f->file, NULL) != -EPERM)
			fail_msg("mode %o was taken", modes[i]);
	}
	write_file(f->file, "token", 5, 0400);
	assert_int_equal(secret_check(f->file, NULL), 0);
	assert_int_equal(secret_read(f->folder, &s, NULL), -EPERM); /* no regular file */
	assert_int_equal(secret_read("/dev/zero", &s, NULL), -EPERM);
	assert_int_equal(secret_read(f->other, &s, NULL), -ENOENT);
	assert_int_equal(secret_check(f->other, NULL), -ENOENT);
}

static void what_is_joined_has_a_limit(void **state)
{
	static char most[SECRET_MAX];
	CLEANUP(secret_free) struct secret *s = secret_join(SV("user:"), SV("word"));
	(void)state;
	assert_true(sv_is(secret_text(s), "user:word"));
	CLEANUP(secret_free) struct secret *whole = secret_join((struct strview){ most, sizeof(most) }, SV(""));
	assert_non_null(whole);
	assert_null(secret_join((struct strview){ most, sizeof(most) }, SV("x")));
	assert_string_equal(secret_cstr(NULL), "");
	assert_int_equal(secret_text(NULL).n, 0);
}

#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILES(v1_is_that_of_the_standard),
		cmocka_unit_test(the_hmac_is_that_of_rfc_4231),
		WITH_FILES(v1a_is_by_the_key_of_the_file),
		WITH_FILES(keys_that_are_none_are_refused),
		WITH_FILES(a_secret_is_one_line_of_a_file),
		WITH_FILES(a_file_that_others_may_read_holds_no_secret),
		WITH_FILES(what_is_joined_has_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
