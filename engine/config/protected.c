/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/config/protected.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/fd.h"

/* Written by others in an ordinary day; a file stands for its folder where any of its files is. */
static const char *const written[] = {
	"/tmp/x", "/bin/x", "/boot/x", "/dev/null", "/dev/shm/x", "/etc/group", "/etc/gshadow", "/etc/ld.so.cache", "/etc/mtab", "/etc/passwd", "/etc/resolv.conf",
	"/etc/shadow", "/home/x", "/lib/x", "/lib64/x", "/proc/x", "/root/.bash_history", "/run/lock/x", "/run/systemd/x", "/run/user/x", "/run/utmp",
	"/sbin/x", "/sys/x", "/usr/bin/x", "/usr/lib/sysimage/rpm/x", "/usr/lib/x", "/usr/lib/x86_64-linux-gnu/x", "/usr/lib/aarch64-linux-gnu/x",
	"/usr/lib64/x", "/usr/sbin/x", "/usr/share/x", "/var/cache/apt/x", "/var/lib/apt/lists/x", "/var/lib/dpkg/status", "/var/lib/rpm/x",
	"/var/lib/systemd/x", "/var/log/journal/x", "/var/log/syslog", "/var/log/wtmp", "/var/spool/x", "/var/tmp/x",
};

/* The path without empty parts and `.`, with an end for each part: "/" is "", "/a//b/" is "/a/b". */
static int plain(const char *path, struct buf *ret)
{
	while (*path) {
		size_t skip = strspn(path, "/"), n = strcspn(path + skip, "/");
		struct strview part = { path + skip, n };
		path += skip + n;
		if (sv_is(part, ".."))
			return -EINVAL;
		if (n == 0 || sv_is(part, "."))
			continue;
		buf_add_char(ret, '/');
		buf_add_sv(ret, part);
	}
	return buf_error(ret) ? -ENOMEM : 0;
}

/* What others write that is the path, or lies below it; NULL: nothing. */
static const char *written_below(const char *path)
{
	size_t n = strlen(path);
	for (size_t i = 0; i < ARRAY_SIZE(written); i++)
		if (strncmp(written[i], path, n) == 0 && (written[i][n] == '/' || written[i][n] == '\0'))
			return written[i];
	return NULL;
}

static int check_name(const char *path, const char *real, struct place at, struct diag *diag)
{
	CLEANUP(buf_done) struct buf name = { 0 };
	char quoted[160];
	diag_quote(sv_from(path), quoted, sizeof(quoted));
	if (path[0] != '/' || plain(real, &name)) {
		diag_error(diag, at, "protect_paths: %s is no whole path: it begins with / and has no .. in it", quoted);
		return -EINVAL;
	}
	const char *other = written_below(buf_cstr(&name));
	if (!other)
		return 0;
	struct strview folder = sv_from(other);
	if (sv_ends(folder, SV("/x")))
		folder.n -= 2;
	diag_error(diag, at, "protect_paths: %s would keep everybody, root and packages included, from writing " SV_FMT ": name single files, or folders of your "
		   "own; for what only some may write there are rules that block", quoted, SV_ARG(folder));
	return -EINVAL;
}

int protected_check(const char *file, const struct config *c, struct diag *diag)
{
	int err = 0;
	for (size_t i = 0; i < c->protect_paths.n; i++) {
		const struct config_at *at = &c->protect_paths.at[i];
		int bad = check_name(c->protect_paths.items[i], c->protect_paths.items[i], (struct place){ file, at->line, at->column }, diag);
		err = err ? err : bad;
	}
	if (c->protect_paths.n && !(c->enforce && c->protect))
		diag_warn(diag, (struct place){ file, c->protect_paths.at[0].line, c->protect_paths.at[0].column },
			  "protect_paths: nothing is protected without `enforce: true` and `protect: true`");
	return err;
}

int protected_check_host(const char *file, const struct config *c, struct diag *diag)
{
	int err = 0;
	for (size_t i = 0; i < c->protect_paths.n; i++) {
		const char *path = c->protect_paths.items[i];
		struct place at = { file, c->protect_paths.at[i].line, c->protect_paths.at[i].column };
		CLEANUP(str_free) char *real = realpath(path, NULL);
		int bad = real ? check_name(path, real, at, diag) : -errno;
		if (!real) {
			char quoted[160];
			diag_error(diag, at, "protect_paths: %s: %s: it cannot be protected", diag_quote(sv_from(path), quoted, sizeof(quoted)), strerror(errno));
		}
		err = err ? err : bad;
	}
	return err;
}
