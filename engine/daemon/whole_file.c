/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/fd.h"

/* Is the folder that the file goes to there, and may we write in it? 0, or -1 with errno. */
static int access_folder(const char *file)
{
	CLEANUP(str_free) char *folder = strdup(file);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	if (!folder)
		return -1;
	if (slash)
		slash[slash == folder] = '\0';
	return access(slash ? folder : ".", W_OK | X_OK);
}

/* 0: it is empty, or begins as ours do; -EEXIST: it is another's. */
static int check_begin(const struct whole_file *f)
{
	char found[64];
	size_t n = MIN(strlen(f->begin), sizeof(found));
	CLEANUP(fd_close) int fd = open(f->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t got = fd < 0 ? -1 : read(fd, found, n);
	if (got < 0)
		return -errno;
	return got == 0 || ((size_t)got == n && memcmp(found, f->begin, n) == 0) ? 0 : -EEXIST;
}

int whole_file_check(const struct whole_file *f, struct diag *diag)
{
	struct stat st;
	struct place at = { .file = f->file };
	if (lstat(f->file, &st)) {
		int no_place = errno != ENOENT || access_folder(f->file) ? -errno : 0;
		if (no_place)
			diag_error(diag, at, "the %s cannot be written there: %s", f->what, strerror(-no_place));
		return no_place;
	}
	if (!S_ISREG(st.st_mode)) {
		diag_error(diag, at, "the %s file must be a regular file (leave it empty in the configuration for none)", f->what);
		return -EINVAL;
	}
	int err = check_begin(f);
	if (err)
		diag_error(diag, at, "holds data that are no Vedette %s: not overwritten", f->what);
	return err;
}

/* So that the new name is there after a crash. */
static int sync_folder_of(const char *file)
{
	CLEANUP(str_free) char *folder = strdup(file);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	if (!folder)
		return -ENOMEM;
	if (slash)
		slash[slash == folder] = '\0';
	CLEANUP(fd_close) int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) ? -errno : 0;
}

static int replace(const char *file, struct strview text, mode_t mode, bool is_kept)
{
	CLEANUP(buf_done) struct buf temp = { 0 };
	buf_add_z(&temp, file);
	buf_add_z(&temp, ".new");
	if (buf_error(&temp))
		return -ENOMEM;
	/* a new one each time: in a folder of others the name could have become another way to a file of ours */
	if (unlink(buf_cstr(&temp)) && errno != ENOENT)
		return -errno;
	CLEANUP(fd_close) int fd = open(buf_cstr(&temp), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	int err = fd_write_all(fd, text.p, text.n);
	if (!err && is_kept && fsync(fd))
		err = -errno;
	if (!err && rename(buf_cstr(&temp), file))
		err = -errno;
	if (err)
		(void)unlink(buf_cstr(&temp)); /* half of a document helps nobody */
	return err || !is_kept ? err : sync_folder_of(file);
}

int whole_file_write(const char *file, struct strview text)
{
	return replace(file, text, 0644, false);
}

int whole_file_keep(const char *file, struct strview text)
{
	return replace(file, text, 0600, true);
}
