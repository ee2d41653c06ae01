/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/probe/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/fd.h"

enum { BLOCK_BYTES = 32768 /* longer than any line: names have at most 512 letters */ };

static uint64_t hex_of(const char *text, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			return 0;
	}
	return v;
}

/* "ADDRESS T NAME" */
static void take_line(const char *line, size_t n, struct symbol *s)
{
	const char *blank = memchr(line, ' ', n);
	size_t length = strlen(s->name);
	if (s->address || !blank || n != (size_t)(blank - line) + 3 + length || blank[2] != ' ')
		return;
	if (memcmp(blank + 3, s->name, length) == 0)
		s->address = hex_of(line, (size_t)(blank - line));
}

/* The whole lines of a block; how much of it they are. */
static size_t take_lines(const char *block, size_t n, struct symbol *all, size_t n_all)
{
	size_t at = 0;
	for (const char *end; (end = memchr(block + at, '\n', n - at)); at = (size_t)(end - block) + 1)
		for (size_t i = 0; i < n_all; i++)
			take_line(block + at, (size_t)(end - block) - at, &all[i]);
	return at;
}

static bool is_complete(const struct symbol *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!all[i].address)
			return false;
	return true;
}

int symbols_find(const char *path, struct symbol *all, size_t n)
{
	char block[BLOCK_BYTES];
	size_t kept = 0;
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (!is_complete(all, n)) {
		ssize_t got = read(fd, block + kept, sizeof(block) - kept);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : 0;
		kept += (size_t)got;
		size_t taken = take_lines(block, kept, all, n);
		kept -= taken;
		memmove(block, block + taken, kept);
		if (kept == sizeof(block))
			return -EBADMSG;
	}
	return 0;
}
