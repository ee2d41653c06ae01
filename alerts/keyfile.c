/* SPDX-License-Identifier: Apache-2.0 */
/* Writes public keys, and to nothing but files of public keys. */
#include "alerts/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/fd.h"

enum { KEYFILE_LINES_MAX = 8192, KEYFILE_BYTES_MAX = 64 * 1024 * 1024 }; /* lines: half of what verifiers take */

static const char key_mark[] = "vedette-key/v1 ";

static int stat_log(const char *log_path, struct stat *ret)
{
	return strcmp(log_path, "-") == 0 ? fstat(STDOUT_FILENO, ret) : stat(log_path, ret);
}

bool keyfile_fits_beside(const char *log_path)
{
	struct stat st;
	return strcmp(log_path, "-") != 0 && stat(log_path, &st) == 0 && S_ISREG(st.st_mode);
}

static int refuse(const char *path, const char *why, int err, struct diag *diag)
{
	diag_error(diag, (struct place){ path, 0, 0 }, "%s: name another file for the public key", why);
	return err;
}

/* What the file holds must be keys of ours; *ret_is_torn: its last line has no end. */
static int check_content(const char *path, int fd, off_t size, bool *ret_is_torn, struct diag *diag)
{
	char head[sizeof(key_mark) - 1], last = '\n';
	if (size == 0)
		return 0;
	ssize_t n = pread(fd, head, sizeof(head), 0);
	if (n < 0 || pread(fd, &last, 1, size - 1) < 0) {
		int r = -errno;
		diag_error(diag, (struct place){ path, 0, 0 }, "cannot be read: %s", strerror(-r));
		return r;
	}
	if ((size_t)n < sizeof(head) || memcmp(head, key_mark, sizeof(head)) != 0)
		return refuse(path, "holds data that are no Vedette key", -EEXIST, diag);
	*ret_is_torn = last != '\n';
	return 0;
}

/* Opens for reading and appending, after looking: opening a device can do something by itself. */
static int open_regular(const char *path, int *ret_fd, struct stat *st, struct diag *diag)
{
	static const char other_kind[] = "is no regular file, and the public key needs one";
	if (lstat(path, st) == 0 && !S_ISREG(st->st_mode))
		return refuse(path, S_ISLNK(st->st_mode) ? "is a symbolic link" : other_kind, S_ISLNK(st->st_mode) ? -ELOOP : -EINVAL, diag);
	CLEANUP(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0644);
	if (fd < 0 || fstat(fd, st)) {
		int r = -errno;
		diag_error(diag, (struct place){ path, 0, 0 }, "the public key cannot be written: %s", strerror(-r));
		return r;
	}
	if (!S_ISREG(st->st_mode))
		return refuse(path, other_kind, -EINVAL, diag);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

enum { ASIDE_MAX = 9999 };

int keyfile_set_aside(const char *path, const char *as, struct diag *diag)
{
	char head[sizeof(key_mark) - 1];
	struct stat st;
	if (lstat(path, &st) || !S_ISREG(st.st_mode))
		return 0; /* nothing there, or nothing of ours: keyfile_append will judge it */
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) || memcmp(head, key_mark, sizeof(head)) != 0)
		return 0;
	CLEANUP(buf_done) struct buf to = { 0 };
	int r = -EEXIST;
	for (unsigned i = 0; r == -EEXIST && i <= ASIDE_MAX; i++) {
		buf_reset(&to);
		buf_add_z(&to, as);
		if (i)
			buf_add_format(&to, ".%u", i);
		if (buf_error(&to))
			return -ENOMEM;
		r = renameat2(AT_FDCWD, path, AT_FDCWD, buf_cstr(&to), RENAME_NOREPLACE) ? -errno : 0;
	}
	if (r)
		diag_error(diag, (struct place){ path, 0, 0 }, "the key of an earlier log cannot be put aside: %s", strerror(-r));
	return r;
}

/* Where the last `lines` lines of a text begin. */
static size_t last_lines(struct strview text, size_t lines)
{
	size_t at = text.n;
	for (size_t n = 0; at > 0; at--)
		if (text.p[at - 1] == '\n' && n++ == lines)
			break;
	return at;
}

static int write_anew(const char *path, struct strview first, struct strview rest)
{
	CLEANUP(buf_done) struct buf name = { 0 };
	buf_add_format(&name, "%s.new", path);
	if (buf_error(&name))
		return -ENOMEM;
	(void)unlink(buf_cstr(&name)); /* of a try that was interrupted */
	CLEANUP(fd_close) int fd = open(buf_cstr(&name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	int r = fd < 0 ? -errno : fd_write_all(fd, first.p, first.n);
	if (!r)
		r = fd_write_all(fd, rest.p, rest.n);
	if (!r && fsync(fd))
		r = -errno;
	return !r && rename(buf_cstr(&name), path) ? -errno : r;
}

/*
 * Each start of an agent adds a key, and verifiers read so many: past KEYFILE_LINES_MAX the first one stays, which the agent began with, and the later half,
 * which the files that are kept were signed with. *fd is the new file then.
 */
static int keep_short(const char *path, int *fd, struct diag *diag)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	size_t lines = 0;
	int r = lseek(*fd, 0, SEEK_SET) < 0 ? -errno : fd_read_all(*fd, KEYFILE_BYTES_MAX, &text);
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	if (!r && lines >= KEYFILE_LINES_MAX) {
		const struct strview all = buf_sv(&text);
		struct strview first = { all.p, (size_t)((const char *)memchr(all.p, '\n', all.n) - all.p) + 1 };
		r = write_anew(path, first, sv_from_index(all, last_lines(all, KEYFILE_LINES_MAX / 2)));
		fd_close(fd);
		struct stat st;
		if (!r)
			return open_regular(path, fd, &st, diag);
	}
	if (r)
		diag_error(diag, (struct place){ path, 0, 0 }, "the public keys of earlier starts cannot be shortened: %s", strerror(-r));
	return r;
}

int keyfile_append(const char *path, const char *log_path, struct strview line, struct diag *diag)
{
	static const char is_log[] = "is the log itself, and the public key cannot go into it";
	CLEANUP(fd_close) int fd = -1;
	struct stat st, log_st;
	bool is_torn = false;
	if (strcmp(path, log_path) == 0)
		return refuse(path, is_log, -EINVAL, diag);
	int r = open_regular(path, &fd, &st, diag);
	if (r)
		return r;
	if (stat_log(log_path, &log_st) == 0 && log_st.st_dev == st.st_dev && log_st.st_ino == st.st_ino)
		return refuse(path, is_log, -EINVAL, diag);
	r = check_content(path, fd, st.st_size, &is_torn, diag);
	if (r)
		return r;
	r = keep_short(path, &fd, diag);
	if (r)
		return r;
	const off_t end = lseek(fd, 0, SEEK_END);
	r = end < 0 ? -errno : is_torn ? fd_write_all(fd, "\n", 1) : 0; /* an earlier run's disk was full: its line shall not spoil ours */
	if (!r)
		r = fd_write_all(fd, line.p, line.n);
	if (r && end >= 0)
		IGNORE(ftruncate(fd, end)); /* half a key is none, and verifiers would stumble over it */
	if (r)
		diag_error(diag, (struct place){ path, 0, 0 }, "the public key cannot be written: %s", strerror(-r));
	return r;
}
