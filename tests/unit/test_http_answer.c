/* SPDX-License-Identifier: Apache-2.0 */
/* What receivers answer, and which addresses may be connected to. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alerts/http_address.h"
#include "alerts/http_answer.h"
#include "alerts/nats_answer.h"

static void an_address_is_judged_by_where_it_leads(void **state)
{
	(void)state;
	static const struct { const char *address; enum http_address is; } cases[] = {
		{ "1.1.1.1", HTTP_ADDRESS_PUBLIC },          { "172.15.255.255", HTTP_ADDRESS_PUBLIC },   { "172.32.0.0", HTTP_ADDRESS_PUBLIC },
		{ "100.63.255.255", HTTP_ADDRESS_PUBLIC },   { "100.128.0.0", HTTP_ADDRESS_PUBLIC },      { "11.0.0.0", HTTP_ADDRESS_PUBLIC },
		{ "198.17.255.255", HTTP_ADDRESS_PUBLIC },   { "223.255.255.255", HTTP_ADDRESS_PUBLIC },  { "2606:4700::1", HTTP_ADDRESS_PUBLIC },
		{ "::ffff:1.1.1.1", HTTP_ADDRESS_PUBLIC },   { "64:ff9b::101:101", HTTP_ADDRESS_PUBLIC }, { "2002:101:101::", HTTP_ADDRESS_PUBLIC },
		{ "127.0.0.1", HTTP_ADDRESS_PRIVATE },       { "127.255.255.255", HTTP_ADDRESS_PRIVATE }, { "10.255.0.1", HTTP_ADDRESS_PRIVATE },
		{ "172.16.0.0", HTTP_ADDRESS_PRIVATE },      { "172.31.255.255", HTTP_ADDRESS_PRIVATE },  { "192.168.9.9", HTTP_ADDRESS_PRIVATE },
		{ "100.64.0.0", HTTP_ADDRESS_PRIVATE },      { "169.254.1.1", HTTP_ADDRESS_PRIVATE },     { "198.19.0.1", HTTP_ADDRESS_PRIVATE },
		{ "192.0.2.7", HTTP_ADDRESS_PRIVATE },       { "240.0.0.1", HTTP_ADDRESS_PRIVATE },       { "::1", HTTP_ADDRESS_PRIVATE },
		{ "fe80::1", HTTP_ADDRESS_PRIVATE },         { "febf::1", HTTP_ADDRESS_PRIVATE },         { "fd12::1", HTTP_ADDRESS_PRIVATE },
		{ "fcff::1", HTTP_ADDRESS_PRIVATE },         { "2001:db8::1", HTTP_ADDRESS_PRIVATE },     { "::ffff:127.0.0.1", HTTP_ADDRESS_PRIVATE },
		{ "::127.0.0.1", HTTP_ADDRESS_PRIVATE },     { "64:ff9b::a00:1", HTTP_ADDRESS_PRIVATE },  { "2002:7f00:1::", HTTP_ADDRESS_PRIVATE },
		{ "4000::1", HTTP_ADDRESS_PRIVATE },         { "2001:0:1::", HTTP_ADDRESS_PRIVATE },
		{ "169.254.169.254", HTTP_ADDRESS_NEVER },   { "100.100.100.200", HTTP_ADDRESS_NEVER },   { "fd00:ec2::254", HTTP_ADDRESS_NEVER },
		{ "169.254.170.2", HTTP_ADDRESS_NEVER },     { "169.254.170.23", HTTP_ADDRESS_NEVER },    { "192.0.0.192", HTTP_ADDRESS_NEVER },
		{ "168.63.129.16", HTTP_ADDRESS_NEVER },     { "fd00:ec2::23", HTTP_ADDRESS_NEVER },      { "fd20:ce::254", HTTP_ADDRESS_NEVER },
		{ "169.254.170.3", HTTP_ADDRESS_PRIVATE },   { "168.63.129.17", HTTP_ADDRESS_PUBLIC },    { "3fff::1", HTTP_ADDRESS_PRIVATE },
		{ "3fff:fff::1", HTTP_ADDRESS_PRIVATE },     { "3fff:1000::1", HTTP_ADDRESS_PUBLIC },     { "fd20:ce::255", HTTP_ADDRESS_PRIVATE },
		{ "0.0.0.0", HTTP_ADDRESS_NEVER },           { "0.1.2.3", HTTP_ADDRESS_NEVER },           { "224.0.0.1", HTTP_ADDRESS_NEVER },
		{ "255.255.255.255", HTTP_ADDRESS_NEVER },   { "::", HTTP_ADDRESS_NEVER },                { "ff02::1", HTTP_ADDRESS_NEVER },
		{ "::ffff:169.254.169.254", HTTP_ADDRESS_NEVER }, { "64:ff9b::a9fe:a9fe", HTTP_ADDRESS_NEVER }, { "2002:a9fe:a9fe::", HTTP_ADDRESS_NEVER },
		{ "::ffff:0.0.0.0", HTTP_ADDRESS_NEVER },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sockaddr_in four = { .sin_family = AF_INET };
		struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
		bool is_four = inet_pton(AF_INET, cases[i].address, &four.sin_addr) == 1;
		assert_true(is_four || inet_pton(AF_INET6, cases[i].address, &six.sin6_addr) == 1);
		enum http_address is = is_four ? http_address_judge((struct sockaddr *)&four, sizeof(four)) : http_address_judge((struct sockaddr *)&six, sizeof(six));
		if (is != cases[i].is)
			fail_msg("%s: %d, not %d", cases[i].address, is, cases[i].is);
	}
	assert_int_equal(http_address_judge(&(struct sockaddr){ .sa_family = AF_UNIX }, sizeof(struct sockaddr)), HTTP_ADDRESS_NEVER);
	struct sockaddr_in6 cut = { .sin6_family = AF_INET6 };
	assert_int_equal(http_address_judge((struct sockaddr *)&cut, sizeof(struct sockaddr)), HTTP_ADDRESS_NEVER);
}

static void an_address_in_a_url_is_read_in_all_its_forms(void **state)
{
	(void)state;
	static const struct { const char *url; int is; } cases[] = { /* -1: a name */
		{ "https://10.0.0.1/x", HTTP_ADDRESS_PRIVATE },          { "https://1.1.1.1:8443", HTTP_ADDRESS_PUBLIC },
		{ "https://169.254.169.254/latest", HTTP_ADDRESS_NEVER }, { "https://169.254.169.254./x", HTTP_ADDRESS_NEVER },
		{ "https://2852039166/", HTTP_ADDRESS_NEVER },           { "https://0xa9fea9fe/", HTTP_ADDRESS_NEVER },
		{ "https://0251.0376.0251.0376/", HTTP_ADDRESS_NEVER },  { "https://127.1/", HTTP_ADDRESS_PRIVATE },
		{ "https://[::1]:443/", HTTP_ADDRESS_PRIVATE },          { "https://[fd00:ec2::254]/", HTTP_ADDRESS_NEVER },
		{ "https://[fe80::1%25eth0]/", HTTP_ADDRESS_PRIVATE },   { "https://[::ffff:169.254.169.254]/", HTTP_ADDRESS_NEVER },
		{ "https://hooks.example.org/10.0.0.1", -1 },            { "https://10.0.0.1.example.org/", -1 }, { "https://h?10.0.0.1", -1 },
		{ "https://a-name-that-is-longer-than-any-address-could-be-written-in-any-form.example.org/", -1 }, { "no url", -1 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum http_address is = HTTP_ADDRESS_PUBLIC;
		bool has = http_address_in_url(cases[i].url, &is);
		if (has != (cases[i].is >= 0) || (has && (int)is != cases[i].is))
			fail_msg("%s: %d, %d", cases[i].url, has, (int)is);
	}
}

static void a_status_says_what_becomes_of_the_records(void **state)
{
	(void)state;
	static const struct { unsigned status; enum http_verdict verdict; } cases[] = {
		{ 200, HTTP_TAKEN },   { 202, HTTP_TAKEN },   { 204, HTTP_TAKEN },   { 299, HTTP_TAKEN },   { 101, HTTP_AGAIN },   { 301, HTTP_AGAIN },
		{ 307, HTTP_AGAIN },   { 400, HTTP_REFUSED }, { 401, HTTP_AGAIN },   { 403, HTTP_AGAIN },   { 404, HTTP_AGAIN },   { 405, HTTP_AGAIN },
		{ 407, HTTP_AGAIN },   { 408, HTTP_AGAIN },   { 410, HTTP_GONE },    { 413, HTTP_REFUSED }, { 415, HTTP_AGAIN },   { 422, HTTP_REFUSED },
		{ 429, HTTP_AGAIN },   { 499, HTTP_AGAIN }  , { 500, HTTP_AGAIN },   { 503, HTTP_AGAIN },   { 599, HTTP_AGAIN },   { 999, HTTP_AGAIN },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (http_answer_judge(cases[i].status) != cases[i].verdict)
			fail_msg("%u: %d", cases[i].status, http_answer_judge(cases[i].status));
}

/* Only what may be one record's fault is held against a record; an overloaded receiver, or a wrong password, is not. */
static void a_status_that_is_about_us_is_held_against_no_record(void **state)
{
	(void)state;
	static const unsigned about_us[] = { 0, 101, 200, 302, 399, 401, 404, 405, 407, 408, 410, 421, 425, 426, 429, 503, 600, 999 };
	static const unsigned perhaps[] = { 400, 403, 406, 413, 415, 422, 451, 499, 500, 502, 504, 599 };
	for (size_t i = 0; i < ARRAY_SIZE(about_us); i++)
		if (http_answer_may_be_record(about_us[i]))
			fail_msg("%u is held against a record", about_us[i]);
	for (size_t i = 0; i < ARRAY_SIZE(perhaps); i++)
		if (!http_answer_may_be_record(perhaps[i]))
			fail_msg("%u is held against no record", perhaps[i]);
}

static void retry_after_is_seconds_or_a_date(void **state)
{
	(void)state;
	enum { NOW = 784111770 }; /* 1994-11-06 08:49:30 */
	static const struct { const char *text; int result; uint64_t seconds; } cases[] = {
		{ "0", 0, 0 },           { " 120\r\n", 0, 120 },   { "007", 0, 7 },           { "86400", 0, 86400 },       { "86401", 0, 86400 },
		{ "99999999999999999999999", 0, 86400 },           { "Sun, 06 Nov 1994 08:49:37 GMT", 0, 7 },
		{ "Sun, 06 Nov 1994 08:49:00 GMT", 0, 0 },         { "Fri, 31 Dec 9999 23:59:59 GMT", 0, 86400 },
		{ "", -EINVAL, 0 },      { "-1", -EINVAL, 0 },     { "1.5", -EINVAL, 0 },     { "0x10", -EINVAL, 0 },      { "soon", -EINVAL, 0 },
		{ "Sun, 06 Nov 1994 08:49:37 UTC", -EINVAL, 0 },   { "Sun, 06 Nov 1994 24:49:37 GMT", -EINVAL, 0 },
		{ "Sun, 00 Nov 1994 08:49:37 GMT", -EINVAL, 0 },   { "Sun, 06 Foo 1994 08:49:37 GMT", -EINVAL, 0 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", -EINVAL, 0 },  { "Sun, 06 Nov 1994 08:49:37 GMT, and more", -EINVAL, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t ns = 0;
		int r = http_answer_wait(sv_from(cases[i].text), NOW * 1000000000ull, &ns);
		if (r != cases[i].result || ns != cases[i].seconds * 1000000000)
			fail_msg("'%s': %d, %llu ns", cases[i].text, r, (unsigned long long)ns);
	}
}

static void a_bulk_answer_is_read_item_by_item(void **state)
{
	(void)state;
#define ITEM(status) "{\"create\":{\"_id\":\"x\",\"status\":" status "}}"
#define WHY(status) "{\"create\":{\"status\":" status ",\"error\":{\"type\":\"t\",\"reason\":\"no\\nroom\"}}}"
	static const struct { const char *what, *body; size_t n; int result; struct http_items items; } cases[] = {
		{ "all are taken", "{\"errors\":false,\"items\":[" ITEM("201") "," ITEM("200") "]}", 2, 0, { 2, 0, "", false } },
		{ "one was there", "{\"items\":[" WHY("409") "," ITEM("201") "]}", 2, 0, { 2, 0, "", false } },
		{ "one never", "{\"items\":[" ITEM("201") "," WHY("400") "," ITEM("201") "]}", 3, 0, { 3, 1, "no\\nroom", false } },
		{ "one later, and all behind it", "{\"items\":[" ITEM("201") "," WHY("429") "," WHY("400") "]}", 3, 0, { 1, 0, "no\\nroom", false } },
		{ "one later, without a reason", "{\"items\":[" ITEM("503") "]}", 1, 0, { 0, 0, "status 503 of a record", false } },
		{ "the first one later, perhaps for its own sake", "{\"items\":[" ITEM("500") "," WHY("429") "]}", 2, 0, { 0, 0, "status 500 of a record", true } },
		{ "no status", "{\"items\":[{\"create\":{}}]}", 1, 0, { 0, 0, "status 0 of a record", false } },
		{ "a status that is none is in its place only", "{\"items\":[{\"create\":{\"a\":{\"status\":400},\"status\":201}}]}", 1, 0, { 1, 0, "", false } },
		{ "too few", "{\"items\":[" ITEM("201") "]}", 2, -EBADMSG, { 0, 0, "", false } },
		{ "too many", "{\"items\":[" ITEM("201") "," ITEM("201") "]}", 1, -EBADMSG, { 0, 0, "", false } },
		{ "no items", "{\"errors\":false}", 1, -EBADMSG, { 0, 0, "", false } },
		{ "items are no list", "{\"items\":{\"a\":[" ITEM("201") "]}}", 1, -EBADMSG, { 0, 0, "", false } },
		{ "an item is no object", "{\"items\":[201]}", 1, -EBADMSG, { 0, 0, "", false } },
		{ "items elsewhere", "{\"a\":{\"items\":[" ITEM("201") "]}}", 1, -EBADMSG, { 0, 0, "", false } },
		{ "torn", "{\"items\":[" ITEM("201") "]", 1, -EBADMSG, { 0, 0, "", false } },
		{ "something behind it", "{\"items\":[" ITEM("201") "]} x", 1, -EBADMSG, { 0, 0, "", false } },
		{ "a page for people", "<html>", 1, -EBADMSG, { 0, 0, "", false } },
		{ "nothing", "", 1, -EBADMSG, { 0, 0, "", false } },
		{ "a negative status", "{\"items\":[" ITEM("-1") "]}", 1, -EBADMSG, { 0, 0, "", false } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_items items = { 0 };
		int r = http_answer_bulk(sv_from(cases[i].body), cases[i].n, &items);
		if (r != cases[i].result || items.done != cases[i].items.done || items.refused != cases[i].items.refused || strcmp(items.reason, cases[i].items.reason) != 0 ||
		    items.may_be_record != cases[i].items.may_be_record)
			fail_msg("%s: %d, %zu done, %zu refused, '%s'", cases[i].what, r, items.done, items.refused, items.reason);
	}
}

static void partial_success_and_codes_are_read(void **state)
{
	(void)state;
	struct http_items items;
	assert_int_equal(http_answer_otlp(SV("{}"), 5, &items), 0);
	assert_int_equal(items.done - items.refused, 5);
	assert_int_equal(http_answer_otlp(SV("{\"partialSuccess\":{\"rejectedLogRecords\":\"2\",\"errorMessage\":\"bad\"}}"), 5, &items), 0);
	assert_int_equal(items.refused, 2);
	assert_string_equal(items.reason, "bad");
	assert_int_equal(http_answer_otlp(SV("{\"partialSuccess\":{\"rejectedLogRecords\":9}}"), 5, &items), 0);
	assert_int_equal(items.refused, 5);
	assert_int_equal(http_answer_otlp(SV("{\"partialSuccess\":{\"rejectedLogRecords\":\"-1\"}}"), 5, &items), -EBADMSG);
	assert_int_equal(http_answer_otlp(SV("[]"), 5, &items), -EBADMSG);
	assert_int_equal(http_answer_splunk(SV("{\"text\":\"Success\",\"code\":0}"), 5, &items), 0);
	assert_int_equal(items.done, 5);
	assert_int_equal(http_answer_splunk(SV("{\"text\":\"No data\",\"code\":5}"), 5, &items), -EAGAIN);
	assert_string_equal(items.reason, "No data");
	assert_int_equal(http_answer_splunk(SV("{\"text\":\"Success\"}"), 5, &items), -EBADMSG);
}

static void only_a_whole_answer_of_jetstream_counts_as_stored(void **state)
{
	(void)state;
	static const struct { const char *text; int result; bool is_stored, is_final; } cases[] = {
		{ "{\"stream\":\"V\",\"seq\":7}", 0, true, false },
		{ "{\"stream\":\"V\",\"seq\":7,\"duplicate\":true}", 0, true, false },
		{ "{\"error\":{\"code\":400,\"err_code\":10054,\"description\":\"message size exceeds maximum allowed\"},\"stream\":\"V\",\"seq\":0}", 0, false, true },
		{ "{\"error\":{\"code\":503,\"err_code\":10077,\"description\":\"maximum messages exceeded\"},\"stream\":\"V\",\"seq\":3}", 0, false, false },
		{ "{\"error\":{\"description\":\"\"}}", 0, false, false },
		{ "{\"stream\":\"V\"}", -EBADMSG, false, false },
		{ "{\"stream\":\"V\",\"seq\":0}", -EBADMSG, false, false },
		{ "{\"seq\":7}", -EBADMSG, false, false },
		{ "{}", -EBADMSG, false, false },
		{ "+OK", -EBADMSG, false, false },
		{ "", -EBADMSG, false, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nats_answer answer;
		int r = nats_answer_read(sv_from(cases[i].text), &answer);
		if (r != cases[i].result || answer.is_stored != cases[i].is_stored || answer.is_final != cases[i].is_final)
			fail_msg("%s: %d, stored %d, final %d", cases[i].text, r, answer.is_stored, answer.is_final);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_judged_by_where_it_leads),
		cmocka_unit_test(an_address_in_a_url_is_read_in_all_its_forms),
		cmocka_unit_test(a_status_says_what_becomes_of_the_records),
		cmocka_unit_test(a_status_that_is_about_us_is_held_against_no_record),
		cmocka_unit_test(retry_after_is_seconds_or_a_date),
		cmocka_unit_test(a_bulk_answer_is_read_item_by_item),
		cmocka_unit_test(partial_success_and_codes_are_read),
		cmocka_unit_test(only_a_whole_answer_of_jetstream_counts_as_stored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
