/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of requests: what is whole, what is refused, and which form is preferred. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/buf.h"
#include "engine/daemon/http_request.h"

static void requests_are_taken_or_refused(void **state)
{
	(void)state;
	static const struct {
		const char *what, *text;
		int err;
		const char *method, *path, *host;
	} cases[] = {
		{ "the plain one", "GET /metrics HTTP/1.1\r\nHost: localhost:9\r\n\r\n", 0, "GET", "/metrics", "localhost:9" },
		{ "bare line feeds", "GET /metrics HTTP/1.0\n\n", 0, "GET", "/metrics", "" },
		{ "a query", "GET /metrics?a=b HTTP/1.1\r\n\r\n", 0, "GET", "/metrics", "" },
		{ "a body behind it", "POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 0, "POST", "/x", "" },
		{ "blanks about a value", "GET / HTTP/1.1\r\nhOsT: \t a \t\r\n\r\n", 0, "GET", "/", "a" },
		{ "nothing yet", "", -EAGAIN, NULL, NULL, NULL },
		{ "half a line", "GET /metr", -EAGAIN, NULL, NULL, NULL },
		{ "no empty line yet", "GET /metrics HTTP/1.1\r\nHost: a\r\n", -EAGAIN, NULL, NULL, NULL },
		{ "no target", "GET\r\n\r\n", -EBADMSG, NULL, NULL, NULL },
		{ "no version", "GET /metrics\r\n\r\n", -EBADMSG, NULL, NULL, NULL },
		{ "a whole URL", "GET http://a/metrics HTTP/1.1\r\n\r\n", -EBADMSG, NULL, NULL, NULL },
		{ "TLS", "\x16\x03\x01\x02\n", -EBADMSG, NULL, NULL, NULL },
		{ "HTTP/2", "PRI * HTTP/2.0\r\n\r\n", -EBADMSG, NULL, NULL, NULL },
		{ "another version", "GET / HTTP/2.0\r\n\r\n", -EPROTONOSUPPORT, NULL, NULL, NULL },
		{ "words behind the version", "GET / HTTP/1.1 x\r\n\r\n", -EPROTONOSUPPORT, NULL, NULL, NULL },
		{ "a header without colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", -EBADMSG, NULL, NULL, NULL },
		{ "a blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", -EBADMSG, NULL, NULL, NULL },
		{ "a folded header", "GET / HTTP/1.1\r\nA: b\r\n c: d\r\n\r\n", -EBADMSG, NULL, NULL, NULL },
		{ "a control byte", "GET / HTTP/1.1\r\nA: \x01\r\n\r\n", -EBADMSG, NULL, NULL, NULL },
		{ "a bare carriage return", "GET / HTTP/1.1\r\nA: b\rc: d\r\n\r\n", -EBADMSG, NULL, NULL, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_request r = { 0 };
		int err = http_request_parse(sv_from(cases[i].text), &r);
		if (err != cases[i].err)
			fail_msg("%s: %d", cases[i].what, err);
		if (!err && (!sv_is(r.method, cases[i].method) || !sv_is(r.path, cases[i].path) || !sv_is(r.host, cases[i].host)))
			fail_msg("%s: " SV_FMT " " SV_FMT " " SV_FMT, cases[i].what, SV_ARG(r.method), SV_ARG(r.path), SV_ARG(r.host));
	}
}

static void what_is_too_long_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *what, *header;
		size_t n;
		int err;
	} cases[] = {
		{ "as many headers as there may be", "A: b\r\n", HTTP_HEADERS_MAX, 0 },
		{ "one more", "A: b\r\n", HTTP_HEADERS_MAX + 1, -E2BIG },
		{ "many bytes", "A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n",
		  60, -E2BIG },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		struct http_request r;
		buf_add_z(&text, "GET /metrics HTTP/1.1\r\n");
		for (size_t k = 0; k < cases[i].n; k++)
			buf_add_z(&text, cases[i].header);
		buf_add_z(&text, "\r\n");
		int err = http_request_parse(buf_sv(&text), &r);
		if (err != cases[i].err)
			fail_msg("%s: %d of %zu bytes", cases[i].what, err, text.n);
	}
}

static void the_form_goes_by_what_is_accepted(void **state)
{
	(void)state;
	static const struct {
		const char *accept;
		bool openmetrics;
	} cases[] = {
		{ NULL, false },
		{ "*/*", false },
		{ "text/plain", false },
		{ "application/openmetrics-text", true },
		{ "application/openmetrics-text; version=1.0.0; charset=utf-8", true },
		{ "APPLICATION/OpenMetrics-Text;Version=1.0.0", true },
		{ "application/openmetrics-text;version=0.0.1", false },
		{ "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", true },
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true },
		{ "application/openmetrics-text;q=0.3,text/plain;q=0.4", false },
		{ "application/openmetrics-text;q=0", false },
		{ "application/openmetrics-text;q=0.001", true },
		{ "application/openmetrics-text;q=x, text/plain;q=0.1", false },
		{ "application/openmetrics-text;q=1.5", false },
		{ "application/openmetrics-textual", false },
		{ ",;,=;q,", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		struct http_request r;
		buf_add_z(&text, "GET /metrics HTTP/1.1\r\n");
		if (cases[i].accept)
			buf_add_format(&text, "Accept: %s\r\n", cases[i].accept);
		buf_add_z(&text, "\r\n");
		assert_int_equal(http_request_parse(buf_sv(&text), &r), 0);
		if (r.wants_openmetrics != cases[i].openmetrics)
			fail_msg("%s: %d", cases[i].accept, r.wants_openmetrics);
	}
}

static void a_foreign_name_is_told_from_an_address(void **state)
{
	(void)state;
	static const struct {
		const char *host;
		bool is_literal;
	} cases[] = {
		{ "", true }, { "127.0.0.1", true }, { "127.0.0.1:9105", true }, { "localhost", true }, { "LOCALHOST:1", true }, { "[::1]:9105", true },
		{ "localhost.example", false }, { "evil.example:9105", false }, { "127.0.0.1.example", false }, { ":9105", false }, { "[", false }, { "1x", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (http_host_is_literal(sv_from(cases[i].host)) != cases[i].is_literal)
			fail_msg("%s", cases[i].host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_taken_or_refused),
		cmocka_unit_test(what_is_too_long_is_refused),
		cmocka_unit_test(the_form_goes_by_what_is_accepted),
		cmocka_unit_test(a_foreign_name_is_told_from_an_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
