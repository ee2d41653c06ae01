/* SPDX-License-Identifier: Apache-2.0 */
/* What sinks name beyond this program: addresses, and files. */
#include "engine/config/sinks_check.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "engine/base/num.h"

/* HOST, HOST:PORT, [V6] or [V6]:PORT; NULL: it is one of them. */
static const char *split_authority(struct strview text, struct strview *ret_host)
{
	const char *bracket = text.n && text.p[0] == '[' ? memchr(text.p, ']', text.n) : NULL;
	const char *colon = memchr(bracket ? bracket : text.p, ':', text.n - (bracket ? (size_t)(bracket - text.p) : 0));
	struct strview host = { text.p, colon ? (size_t)(colon - text.p) : text.n };
	struct strview port = sv_from_index(text, MIN(host.n + 1, text.n));
	uint64_t number = 0;
	if (host.n == 0 || (bracket && host.p + host.n != bracket + 1))
		return "has no host";
	if (colon && memchr(port.p, ':', port.n))
		return "has more than one colon: an IPv6 address stands in brackets";
	if (colon && (port.n == 0 || port.p[0] == '0' || num_parse_u64(port, UINT16_MAX, &number)))
		return "has no port from 1 to 65535 behind its colon";
	*ret_host = host;
	return NULL;
}

const char *sink_authority_fault(struct strview text)
{
	struct strview host;
	return text.n ? split_authority(text, &host) : "has no host";
}

bool sink_is_loopback(struct strview authority)
{
	struct strview host;
	char text[INET_ADDRSTRLEN];
	unsigned char v4[4];
	if (split_authority(authority, &host))
		return false;
	if (sv_is(host, "localhost") || sv_is(host, "[::1]"))
		return true;
	if (host.n >= sizeof(text))
		return false;
	(void)snprintf(text, sizeof(text), SV_FMT, SV_ARG(host));
	return inet_pton(AF_INET, text, v4) == 1 && v4[0] == 127;
}

/* The next component of a whole path that is one: no empty one and no dot. */
static struct strview next_component(struct strview *left)
{
	for (;;) {
		while (left->n && left->p[0] == '/')
			*left = sv_from_index(*left, 1);
		const char *end = left->n ? memchr(left->p, '/', left->n) : NULL;
		struct strview one = { left->p, end ? (size_t)(end - left->p) : left->n };
		*left = sv_from_index(*left, one.n);
		if (one.n != 1 || one.p[0] != '.')
			return one;
	}
}

/* Empty, or a dot and digits, as a file is called that was rotated away. */
static bool is_rotation(struct strview rest)
{
	for (size_t i = 1; i < rest.n; i++)
		if (rest.p[i] < '0' || rest.p[i] > '9')
			return false;
	return rest.n == 0 || (rest.n > 1 && rest.p[0] == '.');
}

bool sink_paths_meet(const char *path, const char *of)
{
	struct strview a = sv_from(path), b = sv_from(of);
	for (;;) {
		struct strview one = next_component(&a), other = next_component(&b);
		if (one.n == 0 && other.n == 0)
			return true;
		bool is_last = a.n == 0 && b.n == 0;
		if (is_last && one.n && other.n && sv_starts(one, other))
			return is_rotation(sv_from_index(one, other.n));
		if (!sv_equal(one, other))
			return false;
	}
}
