/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that can be executed: mapped, or made so. */
#include "evade.h"

#include <sys/personality.h>
#include <sys/shm.h>

enum { PAGE = 4096, COMPAT_MMAP2 = 192, COMPAT_MPROTECT = 125 };

static long mapped(void *p)
{
	return p == MAP_FAILED ? -1 : 0;
}

static void *map_file(const char *path, int protection, int flags)
{
	return mmap(NULL, PAGE, protection, flags, (int)PREPARED(open(path, flags == MAP_SHARED && protection & PROT_WRITE ? O_RDWR : O_RDONLY)), 0);
}

static void *must_map(void *p)
{
	PREPARED(p == MAP_FAILED ? -1 : 0);
	return p;
}

static long map_exec(char **a) { return mapped(map_file(a[0], PROT_READ | PROT_EXEC, MAP_PRIVATE)); }
static long map_exec_shared(char **a) { return mapped(map_file(a[0], PROT_READ | PROT_EXEC, MAP_SHARED)); }
static long map_protected(char **a) { return mprotect(must_map(map_file(a[0], PROT_READ, MAP_PRIVATE)), PAGE, PROT_READ | PROT_EXEC); }
static long map_protected_key(char **a) { return syscall(SYS_pkey_mprotect, must_map(map_file(a[0], PROT_READ, MAP_PRIVATE)), PAGE, PROT_READ | PROT_EXEC, -1); }

static long map_implied(char **a) /* what can be read can be executed, as old programs wish */
{
	PREPARED(personality(READ_IMPLIES_EXEC));
	return mapped(map_file(a[0], PROT_READ, MAP_PRIVATE));
}

static long map_protected_implied(char **a)
{
	void *p = must_map(map_file(a[0], PROT_NONE, MAP_PRIVATE));
	PREPARED(personality(READ_IMPLIES_EXEC));
	return mprotect(p, PAGE, PROT_READ);
}

static long map_compat(char **a)
{
	return compat_call(COMPAT_MMAP2, 0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, PREPARED(open(a[0], O_RDONLY)));
}

/* Without a file. */
static long fresh(int protection, int flags) { return mapped(mmap(NULL, PAGE, protection, flags | MAP_ANONYMOUS, -1, 0)); }
static void *writable(int flags) { return must_map(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0)); }

static long anon_exec(char **a)
{
	(void)a;
	return fresh(PROT_READ | PROT_EXEC, MAP_PRIVATE);
}

static long anon_all(char **a)
{
	(void)a;
	return fresh(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE);
}

static long anon_shared(char **a)
{
	(void)a;
	return fresh(PROT_READ | PROT_EXEC, MAP_SHARED);
}

static long anon_protected(char **a)
{
	(void)a;
	return mprotect(writable(MAP_PRIVATE), PAGE, PROT_READ | PROT_EXEC);
}

static long anon_protected_key(char **a)
{
	(void)a;
	return syscall(SYS_pkey_mprotect, writable(MAP_PRIVATE), PAGE, PROT_READ | PROT_EXEC, -1);
}

static long anon_protected_compat(char **a)
{
	(void)a;
	void *low = low_copy("", 1);
	return compat_call(COMPAT_MPROTECT, (long)low, PAGE, PROT_READ | PROT_EXEC, 0, 0);
}

static long anon_shared_protected(char **a)
{
	(void)a;
	return mprotect(writable(MAP_SHARED), PAGE, PROT_READ | PROT_EXEC);
}

static long anon_heap(char **a)
{
	(void)a;
	char *p = sbrk(2 * PAGE);
	return mprotect((void *)(((uintptr_t)p + PAGE - 1) & ~(uintptr_t)(PAGE - 1)), PAGE, PROT_READ | PROT_EXEC);
}

static long anon_stack(char **a)
{
	(void)a;
	char here;
	return mprotect((void *)((uintptr_t)&here & ~(uintptr_t)(PAGE - 1)), PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static long anon_memfd(char **a)
{
	(void)a;
	int fd = (int)PREPARED(syscall(SYS_memfd_create, "m", 0));
	PREPARED(ftruncate(fd, PAGE));
	return mapped(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0));
}

static long anon_segment(char **a) /* System V shared memory */
{
	(void)a;
	int id = (int)PREPARED(shmget(IPC_PRIVATE, PAGE, 0700));
	void *p = shmat(id, NULL, SHM_EXEC);
	int keep = errno;
	shmctl(id, IPC_RMID, NULL);
	errno = keep;
	return p == (void *)-1 ? -1 : 0;
}

static long anon_zero(char **a) /* the device that gives memory */
{
	(void)a;
	return mapped(map_file("/dev/zero", PROT_READ | PROT_EXEC, MAP_PRIVATE));
}

/* Code that is there already, of the program itself, is opened for writing: the page is a copy of one's own then. */
static long code_writable(char **a)
{
	(void)a;
	uintptr_t here = (uintptr_t)&code_writable & ~(uintptr_t)(PAGE - 1);
	return mprotect((void *)here, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static long code_written_and_back(char **a)
{
	(void)a;
	uintptr_t here = (uintptr_t)&run_rows & ~(uintptr_t)(PAGE - 1); /* not a page that is needed meanwhile */
	PREPARED(mprotect((void *)here, PAGE, PROT_READ | PROT_WRITE));
	return mprotect((void *)here, PAGE, PROT_READ | PROT_EXEC);
}

static long code_by_proc(char **a) /* one's own memory as a file: protection does not count */
{
	(void)a;
	int fd = open("/proc/self/mem", O_WRONLY);
	static const char same[] = "code";
	return fd < 0 ? -1 : pwrite(fd, same, sizeof(same), (off_t)(uintptr_t)same);
}

const struct way memory_ways[] = {
	{ "map-exec", 1, map_exec }, { "map-exec-shared", 1, map_exec_shared }, { "map-protected", 1, map_protected },
	{ "map-protected-key", 1, map_protected_key }, { "map-implied", 1, map_implied }, { "map-protected-implied", 1, map_protected_implied },
	{ "map-compat", 1, map_compat }, { "anon-exec", 0, anon_exec }, { "anon-all", 0, anon_all }, { "anon-shared", 0, anon_shared },
	{ "anon-protected", 0, anon_protected }, { "anon-protected-key", 0, anon_protected_key },
	{ "anon-protected-compat", 0, anon_protected_compat }, { "anon-shared-protected", 0, anon_shared_protected }, { "anon-heap", 0, anon_heap },
	{ "anon-stack", 0, anon_stack }, { "anon-memfd", 0, anon_memfd }, { "anon-segment", 0, anon_segment }, { "anon-zero", 0, anon_zero },
	{ "code-writable", 0, code_writable }, { "code-written-and-back", 0, code_written_and_back }, { "code-by-proc", 0, code_by_proc },
	{ NULL, 0, NULL },
};
