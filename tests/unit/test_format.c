/* SPDX-License-Identifier: Apache-2.0 */
/* Signed lines in other formats: what stands where, what is refused, and that limits are kept with what was cut named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "alerts/format.h"
#include "alerts/format_record.h"
#include "engine/base/fd.h"
#include "engine/base/jsonread.h"

#define GOLDEN "tests/golden/records.jsonl"

/* A record of a few members; more: further ones, each followed by a comma. */
#define ALERT(more)                                                                                                                          \
	"{\"@timestamp\":\"2026-01-02T03:04:05.000000006Z\",\"agent\":{\"id\":\"a\",\"version\":\"1\"}," more                                \
	"\"event\":{\"action\":\"file.open\",\"dataset\":\"vedette.alert\",\"id\":\"a/0:5\",\"sequence\":5,\"severity\":73},"                \
	"\"host\":{\"id\":\"i\",\"name\":\"h\"},\"message\":\"m\",\"rule\":{\"id\":\"r\",\"name\":\"R\",\"ruleset\":\"s\"},"                 \
	"\"vedette\":{\"action\":\"alert\"}}"

/* The same of another event; own: further members under vedette, without the last comma. */
#define OF(event, more, own)                                                                                                                  \
	"{\"@timestamp\":\"2026-01-02T03:04:05.000000006Z\",\"event\":{\"action\":\"" event "\",\"dataset\":\"vedette.alert\",\"id\":\"a/0:5\"},"     \
	more "\"rule\":{\"id\":\"r\"},\"v\":0,\"vedette\":{" own "}}"

static struct strview next_line(struct strview *left)
{
	const char *end = memchr(left->p, '\n', left->n);
	struct strview line = { left->p, end ? (size_t)(end - left->p) : left->n };
	*left = sv_from_index(*left, line.n + 1);
	return line;
}

static void read_golden(struct buf *ret)
{
	assert_int_equal(fd_read_file(GOLDEN, 1 << 24, ret), 0);
	assert_true(ret->n > 0);
}

static bool contains(const struct buf *b, const char *text)
{
	return memmem(b->p, b->n, text, strlen(text)) != NULL;
}

static void fail_json(enum format format, struct strview line, const struct buf *out)
{
	const char *error;
	size_t at;
	if (format_is_json(format) && json_check(buf_sv(out), &error, &at))
		fail_msg("%s: %s at %zu: of " SV_FMT, format_name(format), error, at, SV_ARG(line));
}

static void every_record_has_a_line_in_every_format(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf golden = { 0 };
	CLEANUP(buf_done) struct buf out = { 0 };
	read_golden(&golden);
	for (int f = 0; f < FORMAT_COUNT; f++) {
		struct strview left = buf_sv(&golden);
		while (left.n) {
			struct strview line = next_line(&left);
			buf_reset(&out);
			if (format_convert((enum format)f, line, 0, &out))
				fail_msg("%s refuses " SV_FMT, format_name((enum format)f), SV_ARG(line));
			if (memchr(out.p, '\n', out.n) || !utf8_valid(buf_sv(&out)))
				fail_msg("%s: not one line of text: " SV_FMT, format_name((enum format)f), SV_ARG(buf_sv(&out)));
			fail_json((enum format)f, line, &out);
		}
	}
}

static void a_limit_is_kept_and_what_was_cut_is_named(void **state)
{
	(void)state;
	static const size_t limits[] = { 65536, 16384, FORMAT_LEAST_BYTES };
	static const char *const marks[FORMAT_COUNT] = { [FORMAT_OCSF] = "\"was_cut\":[", [FORMAT_CEF] = "vedetteCut=", [FORMAT_LEEF] = "vedetteCut=", [FORMAT_FALCO] = "\"cut\":[",
		 [FORMAT_OTLP] = "\"vedette.cut\"" };
	CLEANUP(buf_done) struct buf line = { 0 };
	CLEANUP(buf_done) struct buf out = { 0 };
	buf_add_z(&line, "{\"@timestamp\":\"2026-01-02T03:04:05.000000006Z\",\"event\":{\"action\":\"file.open\",\"dataset\":\"vedette.alert\",\"id\":\"a/0:5\"},\"file\":{\"path\":\"");
	for (int i = 0; i < 30000; i++)
		buf_add_z(&line, "\xc3\xa4");
	buf_add_z(&line, "\"}}");
	for (int f = 0; f < FORMAT_COUNT; f++)
		for (size_t i = 0; marks[f] && i < ARRAY_SIZE(limits); i++) {
			buf_reset(&out);
			buf_add_z(&out, "kept ");
			assert_int_equal(format_convert((enum format)f, buf_sv(&line), limits[i], &out), 0);
			if (out.n > limits[i] + 5 || !sv_starts(buf_sv(&out), SV("kept ")))
				fail_msg("%s: %zu bytes where %zu may be", format_name((enum format)f), out.n - 5, limits[i]);
			if (!contains(&out, marks[f]) || !utf8_valid(buf_sv(&out)))
				fail_msg("%s: what was cut at %zu is not told: " SV_FMT, format_name((enum format)f), limits[i], SV_ARG(buf_sv(&out)));
		}
}

static void what_cannot_be_short_enough_is_refused(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = { 0 };
	buf_add_z(&out, "kept");
	for (int f = 0; f < FORMAT_COUNT; f++) {
		assert_int_equal(format_convert((enum format)f, SV(ALERT("")), 16, &out), -EMSGSIZE);
		assert_true(sv_is(buf_sv(&out), "kept"));
	}
}

static void what_is_no_record_is_refused(void **state)
{
	(void)state;
	static const struct { const char *what, *line; } cases[] = {
		{ "nothing", "" },
		{ "no JSON", "hello" },
		{ "an array", "[]" },
		{ "an empty object", "{}" },
		{ "a record cut short", "{\"@timestamp\":\"2026-01-02T03:04:05.000000006Z\",\"event\":{\"dataset\":\"vedette.alert\",\"id\":\"a/0:5\"" },
		{ "something behind it", ALERT("") "x" },
		{ "a doubled key", ALERT("\"agent\":{},") },
		{ "no id", "{\"@timestamp\":\"2026-01-02T03:04:05.000000006Z\",\"event\":{\"dataset\":\"vedette.alert\"}}" },
		{ "an id that is a number", "{\"@timestamp\":\"2026-01-02T03:04:05.000000006Z\",\"event\":{\"dataset\":\"vedette.alert\",\"id\":5}}" },
		{ "no dataset", "{\"@timestamp\":\"2026-01-02T03:04:05.000000006Z\",\"event\":{\"id\":\"a/0:5\"}}" },
		{ "bytes that are no UTF-8", ALERT("\"file\":{\"path\":\"\xff\"},") },
		{ "a dot in a key", ALERT("\"a.b\":1,") },
	};
	CLEANUP(buf_done) struct buf out = { 0 };
	for (int f = 0; f < FORMAT_COUNT; f++)
		for (size_t i = 0; f != FORMAT_NATIVE && i < ARRAY_SIZE(cases); i++) {
			if (format_convert((enum format)f, sv_from(cases[i].line), 0, &out) != -EBADMSG || out.n)
				fail_msg("%s takes %s", format_name((enum format)f), cases[i].what);
		}
}

static void values_stand_where_the_format_has_them(void **state)
{
	(void)state;
	static const struct { enum format format; const char *what, *line, *has; } cases[] = {
		{ FORMAT_FALCO, "priority", ALERT(""), "\"priority\":\"Error\"" },
		{ FORMAT_FALCO, "rule", ALERT(""), "\"rule\":\"R\"" },
		{ FORMAT_FALCO, "time of day before the output", ALERT(""), "\"output\":\"03:04:05.000000006: Error m\"" },
		{ FORMAT_FALCO, "time as a number", ALERT(""), "\"evt.time\":1767323045000000006" },
		{ FORMAT_FALCO, "no container", ALERT("\"process\":{\"pid\":5},"), "\"container.id\":\"host\"" },
		{ FORMAT_FALCO, "short id of a container", ALERT("\"container\":{\"id\":\"0123456789abcdef\"},"), "\"container.id\":\"0123456789ab\"" },
		{ FORMAT_FALCO, "repository with a port", ALERT("\"container\":{\"image\":{\"name\":\"r.example:5000/a/b:1.2@sha256:77\"}},"),
		  "\"container.image.repository\":\"r.example:5000/a/b\"" },
		{ FORMAT_FALCO, "number out of text", ALERT("\"user\":{\"effective\":{\"id\":\"1000\"}},"), "\"user.uid\":1000" },
		{ FORMAT_FALCO, "command line", ALERT("\"process\":{\"args\":[\"/bin/ls\",\"-l\",\"a b\"],\"name\":\"ls\"},"), "\"proc.cmdline\":\"ls -l a b\"" },
		{ FORMAT_FALCO, "connection", ALERT("\"destination\":{\"ip\":\"192.0.2.1\",\"port\":53},\"source\":{\"ip\":\"192.0.2.7\",\"port\":999},"),
		  "\"fd.name\":\"192.0.2.7:999->192.0.2.1:53\"" },
		{ FORMAT_FALCO, "tags with techniques", ALERT("\"tags\":[\"x\"],\"threat\":{\"technique\":{\"id\":[\"T1003\"]}},"), "\"tags\":[\"x\",\"T1003\"]" },
		{ FORMAT_FALCO, "terminal", ALERT("\"process\":{\"tty\":{\"name\":\"pts3\"}},"), "\"proc.tty\":34819" },
		{ FORMAT_FALCO, "no terminal", ALERT("\"process\":{\"interactive\":false},"), "\"proc.tty\":0" },
		{ FORMAT_FALCO, "escapes", ALERT("\"file\":{\"path\":\"/a\\\"\\n\\u0000b\"},"), "\"fs.path.name\":\"/a\\\"\\n\\u0000b\"" },
		{ FORMAT_OCSF, "class of an event", OF("file.open", "", ""), "\"type_name\":\"File System Activity: Open\",\"type_uid\":100114" },
		{ FORMAT_OCSF, "a signal that ends", OF("process.kill", "", "\"signal\":\"SIGKILL\""), "\"type_uid\":100702" },
		{ FORMAT_OCSF, "another signal", OF("process.kill", "", "\"signal\":\"SIGHUP\""), "\"activity_id\":99,\"activity_name\":\"process.kill\"" },
		{ FORMAT_OCSF, "mapped memory", OF("file.mmap_exec", "", "\"memory\":{\"anonymous\":true}"), "\"type_uid\":100401" },
		{ FORMAT_OCSF, "a mapped file", OF("file.mmap_exec", "\"file\":{\"name\":\"l.so\"},", "\"memory\":{\"anonymous\":false}"),
		  "\"module\":{\"file\":{\"name\":\"l.so\",\"type_id\":0},\"load_type_id\":4}" },
		{ FORMAT_OCSF, "an exec: the parent acts", OF("process.exec", "\"process\":{\"parent\":{\"pid\":4},\"pid\":5},", ""), "\"actor\":{\"process\":{\"pid\":4}}" },
		{ FORMAT_OCSF, "a refused exec: the caller acts, and the file is named", OF("process.exec", "\"file\":{\"name\":\"x\",\"type\":\"file\"},\"process\":{\"pid\":5},",
		  "\"verdict\":\"block\""), "\"process\":{\"file\":{\"name\":\"x\",\"type_id\":1},\"pid\":5}" },
		{ FORMAT_OCSF, "several events are a finding", OF("file.open", "", "\"correlation\":{\"count\":3,\"kind\":\"threshold\"}"), "\"type_uid\":200401" },
		{ FORMAT_OCSF, "no address, no network activity", OF("network.connect", "\"process\":{\"pid\":5},", ""), "\"type_uid\":100799" },
		{ FORMAT_OCSF, "detected", ALERT(""), "\"disposition\":\"Detected\",\"disposition_id\":15" },
		{ FORMAT_OCSF, "a technique of which the sub-technique is named", ALERT("\"threat\":{\"technique\":{\"id\":[\"T1003\"],\"subtechnique\":{\"id\":[\"T1003.008\"]}}},"),
		  "\"attacks\":[{\"sub_technique\":{\"uid\":\"T1003.008\"},\"technique\":{\"uid\":\"T1003\"}}]" },
		{ FORMAT_OCSF, "the line itself", ALERT(""), "\"raw_data\":\"{\\\"@timestamp\\\":" },
		{ FORMAT_OCSF, "name of the program out of its path", ALERT("\"process\":{\"executable\":\"/usr/bin/cat\"},"), "\"file\":{\"name\":\"cat\",\"path\":\"/usr/bin/cat\",\"type_id\":1}" },
		{ FORMAT_CEF, "head", ALERT(""), "CEF:0|Vedette|Vedette|1|r|R|7|externalId=a/0:5 rt=1767323045000 cs1Label=leafSha256 cs1=" },
		{ FORMAT_CEF, "backslash, equals sign, line ends", ALERT("\"file\":{\"path\":\"/a\\\\b=c|d\\n\\re\"},"), "filePath=/a\\\\b\\=c|d\\n\\re " },
		{ FORMAT_CEF, "a control byte", ALERT("\"file\":{\"path\":\"/a\\u0000\\u001b\"},"), "filePath=/a\xef\xbf\xbd\xef\xbf\xbd " },
		{ FORMAT_CEF, "IPv4", ALERT("\"destination\":{\"ip\":\"192.0.2.1\"},"), " dst=192.0.2.1 " },
		{ FORMAT_CEF, "IPv6", ALERT("\"destination\":{\"ip\":\"2001:db8::1\"},"), " c6a3Label=Destination IPv6 Address c6a3=2001:db8::1 " },
		{ FORMAT_CEF, "a list", ALERT("\"tags\":[\"x\",\"y=z\"],"), " cs6Label=tags cs6=x,y\\=z" },
		{ FORMAT_LEEF, "head", ALERT(""), "LEEF:2.0|Vedette|Vedette|1|r|x09|externalId=a/0:5\tdevTime=1767323045000\tsev=7\tcat=file.open\t" },
		{ FORMAT_LEEF, "tab, backslash, line ends", ALERT("\"file\":{\"path\":\"/a\\tb\\\\c\\n=|\"},"), "\tresource=/a\\tb\\\\c\\n=|\t" },
		{ FORMAT_LEEF, "id", ALERT(""), "\tleafSha256=" },
		{ FORMAT_OTLP, "severity", ALERT(""), "\"severityNumber\":17,\"severityText\":\"high\"" },
		{ FORMAT_OTLP, "time as text", ALERT(""), "\"timeUnixNano\":\"1767323045000000006\"" },
		{ FORMAT_OTLP, "number as text", ALERT("\"process\":{\"pid\":5},"), "{\"key\":\"process.pid\",\"value\":{\"intValue\":\"5\"}}" },
		{ FORMAT_OTLP, "list", ALERT("\"tags\":[\"x\",\"y\"],"), "{\"arrayValue\":{\"values\":[{\"stringValue\":\"x\"},{\"stringValue\":\"y\"}]}}" },
		{ FORMAT_OTLP, "event", ALERT(""), "\"eventName\":\"file.open\"" },
		{ FORMAT_OTLP, "the line itself", ALERT(""), "\"body\":{\"stringValue\":\"{\\\"@timestamp\\\":\\\"2026-" },
	};
	CLEANUP(buf_done) struct buf out = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		buf_reset(&out);
		if (format_convert(cases[i].format, sv_from(cases[i].line), 0, &out) || !contains(&out, cases[i].has))
			fail_msg("%s: %s: %s is not in " SV_FMT, format_name(cases[i].format), cases[i].what, cases[i].has, SV_ARG(buf_sv(&out)));
		fail_json(cases[i].format, sv_from(cases[i].line), &out);
	}
}

static void several_lines_make_one_request(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = { 0 };
	const char *error;
	size_t at;
	assert_int_equal(format_otlp_begin(SV(ALERT("")), true, &out), 0);
	assert_int_equal(format_otlp_add(SV(ALERT("")), 0, true, &out), 0);
	size_t n = out.n;
	assert_int_equal(format_otlp_add(SV("bad"), 0, false, &out), -EBADMSG);
	assert_int_equal(out.n, n);
	assert_int_equal(format_otlp_add(SV(ALERT("")), 0, false, &out), 0);
	format_otlp_end(&out);
	assert_int_equal(json_check(buf_sv(&out), &error, &at), 0);
}

/* Of every record in every format, and never out of what a value says. */
static void a_line_tells_its_record(void **state)
{
	(void)state;
	static const char *const evil[] = {
		ALERT("\"file\":{\"path\":\"/ externalId=x:1 \\texternalId=y:1 {\\\"key\\\":\\\"event.id\\\",\\\"value\\\":{\\\"stringValue\\\":\\\"z:1\\\"\"},"),
		ALERT("\"tags\":[\"|externalId=x:1 \",\"|x09|externalId=y:1\\t\"],\"process\":{\"command_line\":\"a externalId=q:1\"},"),
	};
	CLEANUP(buf_done) struct buf out = { 0 };
	for (int f = 0; f < FORMAT_COUNT; f++) {
		struct strview id;
		for (size_t i = 0; i < ARRAY_SIZE(evil); i++) {
			buf_reset(&out);
			assert_int_equal(format_convert((enum format)f, sv_from(evil[i]), 0, &out), 0);
			if (!format_find_id((enum format)f, buf_sv(&out), &id) || !sv_is(id, "a/0:5"))
				fail_msg("%s: another id in " SV_FMT, format_name((enum format)f), SV_ARG(buf_sv(&out)));
			for (int other = 0; other < FORMAT_COUNT; other++)
				if (other != f && format_find_id((enum format)other, buf_sv(&out), &id))
					fail_msg("%s takes a line of %s", format_name((enum format)other), format_name((enum format)f));
		}
		assert_false(format_find_id((enum format)f, SV(""), &id));
		assert_false(format_find_id((enum format)f, SV("hello"), &id));
	}
}

static void formats_are_found_by_name(void **state)
{
	(void)state;
	enum format format;
	for (int f = 0; f < FORMAT_COUNT; f++) {
		assert_int_equal(format_find(sv_from(format_name((enum format)f)), &format), 0);
		assert_int_equal(format, f);
		assert_true(format_doc(format)[0] != '\0');
	}
	assert_int_equal(format_find(SV("FALCO"), &format), -EINVAL);
	assert_int_equal(format_find(SV(""), &format), -EINVAL);
}

/* `test_format --write FOLDER`: the golden records in every format, for tests/formats/formats.py. */
static int write_samples(const char *folder)
{
	CLEANUP(buf_done) struct buf golden = { 0 };
	if (fd_read_file(GOLDEN, 1 << 24, &golden))
		return 1;
	for (int f = 0; f < FORMAT_COUNT; f++) {
		CLEANUP(buf_done) struct buf out = { 0 };
		CLEANUP(buf_done) struct buf path = { 0 };
		buf_add_format(&path, "%s/%s", folder, format_name((enum format)f));
		for (struct strview left = buf_sv(&golden); left.n;) {
			if (format_convert((enum format)f, next_line(&left), 0, &out))
				return 1;
			buf_add_char(&out, '\n');
		}
		CLEANUP(fd_close) int fd = open(buf_cstr(&path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || fd_write_all(fd, out.p, out.n))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--write") == 0)
		return write_samples(argv[2]);

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_has_a_line_in_every_format),
		cmocka_unit_test(a_limit_is_kept_and_what_was_cut_is_named),
		cmocka_unit_test(what_cannot_be_short_enough_is_refused),
		cmocka_unit_test(what_is_no_record_is_refused),
		cmocka_unit_test(values_stand_where_the_format_has_them),
		cmocka_unit_test(several_lines_make_one_request),
		cmocka_unit_test(a_line_tells_its_record),
		cmocka_unit_test(formats_are_found_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
