/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for programs that take over another process by writing to its memory through /proc: finds its own victim's code in
 * /proc/PID/maps, writes new instructions over it, and the victim then makes /tmp/pwned. Called by a name with "mprotect" in it, the new
 * instructions first make their page writable and executable.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const unsigned char make_file[] = {
	0x48, 0x8d, 0x3d, 0x1a, 0, 0, 0, /* lea rdi, [the name] */
	0xbe, 0x41, 0, 0, 0,             /* mov esi, O_WRONLY | O_CREAT */
	0xba, 0xa4, 1, 0, 0,             /* mov edx, 0644 */
	0xb8, 2, 0, 0, 0, 0x0f, 5,       /* open */
	0x31, 0xff, 0xb8, 0x3c, 0, 0, 0, 0x0f, 5, /* exit(0) */
	'/', 't', 'm', 'p', '/', 'p', 'w', 'n', 'e', 'd', 0,
};
static const unsigned char unprotect[] = {
	0x48, 0x8d, 0x3d, 0, 0, 0, 0,             /* lea rdi, [here] */
	0x48, 0x81, 0xe7, 0, 0xf0, 0xff, 0xff,    /* and rdi, -4096 */
	0xbe, 0, 0x10, 0, 0, 0xba, 7, 0, 0, 0,    /* mov esi, 4096; mov edx, PROT_READ | PROT_WRITE | PROT_EXEC */
	0xb8, 0x0a, 0, 0, 0, 0x0f, 5,             /* mprotect */
};

/* What the victim does all day; larger than what is written over it. */
__attribute__((noinline, aligned(4096))) static void victim(void)
{
	for (;;) {
		struct timespec t = { .tv_nsec = 10 * 1000 * 1000 };
		nanosleep(&t, NULL);
		__asm__ volatile(".skip 256, 0x90");
	}
}

static int is_mapped(pid_t pid, uintptr_t address)
{
	char path[64], line[512];
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "r");
	int found = 0;
	while (maps && fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		if (sscanf(line, "%lx-%lx", &from, &to) == 2)
			found |= address >= from && address < to;
	}
	if (maps)
		fclose(maps);
	return found;
}

int main(int argc, char **argv)
{
	char path[64];
	unsigned char code[sizeof(unprotect) + sizeof(make_file)];
	size_t n = 0;
	pid_t pid = fork();
	(void)argc;
	if (pid == 0)
		victim();
	if (strstr(argv[0], "mprotect")) {
		memcpy(code, unprotect, sizeof(unprotect));
		n = sizeof(unprotect);
	}
	memcpy(code + n, make_file, sizeof(make_file));
	n += sizeof(make_file);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	int fd = open(path, O_RDWR);
	/* the whole loop is written over with no-operations that end in the code, wherever it is at the moment */
	unsigned char sled[200];
	memset(sled, 0x90, sizeof(sled));
	memcpy(sled + sizeof(sled) - n, code, n);
	uintptr_t at = (uintptr_t)victim;
	if (fd < 0 || !is_mapped(pid, at) || pwrite(fd, sled, sizeof(sled), (off_t)at) != (ssize_t)sizeof(sled)) {
		fprintf(stderr, "inject: %s: %s\n", path, strerror(errno));
		return 1;
	}
	close(fd);
	waitpid(pid, NULL, 0);
	return access("/tmp/pwned", F_OK) ? 1 : 0;
}
