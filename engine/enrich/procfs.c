/* SPDX-License-Identifier: Apache-2.0 */
/* Reads single files of /proc/PID into memory of the caller. Never allocates. */
#include "engine/enrich/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "engine/enrich/mounts.h"

static int pid_open(int proc_fd, uint32_t pid)
{
	char name[16];
	(void)snprintf(name, sizeof(name), "%u", pid); /* at most 10 digits */
	int fd = openat(proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Bytes read, at most size, or -errno. */
static ssize_t file_read(int dir_fd, const char *name, char *into, size_t size)
{
	CLEANUP(fd_close) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	size_t got = 0;
	while (got < size) {
		ssize_t n = read(fd, into + got, size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static struct strview next_word(struct strview *rest)
{
	while (rest->n && (*rest->p == ' ' || *rest->p == '\n'))
		*rest = sv_from_index(*rest, 1);
	size_t n = 0;
	while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\n')
		n++;
	struct strview word = { rest->p, n };
	*rest = sv_from_index(*rest, n);
	return word;
}

static bool parse_signed(struct strview word, uint64_t max, uint64_t *ret)
{
	if (word.n > 1 && word.p[0] == '-') { /* none: a tty or group of a kernel thread */
		*ret = 0;
		return true;
	}
	return num_parse_u64(word, max, ret) == 0;
}

/* The kernel's numbers of terminals, as proc(5) and devices.txt have them. */
static void tty_name(uint32_t device, char *into, size_t size)
{
	unsigned major_number = (device >> 8) & 0xfff, minor_number = (device & 0xff) | ((device >> 12) & 0xfff00);
	into[0] = '\0';
	if (device == 0)
		return;
	if (major_number >= 136 && major_number <= 143)
		(void)snprintf(into, size, "pts%u", minor_number + (major_number - 136) * 256);
	else if (major_number == 4 && minor_number < 64)
		(void)snprintf(into, size, "tty%u", minor_number);
	else if (major_number == 4)
		(void)snprintf(into, size, "ttyS%u", minor_number - 64);
	else if (major_number == 229)
		(void)snprintf(into, size, "hvc%u", minor_number);
	else
		(void)snprintf(into, size, "tty-%u:%u", major_number, minor_number);
}

bool procfs_parse_stat(struct strview text, struct procfs_process *ret)
{
	const char *open = text.n ? memchr(text.p, '(', text.n) : NULL;
	const char *close = text.n ? memrchr(text.p, ')', text.n) : NULL; /* the name may hold parentheses and blanks */
	if (!open || !close || close < open)
		return false;
	size_t n = MIN((size_t)(close - open - 1), sizeof(ret->comm) - 1);
	memcpy(ret->comm, open + 1, n);
	ret->comm[n] = '\0';
	struct strview rest = sv_from_index(text, (size_t)(close - text.p) + 1);
	uint64_t ppid = 0, tty = 0, start = 0;
	for (int field = 3; field <= 22; field++) {
		struct strview word = next_word(&rest);
		if (field == 4 && !parse_signed(word, UINT32_MAX, &ppid))
			return false;
		if (field == 7 && !parse_signed(word, UINT32_MAX, &tty))
			return false;
		if (field == 22 && num_parse_u64(word, UINT64_MAX, &start))
			return false;
	}
	ret->ppid = (uint32_t)ppid;
	ret->start_ticks = start;
	tty_name((uint32_t)tty, ret->tty, sizeof(ret->tty));
	return true;
}

/* The rest of the line that begins with key; n 0: no such line. */
static struct strview line_of(struct strview text, struct strview key)
{
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		struct strview line = { text.p, end ? (size_t)(end - text.p) : text.n };
		if (sv_starts(line, key))
			return sv_from_index(line, key.n);
		text = sv_from_index(text, line.n + 1);
	}
	return (struct strview){ NULL, 0 };
}

bool procfs_parse_uid(struct strview status, uint32_t *ret)
{
	struct strview rest = line_of(status, SV("Uid:\t"));
	size_t n = 0;
	while (n < rest.n && rest.p[n] != '\t')
		n++;
	uint64_t uid = 0;
	if (num_parse_u64((struct strview){ rest.p, n }, UINT32_MAX, &uid))
		return false;
	*ret = (uint32_t)uid;
	return true;
}

struct strview procfs_parse_cgroup(struct strview text)
{
	struct strview path = line_of(text, SV("0::"));
	if (path.n > 1)
		return path;
	struct strview best = path;
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		struct strview line = { text.p, end ? (size_t)(end - text.p) : text.n };
		const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
		struct strview rest = colon ? sv_from_index(line, (size_t)(colon - line.p) + 1) : (struct strview){ NULL, 0 };
		const char *second = rest.n ? memchr(rest.p, ':', rest.n) : NULL;
		struct strview here = second ? sv_from_index(rest, (size_t)(second - rest.p) + 1) : (struct strview){ NULL, 0 };
		if (sv_starts(rest, SV("name=systemd:")) && here.n)
			return here;
		if (!best.n || (best.n == 1 && here.n > 1))
			best = here;
		text = sv_from_index(text, line.n + 1);
	}
	return best;
}

static size_t link_read(int dir_fd, const char *name, char into[static PROCFS_TEXT])
{
	ssize_t n = readlinkat(dir_fd, name, into, PROCFS_TEXT);
	if (n < 0)
		return 0;
	struct strview path = { into, (size_t)n };
	struct strview gone = SV(" (deleted)"); /* the kernel's remark, not a part of the path */
	return sv_ends(path, gone) ? path.n - gone.n : path.n;
}

/* --- the image's file --------------------------------------------------------------------------------------------------------- */

enum { MOUNTINFO_TEXT = 16384 }; /* some lines, and the longest: those of overlays have a page of options */

/* The mount of this id in a process's table. The views in *ret point into text. False: it is not there, or after a line that is too long. */
static bool mount_find(int dir_fd, const char *table, uint64_t id, char text[static MOUNTINFO_TEXT], struct mount *ret)
{
	CLEANUP(fd_close) int fd = openat(dir_fd, table, O_RDONLY | O_CLOEXEC);
	for (size_t n = 0; fd >= 0 && n < MOUNTINFO_TEXT;) {
		ssize_t got = read(fd, text + n, MOUNTINFO_TEXT - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		n += (size_t)got;
		char *line = text;
		for (char *end; (end = memchr(line, '\n', n - (size_t)(line - text))); line = end + 1) {
			*end = '\0';
			if (mount_parse(line, ret) && ret->id == id)
				return true;
		}
		n -= (size_t)(line - text);
		memmove(text, line, n);
	}
	return false;
}

/*
 * By the mount that the file was opened on, which may be one that the process alone has: the path by itself would stand for the host's file. The
 * path is read again by the descriptor that the mount is asked of, for another image may have come since.
 */
static void image_locate(int proc_fd, int dir_fd, struct procfs_process *ret)
{
	char name[32], again[PROCFS_TEXT], text[MOUNTINFO_TEXT];
	struct strview path = { ret->executable, ret->executable_n };
	struct statx st;
	struct mount m;
	CLEANUP(fd_close) int exe = path.n ? openat(dir_fd, "exe", O_PATH | O_CLOEXEC) : -1;
	(void)snprintf(name, sizeof(name), "self/fd/%d", exe); /* fits */
	if (exe < 0 || !sv_equal(path, (struct strview){ again, link_read(proc_fd, name, again) }) || statx(exe, "", AT_EMPTY_PATH, STATX_MNT_ID, &st))
		return;
	if ((st.stx_mask & STATX_MNT_ID) && (mount_find(dir_fd, "mountinfo", st.stx_mnt_id, text, &m) || /* a chroot hides mounts above it */
					     mount_find(proc_fd, "self/mountinfo", st.stx_mnt_id, text, &m))) {
		ret->device = m.device;
		ret->fs_path_n = mount_inside(&m, path, ret->fs_path, sizeof(ret->fs_path));
	} else if (sv_starts(path, SV("/memfd:"))) { /* on a mount that no table has; the name alone is what the kernel's side finds there, too */
		ret->device = st.stx_dev_major << 20 | st.stx_dev_minor;
		ret->fs_path_n = path.n - 1;
		memcpy(ret->fs_path, path.p + 1, ret->fs_path_n);
	}
}

static void args_read(int dir_fd, struct procfs_process *ret)
{
	ssize_t n = file_read(dir_fd, "cmdline", ret->args, sizeof(ret->args));
	if (n <= 0)
		return;
	ret->args_n = (size_t)n;
	ret->args_cut = ret->args_n == sizeof(ret->args) && ret->args[n - 1] != '\0';
	if (ret->args[ret->args_n - 1] != '\0') {
		if (ret->args_n < sizeof(ret->args)) /* a process may write over its arguments */
			ret->args_n++;
		ret->args[ret->args_n - 1] = '\0';
	}
}

static int stat_read(int dir_fd, struct procfs_process *ret)
{
	char text[1024]; /* 52 numbers of at most 20 digits; what follows the 22nd is not needed */
	ssize_t n = file_read(dir_fd, "stat", text, sizeof(text));
	if (n < 0)
		return (int)n;
	return procfs_parse_stat((struct strview){ text, (size_t)n }, ret) ? 0 : -EBADMSG;
}

int procfs_read_stat(int proc_fd, uint32_t pid, struct procfs_process *ret)
{
	CLEANUP(fd_close) int dir = pid_open(proc_fd, pid);
	if (dir < 0)
		return dir;
	ret->pid = pid;
	return stat_read(dir, ret);
}

int procfs_read(int proc_fd, uint32_t pid, struct procfs_process *ret)
{
	CLEANUP(fd_close) int dir = pid_open(proc_fd, pid);
	if (dir < 0)
		return dir;
	ret->pid = pid;
	int r = stat_read(dir, ret);
	if (r)
		return r;
	ret->executable_n = link_read(dir, "exe", ret->executable);
	ret->device = 0;
	ret->fs_path_n = 0;
	image_locate(proc_fd, dir, ret);
	ret->cwd_n = link_read(dir, "cwd", ret->cwd);
	ret->args_n = 0;
	ret->args_cut = false;
	args_read(dir, ret);
	char text[PROCFS_TEXT + 128];
	ssize_t n = file_read(dir, "cgroup", text, sizeof(text));
	struct strview cgroup = procfs_parse_cgroup((struct strview){ text, n > 0 ? (size_t)n : 0 });
	ret->cgroup_n = MIN(cgroup.n, sizeof(ret->cgroup));
	if (ret->cgroup_n)
		memcpy(ret->cgroup, cgroup.p, ret->cgroup_n);
	n = file_read(dir, "status", text, sizeof(text));
	ret->uid = 0;
	if (n < 0)
		return (int)n;
	return procfs_parse_uid((struct strview){ text, (size_t)n }, &ret->uid) ? 0 : -EBADMSG;
}
