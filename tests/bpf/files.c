/* SPDX-License-Identifier: Apache-2.0 */
/* Every file event by a real operation, done and refused. Wants root and a file system without a disk (tmpfs). */
#include "expect.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/un.h>
#include <sys/xattr.h>

static void do_open(const struct deeds *d)
{
	char *path = in_dir(d, "opened");
	int fd = (int)MUST(open(path, O_CREAT | O_EXCL | O_RDWR, 0664));
	expect(d, "file.create");
	expect_new_file(d, path);
	expect_mode(d, "file.mode", 0664);
	expect_success(d);
	expect(d, "file.open");
	expect_file(d, path);
	expect_list(d, "file.open.flags", "\"O_RDWR\",\"O_CREAT\",\"O_EXCL\"");
	expect_bool(d, "file.open.created", true);
	expect_bool(d, "file.open.read", true);
	expect_bool(d, "file.open.write", true);
	expect_bool(d, "file.open.exec", false);
	expect_success(d);
	MUST(write(fd, "0123456789", 10));
	close(fd);

	MUST(chmod(path, 04711));
	MUST(chown(path, 12, 34));
	fd = (int)MUST(open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
	expect(d, "file.open");
	expect_file(d, path);
	expect_list(d, "file.open.flags", "\"O_NOFOLLOW\"");
	expect_mode(d, "file.mode", 0711); /* chown took the set-user-id bit */
	expect_id(d, "file.uid", 12);
	expect_num(d, "vedette.file.nlink", 1);
	expect_bool(d, "file.open.created", false);
	expect_bool(d, "file.open.write", false);
	expect_success(d);
	close(fd);

	char *link_path = in_dir(d, "opened-link");
	MUST(symlink(path, link_path));
	fd = (int)MUST(open(link_path, O_WRONLY | O_APPEND | O_TRUNC));
	expect(d, "file.open");
	expect_file(d, path);
	expect_list(d, "file.open.flags", "\"O_WRONLY\",\"O_TRUNC\",\"O_APPEND\"");
	expect_success(d);
	expect(d, "file.truncate");
	expect_file(d, path);
	expect_num(d, "file.size", 10);
	expect_success(d);
	close(fd);

	fd = (int)MUST(open(path, O_PATH));
	expect(d, "file.open");
	expect_list(d, "file.open.flags", "\"O_PATH\"");
	expect_never(d);
	close(fd);

	fd = (int)MUST(open(d->dir, O_TMPFILE | O_RDWR, 0600));
	struct stat st;
	MUST(fstat(fd, &st));
	expect(d, "file.open");
	expect_list(d, "file.open.flags", "\"O_RDWR\",\"O_DIRECTORY\",\"__O_TMPFILE\"");
	expect_id(d, "file.inode", st.st_ino);
	expect_num(d, "vedette.file.nlink", 0);
	expect_success(d);
	close(fd);

	/* by its descriptor: a pipe has no path, and is not the root directory */
	int ends[2];
	char by_number[64];
	MUST(pipe(ends));
	snprintf(by_number, sizeof(by_number), "/proc/self/fd/%d", ends[1]);
	fd = (int)MUST(open(by_number, O_WRONLY));
	MUST(fstat(fd, &st));
	expect(d, "file.open");
	expect_str(d, "file.type", "fifo");
	expect_id(d, "file.inode", st.st_ino);
	expect_missing(d, "file.path");
	expect_missing(d, "file.directory");
	expect_success(d);
	close(fd);
	close(ends[0]);
	close(ends[1]);

	fd = (int)MUST(open(d->dir, O_RDONLY | O_DIRECTORY));
	int again = (int)MUST(openat(fd, "opened", O_RDWR | O_NONBLOCK));
	expect(d, "file.open");
	expect_file(d, path);
	expect_list(d, "file.open.flags", "\"O_RDWR\",\"O_NONBLOCK\"");
	expect_success(d);
	close(again);
	close(fd);
	free(link_path);
	free(path);
}

static void do_truncate(const struct deeds *d)
{
	char *path = in_dir(d, "truncated");
	make_file(path, "0123456789", 0600);
	MUST(truncate(path, 7));
	expect(d, "file.truncate");
	expect_file(d, path);
	expect_num(d, "file.size", 10);
	expect_success(d);
	int fd = (int)MUST(open(path, O_WRONLY));
	MUST(ftruncate(fd, 3));
	expect(d, "file.truncate");
	expect_file(d, path);
	expect_num(d, "file.size", 7);
	expect_success(d);
	close(fd);
	free(path);
}

/* mknod: what and which type */
static void do_mknod(const struct deeds *d)
{
	static const struct {
		const char *name;
		mode_t mode;
		dev_t dev;
	} nodes[] = {
		{ "fifo", S_IFIFO | 0610, 0 },
		{ "char", S_IFCHR | 0620, 0 },
		{ "block", S_IFBLK | 0630, 0 },
		{ "plain", S_IFREG | 0640, 0 },
	};
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		char *path = in_dir(d, nodes[i].name);
		bool is_device = S_ISCHR(nodes[i].mode) || S_ISBLK(nodes[i].mode);
		dev_t dev = is_device ? makedev(300, 70000 + (unsigned)i) : 0;
		MUST(mknod(path, nodes[i].mode, dev));
		expect(d, "file.create");
		expect_new_file(d, path);
		expect_mode(d, "file.mode", nodes[i].mode);
		if (is_device)
			expect_device(d, "vedette.file.node_device", dev);
		expect_success(d);
		free(path);
	}
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = (int)MUST(socket(AF_UNIX, SOCK_STREAM, 0));
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", d->dir);
	MUST(bind(fd, (void *)&name, sizeof(name)));
	expect(d, "file.create");
	expect_new_file(d, name.sun_path);
	expect_success(d);
	close(fd);
}

static void do_names(const struct deeds *d)
{
	char *a = in_dir(d, "a"), *b = in_dir(d, "b"), *c = in_dir(d, "c"), *folder = in_dir(d, "folder");
	size_t mount = 0;
	make_file(a, "a", 0600);
	mount = mount_length(a);

	MUST(link(a, b));
	expect(d, "file.link");
	expect_file(d, a);
	expect_str(d, "vedette.new_path", b);
	expect_str(d, "vedette.new_fs_path", b + mount);
	expect_success(d);

	expect(d, "file.delete");
	expect_file(d, b);
	expect_num(d, "vedette.file.nlink", 2);
	expect_success(d);
	MUST(unlink(b));

	expect(d, "file.rename");
	expect_file(d, a);
	expect_str(d, "vedette.new_path", b);
	expect_str(d, "vedette.new_fs_path", b + mount);
	expect_bool(d, "vedette.rename.replaces", false);
	expect_list(d, "vedette.rename.flags", "");
	expect_success(d);
	MUST(rename(a, b));

	make_file(c, "c", 0600);
	expect(d, "file.rename");
	expect_file(d, b);
	expect_str(d, "vedette.new_path", c);
	expect_bool(d, "vedette.rename.replaces", true);
	expect_list(d, "vedette.rename.flags", "\"RENAME_EXCHANGE\"");
	expect_success(d);
	MUST(syscall(SYS_renameat2, AT_FDCWD, b, AT_FDCWD, c, RENAME_EXCHANGE));

	expect(d, "file.rename");
	expect_file(d, b);
	expect_str(d, "vedette.new_path", c);
	expect_bool(d, "vedette.rename.replaces", true);
	expect_list(d, "vedette.rename.flags", "");
	expect_success(d);
	MUST(rename(b, c));

	MUST(symlink("../some where", a));
	expect(d, "file.symlink");
	expect_new_file(d, a);
	expect_str(d, "file.target_path", "../some where");
	expect_success(d);

	MUST(mkdir(folder, 01770));
	expect(d, "file.mkdir");
	expect_new_file(d, folder);
	expect_mode(d, "file.mode", 01770);
	expect_success(d);

	expect(d, "file.delete");
	expect_file(d, folder);
	expect_success(d);
	MUST(rmdir(folder));
	free(a);
	free(b);
	free(c);
	free(folder);
}

static void do_attributes(const struct deeds *d)
{
	char *path = in_dir(d, "attributes");
	make_file(path, "x", 0644);
	static const struct {
		mode_t before, after;
		bool sets_setuid, sets_exec;
	} modes[] = {
		{ 0644, 04644, true, false },
		{ 04644, 0755, false, true },
		{ 0755, 02755, true, false },
		{ 02755, 02711, false, false },
	};
	int fd = (int)MUST(open(path, O_RDONLY));
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		MUST(i % 2 ? fchmod(fd, modes[i].after) : chmod(path, modes[i].after));
		expect(d, "file.chmod");
		expect_file(d, path);
		expect_mode(d, "file.mode", modes[i].before);
		expect_mode(d, "vedette.new_mode", modes[i].after);
		expect_bool(d, "vedette.chmod.sets_setuid", modes[i].sets_setuid);
		expect_bool(d, "vedette.chmod.sets_exec", modes[i].sets_exec);
		expect_success(d);
	}
	MUST(fchown(fd, 11, (gid_t)-1));
	expect(d, "file.chown");
	expect_file(d, path);
	expect_id(d, "file.uid", 0);
	expect_id(d, "vedette.new_uid", 11);
	expect_missing(d, "vedette.new_gid");
	expect_success(d);
	MUST(lchown(path, (uid_t)-1, 22));
	expect(d, "file.chown");
	expect_file(d, path);
	expect_id(d, "file.uid", 11);
	expect_id(d, "file.gid", 0);
	expect_missing(d, "vedette.new_uid");
	expect_id(d, "vedette.new_gid", 22);
	expect_success(d);

	MUST(setxattr(path, "trusted.vedette", "12345", 5, 0));
	expect(d, "file.setxattr");
	expect_file(d, path);
	expect_str(d, "vedette.xattr.name", "trusted.vedette");
	expect_num(d, "vedette.xattr.size", 5);
	expect_success(d);
	MUST(fsetxattr(fd, "trusted.other", "", 0, XATTR_CREATE) == 0 ? 0 : -1);
	expect(d, "file.setxattr");
	expect_file(d, path);
	expect_str(d, "vedette.xattr.name", "trusted.other");
	expect_num(d, "vedette.xattr.size", 0);
	expect_success(d);
	/* an access list: a header and four entries (owner, group, mask, others), for a user one more */
	static const unsigned char acl[4 + 5 * 8] = {
		2, 0, 0, 0, /* version */
		1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, 2, 0, 4, 0, 0xe8, 3, 0, 0, 4, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
		0x10, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, 0x20, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
	};
	MUST(setxattr(path, "system.posix_acl_access", acl, sizeof(acl), 0));
	expect(d, "file.setxattr");
	expect_file(d, path);
	expect_str(d, "vedette.xattr.name", "system.posix_acl_access");
	expect_num(d, "vedette.xattr.size", sizeof(acl));
	expect_success(d);
	close(fd);
	free(path);
}

/* An attribute's hook knows no mount: in a namespace that shows the folder only by a bind mount, the path is by that mount. */
static void do_bound_attribute(const struct deeds *d)
{
	char *mounted = in_dir(d, "file-system"), *folder = in_dir(d, "file-system/folder"), *at = in_dir(d, "shown"), *shown = in_dir(d, "shown/file");
	char *path = in_dir(d, "file-system/folder/file");
	MUST(mkdir(mounted, 0755));
	MUST(mkdir(at, 0755));
	MUST(mount("tmpfs", mounted, "tmpfs", 0, NULL));
	MUST(mkdir(folder, 0755));
	make_file(path, "", 0600);
	MUST(mount(folder, at, NULL, MS_BIND, NULL));
	MUST(umount2(mounted, MNT_DETACH));
	MUST(setxattr(shown, "trusted.bound", "1", 1, 0));
	expect(d, "file.setxattr");
	expect_str(d, "file.path", shown);
	expect_str(d, "vedette.file.fs_path", "/folder/file");
	expect_str(d, "vedette.xattr.name", "trusted.bound");
	expect_missing(d, "vedette.uncertain");
	expect_success(d);
	umount(at);
	free(mounted);
	free(folder);
	free(at);
	free(shown);
	free(path);
}

static void expect_mount(const struct deeds *d, const char *at, const char *source, const char *flags)
{
	expect(d, "file.mount");
	expect_file(d, at);
	expect_str(d, "vedette.mount.source", source);
	expect_list(d, "vedette.mount.flags", flags);
}

static void do_mount(const struct deeds *d)
{
	char *at = in_dir(d, "mounted"), *other = in_dir(d, "mounted-too"), *inner = in_dir(d, "mounted/inner");
	MUST(mkdir(at, 0755));
	MUST(mkdir(other, 0755));

	expect_mount(d, at, "a-source", "\"MS_NOSUID\",\"MS_NOEXEC\"");
	expect_str(d, "vedette.mount.type", "tmpfs");
	expect_bool(d, "vedette.mount.move", false);
	expect_success(d);
	MUST(mount("a-source", at, "tmpfs", MS_NOSUID | MS_NOEXEC, "size=64k"));
	MUST(mkdir(inner, 0700));
	expect(d, "file.mkdir");
	expect_new_file(d, inner);
	expect_str(d, "vedette.file.fs_path", "/inner");
	expect_success(d);

	expect_mount(d, other, at, "\"MS_BIND\"");
	expect_success(d);
	MUST(mount(at, other, NULL, MS_BIND, NULL));
	umount(other);

	int fs = (int)MUST(syscall(SYS_fsopen, "tmpfs", 0));
	MUST(syscall(SYS_fsconfig, fs, 6 /* create */, NULL, NULL, 0));
	int prepared = (int)MUST(syscall(SYS_fsmount, fs, 0, 0));
	expect(d, "file.mount");
	expect_file(d, other);
	expect_str(d, "vedette.mount.type", "tmpfs");
	expect_bool(d, "vedette.mount.move", true);
	expect_success(d);
	MUST(syscall(SYS_move_mount, prepared, "", AT_FDCWD, other, 4 /* from: empty path */));
	close(prepared);
	close(fs);
	umount(other);
	umount(at);
	free(at);
	free(other);
	free(inner);
}

static void do_memory(const struct deeds *d)
{
	char *path = in_dir(d, "library");
	make_file(path, "content", 0755);
	int fd = (int)MUST(open(path, O_RDONLY));
	void *map = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	expect(d, "file.mmap_exec");
	expect_file(d, path);
	expect_list(d, "vedette.memory.protection", "\"PROT_READ\",\"PROT_EXEC\"");
	expect_list(d, "vedette.memory.flags", "\"MAP_PRIVATE\"");
	expect_bool(d, "vedette.memory.anonymous", false);
	expect_num(d, "vedette.file.nlink", 1);
	expect_success(d);
	munmap(map, 4096);

	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	MUST(mprotect(map, 4096, PROT_READ | PROT_EXEC));
	expect(d, "file.mprotect_exec");
	expect_file(d, path);
	expect_list(d, "vedette.memory.protection", "\"PROT_READ\",\"PROT_EXEC\"");
	expect_list(d, "vedette.memory.old_protection", "\"PROT_READ\",\"PROT_WRITE\"");
	expect_bool(d, "vedette.memory.anonymous", false);
	expect_success(d);
	munmap(map, 4096);
	close(fd);

	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect(d, "file.mmap_exec");
	expect_list(d, "vedette.memory.protection", "\"PROT_READ\",\"PROT_WRITE\",\"PROT_EXEC\"");
	expect_list(d, "vedette.memory.flags", "\"MAP_PRIVATE\",\"MAP_ANONYMOUS\"");
	expect_bool(d, "vedette.memory.anonymous", true);
	expect_missing(d, "file.path");
	expect_success(d);
	MUST(mprotect(map, 4096, PROT_READ));
	MUST(mprotect(map, 4096, PROT_EXEC));
	expect(d, "file.mprotect_exec");
	expect_list(d, "vedette.memory.protection", "\"PROT_EXEC\"");
	expect_list(d, "vedette.memory.old_protection", "\"PROT_READ\"");
	expect_bool(d, "vedette.memory.anonymous", true);
	expect_missing(d, "file.path");
	expect_success(d);
	munmap(map, 4096);
	free(path);
}

/* Refused by the kernel after the hook: the attempt is told, with its failure. */
static void do_refused(const struct deeds *d)
{
	char *path = in_dir(d, "kept"), *new_path = in_dir(d, "not-made"), *full = in_dir(d, "full"), *inside = in_dir(d, "full/inside");
	make_file(path, "kept", 0644);
	MUST(mkdir(full, 0755));
	make_file(inside, "", 0644);
	expect(d, "file.delete");
	expect_file(d, full);
	expect_result(d, rmdir(full), ENOTEMPTY, "ENOTEMPTY");

	MUST(seteuid(1000));
	expect(d, "file.delete");
	expect_file(d, path);
	expect_id(d, "user.id", 0);
	expect_id(d, "user.effective.id", 1000);
	expect_result(d, unlink(path), EACCES, "EACCES");
	expect(d, "file.rename");
	expect_file(d, path);
	expect_str(d, "vedette.new_path", new_path);
	expect_result(d, rename(path, new_path), EACCES, "EACCES");
	expect(d, "file.chmod");
	expect_file(d, path);
	expect_mode(d, "vedette.new_mode", 04777);
	expect_result(d, chmod(path, 04777), EPERM, "EPERM");
	expect(d, "file.chown");
	expect_file(d, path);
	expect_result(d, chown(path, 1000, 1000), EPERM, "EPERM");
	expect(d, "file.mkdir");
	expect_str(d, "file.path", new_path);
	expect_result(d, mkdir(new_path, 0700), EACCES, "EACCES");
	expect(d, "file.create");
	expect_str(d, "file.path", new_path);
	expect_result(d, open(new_path, O_CREAT | O_WRONLY, 0600), EACCES, "EACCES");
	expect(d, "file.mount");
	expect_file(d, full);
	expect_str(d, "vedette.mount.source", "none");
	expect_result(d, mount("none", full, "tmpfs", 0, NULL), EPERM, "EPERM");
	MUST(seteuid(0));
	free(path);
	free(new_path);
	free(full);
	free(inside);
}

int main(int argc, char **argv)
{
	struct deeds d = deeds_begin(argc, argv);
	umask(0); /* file systems differ in whether the hook sees the mode before or after it */
	do_open(&d);
	do_truncate(&d);
	do_mknod(&d);
	do_names(&d);
	do_attributes(&d);
	do_bound_attribute(&d);
	do_mount(&d);
	do_memory(&d);
	do_refused(&d);
	return fclose(d.out) != 0;
}
