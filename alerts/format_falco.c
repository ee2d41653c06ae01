/* SPDX-License-Identifier: Apache-2.0 */
/* What Falco writes with json_output: its keys, its field names, its priorities. One key is ours: vedette, which leads back to the record. */
#include <stdio.h>

#include "alerts/format_record.h"
#include "engine/base/num.h"

static bool made_text(struct format_out *o, struct format_value *ret)
{
	ret->text = buf_sv(&o->made);
	return o->made.n > 0;
}

/* Of processes on the host Falco says "host"; of others the first twelve digits. */
static bool falco_container_id(struct format_out *o, struct format_value *ret)
{
	enum { SHORT_ID = 12 };
	struct strview id = format_text(o, "container.id", "container.id");
	if (id.n == 0 && !format_record_find(o->record, "process.pid"))
		return false;
	ret->text = id.n == 0 ? SV("host") : id.n <= SHORT_ID ? id : (struct strview){ id.p, SHORT_ID };
	return utf8_valid(ret->text);
}

/* The image's name without tag and digest: what stands behind the last slash may have them, what stands before may have a port. */
static bool falco_image_repository(struct format_out *o, struct format_value *ret)
{
	struct strview name = format_text(o, "container.image.name", "container.image.repository");
	const char *digest = name.n ? memchr(name.p, '@', name.n) : NULL;
	if (digest)
		name.n = (size_t)(digest - name.p);
	const char *slash = name.n ? memrchr(name.p, '/', name.n) : NULL;
	size_t from = slash ? (size_t)(slash - name.p) : 0;
	const char *colon = name.n ? memchr(name.p + from, ':', name.n - from) : NULL;
	if (colon)
		name.n = (size_t)(colon - name.p);
	ret->text = name;
	return name.n > 0;
}

static bool falco_hostname(struct format_out *o, struct format_value *ret)
{
	ret->text = format_text(o, "host.name", "evt.hostname");
	return ret->text.n > 0;
}

static bool falco_res(struct format_out *o, struct format_value *ret)
{
	ret->text = format_text(o, "vedette.errno", "evt.res");
	if (ret->text.n == 0 && format_record_is(o->record, "event.outcome", "success"))
		ret->text = SV("SUCCESS");
	return ret->text.n > 0;
}

static bool falco_type(struct format_out *o, struct format_value *ret)
{
	if (format_record_is(o->record, "event.action", "process.exit"))
		ret->text = SV("procexit");
	else
		ret->text = format_text(o, "vedette.syscall", "evt.type");
	return ret->text.n > 0;
}

/* --- descriptors ----------------------------------------------------------------------------------------------------------------------- */

static void add_end(struct format_out *o, const char *ip, const char *port)
{
	buf_add_sv(&o->made, format_text(o, ip, "fd.name"));
	buf_add_char(&o->made, ':');
	buf_add_sv(&o->made, format_text(o, port, "fd.name"));
}

/* A path, address:port->address:port, or the name of a unix socket. */
static bool falco_fd_name(struct format_out *o, struct format_value *ret)
{
	bool has_source = format_record_find(o->record, "source.ip"), has_destination = format_record_find(o->record, "destination.ip");
	if (has_source)
		add_end(o, "source.ip", "source.port");
	if (has_source && has_destination)
		buf_add_z(&o->made, "->");
	if (has_destination)
		add_end(o, "destination.ip", "destination.port");
	if (o->made.n == 0)
		buf_add_sv(&o->made, format_text(o, "file.path", "fd.name"));
	if (o->made.n == 0)
		buf_add_sv(&o->made, format_text(o, "vedette.unix.name", "fd.name"));
	return made_text(o, ret);
}

static bool falco_fd_type(struct format_out *o, struct format_value *ret)
{
	ret->text = format_text(o, "network.type", "fd.type");
	if (ret->text.n == 0 && format_record_is(o->record, "file.type", "dir"))
		ret->text = SV("directory");
	else if (ret->text.n == 0 && format_record_find(o->record, "file.path"))
		ret->text = SV("file");
	return ret->text.n > 0;
}

/* --- processes ------------------------------------------------------------------------------------------------------------------------- */

/* Those behind argv[0], joined by blanks, behind what o->made has. */
static bool add_args(struct format_out *o, const char *path, const char *to)
{
	const struct format_leaf *leaf = format_record_find(o->record, path);
	struct format_list list;
	struct strview item;
	if (!leaf || leaf->token != JSON_ARRAY)
		return false;
	format_list_begin(&list, o, to, leaf->raw);
	for (size_t i = 0; format_list_next(&list, &item); i++) {
		if (i > 0 && o->made.n)
			buf_add_char(&o->made, ' ');
		if (i > 0)
			buf_add_sv(&o->made, item);
	}
	return true;
}

static bool falco_args(struct format_out *o, struct format_value *ret)
{
	bool has = add_args(o, "process.args", "proc.args");
	ret->text = buf_sv(&o->made);
	return has;
}

static bool falco_cmdline(struct format_out *o, struct format_value *ret)
{
	buf_add_sv(&o->made, format_text(o, "process.name", "proc.cmdline"));
	(void)add_args(o, "process.args", "proc.cmdline"); /* without them it is the name alone */
	return made_text(o, ret);
}

static bool falco_pcmdline(struct format_out *o, struct format_value *ret)
{
	buf_add_sv(&o->made, format_text(o, "process.parent.name", "proc.pcmdline"));
	(void)add_args(o, "process.parent.args", "proc.pcmdline");
	return made_text(o, ret);
}

/* The device's number; 0: there is none. */
static bool falco_tty(struct format_out *o, struct format_value *ret)
{
	static const struct { const char *prefix; unsigned first; } kinds[] = { { "pts", 136 << 8 }, { "ttyS", (4 << 8) + 64 }, { "tty", 4 << 8 } };
	struct strview name = format_text(o, "process.tty.name", "proc.tty");
	uint64_t number = 0;
	ret->class = FORMAT_CLASS_NUMBER;
	if (name.n == 0) {
		ret->text = SV("0");
		return format_record_find(o->record, "process.interactive") != NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct strview prefix = sv_from(kinds[i].prefix);
		if (!sv_starts(name, prefix) || num_parse_u64(sv_from_index(name, prefix.n), 255, &number))
			continue;
		buf_add_u64(&o->made, kinds[i].first + number);
		return made_text(o, ret);
	}
	return false;
}

static bool falco_loginuid(struct format_out *o, struct format_value *ret)
{
	ret->class = FORMAT_CLASS_NUMBER;
	ret->text = format_text(o, "user.audit.id", "user.loginuid");
	if (ret->text.n == 0)
		ret->text = SV("-1");
	return format_record_find(o->record, "user.id") != NULL;
}

static const struct format_row fields[] = {
#define FALCO(row_kind, row_to, row_from, row_choices) \
	{ .kind = FORMAT_KIND_##row_kind, .to = (row_to), .from = (row_from), .choices = (row_choices) },
#define FALCO_MADE(row_to, function) { .kind = FORMAT_KIND_MADE, .to = (row_to), .make = (function) },
#include "schemas/formats/falco.def"
};

/* --- the line -------------------------------------------------------------------------------------------------------------------------- */

/* The time of day that Falco's output begins with, out of RFC 3339. */
static struct strview time_of_day(struct strview time)
{
	enum { DATE = 11 };
	return time.n > DATE + 1 ? (struct strview){ time.p + DATE, time.n - DATE - 1 } : SV("00:00:00.000000000");
}

static void add_output(struct format_out *o, struct json *j)
{
	buf_reset(&o->made);
	buf_add_sv(&o->made, time_of_day(format_text(o, o->record->time_from, "time")));
	buf_add_format(&o->made, ": %s ", format_severity(o->record->severity)->falco);
	buf_add_sv(&o->made, format_text(o, "message", "output"));
	json_key(j, "output");
	json_str(j, buf_sv(&o->made));
}

static void add_fields(struct format_out *o, struct json *j)
{
	struct format_value value;
	json_key(j, "output_fields");
	json_object_begin(j);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (!format_value(o, &fields[i], &value))
			continue;
		json_key(j, fields[i].to);
		format_value_json(o, j, fields[i].to, &value);
	}
	json_object_end(j);
}

static void add_list(struct format_out *o, struct json *j, const char *path)
{
	const struct format_leaf *leaf = format_record_find(o->record, path);
	struct format_list list;
	struct strview item;
	if (!leaf)
		return;
	format_list_begin(&list, o, "tags", leaf->raw);
	while (format_list_next(&list, &item))
		json_str(j, item);
}

/* The rule's tags, and its techniques, which Falco's rules have among theirs. */
static void add_tags(struct format_out *o, struct json *j)
{
	json_key(j, "tags");
	json_array_begin(j);
	add_list(o, j, "tags");
	add_list(o, j, "threat.technique.id");
	add_list(o, j, "threat.technique.subtechnique.id");
	json_array_end(j);
}

static void add_key(struct format_out *o, struct json *j, const char *key, const char *path)
{
	json_key(j, key);
	json_str(j, format_text(o, path, key));
}

static void add_own_key(struct format_out *o, struct json *j)
{
	json_key(j, "vedette");
	json_object_begin(j);
	if (o->record->is_alert)
		add_key(o, j, "action", "vedette.action");
	if (o->cut.n) {
		json_key(j, "cut");
		format_cut_json(o, j);
	}
	add_key(o, j, "event_id", "event.id");
	json_key(j, "leaf");
	json_str(j, sv_from(o->record->leaf_hash));
	if (o->record->is_alert)
		add_key(o, j, "rule_id", "rule.id");
	json_key(j, "severity");
	json_str(j, sv_from(format_severity(o->record->severity)->name));
	json_object_end(j);
}

void format_falco(struct format_out *o)
{
	const struct format_record *record = o->record;
	bool is_event = record->is_alert || format_record_is(record, "event.dataset", "vedette.event");
	bool is_named_event = is_event && format_record_find(record, "event.action");
	struct json j;
	json_init(&j, o->out);
	json_object_begin(&j);
	add_key(o, &j, "hostname", "host.name");
	add_key(o, &j, "message", "message");
	add_output(o, &j);
	if (is_event) {
		add_fields(o, &j);
	} else {
		json_key(&j, "output_fields");
		json_object_begin(&j);
		json_object_end(&j);
	}
	json_key(&j, "priority");
	json_str(&j, sv_from(format_severity(record->severity)->falco));
	add_key(o, &j, "rule", format_record_find(record, "rule.name") ? "rule.name" : is_named_event ? "event.action" : "event.dataset");
	json_key(&j, "source");
	json_str(&j, is_event ? SV("syscall") : SV("internal"));
	add_tags(o, &j);
	add_key(o, &j, "time", record->time_from);
	add_own_key(o, &j);
	json_object_end(&j);
}
