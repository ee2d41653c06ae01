/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the way, goes it, and says what came of it; and what all ways need. */
#include "evade.h"

#include <sys/mount.h>

enum { LOW_PAGE = 4096 };

long prepared(long result, const char *what)
{
	if (result >= 0)
		return result;
	printf("BROKEN %s: %s\n", what, strerrorname_np(errno));
	exit(BROKEN_STATUS);
}

long number_of(const char *text)
{
	char *end = NULL;
	errno = 0;
	long n = strtol(text, &end, 0);
	if (errno || end == text || *end) {
		printf("BROKEN number '%s'\n", text);
		exit(BROKEN_STATUS);
	}
	return n;
}

long told(int fd)
{
	char text[64];
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, text, sizeof(text));
	if (n < 0)
		return -1;
	fwrite(text, 1, (size_t)n, stdout);
	return SPOKEN;
}

long opened(int fd)
{
	return fd < 0 ? -1 : 0;
}

long apart(long (*act)(char **), char **arguments)
{
	pid_t child = (pid_t)PREPARED(fork());
	if (!child) {
		long result = act(arguments);
		if (result != SPOKEN)
			printf("%s\n", result < 0 ? strerrorname_np(errno) : "NONCE");
		_exit(0);
	}
	int status = 0;
	PREPARED(waitpid(child, &status, 0));
	return SPOKEN;
}

void own_mounts(void)
{
	PREPARED(unshare(CLONE_NEWNS));
	PREPARED(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

long compat_call(long call, long a, long b, long c, long d, long e)
{
	long result = call;
	/* the sixth argument, which stands in the frame's register, is 0 */
	__asm__ volatile("mov %%rbp, %%r12; xor %%ebp, %%ebp; int $0x80; mov %%r12, %%rbp"
			 : "+a"(result)
			 : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory", "r8", "r9", "r10", "r11", "r12");
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

void *low_copy(const void *bytes, size_t n)
{
	char *low = mmap(NULL, LOW_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	PREPARED(low == MAP_FAILED || n > LOW_PAGE ? -1 : 0);
	memcpy(low, bytes, n);
	return low;
}

long low_text(const char *text)
{
	return (long)low_copy(text, strlen(text) + 1);
}

long uring(struct io_uring_sqe request, unsigned setup_flags)
{
	struct io_uring_params p = { .flags = setup_flags };
	int fd = (int)PREPARED(syscall(SYS_io_uring_setup, 2, &p));
	size_t sq_bytes = p.sq_off.array + p.sq_entries * sizeof(unsigned), cq_bytes = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	char *sq = mmap(NULL, sq_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
	char *cq = mmap(NULL, cq_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_CQ_RING);
	struct io_uring_sqe *requests =
		mmap(NULL, p.sq_entries * sizeof(*requests), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
	PREPARED(sq == MAP_FAILED || cq == MAP_FAILED || requests == MAP_FAILED ? -1 : 0);
	if (request.file_index) { /* a place in the ring's own table of files */
		int none[2] = { -1, -1 };
		PREPARED(syscall(SYS_io_uring_register, fd, IORING_REGISTER_FILES, none, 2));
	}
	requests[0] = request;
	((unsigned *)(void *)(sq + p.sq_off.array))[0] = 0;
	__atomic_store_n((unsigned *)(void *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	unsigned flags = IORING_ENTER_GETEVENTS | (setup_flags & IORING_SETUP_SQPOLL ? IORING_ENTER_SQ_WAKEUP : 0);
	PREPARED(syscall(SYS_io_uring_enter, fd, 1, 1, flags, NULL, 0));
	int result = ((struct io_uring_cqe *)(void *)(cq + p.cq_off.cqes))[0].res;
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

static const struct way *find(const char *name)
{
	static const struct way *const all[] = { file_ways, exec_ways, memory_ways, mount_ways, network_ways, process_ways };
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		for (const struct way *w = all[i]; w->name; w++)
			if (strcmp(w->name, name) == 0)
				return w;
	return NULL;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1 && strcmp(argv[1], "lay") == 0)
		return lay_rows();
	if (argc > 1 && strcmp(argv[1], "run") == 0)
		return run_rows(argc - 2, argv + 2);
	if (argc > 1 && strcmp(argv[1], "judge") == 0)
		return judge_rows(argc - 2, argv + 2);
	const struct way *w = argc > 1 ? find(argv[1]) : NULL;
	if (!w || argc - 2 < w->arguments) {
		printf("BROKEN usage: no way '%s' with %d arguments\n", argc > 1 ? argv[1] : "", argc - 2);
		return BROKEN_STATUS;
	}
	errno = 0;
	long result = w->run(argv + 2);
	if (result != SPOKEN)
		printf("%s\n", result < 0 ? strerrorname_np(errno) : "NONCE");
	return 0;
}
