/* SPDX-License-Identifier: Apache-2.0 */
/* Strict numbers from text. */
#include "engine/base/num.h"

#include <errno.h>

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

int num_parse_u64(struct strview text, uint64_t max, uint64_t *ret)
{
	unsigned base = 10;
	if (text.n > 2 && text.p[0] == '0' && (text.p[1] == 'x' || text.p[1] == 'X')) {
		base = 16;
		text = sv_from_index(text, 2);
	} else if (text.n > 1 && text.p[0] == '0') {
		base = 8;
		text = sv_from_index(text, 1);
	}
	if (!text.n)
		return -EINVAL;
	uint64_t v = 0;
	for (size_t i = 0; i < text.n; i++) {
		unsigned d = (unsigned)digit_value(text.p[i]);
		if (d >= base)
			return -EINVAL;
		if (v > (UINT64_MAX - d) / base)
			return -ERANGE;
		v = v * base + d;
	}
	if (v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int num_parse_s64(struct strview text, int64_t *ret)
{
	uint64_t v = 0;
	bool negative = text.n && text.p[0] == '-';
	int r = num_parse_u64(negative ? sv_from_index(text, 1) : text, (uint64_t)INT64_MAX, &v);
	if (r)
		return r;
	*ret = negative ? -(int64_t)v : (int64_t)v;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static int parse_with_unit(struct strview text, const struct unit *units, size_t n, uint64_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		struct strview name = sv_from(units[i].name);
		if (!sv_ends(text, name))
			continue;
		uint64_t v = 0;
		int r = num_parse_u64((struct strview){ text.p, text.n - name.n }, UINT64_MAX / units[i].factor, &v);
		if (r == -EINVAL)
			continue; /* "ms" ends in "s" too: another unit may fit */
		if (r)
			return r;
		*ret = v * units[i].factor;
		return 0;
	}
	return -EINVAL;
}

int num_parse_size(struct strview text, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{ "KiB", 1024 }, { "MiB", 1024 * 1024 }, { "GiB", 1024 * 1024 * 1024 }, { "", 1 },
	};
	return parse_with_unit(text, units, ARRAY_SIZE(units), ret_bytes);
}

int num_parse_duration(struct strview text, uint64_t *ret_ns)
{
	static const struct unit units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
		{ "m", 60000000000 }, { "h", 3600000000000 },
	};
	return parse_with_unit(text, units, ARRAY_SIZE(units), ret_ns);
}
