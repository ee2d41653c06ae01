/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acts of which the kernel side cannot know everything, done below FOLDER: `unknowns WAY FOLDER`. Prints "done", or the name of the error:
 *   make        makes what the others need
 *   long        opens a file whose path is longer than any key
 *   long-exec   starts a program there
 *   detached    opens a file of a mount that is attached nowhere, by the path /good/file there
 *   attribute   sets the attribute FOLDER of a file there
 *   clone       opens bad/file through a clone of the mount that is attached nowhere
 *   storm       opens good/file, and now and then bad/file, while other files are renamed, for five seconds or until good/file was refused:
 *               "EPERM" when it was, "let through" when bad/file could be opened
 *   storm-here  the same with bad/one/file, while bad/one becomes bad/two and bad/one again
 *   nothing     does nothing
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { NAME = 200, DEPTH = 25, STORM_SECONDS = 5, STORM_THREADS = 2, BAD_EVERY = 100 };

/* Down below the folder, farther than a path can say. */
static int go_deep(const char *folder, int is_making)
{
	char name[NAME + 1] = "";
	memset(name, 'd', NAME);
	if (chdir(folder))
		return -1;
	for (int i = 0; i < DEPTH; i++)
		if ((is_making && mkdir(name, 0755) && errno != EEXIST) || chdir(name))
			return -1;
	return 0;
}

static int opened(int fd)
{
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int do_make(const char *folder)
{
	char buffer[65536];
	ssize_t n;
	int from = open("/proc/self/exe", O_RDONLY);
	if (go_deep(folder, 1))
		return -1;
	int file = open("file", O_CREAT | O_WRONLY, 0644), program = open("program", O_CREAT | O_WRONLY, 0755);
	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		if (write(program, buffer, (size_t)n) != n)
			return -1;
	return opened(file) | opened(program) | opened(from);
}

static int do_long(const char *folder)
{
	return go_deep(folder, 0) ? -1 : opened(open("file", O_RDONLY));
}

static int do_long_exec(const char *folder)
{
	if (go_deep(folder, 0) == 0)
		execl("./program", "program", "nothing", (char *)NULL);
	return -1;
}

static int detached_file(void)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", 0);
	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -1;
	int mnt = (int)syscall(SYS_fsmount, fs, 0, 0);
	if (mnt < 0 || mkdirat(mnt, "good", 0755))
		return -1;
	return openat(mnt, "good/file", O_CREAT | O_RDWR, 0644);
}

static int do_detached(const char *folder)
{
	(void)folder;
	return opened(detached_file());
}

static int do_attribute(const char *name)
{
	int fd = detached_file();
	return fd < 0 ? -1 : fsetxattr(fd, name, "v", 1, 0);
}

static int do_clone(const char *folder)
{
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, folder, OPEN_TREE_CLONE | AT_RECURSIVE);
	return tree < 0 ? -1 : opened(openat(tree, "bad/file", O_RDONLY));
}

struct storm {
	const char *folder;
	bool is_here;
	atomic_bool is_over;
	atomic_int number;
};

static void *rename_all_the_time(void *context)
{
	struct storm *s = context;
	char a[256], b[256];
	int number = atomic_fetch_add(&s->number, 1);
	snprintf(a, sizeof(a), "%s/storm%d.a", s->folder, number);
	snprintf(b, sizeof(b), "%s/storm%d.b", s->folder, number);
	close(open(a, O_CREAT | O_WRONLY, 0644));
	if (s->is_here && number == 0) {
		snprintf(a, sizeof(a), "%s/bad/one", s->folder);
		snprintf(b, sizeof(b), "%s/bad/two", s->folder);
	}
	while (!atomic_load(&s->is_over))
		if (rename(a, b) || rename(b, a))
			break;
	return NULL;
}

static int storm(const char *folder, bool is_here)
{
	struct storm s = { .folder = folder, .is_here = is_here };
	pthread_t threads[STORM_THREADS];
	char good[256], bad[256];
	int result = 0;
	snprintf(good, sizeof(good), "%s/good/file", folder);
	snprintf(bad, sizeof(bad), "%s/bad/%sfile", folder, is_here ? "one/" : "");
	for (int i = 0; i < STORM_THREADS; i++)
		if (pthread_create(&threads[i], NULL, rename_all_the_time, &s))
			return -1;
	time_t end = time(NULL) + STORM_SECONDS;
	for (int i = 0; time(NULL) < end && !result; i++) {
		if (i % BAD_EVERY == 0 && opened(open(bad, O_RDONLY)) == 0) {
			printf("let through\n");
			exit(1);
		}
		result = opened(open(good, O_RDONLY));
	}
	int error = errno;
	atomic_store(&s.is_over, true);
	for (int i = 0; i < STORM_THREADS; i++)
		pthread_join(threads[i], NULL);
	errno = error;
	return result;
}

static int do_storm(const char *folder) { return storm(folder, false); }
static int do_storm_here(const char *folder) { return storm(folder, true); }

static int do_nothing(const char *folder)
{
	(void)folder;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const char *folder);
	} ways[] = {
		{ "make", do_make }, { "long", do_long }, { "long-exec", do_long_exec }, { "detached", do_detached }, { "attribute", do_attribute },
		{ "clone", do_clone }, { "storm", do_storm }, { "storm-here", do_storm_here }, { "nothing", do_nothing },
	};
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; argc > 1 && i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(argv[1], ways[i].name) != 0)
			continue;
		errno = 0;
		int result = ways[i].run(argc > 2 ? argv[2] : "");
		printf("%s\n", result < 0 ? strerrorname_np(errno) : "done");
		return result < 0;
	}
	return 2;
}
