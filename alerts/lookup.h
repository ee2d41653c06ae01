/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of a name, for threads that cannot wait as long as a resolver does: a thread of the look-up's own asks, and nobody has to stay for the answer.
 */
#pragma once

#include <netdb.h>
#include <stdint.h>

#include "engine/base/attr.h"

struct lookup;

/* getaddrinfo, or what stands for it in tests. */
typedef int lookup_resolve(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **ret);

/* host and port are copied; the hints' flags, family and type count. 0 or -errno. */
int lookup_new(const char *host, const char *port, const struct addrinfo *hints, lookup_resolve *resolve, struct lookup **ret) MUST_CHECK;
/* Who is not waited for any more ends by itself, and frees what it has. */
void lookup_free(struct lookup **l);

/* Readable as soon as the answer is there. */
int lookup_fd(const struct lookup *l) PURE;
/* -EAGAIN: there is no answer yet; else getaddrinfo's, with the list, which stays the look-up's. */
int lookup_answer(const struct lookup *l, const struct addrinfo **ret) MUST_CHECK;
