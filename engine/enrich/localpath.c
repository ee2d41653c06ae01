/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing. A descriptor opened with O_PATH asks nothing of the file system it is of, so that its mount can be looked up before. */
#include "engine/enrich/localpath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/num.h"

enum { NAME_BYTES = 256, MAX_STEPS = 32 };

int localpath_beneath(int dir_fd, const char *name, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | resolve };
	long fd = syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

/* What it holds, as much as fits. */
static struct strview text_of(const char *path, char *into, size_t max)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t got = 0;
	while (fd >= 0 && got < max) {
		ssize_t n = read(fd, into + got, max - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return (struct strview){ into, got };
}

/* Takes the line off the text; n 0 of text and line: there was none. */
static struct strview take_line(struct strview *text)
{
	const char *end = text->n ? memchr(text->p, '\n', text->n) : NULL;
	struct strview line = { text->p, end ? (size_t)(end - text->p) : text->n };
	*text = sv_from_index(*text, MIN(line.n + 1, text->n));
	return line;
}

/* The mount that a descriptor is in; 0: not known. */
static uint64_t mount_of(int fd)
{
	char name[64], bytes[512];
	uint64_t id = 0;
	(void)snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	struct strview text = text_of(name, bytes, sizeof(bytes)), key = SV("mnt_id:\t");
	while (text.n) {
		struct strview line = take_line(&text);
		if (sv_starts(line, key) && num_parse_u64(sv_from_index(line, key.n), UINT64_MAX, &id))
			return 0;
	}
	return id;
}

/* What keeps its files on this host, or in its memory. */
static bool is_local_type(struct strview type)
{
	static const char *const names[] = { "ext4",  "xfs",  "btrfs", "tmpfs",    "overlay",  "zfs",	"ext3",	   "ext2",    "f2fs",
					     "ramfs", "jfs",  "nilfs2", "bcachefs", "reiserfs", "rootfs", "erofs", "squashfs" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (sv_is(type, names[i]))
			return true;
	return false;
}

/* "ID PARENT DEVICE ROOT PLACE OPTIONS [TAG...] - TYPE SOURCE OPTIONS"; blanks within are written otherwise. */
static struct strview type_of_line(struct strview line)
{
	struct strview separator = SV(" - ");
	const char *at = memmem(line.p, line.n, separator.p, separator.n);
	struct strview type = at ? sv_from_index(line, (size_t)(at - line.p) + separator.n) : (struct strview){ NULL, 0 };
	const char *end = type.n ? memchr(type.p, ' ', type.n) : NULL;
	return end ? (struct strview){ type.p, (size_t)(end - type.p) } : (struct strview){ NULL, 0 };
}

static bool is_local(uint64_t mount, struct localpath_scratch *scratch)
{
	char id[32];
	int n = snprintf(id, sizeof(id), "%llu ", (unsigned long long)mount);
	struct strview text = text_of("/proc/self/mountinfo", scratch->p, scratch->n), prefix = { id, (size_t)n };
	scratch->used += text.n;
	while (text.n) {
		struct strview line = take_line(&text);
		if (sv_starts(line, prefix))
			return is_local_type(type_of_line(line));
	}
	return false;
}

/* Takes the next name off the path; false: it is none. */
static bool take_name(struct strview *path, char into[static NAME_BYTES])
{
	const char *slash = memchr(path->p, '/', path->n);
	size_t n = slash ? (size_t)(slash - path->p) : path->n;
	if (n >= NAME_BYTES || memchr(path->p, '\0', n))
		return false;
	memcpy(into, path->p, n);
	into[n] = '\0';
	*path = sv_from_index(*path, MIN(n + 1, path->n));
	return true;
}

int localpath_open(int root_fd, struct strview path, struct localpath_scratch *scratch)
{
	char name[NAME_BYTES];
	CLEANUP(fd_close) int at = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
	uint64_t local = 0; /* the mount that was looked up last */
	if (at < 0)
		return -errno;
	for (int steps = 0; path.n; steps++) {
		if (steps == MAX_STEPS || !take_name(&path, name))
			return -ENAMETOOLONG;
		if (!name[0])
			continue;
		/* without O_DIRECTORY nothing is mounted for being looked at */
		int next = localpath_beneath(at, name, O_PATH, 0);
		if (next < 0)
			return next;
		fd_close(&at);
		at = next;
		uint64_t mount = mount_of(at);
		if (!mount || (mount != local && !is_local(mount, scratch)))
			return -EREMOTE;
		local = mount;
	}
	return TAKE_FD(at);
}
