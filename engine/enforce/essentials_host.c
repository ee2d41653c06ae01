/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/enforce/essentials_host.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/fd.h"

#define DPKG_INFO "/var/lib/dpkg/info"

enum { LIST_MAX_BYTES = 1024 * 1024 };

void essential_sets_done(struct essential_sets *s)
{
	for (size_t i = 0; i < SET_COUNT; i++)
		free(s->sets[i].items);
	arena_done(&s->arena);
	*s = (struct essential_sets){ 0 };
}

/* The name below the root that the host was given in; false: too long. */
static bool below_root(const struct essential_sets *s, const char *path, char out[static PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s%s", s->root, path);
	return n > 0 && n < PATH_MAX;
}

bool essential_sets_exists(const struct essential_sets *s, const char *path)
{
	char whole[PATH_MAX];
	return below_root(s, path, whole) && access(whole, F_OK) == 0;
}

bool essential_sets_has(const struct essential_sets *s, enum essential_set set, const char *path)
{
	for (size_t i = 0; i < s->sets[set].n; i++)
		if (strcmp(s->sets[set].items[i].path, path) == 0)
			return true;
	return false;
}

static int add_name(struct essential_sets *s, enum essential_set set, const char *path, bool is_alias)
{
	struct essential_files *f = &s->sets[set];
	if (essential_sets_has(s, set, path))
		return 0;
	if (f->n == f->size) {
		size_t size = MAX(2 * f->size, (size_t)16);
		struct essential_file *items = realloc(f->items, size * sizeof(*items));
		if (!items)
			return -ENOMEM;
		f->items = items;
		f->size = size;
	}
	char *copy = arena_text(&s->arena, sv_from(path));
	if (!copy)
		return -ENOMEM;
	f->items[f->n++] = (struct essential_file){ copy, is_alias };
	return 0;
}

int essential_sets_add(struct essential_sets *s, enum essential_set set, const char *path)
{
	char whole[PATH_MAX];
	if (!below_root(s, path, whole))
		return 0;
	CLEANUP(str_free) char *real = realpath(whole, NULL);
	if (!real && errno == ENOMEM)
		return -ENOMEM;
	size_t root_n = strlen(s->root);
	if (!real || strncmp(real, s->root, root_n) != 0)
		return 0; /* not here */
	int err = add_name(s, set, real + root_n, false);
	return err || strcmp(real + root_n, path) == 0 ? err : add_name(s, set, path, true);
}

/* Of every file whose path begins with (or is) real: the name that begins with written in its place. */
static int add_aliases(struct essential_sets *s, const char *real, const char *written, bool is_whole)
{
	size_t n = strlen(real);
	for (size_t set = 0; set < SET_COUNT; set++) {
		for (size_t i = 0, before = s->sets[set].n; i < before; i++) {
			const struct essential_file *f = &s->sets[set].items[i];
			char alias[PATH_MAX];
			if (f->is_alias || strncmp(f->path, real, n) != 0 || (f->path[n] != '\0' && (is_whole || f->path[n] != '/')))
				continue;
			int len = snprintf(alias, sizeof(alias), "%s%s", written, f->path + n);
			int err = len > 0 && (size_t)len < sizeof(alias) ? add_name(s, (enum essential_set)set, alias, true) : 0;
			if (err)
				return err;
		}
	}
	return 0;
}

int essential_sets_alias(struct essential_sets *s, struct strview written)
{
	char path[PATH_MAX], whole[PATH_MAX];
	size_t root_n = strlen(s->root);
	if (written.n < 2 || written.n >= sizeof(path) || written.p[0] != '/' || memchr(written.p, '\0', written.n))
		return 0;
	memcpy(path, written.p, written.n);
	path[written.n] = '\0';
	for (int is_whole = 1; is_whole >= 0; is_whole--) {
		CLEANUP(str_free) char *real = below_root(s, path, whole) ? realpath(whole, NULL) : NULL;
		bool is_other = real && strncmp(real, s->root, root_n) == 0 && strcmp(real + root_n, path) != 0;
		int err = is_other ? add_aliases(s, real + root_n, path, is_whole) : 0;
		if (err)
			return err;
		*strrchr(path, '/') = '\0'; /* then its folder */
		if (path[0] == '\0')
			break;
	}
	return 0;
}

/* --- what the host says of itself ------------------------------------------------------------------------------------------------ */

/* Lines of a text; the last word of each, when it is a path. */
static int add_lines(struct essential_sets *s, enum essential_set set, struct strview text, size_t max, bool must_exist)
{
	int err = 0;
	while (!err && text.n && s->sets[set].n < max) {
		const char *end = memchr(text.p, '\n', text.n);
		struct strview line = { text.p, end ? (size_t)(end - text.p) : text.n };
		text = sv_from_index(text, MIN(line.n + 1, text.n));
		const char *blank = line.n ? memrchr(line.p, ' ', line.n) : NULL;
		if (blank)
			line = sv_from_index(line, (size_t)(blank - line.p) + 1);
		char path[PATH_MAX];
		if (line.n == 0 || line.n >= sizeof(path) || line.p[0] != '/' || memchr(line.p, '\0', line.n))
			continue;
		memcpy(path, line.p, line.n);
		path[line.n] = '\0';
		err = must_exist ? essential_sets_add(s, set, path) : add_name(s, set, path, false);
	}
	return err;
}

static int add_file_of_lines(struct essential_sets *s, enum essential_set set, const char *file, size_t max)
{
	char whole[PATH_MAX];
	CLEANUP(buf_done) struct buf text = { 0 };
	if (!below_root(s, file, whole) || fd_read_file(whole, LIST_MAX_BYTES, &text))
		return 0; /* a host without it */
	return add_lines(s, set, buf_sv(&text), max, set != SET_CONFFILES);
}

/* The configuration files of all packages of dpkg. */
static int add_conffiles(struct essential_sets *s)
{
	char folder[PATH_MAX];
	struct dirent **entries = NULL;
	int n = below_root(s, DPKG_INFO, folder) ? scandir(folder, &entries, NULL, alphasort) : 0, err = 0;
	for (int i = 0; i < n; i++) {
		char file[sizeof(DPKG_INFO) + sizeof(entries[i]->d_name)];
		if (!err && sv_ends(sv_from(entries[i]->d_name), SV(".conffiles"))) {
			(void)snprintf(file, sizeof(file), DPKG_INFO "/%s", entries[i]->d_name);
			err = add_file_of_lines(s, SET_CONFFILES, file, ESSENTIAL_MAX_CONFFILES);
		}
		free(entries[i]);
	}
	free(entries);
	return err;
}

/* What process 1 runs, and what the kernel starts it from. */
static int add_init(struct essential_sets *s)
{
	char link[PATH_MAX], path[PATH_MAX];
	ssize_t n = below_root(s, "/proc/1/exe", link) ? readlink(link, path, sizeof(path) - 1) : -1;
	int err = 0;
	if (n > 0) {
		path[n] = '\0';
		err = essential_sets_add(s, SET_INIT, path);
	}
	return err ? err : essential_sets_add(s, SET_INIT, "/sbin/init");
}

static int add_list(struct essential_sets *s, enum essential_set set, const char *const *paths)
{
	int err = 0;
	for (; !err && paths && *paths; paths++) {
		err = essential_sets_add(s, set, *paths);
		if (!err && !essential_sets_has(s, set, *paths)) /* ours are made anew when they are not there */
			err = add_name(s, set, *paths, false);
	}
	return err;
}

int essential_sets_fill(struct essential_sets *s, const struct essentials_host *host)
{
	static const struct {
		enum essential_set set;
		const char *path;
	} places[] = {
#define PLACE(set, path) { SET_##set, path },
#include "engine/enforce/essentials.def"
	};
	*s = (struct essential_sets){ .root = host->root, .arena.max = 16 * 1024 * 1024 };
	int err = add_init(s);
	if (!err && host->self)
		err = add_list(s, SET_SELF, (const char *const[]){ host->self, NULL });
	const struct {
		enum essential_set set;
		const char *const *paths;
	} own[] = { { SET_OWN_CONFIG, host->config }, { SET_OWN_RULES, host->rules }, { SET_OWN_LOG, host->log }, { SET_OWN_CONTROL, host->control } };
	for (size_t i = 0; !err && i < ARRAY_SIZE(own); i++)
		err = add_list(s, own[i].set, own[i].paths);
	for (size_t i = 0; !err && i < ARRAY_SIZE(places); i++)
		err = essential_sets_add(s, places[i].set, places[i].path);
	if (!err)
		err = add_file_of_lines(s, SET_SHELLS, "/etc/shells", ESSENTIAL_MAX_SHELLS);
	if (!err)
		err = essential_sets_add(s, SET_SHELLS, "/bin/sh");
	return err ? err : add_conffiles(s);
}
