/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/enforce/names.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/fd.h"

void names_done(struct names *n)
{
	strmap_done(&n->warned);
}

size_t names_device_head(struct policy_text_key *key, uint32_t device)
{
	key->data[0] = SPACE_DEVICE;
	for (unsigned i = 0; i < 4; i++)
		key->data[1 + i] = (uint8_t)(device >> (24 - 8 * i));
	return NAMES_HEAD_DEVICE;
}

uint32_t names_key(struct policy_text_key *key, size_t head, struct strview text)
{
	size_t n = MIN(text.n, (size_t)POLICY_KEY_BYTES - head);
	if (n)
		memcpy(key->data + head, text.p, n);
	if (head + n < POLICY_KEY_BYTES)
		key->data[head + n++] = '\0';
	return (uint32_t)(8 * (head + n));
}

size_t names_ending(struct strview text, char ret[static POLICY_ENDING_MAX])
{
	size_t n = MIN(text.n, (size_t)POLICY_ENDING_MAX);
	for (size_t i = 0; i < n; i++) {
		char c = text.p[text.n - 1 - i];
		ret[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
	}
	return n;
}

/* --- keys ------------------------------------------------------------------------------------------------------------------ */

/* What is being added: one text of one predicate. */
struct adding {
	struct names *names;
	const struct value_set *p;
	uint32_t number;
};

static int refuse(const struct adding *a, int err, const char *why)
{
	diag_error(a->names->diag, a->p->at, "%s", why);
	return err;
}

static int add_key(const struct adding *a, struct policy_text_key *key, size_t head, struct text_item item)
{
	if (item.text.n > POLICY_TEXT_MAX)
		return refuse(a, -EINVAL, "a path of a rule that blocks is longer than 240 bytes inside its file system, or behind its symbolic links");
	if (a->names->to->n == NAMES_MAX_KEYS)
		return refuse(a, -E2BIG, "the rules that block name too many paths on too many mounts: 262144 keys at most");
	uint32_t bits = names_key(key, head, item.text);
	return prefixes_add(a->names->to, key->data, item.is_prefix ? (uint32_t)(8 * (head + item.text.n)) : bits, a->number);
}

static int add_in_space(const struct adding *a, enum policy_space space, struct text_item item)
{
	struct policy_text_key key = { .data[0] = (uint8_t)space };
	return add_key(a, &key, 1, item);
}

static int add_on_device(const struct adding *a, uint32_t device, struct text_item item)
{
	struct policy_text_key key;
	size_t head = names_device_head(&key, device);
	int err = prefixes_add(a->names->to, key.data, (uint32_t)(8 * head), PREFIX_NOTHING);
	return err ? err : add_key(a, &key, head, item);
}

/* --- devices --------------------------------------------------------------------------------------------------------------- */

/*
 * Roots of containers come and go; those that are there now must mean no more than those that come: their devices are none that the
 * host knows, so in them a file's first name decides. The host has its root on an overlay, or layers over what its packages bring (systemd-sysext,
 * systemd-confext): no container's root lies there.
 */
static bool is_of_container(const struct mount *m)
{
	static const char *const of_the_host[] = { "/", "/usr", "/opt", "/etc" };
	if (!sv_is(m->type, "overlay"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(of_the_host); i++)
		if (sv_is(m->point, of_the_host[i]))
			return false;
	return true;
}

int names_add_devices(struct names *n)
{
	struct mount m;
	int err = 0;
	for (size_t i = 0; !err && n->mounts && mounts_at(n->mounts, i, &m); i++) {
		struct policy_text_key key;
		if (!is_of_container(&m))
			err = prefixes_add(n->to, key.data, (uint32_t)(8 * names_device_head(&key, m.device)), PREFIX_NOTHING);
	}
	return err;
}

/* A file system's root bears the name of the mount point, which is not below itself: "/data/" is about all of /data but that. */
static int leave_root_out(const struct adding *a, uint32_t device)
{
	struct policy_text_key key;
	size_t head = names_device_head(&key, device);
	uint32_t bits = names_key(&key, head, SV("/"));
	return prefixes_add_not(a->names->to, key.data, bits, a->number);
}

/* All that is below a mount: its root, and what is behind a slash. */
static int add_mount(const struct adding *a, const struct mount *m)
{
	CLEANUP(buf_done) struct buf below = { 0 };
	int err = add_on_device(a, m->device, (struct text_item){ .text = m->root, .is_prefix = false });
	if (err)
		return err;
	buf_add_sv(&below, m->root);
	if (m->root.n > 1)
		buf_add_char(&below, '/');
	if (buf_error(&below))
		return -ENOMEM;
	return add_on_device(a, m->device, (struct text_item){ .text = buf_sv(&below), .is_prefix = true });
}

/* A prefix reaches into the mounts whose points begin with it. */
static int add_mounts_below(const struct adding *a, struct strview prefix)
{
	struct mount m;
	int err = 0;
	for (size_t i = 0; !err && mounts_at(a->names->mounts, i, &m); i++)
		if (!is_of_container(&m) && sv_starts(m.point, prefix))
			err = add_mount(a, &m);
	return err;
}

/*
 * Where the text lies inside its file system: of a prefix its folder, with the beginning of a name behind it, since the folder may be
 * a mount and the names in it are on that.
 */
static int add_second_name(const struct adding *a, struct text_item item)
{
	CLEANUP(buf_done) struct buf inside = { 0 };
	struct strview folder = item.text, rest = { 0 };
	uint32_t device;
	if (item.is_prefix) {
		const char *slash = memrchr(item.text.p, '/', item.text.n);
		folder.n = (size_t)(slash - item.text.p);
		rest = sv_from_index(item.text, folder.n + 1);
		if (!folder.n)
			folder = SV("/");
	}
	if (!mounts_locate(a->names->mounts, folder, &device, &inside))
		return 0; /* below no mount that is seen: the first name alone decides */
	if (item.is_prefix && (!inside.n || inside.p[inside.n - 1] != '/'))
		buf_add_char(&inside, '/');
	buf_add_sv(&inside, rest);
	if (buf_error(&inside))
		return -ENOMEM; /* what is missing of a prefix would concern more than was asked for */
	int err = add_on_device(a, device, (struct text_item){ .text = buf_sv(&inside), .is_prefix = item.is_prefix });
	if (!err && item.is_prefix && inside.n == 1)
		err = leave_root_out(a, device);
	return err || !item.is_prefix ? err : add_mounts_below(a, item.text);
}

/* --- links ----------------------------------------------------------------------------------------------------------------- */

/*
 * The path with symbolic links resolved: of all of it for an exact one, of its folder for a prefix (whose last part need not be a
 * whole name). NULL: nothing there yet; then it is taken as written.
 */
static char *resolve(struct text_item item)
{
	char whole[PATH_MAX];
	memcpy(whole, item.text.p, item.text.n);
	whole[item.text.n] = '\0';
	CLEANUP(str_free) char *all = item.is_prefix ? NULL : realpath(whole, NULL);
	if (all)
		return TAKE(all);
	char *slash = strrchr(whole, '/');
	*slash = '\0';
	CLEANUP(str_free) char *folder = realpath(slash == whole ? "/" : whole, NULL);
	char *joined = NULL;
	if (!folder || asprintf(&joined, "%s/%s", folder[1] ? folder : "", slash + 1) < 0)
		return NULL;
	return joined;
}

static bool has_dots(struct strview path)
{
	return memmem(path.p, path.n, "/../", 4) || memmem(path.p, path.n, "/./", 3) || sv_ends(path, SV("/..")) || sv_ends(path, SV("/."));
}

/* Its author knows that there are two names. */
static bool is_listed(const struct value_set *p, struct text_item item)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->texts[i].is_prefix == item.is_prefix && sv_equal(p->texts[i].text, item.text))
			return true;
	return false;
}

static int warn_of_link(const struct adding *a, struct strview written, struct strview resolved)
{
	struct names *n = a->names;
	char from[160], to[160];
	if (a->p->is_derived || strmap_get(&n->warned, written))
		return 0;
	diag_warn(n->diag, a->p->at, "%s %s; the kernel sees %s: both are meant", diag_quote(written, from, sizeof(from)),
		  has_dots(written) ? "has '.' or '..' for a folder" : "leads through a symbolic link", diag_quote(resolved, to, sizeof(to)));
	return strmap_add(&n->warned, written, n);
}

static int add_path(const struct adding *a, struct text_item item)
{
	int err = add_in_space(a, SPACE_NAMESPACE, item);
	if (err || item.text.n == 0 || item.text.p[0] != '/')
		return err;
	CLEANUP(str_free) char *real = a->names->follows_links ? resolve(item) : NULL;
	struct text_item resolved = { .text = real ? sv_from(real) : item.text, .is_prefix = item.is_prefix };
	if (!sv_equal(resolved.text, item.text)) {
		err = is_listed(a->p, resolved) ? 0 : warn_of_link(a, item.text, resolved.text);
		if (!err)
			err = add_in_space(a, SPACE_NAMESPACE, resolved);
	}
	return err || !a->names->mounts ? err : add_second_name(a, resolved);
}

static void folder_close(DIR **d)
{
	if (*d)
		closedir(*d);
	*d = NULL;
}

/* Nothing is hidden by what is mounted there. What cannot be looked at counts as full. */
static bool is_empty(const char *folder)
{
	CLEANUP(folder_close) DIR *dir = opendir(folder);
	if (!dir)
		return errno == ENOENT || errno == ENOTDIR;
	for (const struct dirent *e; (e = readdir(dir));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			return false;
	return true;
}

/*
 * A folder over which nothing must be mounted. Its first name says little: a mount point that is not mounted yet has it as well, and what is put on
 * an alias of the folder's mount may come to lie here too.
 */
static int add_covered(const struct adding *a, struct text_item item)
{
	CLEANUP(str_free) char *real = a->names->follows_links ? resolve(item) : NULL;
	if (!a->names->mounts || (a->names->follows_links && (!real || is_empty(real))))
		return 0;
	struct strview folder = real ? sv_from(real) : item.text;
	int err = 0;
	/* those above it follow from the rule as it is written, but not where a link leads elsewhere */
	do {
		err = add_second_name(a, (struct text_item){ .text = folder });
		const char *slash = memrchr(folder.p, '/', folder.n);
		folder.n = slash ? (size_t)(slash - folder.p) : 0;
	} while (!err && folder.n && !sv_starts(item.text, folder));
	return err;
}

/* --- predicates ------------------------------------------------------------------------------------------------------------ */

/* Any value there is: of both names, where the device is known. */
static int add_any(const struct adding *a, enum policy_space space)
{
	static const struct text_item any = { .text = { "", 0 }, .is_prefix = true };
	struct mount m;
	int err = add_in_space(a, space, any);
	for (size_t i = 0; !err && space == SPACE_NAMESPACE && a->names->mounts && mounts_at(a->names->mounts, i, &m); i++)
		if (!is_of_container(&m))
			err = add_on_device(a, m.device, any);
	return err;
}

/* What ends so begins so when it is read backwards. */
static int add_argument(const struct adding *a, struct text_item item)
{
	char turned[POLICY_TEXT_MAX];
	if (!item.is_end || item.text.n > sizeof(turned))
		return add_in_space(a, SPACE_ARGUMENT, item);
	for (size_t i = 0; i < item.text.n; i++)
		turned[i] = item.text.p[item.text.n - 1 - i];
	return add_in_space(a, SPACE_ARGUMENT_END, (struct text_item){ .text = { turned, item.text.n }, .is_prefix = true });
}

static int add_ending(const struct adding *a, struct text_item item)
{
	char ending[POLICY_ENDING_MAX];
	return add_in_space(a, SPACE_ENDING, (struct text_item){ .text = { ending, names_ending(item.text, ending) }, .is_prefix = true });
}

enum policy_space space_of_texts(enum policy_dimension domain)
{
	switch (domain) {
	case DIMENSION_NAME:
		return SPACE_NAME;
	case DIMENSION_CGROUP:
		return SPACE_CGROUP;
	case DIMENSION_ARGUMENTS:
		return SPACE_ARGUMENT;
	case DIMENSION_COMM:
		return SPACE_COMM;
	case DIMENSION_ENDING:
		return SPACE_ENDING;
	default:
		return SPACE_NAMESPACE;
	}
}

static int add_item(const struct adding *a, enum policy_space space, struct text_item item)
{
	if (space == SPACE_NAMESPACE)
		return item.is_over ? add_covered(a, item) : add_path(a, item);
	if (space == SPACE_ENDING)
		return add_ending(a, item);
	return space == SPACE_ARGUMENT ? add_argument(a, item) : add_in_space(a, space, item);
}

int names_add(struct names *n, const struct value_set *p, uint32_t number)
{
	struct adding a = { n, p, number };
	enum policy_space space = space_of_texts(p->domain);
	if (p->is_any)
		return add_any(&a, space);
	int worst = 0;
	for (size_t i = 0; i < p->n && worst != -ENOMEM; i++) {
		int err = add_item(&a, space, p->texts[i]);
		worst = err ? err : worst;
	}
	return worst;
}
