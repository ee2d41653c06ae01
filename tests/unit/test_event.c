/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/json.h"
#include "engine/event/decode.h"
#include "engine/event/value.h"

static void every_event_is_found_by_name_and_number(void **state)
{
	(void)state;
	size_t n = 0;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (!type || !type->name[0])
			continue;
		n++;
		assert_ptr_equal(event_type_by_name(sv_from(type->name)), type);
		assert_true(type->doc[0] != '\0');
		assert_true(type->category[0] != '\0');
	}
	assert_true(n >= 34);
	assert_null(event_type_by_name(SV("file.opened")));
	assert_null(event_type_by_name(SV("")));
}

/* A name is a leaf or a folder of JSON, never both; and it stands once in each event. */
static void field_names_are_unique_and_nest(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (!type || !type->name[0])
			continue;
		const struct field *fields[EVENT_MAX_FIELDS];
		size_t n = event_type_sorted_fields(type, fields);
		assert_true(n < EVENT_MAX_FIELDS);
		for (size_t k = 0; k < n; k++) {
			assert_true(fields[k]->doc[0] != '\0');
			if (field_find(type, sv_from(fields[k]->name)) != fields[k])
				fail_msg("%s: '%s' stands twice", type->name, fields[k]->name);
			size_t len = strlen(fields[k]->name);
			if (k + 1 < n && strncmp(fields[k]->name, fields[k + 1]->name, len) == 0 && fields[k + 1]->name[len] == '.')
				fail_msg("%s: '%s' is a field and a folder", type->name, fields[k]->name);
			if (k + 1 < n)
				assert_true(json_path_compare(fields[k]->name, fields[k + 1]->name) < 0);
		}
	}
}

static void every_symbol_goes_to_its_value_and_back(void **state)
{
	(void)state;
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		const struct kind *k = kind_get((enum kind_id)kind);
		uint64_t value, back;
		const char *text;
		bool has_symbols = symbol_at((enum kind_id)kind, 0, &value, &text);
		assert_int_equal(has_symbols, k->class == CLASS_ENUM || k->class == CLASS_FLAGS);
		for (size_t i = 0; symbol_at((enum kind_id)kind, i, &value, &text); i++) {
			assert_true(symbol_value((enum kind_id)kind, sv_from(text), &back));
			assert_int_equal(back, value);
			assert_string_equal(symbol_text((enum kind_id)kind, value), text);
		}
	}
}

struct open_record {
	struct wire_file_open r;
	char tail[40];
};

static struct open_record record_open(const char *path)
{
	struct open_record rec = { .r.common = { .type = EVENT_FILE_OPEN }, .r.mode = 0104755 };
	rec.r.path = (struct wire_str){ sizeof(rec.r), (uint32_t)strlen(path) };
	memcpy(rec.tail, path, strlen(path));
	rec.r.common.size = (uint32_t)(sizeof(rec.r) + strlen(path));
	return rec;
}

static void damaged_records_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		size_t at;
		uint32_t word;
	} cases[] = {
		{ "size not that of the sample", offsetof(struct wire_file_open, common.size), 17 },
		{ "unknown event", offsetof(struct wire_file_open, common.type), 63 },
		{ "event number 0", offsetof(struct wire_file_open, common.type), 0 },
		{ "event number far away", offsetof(struct wire_file_open, common.type), 0xffffffff },
		{ "event with a larger fixed part", offsetof(struct wire_file_open, common.type), EVENT_PROC_EXEC },
		{ "string past the end", offsetof(struct wire_file_open, path.length), 1000 },
		{ "string length that wraps", offsetof(struct wire_file_open, path.length), 0xffffffff },
		{ "string offset past the end", offsetof(struct wire_file_open, path.offset), 100000 },
		{ "string in the fixed part", offsetof(struct wire_file_open, path.offset), 8 },
		{ "missing string with a length", offsetof(struct wire_file_open, path.offset), 0 },
	};
	struct event ev;
	struct open_record good = record_open("/bin/true");
	assert_int_equal(event_decode(&good, good.r.common.size, &ev), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct open_record rec = record_open("/bin/true");
		size_t size = rec.r.common.size;
		memcpy((char *)&rec + cases[i].at, &cases[i].word, sizeof(cases[i].word));
		if (event_decode(&rec, size, &ev) == 0)
			fail_msg("accepted: %s", cases[i].what);
	}
	for (size_t size = 0; size < good.r.common.size; size++)
		assert_true(event_decode(&good, size, &ev) != 0);
}

static void values_are_read_and_shown(void **state)
{
	(void)state;
	struct open_record rec = record_open("/etc/x\"\n\xff");
	rec.r.flags = 02 | 01000;
	rec.r.is_write = 7;
	rec.r.device = 8u << 20 | 17;
	rec.r.common.loginuid = UINT32_MAX;
	rec.r.nlink = UINT32_MAX;
	rec.r.file_uid = UINT32_MAX;
	rec.r.file_type = UINT32_MAX;
	rec.r.common.exec_id = 0xabc;
	memcpy(rec.r.common.comm.text, "sixteen letters!", 16);
	struct event ev;
	assert_int_equal(event_decode(&rec, rec.r.common.size, &ev), 0);
	static const struct {
		const char *field, *json;
	} cases[] = {
		{ "file.path", "\"/etc/x\\\"\\n\xef\xbf\xbd\"" },
		{ "file.open.flags", "[\"O_RDWR\",\"O_TRUNC\"]" },
		{ "file.open.write", "true" },
		{ "file.open.read", "false" },
		{ "file.mode", "\"4755\"" },
		{ "file.device", "\"8:17\"" },
		{ "file.inode", "\"0\"" },
		{ "process.entity_id", "\"0000000000000abc\"" },
		{ "process.name", "\"sixteen letters!\"" },
		{ "user.audit.id", NULL },
		{ "vedette.file.nlink", NULL },
		{ "file.uid", NULL },
		{ "file.type", NULL },
		{ "vedette.file.fs_path", NULL },
		{ "process.executable", NULL },
		{ "vedette.stage", "\"attempt\"" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct field *f = field_find(ev.type, sv_from(cases[i].field));
		assert_non_null(f);
		struct value v = event_get(&ev, f);
		assert_int_equal(v.is_missing, cases[i].json == NULL);
		if (v.is_missing)
			continue;
		CLEANUP(buf_done) struct buf out = { 0 };
		struct json j;
		json_init(&j, &out);
		value_json(&j, &v);
		assert_string_equal(buf_cstr(&out), cases[i].json);
	}
}

static void addresses_have_one_form(void **state)
{
	(void)state;
	static const struct {
		const char *text, *shown;
		uint32_t family;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", FAMILY_IPV4 },
		{ "::ffff:192.0.2.1", "192.0.2.1", FAMILY_IPV4 },
		{ "2001:DB8:0::1", "2001:db8::1", FAMILY_IPV6 },
		{ "::", "::", FAMILY_IPV6 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_address ip;
		CLEANUP(buf_done) struct buf out = { 0 };
		assert_int_equal(ip_parse(sv_from(cases[i].text), &ip), 0);
		assert_int_equal(ip.family, cases[i].family);
		ip_text(&out, &ip);
		assert_string_equal(buf_cstr(&out), cases[i].shown);
	}
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "g::1", "1.2.3.4 ", "::ffff:1.2.3.4%eth0" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ip_address ip;
		if (ip_parse(sv_from(bad[i]), &ip) == 0)
			fail_msg("accepted: '%s'", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_is_found_by_name_and_number),
		cmocka_unit_test(field_names_are_unique_and_nest),
		cmocka_unit_test(every_symbol_goes_to_its_value_and_back),
		cmocka_unit_test(damaged_records_are_refused),
		cmocka_unit_test(values_are_read_and_shown),
		cmocka_unit_test(addresses_have_one_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
