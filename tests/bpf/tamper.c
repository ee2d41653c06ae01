/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything root can try against a protected daemon, and the same acts on a twin that is nobody's: the first are refused with EPERM, the
 * second are not. Prints TAP lines.
 *
 *   tamper PID FILE FOLDER CGROUP KEPT PINS TWIN
 * PID: the daemon; FILE: its configuration; FOLDER: its rules; CGROUP: its cgroup; KEPT: a protected mount; PINS: a protected bpffs with the
 * pin `old`; TWIN: a folder with the same below it: file, folder, cgroup (a link), kept, pins.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

struct target {
	pid_t pid;
	char file[256], folder[256], cgroup[256], kept[256], pins[256];
	uint32_t map, program, link; /* ids */
};

struct act {
	const char *name;
	int (*run)(const struct target *t); /* 0 or -errno */
};

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

/* Of a descriptor that is closed again. */
static int opened(int fd)
{
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static const char *below(const char *folder, const char *name)
{
	static char text[8][512];
	static unsigned n;
	char *at = text[n++ % 8];
	snprintf(at, sizeof(text[0]), "%s/%s", folder, name);
	return at;
}

static const char *of_process(const struct target *t, const char *name)
{
	char folder[64];
	snprintf(folder, sizeof(folder), "/proc/%d", (int)t->pid);
	return below(folder, name);
}

/* --- signals ----------------------------------------------------------------------------------------------------------------- */

static int sig_kill(const struct target *t) { return result(kill(t->pid, SIGKILL)); }
static int sig_stop(const struct target *t) { return result(kill(t->pid, SIGSTOP)); }
static int sig_term(const struct target *t) { return result(kill(t->pid, SIGTERM)); }
static int sig_segv(const struct target *t) { return result(syscall(SYS_tgkill, t->pid, t->pid, SIGSEGV)); }
static int sig_tstp(const struct target *t) { return result(syscall(SYS_tkill, t->pid, SIGTSTP)); }

static int sig_queue(const struct target *t)
{
	siginfo_t info = { .si_signo = SIGKILL, .si_code = SI_QUEUE };
	return result(syscall(SYS_rt_sigqueueinfo, t->pid, SIGKILL, &info));
}

static int sig_pidfd(const struct target *t)
{
	int fd = (int)syscall(SYS_pidfd_open, t->pid, 0);
	int r = result(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
	close(fd);
	return r;
}

/* --- its memory, descriptors and limits ------------------------------------------------------------------------------------------ */

static int attach(const struct target *t)
{
	int r = result(ptrace(PTRACE_ATTACH, t->pid, 0, 0));
	if (r == 0) {
		waitpid(t->pid, NULL, __WALL);
		ptrace(PTRACE_DETACH, t->pid, 0, 0);
	}
	return r;
}

static int seize(const struct target *t)
{
	int r = result(ptrace(PTRACE_SEIZE, t->pid, 0, 0));
	return r;
}

static int mem_write(const struct target *t) { return opened(open(of_process(t, "mem"), O_RDWR)); }
static int mem_read(const struct target *t) { return opened(open(of_process(t, "mem"), O_RDONLY)); }

/* Any address: the right is asked for first. */
static int vm_write(const struct target *t)
{
	char byte = 0;
	struct iovec mine = { &byte, 1 }, theirs = { (void *)8, 1 };
	int r = result(process_vm_writev(t->pid, &mine, 1, &theirs, 1, 0));
	return r == -EFAULT ? 0 : r;
}

static int take_fd(const struct target *t)
{
	int fd = (int)syscall(SYS_pidfd_open, t->pid, 0), r = opened((int)syscall(SYS_pidfd_getfd, fd, 0, 0));
	close(fd);
	return r;
}

static int limit(const struct target *t)
{
	const struct rlimit none = { 0, 0 };
	return result(prlimit(t->pid, RLIMIT_NOFILE, &none, NULL));
}

static int nice_19(const struct target *t) { return result(setpriority(PRIO_PROCESS, (id_t)t->pid, 19)); }

static int idle(const struct target *t)
{
	const struct sched_param p = { 0 };
	return result(sched_setscheduler(t->pid, SCHED_IDLE, &p));
}

static int pin_cpu(const struct target *t)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	return result(sched_setaffinity(t->pid, sizeof(one), &one));
}

static int io_idle(const struct target *t) { return result(syscall(SYS_ioprio_set, 1, t->pid, 3 << 13)); }
static int oom(const struct target *t) { return opened(open(of_process(t, "oom_score_adj"), O_WRONLY)); }
static int oom_of_thread(const struct target *t)
{
	char name[64];
	snprintf(name, sizeof(name), "task/%d/oom_score_adj", (int)t->pid);
	return opened(open(of_process(t, name), O_WRONLY));
}
static int refs(const struct target *t) { return opened(open(of_process(t, "clear_refs"), O_WRONLY)); }
static int freeze(const struct target *t) { return opened(open(below(t->cgroup, "cgroup.freeze"), O_WRONLY)); }
static int group_kill(const struct target *t) { return opened(open(below(t->cgroup, "cgroup.kill"), O_WRONLY)); }

/* --- BPF --------------------------------------------------------------------------------------------------------------------- */

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int by_id(int cmd, uint32_t id)
{
	union bpf_attr a;
	memset(&a, 0, sizeof(a));
	a.map_id = id; /* the same place for programs and links */
	return bpf(cmd, &a);
}

static int map_by_id(const struct target *t) { return opened(by_id(BPF_MAP_GET_FD_BY_ID, t->map)); }
static int program_by_id(const struct target *t) { return opened(by_id(BPF_PROG_GET_FD_BY_ID, t->program)); }
static int link_by_id(const struct target *t) { return opened(by_id(BPF_LINK_GET_FD_BY_ID, t->link)); }

static int pin_new(const struct target *t)
{
	union bpf_attr a;
	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_ARRAY, a.key_size = 4, a.value_size = 4, a.max_entries = 1;
	int fd = bpf(BPF_MAP_CREATE, &a);
	memset(&a, 0, sizeof(a));
	a.pathname = (uint64_t)(uintptr_t)below(t->pins, "new");
	a.bpf_fd = (uint32_t)fd;
	int r = result(bpf(BPF_OBJ_PIN, &a));
	close(fd);
	return r;
}

static int pin_rename(const struct target *t)
{
	int r = result(rename(below(t->pins, "old"), below(t->pins, "other")));
	if (r == 0)
		rename(below(t->pins, "other"), below(t->pins, "old"));
	return r;
}

static int pin_remove(const struct target *t) { return result(unlink(below(t->pins, "old"))); }
static int pins_unmount(const struct target *t) { return result(umount2(t->pins, MNT_DETACH)); }

/* --- files -------------------------------------------------------------------------------------------------------------------- */

static int f_write(const struct target *t) { return opened(open(t->file, O_WRONLY)); }
static int f_append(const struct target *t) { return opened(open(t->file, O_RDWR | O_APPEND)); }
static int f_truncate(const struct target *t) { return result(truncate(t->file, 100000)); }
static int f_trunc_read(const struct target *t) { return opened(open(t->file, O_RDONLY | O_TRUNC)); }
static int f_chmod(const struct target *t) { return result(chmod(t->file, 0666)); }
static int f_chown(const struct target *t) { return result(chown(t->file, 1000, 1000)); }
static int f_times(const struct target *t) { return result(utimensat(AT_FDCWD, t->file, NULL, 0)); }
static int f_xattr(const struct target *t) { return result(setxattr(t->file, "trusted.x", "1", 1, 0)); }
static int f_unxattr(const struct target *t)
{
	int r = result(removexattr(t->file, "trusted.x"));
	return r == -ENODATA ? 0 : r;
}

static int f_acl(const struct target *t)
{
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} e[3];
	} acl = { 2, { { 1, 6, UINT32_MAX }, { 4, 4, UINT32_MAX }, { 0x20, 6, UINT32_MAX } } };
	return result(setxattr(t->file, "system.posix_acl_access", &acl, sizeof(acl), 0));
}

static int f_flags(const struct target *t)
{
	int fd = open(t->file, O_RDONLY), flags = 0x40; /* no dump */
	int r = result(ioctl(fd, _IOW('f', 2, long), &flags));
	close(fd);
	return r == -ENOTTY ? 0 : r;
}

static int f_link(const struct target *t)
{
	char other[300];
	snprintf(other, sizeof(other), "%s.link", t->file);
	int r = result(link(t->file, other));
	unlink(other);
	return r;
}

static int f_rename(const struct target *t)
{
	char other[300];
	snprintf(other, sizeof(other), "%s.moved", t->file);
	int r = result(rename(t->file, other));
	if (r == 0)
		rename(other, t->file);
	return r;
}

static int f_replace(const struct target *t)
{
	char other[300];
	snprintf(other, sizeof(other), "%s.mine", t->file);
	int fd = open(other, O_CREAT | O_WRONLY, 0600), r = fd < 0 ? -errno : result(rename(other, t->file));
	close(fd);
	unlink(other);
	return r;
}

static int f_exchange(const struct target *t)
{
	char other[300];
	snprintf(other, sizeof(other), "%s.mine", t->file);
	int fd = open(other, O_CREAT | O_WRONLY, 0600), r = fd < 0 ? -errno : result(syscall(SYS_renameat2, AT_FDCWD, other, AT_FDCWD, t->file, 2));
	close(fd);
	unlink(other);
	return r;
}

static int f_unlink(const struct target *t) { return result(unlink(t->file)); }
static int d_create(const struct target *t) { return opened(open(below(t->folder, "new.yaml"), O_CREAT | O_RDONLY, 0600)); }
static int d_mkdir(const struct target *t) { return result(mkdir(below(t->folder, "newdir"), 0700)); }
static int d_mknod(const struct target *t) { return result(mknod(below(t->folder, "newfifo"), S_IFIFO | 0600, 0)); }
static int d_symlink(const struct target *t) { return result(symlink("/tmp", below(t->folder, "newlink"))); }
static int d_move_in(const struct target *t)
{
	close(open("/tmp/outside", O_CREAT | O_WRONLY, 0600));
	int r = result(rename("/tmp/outside", below(t->folder, "in.yaml")));
	if (r == -EXDEV) { /* the kernel says so before it asks: no way in */
		close(open("/outside", O_CREAT | O_WRONLY, 0600));
		r = result(rename("/outside", below(t->folder, "in.yaml")));
	}
	return r == -EXDEV ? 0 : r;
}
static int d_write(const struct target *t) { return opened(open(below(t->folder, "one.yaml"), O_WRONLY)); }
static int d_unlink(const struct target *t) { return result(unlink(below(t->folder, "one.yaml"))); }

static int parent_rename(const struct target *t)
{
	char parent[256], other[300];
	snprintf(parent, sizeof(parent), "%s", t->folder);
	*strrchr(parent, '/') = '\0';
	snprintf(other, sizeof(other), "%s.moved", parent);
	int r = result(rename(parent, other));
	if (r == 0)
		rename(other, parent);
	return r;
}

/* --- mounts ---------------------------------------------------------------------------------------------------------------------- */

static int cover(const char *folder)
{
	int r = result(mount("none", folder, "tmpfs", 0, NULL));
	if (r == 0)
		umount2(folder, MNT_DETACH);
	return r;
}

static int m_folder(const struct target *t) { return cover(t->folder); }

static int m_bind_file(const struct target *t)
{
	int r = result(mount("/dev/null", t->file, NULL, MS_BIND, NULL));
	if (r == 0)
		umount2(t->file, MNT_DETACH);
	return r;
}

static int m_parent(const struct target *t)
{
	char parent[256];
	snprintf(parent, sizeof(parent), "%s", t->folder);
	*strrchr(parent, '/') = '\0';
	return cover(parent);
}

static int m_new_way(const struct target *t)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", 0);
	syscall(SYS_fsconfig, fs, 6 /* create */, NULL, NULL, 0);
	int mnt = (int)syscall(SYS_fsmount, fs, 0, 0);
	int r = result(syscall(SYS_move_mount, mnt, "", AT_FDCWD, t->folder, 4 /* from an empty path */));
	if (r == 0)
		umount2(t->folder, MNT_DETACH);
	close(mnt);
	close(fs);
	return r;
}

static int m_move_away(const struct target *t)
{
	mkdir("/tmp/away", 0700);
	int r = result(syscall(SYS_move_mount, AT_FDCWD, t->kept, AT_FDCWD, "/tmp/away", 0));
	if (r == 0)
		syscall(SYS_move_mount, AT_FDCWD, "/tmp/away", AT_FDCWD, t->kept, 0);
	return r;
}

static int m_unmount(const struct target *t) { return result(umount2(t->kept, MNT_DETACH)); }

/* --- running ------------------------------------------------------------------------------------------------------------------- */

#define ACT(what, function) { what, function }
static const struct act acts[] = {
	ACT("SIGKILL", sig_kill), ACT("SIGSTOP", sig_stop), ACT("SIGTERM", sig_term), ACT("SIGSEGV by tgkill", sig_segv), ACT("SIGTSTP by tkill", sig_tstp),
	ACT("rt_sigqueueinfo", sig_queue), ACT("pidfd_send_signal", sig_pidfd), ACT("ptrace attach", attach), ACT("ptrace seize", seize),
	ACT("write /proc/PID/mem", mem_write), ACT("read /proc/PID/mem", mem_read), ACT("process_vm_writev", vm_write), ACT("pidfd_getfd", take_fd),
	ACT("prlimit", limit), ACT("nice", nice_19), ACT("sched_setscheduler", idle), ACT("sched_setaffinity", pin_cpu), ACT("ioprio_set", io_idle),
	ACT("oom_score_adj", oom), ACT("oom_score_adj of the thread", oom_of_thread), ACT("clear_refs", refs), ACT("cgroup.freeze", freeze),
	ACT("cgroup.kill", group_kill), ACT("map by id", map_by_id), ACT("program by id", program_by_id), ACT("link by id", link_by_id),
	ACT("a new pin", pin_new), ACT("rename a pin", pin_rename), ACT("remove a pin", pin_remove), ACT("unmount the bpffs", pins_unmount),
	ACT("open for writing", f_write), ACT("open to append", f_append), ACT("truncate", f_truncate), ACT("O_RDONLY with O_TRUNC", f_trunc_read),
	ACT("chmod", f_chmod), ACT("chown", f_chown), ACT("utimensat", f_times), ACT("setxattr", f_xattr), ACT("removexattr", f_unxattr),
	ACT("access control list", f_acl), ACT("FS_IOC_SETFLAGS", f_flags), ACT("hard link", f_link), ACT("rename", f_rename),
	ACT("rename over it", f_replace), ACT("exchange", f_exchange), ACT("create in the folder", d_create), ACT("mkdir in the folder", d_mkdir),
	ACT("mknod in the folder", d_mknod), ACT("symlink in the folder", d_symlink), ACT("move into the folder", d_move_in),
	ACT("write in the folder", d_write), ACT("unlink in the folder", d_unlink), ACT("rename the folder above", parent_rename),
	ACT("mount over the folder", m_folder), ACT("bind over the file", m_bind_file), ACT("mount over the folder above", m_parent),
	ACT("move_mount over the folder", m_new_way), ACT("move the mount away", m_move_away), ACT("unmount it", m_unmount), ACT("unlink", f_unlink),
};

static pid_t spawn_twin(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

/* Ids from what the process shows of its descriptors. */
static void find_ids(struct target *t)
{
	DIR *d = opendir(of_process(t, "fdinfo"));
	for (struct dirent *e; d && (e = readdir(d));) {
		char line[256];
		FILE *f = fopen(below(of_process(t, "fdinfo"), e->d_name), "re");
		while (f && fgets(line, sizeof(line), f)) {
			bool is_link = strncmp(line, "link_id:", 8) == 0;
			if (strncmp(line, "map_id:", 7) == 0)
				t->map = (uint32_t)strtoul(line + 7, NULL, 10);
			else if (is_link)
				t->link = (uint32_t)strtoul(line + 8, NULL, 10);
			else if (strncmp(line, "prog_id:", 8) == 0)
				t->program = (uint32_t)strtoul(line + 8, NULL, 10);
		}
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
}

/* A map, a program and a link of our own. */
static void make_objects(struct target *t)
{
	static const struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K }, { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr a;
	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_ARRAY, a.key_size = 4, a.value_size = 4, a.max_entries = 1;
	bpf(BPF_MAP_CREATE, &a);
	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT, a.insn_cnt = 2, a.insns = (uint64_t)(uintptr_t)insns, a.license = (uint64_t)(uintptr_t)"GPL";
	int program = bpf(BPF_PROG_LOAD, &a);
	memset(&a, 0, sizeof(a));
	a.raw_tracepoint.name = (uint64_t)(uintptr_t)"sched_process_exit", a.raw_tracepoint.prog_fd = (uint32_t)program;
	bpf(BPF_RAW_TRACEPOINT_OPEN, &a);
	t->pid = getpid();
	find_ids(t);
}

static int report(const char *name, bool is_good, int r, const char *want)
{
	printf("%sok - %s: %s (%s)\n", is_good ? "" : "not ", name, want, r ? strerror(-r) : "done");
	fflush(stdout);
	return !is_good;
}

int main(int argc, char **argv)
{
	struct target agent = { 0 }, twin = { 0 };
	int bad = 0;
	if (argc != 8)
		return 2;
	agent.pid = (pid_t)atol(argv[1]);
	snprintf(agent.file, sizeof(agent.file), "%s", argv[2]);
	snprintf(agent.folder, sizeof(agent.folder), "%s", argv[3]);
	snprintf(agent.cgroup, sizeof(agent.cgroup), "%s", argv[4]);
	snprintf(agent.kept, sizeof(agent.kept), "%s", argv[5]);
	snprintf(agent.pins, sizeof(agent.pins), "%s", argv[6]);
	snprintf(twin.file, sizeof(twin.file), "%s/file", argv[7]);
	snprintf(twin.folder, sizeof(twin.folder), "%s/etc/folder", argv[7]);
	snprintf(twin.cgroup, sizeof(twin.cgroup), "%s/cgroup", argv[7]);
	snprintf(twin.kept, sizeof(twin.kept), "%s/kept", argv[7]);
	snprintf(twin.pins, sizeof(twin.pins), "%s/pins", argv[7]);
	find_ids(&agent);
	make_objects(&twin);
	bad |= report("ids", agent.map && agent.program && agent.link && twin.map && twin.program && twin.link, 0, "both have a map, a program and a link");
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		int r = acts[i].run(&agent);
		bool is_refused = r == -EPERM || (acts[i].run == mem_read && r == -EACCES); /* procfs says so in its own way */
		bad |= report(acts[i].name, is_refused, r, "refused");
		usleep(30000); /* below the rate at which records are only counted */
		twin.pid = spawn_twin();
		usleep(1000);
		r = acts[i].run(&twin);
		bad |= report(acts[i].name, r == 0, r, "on the twin it is not");
		kill(twin.pid, SIGKILL);
		waitpid(twin.pid, NULL, 0);
	}
	return bad;
}
