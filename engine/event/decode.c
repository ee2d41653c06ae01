/* SPDX-License-Identifier: Apache-2.0 */
/* Record checks, driven by the field table. Trusts nothing that came through a ring. */
#include "engine/event/decode.h"

#include <errno.h>

static bool is_good_string(const struct field *f, const unsigned char *record, uint32_t fixed, uint32_t size)
{
	struct wire_str s;
	memcpy(&s, record + f->offset, sizeof(s));
	if (s.offset == 0)
		return s.length == 0;
	if (s.offset < fixed || s.offset > size || s.length > size - s.offset)
		return false;
	/* items of a list are each ended by NUL, the last one too */
	return f->kind != KIND_LIST || s.length == 0 || record[s.offset + s.length - 1] == '\0';
}

static bool is_good_ip(const struct field *f, const unsigned char *record)
{
	struct wire_ip ip;
	memcpy(&ip, record + f->offset, sizeof(ip));
	return ip.family == 0 || ip.family == FAMILY_IPV4 || ip.family == FAMILY_IPV6;
}

int event_decode(const void *bytes, size_t size, struct event *ret_event)
{
	if (size < sizeof(struct wire_common) || size > RECORD_MAX)
		return -EBADMSG;
	const struct wire_common *common = bytes;
	const struct event_type *type = event_type_by_number(common->type);
	if (!type || common->size != size || size < type->wire_size)
		return -EBADMSG;
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct field *f = &type->fields[i];
		if ((f->kind == KIND_STR || f->kind == KIND_LIST) && !is_good_string(f, bytes, type->wire_size, (uint32_t)size))
			return -EBADMSG;
		if (f->kind == KIND_IP && !is_good_ip(f, bytes))
			return -EBADMSG;
	}
	*ret_event = (struct event){ .type = type, .common = common, .size = (uint32_t)size };
	return 0;
}
