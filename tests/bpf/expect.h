/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For programs that do a deed and write down which event it must raise: one JSON object a line, members named as the event's
 * fields. What they write comes from the system (stat, getsockname) and from what they asked for, never from Vedette.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELPER static __attribute__((unused))

struct deeds {
	FILE *out;       /* expectations */
	const char *dir; /* an empty folder to work in, absolute */
};

/* A deed the kernel refused where it should not is no test: stop. */
#define MUST(call)                                                                                  \
	({                                                                                          \
		long must_ = (long)(call);                                                          \
		if (must_ == -1) {                                                                  \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, strerror(errno)); \
			exit(1);                                                                    \
		}                                                                                   \
		must_;                                                                              \
	})

HELPER struct deeds deeds_begin(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: %s EXPECTATIONS FOLDER\n", argv[0]);
		exit(2);
	}
	struct deeds d = { .out = fopen(argv[1], "ae"), .dir = argv[2] };
	if (!d.out || (mkdir(d.dir, 0755) && errno != EEXIST)) {
		perror(argv[1]);
		exit(2);
	}
	return d;
}

HELPER void expect_str(const struct deeds *d, const char *field, const char *text)
{
	fprintf(d->out, ",\"%s\":\"%s\"", field, text);
}

HELPER void expect_num(const struct deeds *d, const char *field, long long v)
{
	fprintf(d->out, ",\"%s\":%lld", field, v);
}

/* Ids are text in JSON. */
HELPER void expect_id(const struct deeds *d, const char *field, unsigned long long v)
{
	fprintf(d->out, ",\"%s\":\"%llu\"", field, v);
}

HELPER void expect_mode(const struct deeds *d, const char *field, unsigned mode)
{
	fprintf(d->out, ",\"%s\":\"%04o\"", field, mode & 07777);
}

HELPER void expect_bool(const struct deeds *d, const char *field, bool v)
{
	fprintf(d->out, ",\"%s\":%s", field, v ? "true" : "false");
}

HELPER void expect_missing(const struct deeds *d, const char *field)
{
	fprintf(d->out, ",\"%s\":null", field);
}

/* A list given as its JSON items: "\"A\",\"B\"". */
HELPER void expect_list(const struct deeds *d, const char *field, const char *items)
{
	fprintf(d->out, ",\"%s\":[%s]", field, items);
}

/* An event of some thread of a process. */
HELPER void expect_of(const struct deeds *d, const char *event, pid_t pid)
{
	fprintf(d->out, "{\"event.action\":\"%s\"", event);
	expect_num(d, "process.pid", pid);
}

/* An event of the calling thread. */
HELPER void expect(const struct deeds *d, const char *event)
{
	expect_of(d, event, getpid());
	expect_num(d, "process.thread.id", gettid());
}

HELPER void expect_end(const struct deeds *d)
{
	fputs("}\n", d->out);
	fflush(d->out); /* a child may follow, and must not write it again */
}

/* How the call ended: result -1 with errno, or the value it returned. Closes the expectation. */
HELPER void expect_result(const struct deeds *d, long result, int error_number, const char *error_name)
{
	expect_str(d, "vedette.via", "syscall");
	expect_str(d, "event.outcome", result < 0 ? "failure" : "success");
	if (result < 0 && error_name)
		expect_str(d, "vedette.errno", error_name);
	if (result < 0 && error_number != errno)
		fprintf(stderr, "expected %s, got %s\n", strerror(error_number), strerror(errno));
	expect_end(d);
}

HELPER void expect_success(const struct deeds *d)
{
	expect_result(d, 0, 0, NULL);
}

/* The same, but nothing at all may match. */
HELPER void expect_never(const struct deeds *d)
{
	expect_num(d, "_times", 0);
	expect_end(d);
}

/* Length of the mount point's path above `path` (which exists): where the device changes. */
HELPER size_t mount_length(const char *path)
{
	char text[PATH_MAX];
	struct stat here, above;
	snprintf(text, sizeof(text), "%s", path);
	MUST(lstat(text, &here));
	for (size_t n = strlen(text); n > 0;) {
		char *slash = strrchr(text, '/');
		if (slash == text)
			return stat("/", &above) == 0 && above.st_dev == here.st_dev ? 0 : n;
		*slash = '\0';
		MUST(stat(text, &above));
		if (above.st_dev != here.st_dev)
			return n;
		n = strlen(text);
	}
	return 0;
}

HELPER const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFIFO: return "fifo";
	case S_IFCHR: return "char_device";
	case S_IFDIR: return "dir";
	case S_IFBLK: return "block_device";
	case S_IFREG: return "file";
	case S_IFLNK: return "symlink";
	default: return "socket";
	}
}

HELPER void expect_device(const struct deeds *d, const char *field, dev_t dev)
{
	fprintf(d->out, ",\"%s\":\"%u:%u\"", field, major(dev), minor(dev));
}

/* A file that exists now: all of FILE_OBJECT. */
HELPER void expect_file(const struct deeds *d, const char *path)
{
	struct stat st;
	MUST(lstat(path, &st));
	expect_str(d, "file.path", path);
	expect_str(d, "vedette.file.fs_path", path + mount_length(path));
	expect_id(d, "file.inode", st.st_ino);
	expect_device(d, "file.device", st.st_dev);
	expect_str(d, "file.type", type_name(st.st_mode));
}

/* A file that is made by the deed, which is done by now: no inode yet in the event. */
HELPER void expect_new_file(const struct deeds *d, const char *path)
{
	struct stat st;
	MUST(lstat(path, &st));
	expect_str(d, "file.path", path);
	expect_str(d, "vedette.file.fs_path", path + mount_length(path));
	expect_id(d, "file.inode", 0);
	expect_device(d, "file.device", st.st_dev);
	expect_str(d, "file.type", type_name(st.st_mode));
}

/* Path of a name in the work folder; the caller frees it. */
HELPER char *in_dir(const struct deeds *d, const char *name)
{
	char *text = NULL;
	MUST(asprintf(&text, "%s/%s", d->dir, name));
	return text;
}

HELPER void make_file(const char *path, const char *content, mode_t mode)
{
	FILE *f = fopen(path, "we");
	if (!f || fputs(content, f) < 0 || fclose(f) || chmod(path, mode)) {
		perror(path);
		exit(1);
	}
}

HELPER void wait_child(pid_t pid)
{
	int status = 0;
	MUST(waitpid(pid, &status, 0));
	if (status) {
		fprintf(stderr, "child %d ended with status %x\n", pid, (unsigned)status);
		exit(1);
	}
}
