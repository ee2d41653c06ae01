/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/faulty_io.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

void faulty_storm(struct faulty_io *f, int error)
{
	__atomic_store_n(&f->storm, error, __ATOMIC_RELAXED);
}

/* A full disk lets go of files, and what is read-only has nothing that is not on the disk. */
int faulty_storm_on(const struct faulty_io *f, enum faulty_op op)
{
	int error = __atomic_load_n(&f->storm, __ATOMIC_RELAXED);
	if ((error == ENOSPC && (op == FAULTY_CUT || op == FAULTY_REMOVE)) || (error == EROFS && op == FAULTY_SYNC))
		return 0;
	return -error;
}

/* 0: do it; 1: do half; else -errno. Used by one thread at a time. */
static int ask(struct faulty_io *f, enum faulty_op op)
{
	unsigned n = f->op == FAULTY_ANY || f->op == op ? __atomic_add_fetch(&f->count, 1, __ATOMIC_RELAXED) : 0;
	bool fails = f->at && n && (n == f->at || (f->goes_on && n > f->at));
	if (!fails)
		return faulty_storm_on(f, op);
	__atomic_add_fetch(&f->failures, 1, __ATOMIC_RELAXED);
	if (f->error == -1)
		kill(getpid(), SIGKILL);
	return f->error ? -f->error : 1;
}

static int open_or_fail(void *context, int folder, const char *name, int flags)
{
	int r = ask(context, FAULTY_OPEN);
	return r < 0 ? r : wal_io_real.open(NULL, folder, name, flags);
}

static ssize_t write_or_fail(void *context, int fd, struct strview bytes, off_t at)
{
	int r = ask(context, FAULTY_WRITE);
	if (r < 0)
		return r;
	if (r > 0 && bytes.n > 1)
		bytes.n /= 2;
	return wal_io_real.write(NULL, fd, bytes, at);
}

/* Reading is not counted: what fails there is a place, as on a disk. */
static ssize_t read_or_fail(void *context, int fd, void *into, size_t n, off_t at)
{
	struct faulty_io *f = context;
	if (f->bad_to > at && f->bad_from < at + (off_t)n) {
		__atomic_add_fetch(&f->failures, 1, __ATOMIC_RELAXED);
		return -EIO;
	}
	return wal_io_real.read(NULL, fd, into, n, at);
}

static int sync_or_fail(void *context, int fd)
{
	int r = ask(context, FAULTY_SYNC);
	(void)fd;
	return r < 0 ? r : 0; /* a process that is killed loses nothing that it wrote: tests need not wait for the disk */
}

static int allocate_or_fail(void *context, int fd, off_t size)
{
	int r = ask(context, FAULTY_ALLOCATE);
	(void)fd, (void)size;
	return r < 0 ? r : 0;
}

static int cut_or_fail(void *context, int fd, off_t size)
{
	int r = ask(context, FAULTY_CUT);
	return r < 0 ? r : wal_io_real.cut(NULL, fd, size);
}

static int rename_or_fail(void *context, int folder, const char *from, const char *to)
{
	int r = ask(context, FAULTY_RENAME);
	return r < 0 ? r : wal_io_real.rename(NULL, folder, from, to);
}

static int remove_or_fail(void *context, int folder, const char *name)
{
	int r = ask(context, FAULTY_REMOVE);
	return r < 0 ? r : wal_io_real.remove(NULL, folder, name);
}

struct wal_io faulty_io(struct faulty_io *f)
{
	return (struct wal_io){
		.context = f,
		.open = open_or_fail,
		.write = write_or_fail,
		.read = read_or_fail,
		.sync = sync_or_fail,
		.allocate = allocate_or_fail,
		.cut = cut_or_fail,
		.rename = rename_or_fail,
		.remove = remove_or_fail,
	};
}
