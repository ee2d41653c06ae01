/* SPDX-License-Identifier: Apache-2.0 */
#include "alerts/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <unistd.h>

#include "alerts/secret.h"

static int bad_file(struct diag *diag, const char *what, const char *path)
{
	const char *reason = access(path, R_OK) ? strerror(errno) : ERR_reason_error_string(ERR_peek_last_error());
	diag_error(diag, (struct place){ .file = path }, "cannot be used as %s: %s", what, reason ? reason : "unknown reason");
	ERR_clear_error();
	return -EINVAL;
}

/* Nobody is there to be asked for a pass phrase, and no terminal may make a start wait. */
static int no_pass_phrase(char *into, int size, int is_for_writing, void *context)
{
	(void)into, (void)size, (void)is_for_writing, (void)context;
	return 0;
}

static int load_ours(SSL_CTX *context, const struct tls_files *files, struct diag *diag)
{
	if (files->cert[0] && SSL_CTX_use_certificate_chain_file(context, files->cert) != 1)
		return bad_file(diag, "our certificate", files->cert);
	if (!files->key[0])
		return 0;
	int r = secret_check(files->key, diag);
	if (r)
		return r;
	if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1)
		return bad_file(diag, "the key of our certificate", files->key);
	if (SSL_CTX_check_private_key(context) != 1)
		return bad_file(diag, "the key of our certificate, which it does not fit", files->key);
	return 0;
}

int tls_context_new(const struct tls_files *files, SSL_CTX **ret, struct diag *diag)
{
	ERR_clear_error();
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	if (!context)
		return -ENOMEM;
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_passwd_cb(context, no_pass_phrase);
	int r = 0;
	if (files->ca[0] && SSL_CTX_load_verify_file(context, files->ca) != 1)
		r = bad_file(diag, "the certificates of authorities", files->ca);
	else if (!files->ca[0] && SSL_CTX_set_default_verify_paths(context) != 1)
		r = bad_file(diag, "the certificates of authorities", "the system's store");
	else
		r = load_ours(context, files, diag);
	if (r) {
		SSL_CTX_free(context);
		return r;
	}
	*ret = context;
	return 0;
}

int tls_context_check(const struct tls_files *files, struct diag *diag)
{
	SSL_CTX *context = NULL;
	int r = tls_context_new(files, &context, diag);
	SSL_CTX_free(context);
	return r;
}
