/* SPDX-License-Identifier: Apache-2.0 */
/* Text form of times. */
#include "engine/base/clock.h"

#include <errno.h>
#include <sys/timex.h>

static inline void put_digits(char *at, unsigned n, unsigned v)
{
	for (; n-- > 0; v /= 10)
		at[n] = (char)('0' + v % 10);
}

/* The day of the calendar, of days since 1970. Counted from March of the year 0 on: so a leap day is the last of its year. */
static void put_date(char *text, unsigned days)
{
	enum { DAYS_TO_1970 = 719468, DAYS_OF_400_YEARS = 146097 };
	unsigned count = days + DAYS_TO_1970, era = count / DAYS_OF_400_YEARS, day = count % DAYS_OF_400_YEARS;
	unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365; /* of the era; without its leap days each has 365 */
	unsigned of_year = day - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * of_year + 2) / 153; /* five months from March on have 153 days, and so have the next five */
	put_digits(text, 4, 400 * era + year + (month >= 10));
	put_digits(text + 5, 2, month < 10 ? month + 3 : month - 9);
	put_digits(text + 8, 2, of_year - (153 * month + 2) / 5 + 1);
}

void clock_add_rfc3339(struct buf *b, uint64_t wall_ns)
{
	char text[] = "yyyy-mm-ddThh:mm:ss.nnnnnnnnnZ";
	uint64_t seconds = wall_ns / 1000000000u; /* 64 bits of nanoseconds end in 2554 */
	unsigned of_day = (unsigned)(seconds % 86400);
	put_date(text, (unsigned)(seconds / 86400));
	put_digits(text + 11, 2, of_day / 3600);
	put_digits(text + 14, 2, of_day / 60 % 60);
	put_digits(text + 17, 2, of_day % 60);
	put_digits(text + 20, 9, (unsigned)(wall_ns % 1000000000u));
	buf_add(b, text, sizeof(text) - 1);
}

static bool read_digits(struct strview text, size_t from, size_t n, unsigned *ret)
{
	unsigned v = 0;
	for (size_t i = from; i < from + n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		v = 10 * v + (unsigned)(text.p[i] - '0');
	}
	*ret = v;
	return true;
}

uint64_t clock_rfc3339_ns(struct strview text)
{
	uint64_t ns = 0;
	return clock_parse_rfc3339(text, &ns) ? 0 : ns;
}

int clock_parse_date(struct strview text, uint64_t *ret_wall_ns)
{
	unsigned year, month, day;
	bool has_form = text.n == 10 && text.p[4] == '-' && text.p[7] == '-';
	if (!has_form || !read_digits(text, 0, 4, &year) || !read_digits(text, 5, 2, &month) || !read_digits(text, 8, 2, &day))
		return -EINVAL;
	if (year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1) /* nanoseconds fit 64 signed bits until 2262 */
		return -EINVAL;
	struct tm tm = { .tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)day };
	time_t seconds = timegm(&tm);
	if (seconds < 0 || tm.tm_mday != (int)day) /* the 30th of February became a day of March */
		return -EINVAL;
	*ret_wall_ns = (uint64_t)seconds * 1000000000u;
	return 0;
}

int clock_parse_rfc3339(struct strview text, uint64_t *ret_wall_ns)
{
	uint64_t day_ns = 0, fraction_ns = 0, unit_ns = 100000000;
	unsigned hour, minute, second;
	if (text.n < 20 || text.p[10] != 'T' || text.p[13] != ':' || text.p[16] != ':' || text.p[text.n - 1] != 'Z')
		return -EINVAL;
	if (clock_parse_date((struct strview){ text.p, 10 }, &day_ns) || !read_digits(text, 11, 2, &hour) || !read_digits(text, 14, 2, &minute) ||
	    !read_digits(text, 17, 2, &second) || hour > 23 || minute > 59 || second > 59)
		return -EINVAL;
	if (text.n > 20 && (text.p[19] != '.' || text.n == 21 || text.n > 30))
		return -EINVAL;
	for (size_t i = 20; i + 1 < text.n; i++, unit_ns /= 10) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return -EINVAL;
		fraction_ns += (uint64_t)(text.p[i] - '0') * unit_ns;
	}
	*ret_wall_ns = day_ns + (uint64_t)(hour * 3600u + minute * 60u + second) * 1000000000u + fraction_ns;
	return 0;
}

const char *clock_sync_text(void)
{
	struct timex query = { 0 }; /* modes 0: ask only, needs no privilege */
	int state = adjtimex(&query);
	if (state < 0)
		return "unknown";
	return state == TIME_ERROR || (query.status & STA_UNSYNC) ? "no" : "yes";
}
