/* SPDX-License-Identifier: Apache-2.0 */
#include "alerts/http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

enum { HOST_BYTES = 64 }; /* longer ones are names */

struct range {
	uint8_t bytes[16]; /* of an IPv4 address the first four */
	unsigned bits;
	enum http_address is;
};

/* The first that fits counts. */
static const struct range ranges_4[] = {
	{ { 169, 254, 169, 254 }, 32, HTTP_ADDRESS_NEVER }, /* metadata of most clouds */
	{ { 169, 254, 170, 2 }, 32, HTTP_ADDRESS_NEVER },   /* credentials of containers */
	{ { 169, 254, 170, 23 }, 32, HTTP_ADDRESS_NEVER },
	{ { 100, 100, 100, 200 }, 32, HTTP_ADDRESS_NEVER }, /* metadata of another */
	{ { 192, 0, 0, 192 }, 32, HTTP_ADDRESS_NEVER },     /* and of another */
	{ { 168, 63, 129, 16 }, 32, HTTP_ADDRESS_NEVER },   /* and of another, whose address looks public */
	{ { 0 }, 8, HTTP_ADDRESS_NEVER },
	{ { 224 }, 4, HTTP_ADDRESS_NEVER },
	{ { 255, 255, 255, 255 }, 32, HTTP_ADDRESS_NEVER },
	{ { 10 }, 8, HTTP_ADDRESS_PRIVATE },
	{ { 100, 64 }, 10, HTTP_ADDRESS_PRIVATE },
	{ { 127 }, 8, HTTP_ADDRESS_PRIVATE },
	{ { 169, 254 }, 16, HTTP_ADDRESS_PRIVATE },
	{ { 172, 16 }, 12, HTTP_ADDRESS_PRIVATE },
	{ { 192, 0, 0 }, 24, HTTP_ADDRESS_PRIVATE },
	{ { 192, 0, 2 }, 24, HTTP_ADDRESS_PRIVATE },
	{ { 192, 168 }, 16, HTTP_ADDRESS_PRIVATE },
	{ { 198, 18 }, 15, HTTP_ADDRESS_PRIVATE },
	{ { 198, 51, 100 }, 24, HTTP_ADDRESS_PRIVATE },
	{ { 203, 0, 113 }, 24, HTTP_ADDRESS_PRIVATE },
	{ { 240 }, 4, HTTP_ADDRESS_PRIVATE },
	{ { 0 }, 0, HTTP_ADDRESS_PUBLIC },
};
static const struct range ranges_6[] = {
	{ { 0xfd, 0x00, 0x0e, 0xc2, [15] = 0x54, [14] = 0x02 }, 128, HTTP_ADDRESS_NEVER }, /* fd00:ec2::254, metadata */
	{ { 0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23 }, 128, HTTP_ADDRESS_NEVER },              /* fd00:ec2::23, credentials of containers */
	{ { 0xfd, 0x20, 0x00, 0xce, [15] = 0x54, [14] = 0x02 }, 128, HTTP_ADDRESS_NEVER }, /* fd20:ce::254, metadata */
	{ { 0 }, 128, HTTP_ADDRESS_NEVER },
	{ { 0xff }, 8, HTTP_ADDRESS_NEVER },
	{ { [15] = 1 }, 128, HTTP_ADDRESS_PRIVATE },
	{ { 0xfc }, 7, HTTP_ADDRESS_PRIVATE },
	{ { 0xfe, 0x80 }, 10, HTTP_ADDRESS_PRIVATE },
	{ { 0xfe, 0xc0 }, 10, HTTP_ADDRESS_PRIVATE },
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, HTTP_ADDRESS_PRIVATE },
	{ { 0x3f, 0xff }, 20, HTTP_ADDRESS_PRIVATE }, /* documentation */
	{ { 0x20, 0x01 }, 23, HTTP_ADDRESS_PRIVATE }, /* Teredo and other agreements */
	{ { 0x20 }, 3, HTTP_ADDRESS_PUBLIC },
	{ { 0 }, 0, HTTP_ADDRESS_PRIVATE }, /* nothing else is given to anybody */
};

static bool fits(const struct range *r, const uint8_t *bytes)
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;
	if (memcmp(r->bytes, bytes, whole) != 0)
		return false;
	return rest == 0 || (r->bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0;
}

static enum http_address look_up(const struct range *ranges, const uint8_t *bytes)
{
	while (!fits(ranges, bytes)) /* the last fits all */
		ranges++;
	return ranges->is;
}

/* Where the IPv4 address stands in it; NULL: there is none. */
static const uint8_t *inner_4(const uint8_t bytes[static 16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, compatible[12] = { 0 }, nat64[12] = { 0x00, 0x64, 0xff, 0x9b }, six_to_four[2] = { 0x20, 0x02 };
	static const uint8_t loopback[16] = { [15] = 1 }, none[16] = { 0 };
	if (memcmp(bytes, loopback, 16) == 0 || memcmp(bytes, none, 16) == 0)
		return NULL;
	if (memcmp(bytes, mapped, 12) == 0 || memcmp(bytes, compatible, 12) == 0 || memcmp(bytes, nat64, 12) == 0)
		return bytes + 12;
	return memcmp(bytes, six_to_four, 2) == 0 ? bytes + 2 : NULL;
}

enum http_address http_address_judge(const struct sockaddr *address, socklen_t size)
{
	uint8_t bytes[16];
	if (address->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
		memcpy(bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
		return look_up(ranges_4, bytes);
	}
	if (address->sa_family != AF_INET6 || size < sizeof(struct sockaddr_in6))
		return HTTP_ADDRESS_NEVER;
	memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
	const uint8_t *inner = inner_4(bytes);
	return inner ? look_up(ranges_4, inner) : look_up(ranges_6, bytes);
}

/* The host of an https url as text, without brackets; false: it does not fit, and is none that we connect to. */
static bool host_of(const char *url, char *ret, size_t size)
{
	const char *begin = strstr(url, "://");
	if (!begin)
		return false;
	begin += 3;
	bool is_6 = *begin == '[';
	begin += is_6;
	size_t n = strcspn(begin, is_6 ? "%]" : ":/?#");
	if (n >= size)
		return false;
	memcpy(ret, begin, n);
	ret[n] = '\0';
	return true;
}

bool http_address_in_url(const char *url, enum http_address *ret)
{
	char host[HOST_BYTES];
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	if (!host_of(url, host, sizeof(host)))
		return false;
	size_t n = strlen(host);
	if (n > 1 && host[n - 1] == '.')
		host[n - 1] = '\0'; /* the root's dot: the same host */
	if (inet_aton(host, &four.sin_addr)) /* takes 127.1, octal and hexadecimal, as those who ask for it do */
		*ret = http_address_judge((const struct sockaddr *)&four, sizeof(four));
	else if (inet_pton(AF_INET6, host, &six.sin6_addr) == 1)
		*ret = http_address_judge((const struct sockaddr *)&six, sizeof(six));
	else
		return false;
	return true;
}
