/* SPDX-License-Identifier: Apache-2.0 */
/* Owns a compact copy of the names and a table sorted by id. A refresh builds the new one beside the old. */
#include "engine/enrich/users.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "engine/base/fd.h"

struct entry {
	uint32_t id;
	uint32_t order;  /* of the line: the first of equal ids wins */
	uint32_t offset; /* of the name in text */
	uint32_t length;
	uint32_t home_n; /* of the home, which follows the name; 0: none */
};

struct list {
	struct entry *entries; /* owned; sorted by id, then order */
	char *text;            /* owned */
	size_t n, malformed;
	bool is_full; /* entries were left out */
};

struct names {
	char *path; /* owned */
	struct list list;
	struct stat seen; /* of the file the list comes from; st_ino 0: none */
};

static void list_done(struct list *list)
{
	free(list->entries);
	free(list->text);
	*list = (struct list){ 0 };
}

static bool parse_id(struct strview text, uint32_t *ret)
{
	uint64_t v = 0;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || v > UINT32_MAX)
			return false;
		v = v * 10 + (uint64_t)(text.p[i] - '0');
	}
	*ret = (uint32_t)v;
	return text.n > 0 && v < UINT32_MAX; /* all bits set means "no id" in the kernel */
}

/* "name:password:id:...", of passwd "name:password:id:group:comment:home:shell" */
static bool parse_line(struct strview line, struct strview *ret_name, struct strview *ret_home, uint32_t *ret_id)
{
	enum { ID = 2, HOME = 5, COLUMNS = 6 };
	struct strview column[COLUMNS] = { { NULL, 0 } };
	size_t at = 0;
	for (size_t i = 0; i < ARRAY_SIZE(column); i++) {
		struct strview rest = sv_from_index(line, at);
		const char *colon = rest.n ? memchr(rest.p, ':', rest.n) : NULL;
		if (!colon && i <= ID)
			return false; /* both files have a column after the id */
		if (!colon)
			break;
		column[i] = (struct strview){ rest.p, (size_t)(colon - rest.p) };
		at += column[i].n + 1;
	}
	*ret_name = column[0];
	*ret_home = sv_starts(column[HOME], SV("/")) && !memchr(column[HOME].p, 0, column[HOME].n) ? column[HOME] : (struct strview){ NULL, 0 };
	bool is_name = column[0].n > 0 && column[0].n <= NAMES_MAX_NAME && column[0].p[0] != '+' && column[0].p[0] != '-' &&
		       !memchr(column[0].p, 0, column[0].n);
	return is_name && parse_id(column[ID], ret_id);
}

static int entry_compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* Takes file->p over on success, with the names moved to its front. */
static int list_build(struct buf *file, struct list *ret)
{
	size_t lines = 1;
	for (size_t i = 0; i < file->n; i++)
		lines += file->p[i] == '\n';
	lines = MIN(lines, (size_t)NAMES_MAX_ENTRIES);
	CLEANUP(list_done) struct list list = { .entries = calloc(lines, sizeof(struct entry)) };
	if (!list.entries)
		return -ENOMEM;
	size_t used = 0;
	for (size_t at = 0; at < file->n;) {
		struct strview rest = { file->p + at, file->n - at }, name, home;
		const char *end = memchr(rest.p, '\n', rest.n);
		struct strview line = { rest.p, end ? (size_t)(end - rest.p) : rest.n };
		at += line.n + 1;
		uint32_t id;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (!parse_line(line, &name, &home, &id)) {
			list.malformed++;
			continue;
		}
		if (list.n == lines) {
			list.is_full = true;
			break;
		}
		memmove(file->p + used, name.p, name.n);
		if (home.n)
			memmove(file->p + used + name.n, home.p, home.n);
		list.entries[list.n] = (struct entry){ id, (uint32_t)list.n, (uint32_t)used, (uint32_t)name.n, (uint32_t)home.n };
		list.n++;
		used += name.n + home.n;
	}
	qsort(list.entries, list.n, sizeof(struct entry), entry_compare);
	char *smaller = used ? realloc(file->p, used) : NULL;
	list.text = smaller ? smaller : file->p;
	*file = (struct buf){ 0 };
	*ret = list;
	list.entries = NULL, list.text = NULL; /* are the caller's now */
	return 0;
}

int names_refresh(struct names *names, struct diag *diag)
{
	struct stat now = { 0 };
	if (!names->path[0])
		return 0;
	struct place at = { .file = names->path };
	if (stat(names->path, &now) < 0) {
		int error = errno;
		if (names->seen.st_ino || diag)
			diag_warn(diag, at, "cannot read names: %s; ids stay without new names", strerror(error));
		return -error;
	}
	if (now.st_ino == names->seen.st_ino && now.st_dev == names->seen.st_dev && now.st_size == names->seen.st_size &&
	    now.st_mtim.tv_sec == names->seen.st_mtim.tv_sec && now.st_mtim.tv_nsec == names->seen.st_mtim.tv_nsec)
		return 0;
	names->seen = now; /* a file that cannot be used is reported once, until it changes again */
	CLEANUP(buf_done) struct buf file = { .max = NAMES_MAX_FILE };
	int r = fd_read_file(names->path, NAMES_MAX_FILE, &file);
	struct list list = { 0 };
	if (!r)
		r = list_build(&file, &list);
	if (r == -EFBIG)
		diag_warn(diag, at, "larger than %d bytes: names not read", (int)NAMES_MAX_FILE);
	else if (r)
		diag_warn(diag, at, "cannot read names: %s", strerror(-r));
	if (r)
		return r;
	if (list.is_full)
		diag_warn(diag, at, "more than %d entries: those after them have no name", (int)NAMES_MAX_ENTRIES);
	list_done(&names->list);
	names->list = list;
	return 0;
}

int names_new(const char *path, struct names **ret, struct diag *diag)
{
	CLEANUP(names_free) struct names *names = calloc(1, sizeof(*names));
	if (!names)
		return -ENOMEM;
	names->path = strdup(path ? path : "");
	if (!names->path)
		return -ENOMEM;
	(void)names_refresh(names, diag); /* without names the events carry ids only: worth a warning, not a refusal */
	*ret = TAKE(names);
	return 0;
}

void names_free(struct names **names)
{
	if (!*names)
		return;
	list_done(&(*names)->list);
	free((*names)->path);
	free(*names);
	*names = NULL;
}

static const struct entry *entry_find(const struct names *names, uint32_t id)
{
	size_t low = 0, high = names->list.n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (names->list.entries[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < names->list.n && names->list.entries[low].id == id ? &names->list.entries[low] : NULL;
}

struct strview names_find(const struct names *names, uint32_t id)
{
	const struct entry *e = entry_find(names, id);
	return e ? (struct strview){ names->list.text + e->offset, e->length } : (struct strview){ NULL, 0 };
}

struct strview names_home(const struct names *names, uint32_t id)
{
	const struct entry *e = entry_find(names, id);
	return e && e->home_n ? (struct strview){ names->list.text + e->offset + e->length, e->home_n } : (struct strview){ NULL, 0 };
}

size_t names_count(const struct names *names)
{
	return names->list.n;
}

size_t names_malformed(const struct names *names)
{
	return names->list.malformed;
}
