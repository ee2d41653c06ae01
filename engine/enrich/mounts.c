/* SPDX-License-Identifier: Apache-2.0 */
/* Reads mountinfo. */
#include "engine/enrich/mounts.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/fd.h"
#include "engine/base/num.h"

enum { MOUNTINFO_MAX = 16 * 1024 * 1024 };

struct mounts {
	struct buf text; /* owned */
	struct mount *entries; /* owned, views into text, order of the table: later ones hide earlier ones */
	size_t n;
};

void mounts_free(struct mounts **m)
{
	if (!*m)
		return;
	buf_done(&(*m)->text);
	free((*m)->entries);
	free(*m);
	*m = NULL;
}

/* "\040" and the like become the byte, in place. */
static size_t unescape(char *p, size_t n)
{
	size_t to = 0;
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\\' && n - i > 3) {
			p[to++] = (char)((p[i + 1] - '0') * 64 + (p[i + 2] - '0') * 8 + (p[i + 3] - '0'));
			i += 3;
		} else {
			p[to++] = p[i];
		}
	}
	return to;
}

static char *next_word(char **line, size_t *ret_n)
{
	char *word = *line;
	size_t n = strcspn(word, " \n");
	*ret_n = n;
	*line = word + n + (word[n] == ' ');
	return word;
}

/* "36 35 98:0 /root /point options [optional:fields ...] - type source options" */
bool mount_parse(char *line, struct mount *ret)
{
	size_t n;
	char *id = next_word(&line, &n);
	if (num_parse_u64((struct strview){ id, n }, UINT64_MAX, &ret->id))
		return false;
	next_word(&line, &n);
	char *device = next_word(&line, &n);
	struct strview dev = { device, n };
	const char *colon = memchr(dev.p, ':', dev.n);
	uint64_t major, minor;
	if (!colon || num_parse_u64((struct strview){ dev.p, (size_t)(colon - dev.p) }, 4095, &major) ||
	    num_parse_u64(sv_from_index(dev, (size_t)(colon - dev.p) + 1), 0xfffff, &minor))
		return false;
	char *root = next_word(&line, &n);
	ret->root = (struct strview){ root, unescape(root, n) };
	char *point = next_word(&line, &n);
	ret->point = (struct strview){ point, unescape(point, n) };
	ret->device = (uint32_t)(major << 20 | minor);
	const char *dash = strstr(line, " - ");
	ret->type = dash ? (struct strview){ dash + 3, strcspn(dash + 3, " \n") } : (struct strview){ "", 0 };
	return ret->root.n && ret->point.n && ret->point.p[0] == '/';
}

/* The text is there already. */
static int parse_lines(struct mounts *m)
{
	size_t lines = 0;
	buf_add_char(&m->text, '\0');
	if (buf_error(&m->text))
		return -ENOMEM;
	for (size_t i = 0; i < m->text.n; i++)
		lines += m->text.p[i] == '\n';
	m->entries = calloc(lines + 1, sizeof(*m->entries));
	if (!m->entries)
		return -ENOMEM;
	for (char *line = m->text.p; *line;) {
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';
		if (mount_parse(line, &m->entries[m->n]))
			m->n++;
		line = end ? end + 1 : line + strlen(line);
	}
	return 0;
}

int mounts_load(const char *file, struct mounts **ret, struct diag *diag)
{
	CLEANUP(mounts_free) struct mounts *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->text.max = MOUNTINFO_MAX;
	int err = fd_read_file(file, MOUNTINFO_MAX - 1, &m->text);
	if (err) {
		diag_error(diag, (struct place){ .file = file }, "cannot read the mount table: %s", strerror(-err));
		return err;
	}
	err = parse_lines(m);
	if (!err)
		*ret = TAKE(m);
	return err;
}

int mounts_parse(struct strview text, struct mounts **ret)
{
	CLEANUP(mounts_free) struct mounts *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->text.max = MOUNTINFO_MAX;
	buf_add_sv(&m->text, text);
	int err = parse_lines(m);
	if (!err)
		*ret = TAKE(m);
	return err;
}

bool mounts_at(const struct mounts *m, size_t i, struct mount *ret)
{
	if (i >= m->n)
		return false;
	*ret = m->entries[i];
	return true;
}

/* Is path the point itself or below it? */
static bool covers(struct strview point, struct strview path)
{
	if (point.n == 1)
		return true;
	return sv_starts(path, point) && (path.n == point.n || path.p[point.n] == '/');
}

size_t mount_inside(const struct mount *m, struct strview path, char *ret, size_t size)
{
	if (!covers(m->point, path))
		return 0;
	struct strview rest = m->point.n == 1 ? path : sv_from_index(path, m->point.n);
	struct strview root = m->root.n > 1 ? m->root : (struct strview){ "", 0 };
	if (root.n + rest.n == 0)
		root = m->root;
	if (root.n + rest.n > size)
		return 0;
	if (root.n)
		memcpy(ret, root.p, root.n);
	if (rest.n)
		memcpy(ret + root.n, rest.p, rest.n);
	return root.n + rest.n;
}

bool mounts_locate(const struct mounts *m, struct strview path, uint32_t *ret_device, struct buf *fs_path)
{
	const struct mount *best = NULL;
	for (size_t i = 0; i < m->n; i++)
		if (covers(m->entries[i].point, path) && (!best || m->entries[i].point.n >= best->point.n))
			best = &m->entries[i];
	if (!best)
		return false;
	struct strview rest = best->point.n == 1 ? path : sv_from_index(path, best->point.n);
	if (best->root.n > 1)
		buf_add_sv(fs_path, best->root);
	buf_add_sv(fs_path, rest);
	if (fs_path->n == 0)
		buf_add_char(fs_path, '/');
	*ret_device = best->device;
	return true;
}
