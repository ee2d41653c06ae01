/* SPDX-License-Identifier: Apache-2.0 */
/* The number alone does not say which process it is: a descriptor holds on to one, whose start is compared before it gets the signal. */
#include "engine/daemon/ending.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/enrich/procfs.h"

/* Once the descriptor is there the number cannot come to mean another process without the signal failing. */
static bool is_same(const struct event *ev)
{
	struct procfs_process process;
	CLEANUP(fd_close) int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0 || procfs_read_stat(proc, ev->common->pid, &process))
		return false;
	return !ev->common->start_boot_ns || process.start_ticks == ev->common->start_boot_ns / ID_TICK_NS;
}

struct ending process_end(const struct event *ev)
{
	static const struct ending gone = { true, "it had ended before" };
	uint32_t pid = ev->common->pid;
	if (pid <= 1 || pid == (uint32_t)getpid())
		return (struct ending){ false, "not ended: the first process and the engine are not killed" };
	CLEANUP(fd_close) int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (fd < 0)
		return errno == ESRCH || errno == EINVAL ? gone : (struct ending){ false, "not ended: it cannot be reached" };
	if (!is_same(ev))
		return gone;
	if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0))
		return errno == ESRCH ? gone : (struct ending){ false, "not ended: the kernel refuses the signal" };
	return (struct ending){ true, "after the fact" };
}
