/* SPDX-License-Identifier: Apache-2.0 */
/* container.*, k8s.*: the container and its pod. */
#include "engine/base/num.h"
#include "engine/rules/computed_functions.h"

static struct strview shortened(struct strview id)
{
	return (struct strview){ id.p, MIN(id.n, (size_t)CONTAINER_SHORT) };
}

static struct value text_or_missing(const struct field_ref *ref, struct strview text)
{
	return text.n ? computed_text(ref, text) : computed_missing(ref);
}

struct strview container_short(const struct event *ev)
{
	struct strview id = DERIVED_TEXT(ev, container_id);
	return id.n ? shortened(id) : SV("host");
}

struct value container_short_id(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return computed_text(ref, container_short(ev));
}

static struct value text_or_host(const struct event *ev, const struct field_ref *ref, struct strview text)
{
	return DERIVED_TEXT(ev, container_id).n ? text_or_missing(ref, text) : computed_text(ref, SV("host"));
}

struct value container_name_or_host(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return text_or_host(ev, ref, DERIVED_TEXT(ev, container_name));
}

struct value container_type(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return text_or_host(ev, ref, DERIVED_TEXT(ev, container_runtime));
}

struct value pod_short_sandbox_id(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return text_or_missing(ref, shortened(DERIVED_TEXT(ev, sandbox_id)));
}

/* --- the image -------------------------------------------------------------------------------------------------------------- */

static struct strview before(struct strview text, char c)
{
	const char *at = text.n ? memchr(text.p, c, text.n) : NULL;
	return (struct strview){ text.p, at ? (size_t)(at - text.p) : text.n };
}

/* An image without a name is called by the digest of its configuration. */
static bool is_nameless(struct strview image)
{
	return sv_starts(image, SV("sha256:"));
}

struct value image_repository(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct strview image = DERIVED_TEXT(ev, container_image), tag = DERIVED_TEXT(ev, container_image_tag);
	struct strview name = before(image, '@');
	if (!name.n || is_nameless(image))
		return computed_missing(ref);
	if (tag.n && name.n > tag.n + 1 && name.p[name.n - tag.n - 1] == ':' && sv_ends(name, tag))
		name.n -= tag.n + 1;
	return text_or_missing(ref, name);
}

struct value image_digest(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct strview image = DERIVED_TEXT(ev, container_image);
	return text_or_missing(ref, sv_from_index(image, before(image, '@').n + 1));
}

/* --- labels ----------------------------------------------------------------------------------------------------------------- */

/* key=value by key */
static struct value label_of(const struct event *ev, const struct field_ref *ref)
{
	struct value labels = computed_base(ev, ref);
	struct strview item, name = ref->argument;
	for (size_t pos = 0; value_next_item(&labels, &pos, &item);)
		if (item.n > name.n && item.p[name.n] == '=' && sv_starts(item, name))
			return computed_text(ref, sv_from_index(item, name.n + 1));
	return computed_missing(ref);
}

struct value label_value(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return label_of(ev, ref);
}

static struct value joined(struct matcher *m, const struct event *ev, const struct field_ref *ref, struct strview between)
{
	struct value list = computed_base(ev, ref);
	struct strview item;
	if (list.is_missing)
		return computed_missing(ref);
	struct scribe s;
	scribe_start(&s, m, 2 * list.s.n + 1);
	for (size_t pos = 0; value_next_item(&list, &pos, &item);) {
		scribe_add(&s, s.n ? between : SV(""));
		scribe_add(&s, item);
	}
	return scribe_value(&s, m, ref);
}

struct value labels_joined(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	struct value labels = computed_base(ev, ref);
	struct strview item;
	if (labels.is_missing)
		return computed_missing(ref);
	struct scribe s;
	scribe_start(&s, m, 2 * labels.s.n + 1);
	for (size_t pos = 0; value_next_item(&labels, &pos, &item);) {
		struct strview key = before(item, '=');
		scribe_add(&s, s.n ? SV(", ") : SV(""));
		scribe_add(&s, key);
		scribe_add(&s, SV(":"));
		scribe_add(&s, sv_from_index(item, key.n + 1));
	}
	return scribe_value(&s, m, ref);
}

/* --- mounts ----------------------------------------------------------------------------------------------------------------- */

enum mount_part { MOUNT_SOURCE, MOUNT_DESTINATION, MOUNT_MODE, MOUNT_WRITABLE, MOUNT_PROPAGATION };

struct value mounts_joined(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return joined(m, ev, ref, SV(","));
}

/* Bytes up to the colon that ends the part; those behind a backslash are the part's own. */
static size_t part_end(struct strview item, size_t at)
{
	while (at < item.n && item.p[at] != ':')
		at += item.p[at] == '\\' && at + 1 < item.n ? 2 : 1;
	return MIN(at, item.n);
}

static struct strview mount_part(struct strview item, enum mount_part part)
{
	size_t from = 0;
	for (unsigned i = 0; i < (unsigned)part; i++)
		from = MIN(part_end(item, from) + 1, item.n);
	return (struct strview){ item.p + from, part_end(item, from) - from };
}

/* Without the backslashes; in m's scratch if there are any. */
static struct value plain_part(struct matcher *m, const struct field_ref *ref, struct strview part)
{
	if (!part.n || !memchr(part.p, '\\', part.n))
		return computed_text(ref, part);
	struct scribe s;
	scribe_start(&s, m, part.n);
	for (size_t i = 0; i < part.n; i++) {
		i += part.p[i] == '\\' && i + 1 < part.n;
		scribe_add(&s, (struct strview){ part.p + i, 1 });
	}
	return scribe_value(&s, m, ref);
}

/* The mount of this number, or the first whose path fits the pattern. */
static bool find_mount(struct matcher *m, const struct event *ev, const struct field_ref *ref, enum mount_part by, struct strview *ret)
{
	struct value mounts = computed_base(ev, ref);
	struct strview item;
	uint64_t number;
	bool is_number = num_parse_u64(ref->argument, UINT32_MAX, &number) == 0;
	size_t n = 0;
	for (size_t pos = 0; value_next_item(&mounts, &pos, &item); n++) {
		struct value path = is_number ? (struct value){ 0 } : plain_part(m, ref, mount_part(item, by));
		if (is_number ? n == number : !path.is_missing && glob_match(ref->argument, path.s, false)) {
			*ret = item;
			return true;
		}
	}
	return false;
}

static struct value part_of_mount(struct matcher *m, const struct event *ev, const struct field_ref *ref, enum mount_part part)
{
	struct strview item;
	enum mount_part by = part == MOUNT_SOURCE ? MOUNT_DESTINATION : MOUNT_SOURCE;
	return find_mount(m, ev, ref, by, &item) ? plain_part(m, ref, mount_part(item, part)) : computed_missing(ref);
}

struct value mount_whole(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	struct strview item;
	return find_mount(m, ev, ref, MOUNT_SOURCE, &item) ? computed_text(ref, item) : computed_missing(ref);
}

struct value mount_source(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return part_of_mount(m, ev, ref, MOUNT_SOURCE);
}

struct value mount_destination(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return part_of_mount(m, ev, ref, MOUNT_DESTINATION);
}

struct value mount_mode(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return part_of_mount(m, ev, ref, MOUNT_MODE);
}

struct value mount_writable(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return part_of_mount(m, ev, ref, MOUNT_WRITABLE);
}

struct value mount_propagation(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return part_of_mount(m, ev, ref, MOUNT_PROPAGATION);
}
