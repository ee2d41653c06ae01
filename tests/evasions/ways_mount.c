/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to mount and to unmount. */
#include "evade.h"

#include <linux/mount.h>
#include <sys/mount.h>

enum { COMPAT_MOUNT = 21, COMPAT_UMOUNT = 52 };

/* --- mounted ---------------------------------------------------------------------------------------------------------------------- */

static long mount_new(char **a) /* TYPE TARGET */
{
	own_mounts();
	return mount("none", a[1], a[0], 0, NULL);
}

static long mount_bind(char **a)
{
	own_mounts();
	return mount(a[0], a[1], NULL, MS_BIND, NULL);
}

static long mount_moved(char **a) /* FROM TO: a mount that is there already */
{
	own_mounts();
	PREPARED(mount("none", a[0], "tmpfs", 0, NULL));
	return mount(a[0], a[1], NULL, MS_MOVE, NULL);
}

static long mount_flags(char **a) /* TARGET FLAGS */
{
	own_mounts();
	return mount("none", a[0], NULL, (unsigned long)number_of(a[1]), NULL);
}

static long mount_compat(char **a)
{
	own_mounts();
	return compat_call(COMPAT_MOUNT, low_text("none"), low_text(a[1]), low_text(a[0]), 0, 0);
}

static long mount_by_descriptor(char **a) /* TYPE TARGET */
{
	own_mounts();
	int fs = (int)PREPARED(syscall(SYS_fsopen, a[0], 0));
	PREPARED(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	return syscall(SYS_move_mount, PREPARED(syscall(SYS_fsmount, fs, 0, 0)), "", AT_FDCWD, a[1], MOVE_MOUNT_F_EMPTY_PATH);
}

static long mount_tree(char **a) /* SOURCE TARGET */
{
	own_mounts();
	int tree = (int)PREPARED(syscall(SYS_open_tree, AT_FDCWD, a[0], OPEN_TREE_CLONE));
	return syscall(SYS_move_mount, tree, "", AT_FDCWD, a[1], MOVE_MOUNT_F_EMPTY_PATH);
}

/* --- taken away: what was mounted there by the same process ------------------------------------------------------------------------ */

static const char *unmountable(char **a)
{
	own_mounts();
	PREPARED(mount("none", a[0], "tmpfs", 0, NULL));
	return a[0];
}

static long unmounted_old(char **a) { return umount(unmountable(a)); }
static long unmounted_plain(char **a) { return umount2(unmountable(a), MNT_FORCE); }
static long unmounted_lazily(char **a) { return umount2(unmountable(a), MNT_DETACH); }
static long unmounted_compat(char **a) { return compat_call(COMPAT_UMOUNT, low_text(unmountable(a)), 0, 0, 0, 0); }

static long unmounted_above(char **a) /* TARGET FOLDER-ABOVE: with the mount that it hangs in */
{
	own_mounts();
	PREPARED(mount(a[1], a[1], NULL, MS_BIND, NULL));
	PREPARED(mount("none", a[0], "tmpfs", 0, NULL));
	return umount2(a[1], MNT_DETACH);
}

static long mount_in_user_namespace(char **a)
{
	PREPARED(unshare(CLONE_NEWUSER));
	return mount_new(a);
}

const struct way mount_ways[] = {
	{ "unmounted-old", 1, unmounted_old }, { "unmounted", 1, unmounted_plain }, { "unmounted-lazily", 1, unmounted_lazily },
	{ "unmounted-compat", 1, unmounted_compat }, { "unmounted-above", 2, unmounted_above }, { "mount", 2, mount_new },
	{ "mount-bind", 2, mount_bind }, { "mount-moved", 2, mount_moved }, { "mount-flags", 2, mount_flags }, { "mount-compat", 2, mount_compat },
	{ "mount-by-descriptor", 2, mount_by_descriptor }, { "mount-tree", 2, mount_tree },
	{ "mount-in-user-namespace", 2, mount_in_user_namespace }, { NULL, 0, NULL },
};
