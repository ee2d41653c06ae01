/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/http_request.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static bool is_name(struct strview a, const char *name)
{
	return a.n == strlen(name) && strncasecmp(a.p, name, a.n) == 0;
}

static struct strview trim(struct strview s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = sv_from_index(s, 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Takes what stands before the first `end` (or all) off the front. */
static struct strview take_until(struct strview *rest, char end)
{
	const char *at = rest->n ? memchr(rest->p, end, rest->n) : NULL;
	struct strview part = { rest->p, at ? (size_t)(at - rest->p) : rest->n };
	*rest = sv_from_index(*rest, part.n + 1);
	return part;
}

/* "0.5" as 500; what is no weight is 0: then nothing is preferred by mistake. */
static unsigned weight_of(struct strview text)
{
	unsigned weight = 0;
	if (text.n == 0 || text.n > 5 || (text.p[0] != '0' && text.p[0] != '1') || (text.n > 1 && text.p[1] != '.'))
		return 0;
	weight = text.p[0] == '1' ? 1000 : 0;
	for (size_t i = 2, worth = 100; i < text.n; i++, worth /= 10) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return 0;
		weight += (unsigned)(text.p[i] - '0') * (unsigned)worth;
	}
	return weight > 1000 ? 0 : weight;
}

struct offer {
	struct strview type;
	unsigned weight;
	bool is_other_version; /* of OpenMetrics than the one we write */
};

static struct offer read_offer(struct strview text)
{
	struct offer offer = { .type = trim(take_until(&text, ';')), .weight = 1000 };
	while (text.n) {
		struct strview parameter = trim(take_until(&text, ';')), value = parameter, name = trim(take_until(&value, '='));
		value = trim(value);
		if (is_name(name, "q"))
			offer.weight = weight_of(value);
		else if (is_name(name, "version"))
			offer.is_other_version = !sv_is(value, "1.0.0");
	}
	return offer;
}

/* Does it prefer OpenMetrics 1.0.0 to plain text? */
static bool prefers_openmetrics(struct strview accept)
{
	unsigned openmetrics = 0, plain = 0;
	while (accept.n) {
		struct offer offer = read_offer(take_until(&accept, ','));
		if (is_name(offer.type, "application/openmetrics-text")) {
			if (!offer.is_other_version && offer.weight > openmetrics)
				openmetrics = offer.weight;
		} else if (is_name(offer.type, "text/plain") && offer.weight > plain) {
			plain = offer.weight;
		}
	}
	return openmetrics > 0 && openmetrics >= plain;
}

static bool has_control_bytes(struct strview line)
{
	for (size_t i = 0; i < line.n; i++)
		if (((unsigned char)line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7f)
			return true;
	return false;
}

/* A line of the head without its end; false: it is not whole. A bare line feed ends one too, as RFC 9112 allows. */
static bool take_line(struct strview *rest, struct strview *ret)
{
	if (!rest->n || !memchr(rest->p, '\n', rest->n))
		return false;
	*ret = take_until(rest, '\n');
	if (ret->n && ret->p[ret->n - 1] == '\r')
		ret->n--;
	return true;
}

static int read_request_line(struct strview line, struct http_request *r)
{
	r->method = take_until(&line, ' ');
	struct strview target = take_until(&line, ' ');
	r->path = take_until(&target, '?');
	if (!sv_starts(line, SV("HTTP/")) || r->method.n == 0 || r->path.n == 0 || r->path.p[0] != '/')
		return -EBADMSG;
	return sv_is(line, "HTTP/1.1") || sv_is(line, "HTTP/1.0") ? 0 : -EPROTONOSUPPORT;
}

static int read_header(struct strview line, struct http_request *r)
{
	struct strview value = line, name = take_until(&value, ':');
	if (name.n == line.n || name.n == 0 || name.p[name.n - 1] == ' ' || name.p[0] == ' ' || name.p[0] == '\t')
		return -EBADMSG; /* no colon; a blank before it; or a folded line: others read those otherwise */
	if (is_name(name, "accept"))
		r->wants_openmetrics = prefers_openmetrics(value);
	else if (is_name(name, "host"))
		r->host = trim(value);
	return 0;
}

int http_request_parse(struct strview text, struct http_request *ret)
{
	struct http_request r = { 0 };
	struct strview line = { 0 };
	bool is_too_long = text.n > HTTP_HEAD_MAX;
	if (is_too_long)
		text.n = HTTP_HEAD_MAX;
	if (!take_line(&text, &line))
		return is_too_long ? -E2BIG : -EAGAIN;
	int err = has_control_bytes(line) ? -EBADMSG : read_request_line(line, &r);
	for (size_t n = 0; !err; n++) {
		if (!take_line(&text, &line))
			return is_too_long ? -E2BIG : -EAGAIN;
		if (line.n == 0)
			break;
		err = n == HTTP_HEADERS_MAX ? -E2BIG : has_control_bytes(line) ? -EBADMSG : read_header(line, &r);
	}
	if (!err)
		*ret = r;
	return err;
}

bool http_host_is_literal(struct strview host)
{
	static const char figures[] = "0123456789.";
	size_t n = 0;
	if (host.n == 0)
		return true;
	if (host.p[0] == '[') /* what is behind it can only be an address */
		return memchr(host.p, ']', host.n) != NULL;
	if (host.n >= 9 && strncasecmp(host.p, "localhost", 9) == 0)
		return host.n == 9 || host.p[9] == ':';
	while (n < host.n && memchr(figures, host.p[n], sizeof(figures) - 1))
		n++;
	return n > 0 && (n == host.n || host.p[n] == ':');
}
