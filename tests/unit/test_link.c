/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/link.h"
#include "engine/base/attr.h"

static void write_encrypted_key(const char *path)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	FILE *file = fopen(path, "w");
	assert_non_null(key);
	assert_non_null(file);
	assert_int_equal(PEM_write_PKCS8PrivateKey(file, key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL), 1);
	assert_int_equal(fclose(file), 0);
	EVP_PKEY_free(key);
}

/* What a start without a terminal says of the key, with a pass phrase waiting on its standard input. */
static int try_key(const char *path)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct link *l = NULL;
	const struct link_config config = { .address = "tls:h:1", .tls_ca = "", .tls_cert = "", .tls_key = path, .tls_name = "", .timeout_ns = 1 };
	int ends[2];
	(void)setsid();
	if (pipe(ends) || write(ends[1], "secret\n", 7) != 7 || dup2(ends[0], STDIN_FILENO) < 0)
		return 2;
	(void)alarm(20);
	if (link_new(&config, &l, &diag) == 0 || diag.n != 1)
		return 3;
	return strstr(diag.messages[0].text, "which it does not fit") ? 4 : 0; /* 4: it was read, with what stood there */
}

static void an_encrypted_key_is_refused_and_nobody_is_asked(void **state)
{
	char path[] = "/tmp/vedette-link-XXXXXX";
	int fd = mkstemp(path), status = -1;
	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_encrypted_key(path);
	pid_t child = fork();
	if (child == 0)
		_exit(try_key(path));
	assert_int_equal(waitpid(child, &status, 0), child);
	(void)unlink(path);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_encrypted_key_is_refused_and_nobody_is_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
