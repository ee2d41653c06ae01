/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/status_owner.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/jsonread.h"

enum { STATUS_MAX = 16 * 1024 * 1024, COMM_MAX = 64 };

/* Its process, when the file is of one, and not older than a daemon lets it become; 0: it is not. */
static uint64_t writer_of(const char *file)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct json_want want = { .path = "pid" };
	struct stat st;
	const char *error;
	size_t at;
	uint64_t pid = 0;
	time_t now = time(NULL);
	if (stat(file, &st) || !S_ISREG(st.st_mode) || st.st_mtime < now - STATUS_STALE_SECONDS || st.st_mtime > now + STATUS_STALE_SECONDS)
		return 0;
	if (fd_read_file(file, STATUS_MAX, &text) || json_read_members(buf_sv(&text), &want, 1, &error, &at) || want.token != JSON_NUMBER)
		return 0;
	return json_integer(want.raw, &pid) || pid > INT_MAX ? 0 : pid;
}

/* Its name, as the kernel has it; false: there is none, or it has ended and nobody has asked how. */
static bool name_of(uint64_t pid, struct buf *into)
{
	char path[64], target[PATH_MAX];
	(void)snprintf(path, sizeof(path), "/proc/%llu/exe", (unsigned long long)pid);
	if (readlink(path, target, sizeof(target)) < 0)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%llu/comm", (unsigned long long)pid);
	return fd_read_file(path, COMM_MAX, into) == 0 && into->n > 0;
}

int status_owner_check(const char *file, struct diag *diag)
{
	CLEANUP(buf_done) struct buf own = { 0 }, other = { 0 };
	uint64_t pid = file[0] ? writer_of(file) : 0;
	if (!pid || pid == (uint64_t)getpid() || !name_of(pid, &other) || !name_of((uint64_t)getpid(), &own) || !sv_equal(buf_sv(&own), buf_sv(&other)))
		return 0;
	diag_error(diag, (struct place){ .file = file }, "another daemon, process %llu, writes its status there: end that one, or name another status_file", (unsigned long long)pid);
	return -EBUSY;
}
