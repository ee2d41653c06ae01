/* SPDX-License-Identifier: Apache-2.0 */
/* Events by field name: what is put in comes out, for every field of every event. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/fd.h"
#include "engine/event/builder.h"
#include "engine/event/value.h"

/* A value for a kind, as text, and as JSON shows it. */
static void sample_of(const struct field *f, const char **ret_text, const char **ret_json)
{
	uint64_t value;
	const struct kind *kind = kind_get(f->kind);
	*ret_json = NULL;
	switch (kind->class) {
	case CLASS_BOOL:
		*ret_text = *ret_json = "true";
		break;
	case CLASS_ENUM:
	case CLASS_FLAGS:
		assert_true(symbol_at(f->kind, 0, &value, ret_text));
		break;
	case CLASS_IP:
		*ret_text = "192.0.2.1";
		*ret_json = "\"192.0.2.1\"";
		break;
	case CLASS_SINT:
		*ret_text = *ret_json = "-5";
		break;
	case CLASS_STR:
		*ret_text = "text";
		*ret_json = "\"text\"";
		break;
	case CLASS_LIST:
		*ret_text = "item";
		*ret_json = "[\"item\"]";
		break;
	case CLASS_UINT:
		*ret_text = f->kind == KIND_MODE ? "0751" : "7";
		*ret_json = f->kind == KIND_MODE ? "\"0751\"" : f->kind == KIND_HEXID ? "\"0000000000000007\"" : kind->form == FORM_NUMBER ? "7" : NULL;
		break;
	}
}

static void every_field_takes_a_value(void **state)
{
	(void)state;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	assert_int_equal(event_builder_new(&b), 0);
	for (uint32_t number = 0; number < EVENT_NUMBERS; number++) {
		const struct event_type *type = event_type_by_number(number);
		const struct field *fields[EVENT_MAX_FIELDS];
		size_t n = type && type->name[0] ? event_type_sorted_fields(type, fields) : 0;
		for (size_t i = 0; i < n; i++) {
			const char *text, *json;
			struct event ev;
			sample_of(fields[i], &text, &json);
			event_builder_begin(b, type);
			if (event_builder_set_text(b, fields[i]->name, text) || event_builder_event(b, &ev))
				fail_msg("%s: %s takes no '%s'", type->name, fields[i]->name, text);
			struct value v = event_get(&ev, fields[i]);
			CLEANUP(buf_done) struct buf out = { 0 };
			struct json j;
			json_init(&j, &out);
			if (v.is_missing)
				fail_msg("%s: %s is missing", type->name, fields[i]->name);
			value_json(&j, &v);
			if (json)
				assert_string_equal(buf_cstr(&out), json);
		}
	}
}

static void unfit_values_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *field, *value;
		int err;
	} cases[] = {
		{ "no.such", "x", -ENOENT },           { "vedette.new_mode", "0755", -ENOENT }, { "process.pid", "x", -EINVAL },
		{ "process.pid", "4294967296", -EINVAL }, { "file.open.read", "yes", -EINVAL },    { "file.type", "directory", -EINVAL },
		{ "process.name", "sixteen-letters-", -EINVAL }, { "file.device", "8:x", -EINVAL },   { "process.entity_id", "xyz", -EINVAL },
	};
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	assert_int_equal(event_builder_new(&b), 0);
	event_builder_begin(b, event_type_by_number(EVENT_FILE_OPEN));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (event_builder_set_text(b, cases[i].field, cases[i].value) != cases[i].err)
			fail_msg("%s = %s", cases[i].field, cases[i].value);
	CLEANUP(str_free) char *large = calloc(1, RECORD_MAX + 1);
	assert_non_null(large);
	memset(large, 'x', RECORD_MAX);
	assert_int_equal(event_builder_set_text(b, "file.path", large), -E2BIG);
	struct event ev;
	assert_int_equal(event_builder_event(b, &ev), 0);
}

static void names_and_command_line_follow(void **state)
{
	(void)state;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	assert_int_equal(event_builder_new(&b), 0);
	event_builder_begin(b, event_type_by_number(EVENT_FILE_OPEN));
	const struct strview args[] = { SV("a"), SV(""), SV("c d") };
	assert_int_equal(event_builder_set(b, SV("process.args"), args, 3), 0);
	assert_int_equal(event_builder_set_text(b, "file.path", "/etc/cron.d/x.sh"), 0);
	struct event ev;
	assert_int_equal(event_builder_event(b, &ev), 0);
	assert_true(sv_is(ev.derived->command_line, "a  c d"));
	assert_true(sv_is(ev.derived->file_name, "x.sh"));
	assert_true(sv_is(ev.derived->file_directory, "/etc/cron.d"));
	assert_true(sv_is(ev.derived->file_extension, "sh"));
	assert_true(sv_is(ev.derived->action, "file.open"));
	assert_false(IS_DERIVED(ev.derived, executable));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_takes_a_value),
		cmocka_unit_test(unfit_values_are_refused),
		cmocka_unit_test(names_and_command_line_follow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
