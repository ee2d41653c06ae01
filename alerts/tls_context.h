/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and keys of sinks, read as they are used: what is wrong with them is told at the start. */
#pragma once

#include <openssl/ssl.h>

#include "engine/base/diag.h"

/* Files; "": the system's authorities, no certificate of ours. */
struct tls_files {
	const char *ca, *cert, *key;
};

/*
 * A context of TLS 1.2 or later that checks who is there. A key that others than its owner may read is refused, as is one with a pass phrase: nobody
 * is there to be asked. 0, or -errno with diag.
 */
int tls_context_new(const struct tls_files *files, SSL_CTX **ret, struct diag *diag) MUST_CHECK;
/* The same for files that a library reads itself. */
int tls_context_check(const struct tls_files *files, struct diag *diag) MUST_CHECK;
