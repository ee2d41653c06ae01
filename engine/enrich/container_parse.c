/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over each document: tokens come with the path they stand at, and a table per form says what is done with which.
 * Owns the reader's memory, so that reading allocates nothing.
 */
#include "engine/enrich/container_parse.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/jsonread.h"
#include "engine/event/capability.h"

enum {
	TEXT_BYTES = 64 * 1024, /* of a text with its escapes resolved: CRI-O puts all labels into one */
	ITEM_BYTES = 16 * 1024,
};
#define ALL_CAPABILITIES ((1ull << 38) - 1) /* CAP_CHOWN to CAP_AUDIT_READ: runtimes may know no newer ones */

struct walk {
	struct json_reader r;
	struct strview key[JSON_READ_DEPTH + 1]; /* of the value at each depth; n 0 in arrays */
};

/* What is gathered of an item of an array until it ends. */
struct mount {
	struct strview source, destination, mode, propagation;
	bool is_bind, is_writable;
};

struct device {
	bool is_allowed, is_some, is_rwm;
};

struct stored {
	struct strview id, name, metadata;
};

struct container_parser {
	struct walk walk, inner; /* inner: of a document within a text */
	struct buf text, inner_text, item; /* owned; set aside at the start */
	/* of the document under way */
	const struct container_question *question;
	struct container_facts *facts;
	enum container_form form;
	struct mount mount;
	struct device device;
	struct stored stored;
	uint64_t capabilities;
	bool is_confined, has_all_devices, is_told_privileged; /* for the rule of privileged */
	bool is_found, is_cgroup_told, owns_cgroup;
	size_t bundle_n;
	char bundle[CONTAINER_BUNDLE_MAX];
};

/* --- texts ------------------------------------------------------------------------------------------------------------------ */

static void count_cut(struct container_parser *p)
{
	if (p->facts)
		p->facts->cut++;
}

/* A text of JSON with its escapes resolved, in b until the next one; n 0, and counted, when it has no room there. */
static struct strview plain(struct container_parser *p, struct buf *b, struct strview raw)
{
	buf_reset(b);
	if (raw.n > b->max || json_unescape(raw, b)) {
		count_cut(p);
		return (struct strview){ NULL, 0 };
	}
	return buf_sv(b);
}

static void set_raw(struct container_parser *p, enum container_text which, struct strview raw)
{
	container_facts_default(p->facts, which, plain(p, &p->item, raw));
}

/* What clusters write into labels. */
static void take_cluster_label(struct container_parser *p, struct strview key, struct strview raw)
{
	static const struct {
		const char *key;
		enum container_text which;
	} rows[] = {
		{ "io.kubernetes.container.name", CONTAINER_NAME },
		{ "io.kubernetes.pod.name", CONTAINER_POD },
		{ "io.kubernetes.pod.namespace", CONTAINER_NAMESPACE },
		{ "io.kubernetes.pod.uid", CONTAINER_POD_UID },
	};
	bool has_own_name = p->form == CONTAINER_DOCKER;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (sv_is(key, rows[i].key) && !(has_own_name && rows[i].which == CONTAINER_NAME))
			set_raw(p, rows[i].which, raw);
}

static void add_label(struct container_parser *p, enum container_text which, struct strview key, struct strview raw)
{
	buf_reset(&p->item);
	if (key.n + raw.n + 1 > p->item.max || json_unescape(key, &p->item)) {
		count_cut(p);
		return;
	}
	buf_add_char(&p->item, '=');
	if (json_unescape(raw, &p->item) == 0)
		container_facts_add(p->facts, which, buf_sv(&p->item));
	else
		count_cut(p);
}

/* --- the walk --------------------------------------------------------------------------------------------------------------- */

typedef void leaf_function(struct container_parser *p, enum json_token token, struct strview key, struct strview raw);

struct leaf {
	const char *at; /* keys from the outermost on, with slashes between; "*" stands for any, and for items of arrays */
	leaf_function *take;
};

/* Keys are compared as they are written: what a runtime writes with escapes is none of those looked for. */
static bool is_at(const struct walk *w, unsigned depth, const char *pattern)
{
	for (unsigned d = 1; d <= depth; d++) {
		size_t n = strcspn(pattern, "/");
		bool is_any = n == 1 && pattern[0] == '*';
		if (!is_any && !sv_equal(w->key[d], (struct strview){ pattern, n }))
			return false;
		pattern += n;
		if ((*pattern == '/') != (d < depth))
			return false;
		pattern += *pattern == '/';
	}
	return depth > 0;
}

static void hand_out(struct container_parser *p, const struct walk *w, enum json_token token, const struct leaf *leaves)
{
	bool is_start = token == JSON_OBJECT || token == JSON_ARRAY, is_end = token == JSON_OBJECT_END || token == JSON_ARRAY_END;
	unsigned depth = is_start ? w->r.depth - 1 : w->r.depth;
	struct strview raw = is_start || is_end ? (struct strview){ NULL, 0 } : w->r.raw;
	for (const struct leaf *leaf = leaves; leaf->at; leaf++)
		if (is_at(w, depth, leaf->at))
			leaf->take(p, token, w->key[depth], raw);
}

static int walk(struct container_parser *p, struct walk *w, struct strview document, const struct leaf *leaves)
{
	json_reader_init(&w->r, document);
	w->r.takes_any_keys = true; /* an image's author chooses how many there are */
	for (;;) {
		enum json_token token = json_next(&w->r);
		if (token == JSON_ERROR)
			return -EBADMSG;
		if (token == JSON_END)
			return 0;
		if (token == JSON_KEY) {
			w->key[w->r.depth] = w->r.raw;
			continue;
		}
		if (token == JSON_OBJECT || token == JSON_ARRAY)
			w->key[w->r.depth] = (struct strview){ NULL, 0 };
		hand_out(p, w, token, leaves);
	}
}

/* --- mounts ----------------------------------------------------------------------------------------------------------------- */

/* A colon within a path would look like the end of it. */
static void add_path(struct buf *item, struct strview path)
{
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] == ':' || path.p[i] == '\\')
			buf_add_char(item, '\\');
		buf_add_char(item, path.p[i]);
	}
}

/* source:destination:mode:writable:propagation */
static void add_mount(struct container_parser *p)
{
	const struct mount *m = &p->mount;
	struct buf *item = &p->item, *path = &p->inner_text;
	buf_reset(item);
	if (2 * (m->source.n + m->destination.n) + m->mode.n + m->propagation.n + 16 > item->max) {
		p->facts->cut++;
		return;
	}
	add_path(item, plain(p, path, m->source));
	buf_add_char(item, ':');
	add_path(item, plain(p, path, m->destination));
	buf_add_char(item, ':');
	add_path(item, plain(p, path, m->mode));
	buf_add_z(item, m->is_writable ? ":true:" : ":false:");
	add_path(item, plain(p, path, m->propagation));
	container_facts_add(p->facts, CONTAINER_MOUNTS, buf_sv(item));
}

static void mount_source(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	if (token == JSON_STRING)
		p->mount.source = raw;
}

static void mount_destination(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	if (token == JSON_STRING)
		p->mount.destination = raw;
}

static void mount_propagation(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	if (token == JSON_STRING)
		p->mount.propagation = raw;
}

/* --- config.json of a bundle ------------------------------------------------------------------------------------------------ */

static void oci_capability(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	if (token == JSON_STRING)
		p->capabilities |= capability_bit(raw);
}

/* Paths that are hidden or made read-only, and a filter of system calls: nobody does that to a privileged container. */
static void oci_confinement(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	(void)raw;
	p->is_confined = p->is_confined || token == JSON_OBJECT || token == JSON_STRING;
}

static void oci_device(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	(void)raw;
	if (token == JSON_OBJECT)
		p->device = (struct device){ 0 };
	else if (token == JSON_OBJECT_END && p->device.is_allowed && p->device.is_rwm && !p->device.is_some)
		p->has_all_devices = true;
}

static void oci_device_allow(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	(void)raw;
	p->device.is_allowed = token == JSON_TRUE;
}

static void oci_device_access(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)token;
	(void)key;
	p->device.is_rwm = sv_is(raw, "rwm");
}

/* A number or a kind: not all devices. Runtimes write "all" as type "a", as -1, or not at all. */
static void oci_device_some(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	bool is_all = (token == JSON_STRING && (sv_is(raw, "a") || !raw.n)) || (token == JSON_NUMBER && sv_is(raw, "-1")) || token == JSON_NULL;
	p->device.is_some = p->device.is_some || !is_all;
}

static void oci_mount(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	(void)raw;
	if (token == JSON_OBJECT)
		p->mount = (struct mount){ .is_writable = true };
	else if (token == JSON_OBJECT_END && p->mount.is_bind)
		add_mount(p);
}

static void oci_mount_type(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)token;
	(void)key;
	p->mount.is_bind = p->mount.is_bind || sv_is(raw, "bind");
}

static void oci_mount_option(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	static const char *const propagations[] = { "private", "rprivate", "shared", "rshared", "slave", "rslave" };
	(void)token;
	(void)key;
	p->mount.is_bind = p->mount.is_bind || sv_is(raw, "bind") || sv_is(raw, "rbind");
	if (sv_is(raw, "ro"))
		p->mount.is_writable = false;
	for (size_t i = 0; i < ARRAY_SIZE(propagations); i++)
		if (sv_is(raw, propagations[i]))
			p->mount.propagation = raw;
}

/* CRI-O keeps the labels as a document within a text. */
static void inner_label(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	if (token != JSON_STRING)
		return;
	add_label(p, p->form == CONTAINER_OCI_SANDBOX ? CONTAINER_POD_LABELS : CONTAINER_LABELS, key, raw);
	if (p->form != CONTAINER_OCI_SANDBOX)
		take_cluster_label(p, key, raw);
}

static void inner_labels(struct container_parser *p, struct strview raw)
{
	static const struct leaf leaves[] = { { "*", inner_label }, { NULL, NULL } };
	struct strview document = plain(p, &p->text, raw);
	if (document.n && walk(p, &p->inner, document, leaves))
		count_cut(p); /* a part of the document could not be read */
}

static void oci_annotation(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	static const struct {
		const char *key;
		enum container_text which;
	} rows[] = {
		{ "io.kubernetes.cri.container-name", CONTAINER_NAME },
		{ "io.kubernetes.cri.image-name", CONTAINER_IMAGE },
		{ "io.kubernetes.cri.sandbox-namespace", CONTAINER_NAMESPACE },
		{ "io.kubernetes.cri.sandbox-name", CONTAINER_POD },
		{ "io.kubernetes.cri.sandbox-uid", CONTAINER_POD_UID },
		{ "io.kubernetes.cri.sandbox-id", CONTAINER_SANDBOX },
		{ "io.kubernetes.cri-o.ImageName", CONTAINER_IMAGE },
		{ "io.kubernetes.cri-o.Namespace", CONTAINER_NAMESPACE },
		{ "io.kubernetes.cri-o.KubeName", CONTAINER_POD },
		{ "io.kubernetes.cri-o.SandboxID", CONTAINER_SANDBOX },
		{ "nerdctl/name", CONTAINER_NAME },
		{ "org.opencontainers.image.ref.name", CONTAINER_IMAGE },
	};
	if (token != JSON_STRING)
		return;
	if (sv_is(key, "io.kubernetes.cri-o.Labels"))
		inner_labels(p, raw);
	if (p->form == CONTAINER_OCI_SANDBOX)
		return;
	if (sv_is(key, "io.podman.annotations.privileged"))
		p->is_told_privileged = sv_is(raw, "TRUE");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (sv_is(key, rows[i].key))
			set_raw(p, rows[i].which, raw);
	if (!sv_starts(key, SV("io.kubernetes.cri-o."))) /* they hold whole documents, and the labels are one of them */
		add_label(p, CONTAINER_LABELS, key, raw);
}

static void finish_oci(struct container_parser *p)
{
	bool has_all = (p->capabilities & ALL_CAPABILITIES) == ALL_CAPABILITIES;
	p->facts->is_privileged_known = true;
	p->facts->is_privileged = p->is_told_privileged || (has_all && !p->is_confined && p->has_all_devices);
}

/* --- Docker ----------------------------------------------------------------------------------------------------------------- */

static void docker_name(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	if (token == JSON_STRING)
		set_raw(p, CONTAINER_NAME, sv_starts(raw, SV("/")) ? sv_from_index(raw, 1) : raw);
}

static void docker_image(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	if (token == JSON_STRING)
		set_raw(p, CONTAINER_IMAGE, raw);
}

static void docker_label(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	if (token != JSON_STRING)
		return;
	add_label(p, CONTAINER_LABELS, key, raw);
	take_cluster_label(p, key, raw);
}

static void docker_mount(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	(void)raw;
	if (token == JSON_OBJECT)
		p->mount = (struct mount){ .is_writable = false };
	else if (token == JSON_OBJECT_END)
		add_mount(p);
}

static void docker_mount_mode(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	if (token == JSON_STRING)
		p->mount.mode = raw;
}

static void docker_mount_writable(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	(void)raw;
	p->mount.is_writable = token == JSON_TRUE;
}

static void docker_privileged(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	(void)raw;
	p->facts->is_privileged_known = true;
	p->facts->is_privileged = token == JSON_TRUE;
}

/* --- the list of containers/storage ----------------------------------------------------------------------------------------- */

static void storage_image(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	if (token == JSON_STRING)
		set_raw(p, CONTAINER_IMAGE, raw);
}

static void storage_metadata(struct container_parser *p, struct strview raw)
{
	static const struct leaf leaves[] = { { "image-name", storage_image }, { NULL, NULL } };
	struct strview document = plain(p, &p->text, raw);
	if (document.n && walk(p, &p->inner, document, leaves))
		count_cut(p);
}

static void storage_container(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	(void)raw;
	if (token == JSON_OBJECT)
		p->stored = (struct stored){ .id = { NULL, 0 } };
	if (token != JSON_OBJECT_END || !p->stored.id.n || !sv_equal(p->stored.id, p->question->id))
		return;
	p->is_found = true;
	set_raw(p, CONTAINER_NAME, p->stored.name);
	storage_metadata(p, p->stored.metadata);
}

static void storage_id(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	if (token == JSON_STRING)
		p->stored.id = raw;
}

static void storage_name(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	if (token == JSON_STRING && !p->stored.name.n)
		p->stored.name = raw;
}

static void storage_data(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	if (token == JSON_STRING)
		p->stored.metadata = raw;
}

/* --- runc and crun ---------------------------------------------------------------------------------------------------------- */

static void take_bundle(struct container_parser *p, struct strview raw)
{
	struct strview path = plain(p, &p->item, raw);
	if (p->bundle_n || !sv_starts(path, SV("/")) || memchr(path.p, '\0', path.n))
		return;
	if (path.n > sizeof(p->bundle)) {
		count_cut(p);
		return;
	}
	memcpy(p->bundle, path.p, path.n);
	p->bundle_n = path.n;
}

static void runc_label(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	struct strview prefix = SV("bundle=");
	if (token == JSON_STRING && sv_starts(raw, prefix))
		take_bundle(p, sv_from_index(raw, prefix.n));
}

static void crun_bundle(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	if (token == JSON_STRING)
		take_bundle(p, raw);
}

/* What follows the hierarchy's folder; n 0: the path is of another place. */
static struct strview behind_hierarchy(const struct container_parser *p, struct strview controller, struct strview path)
{
	struct strview of_v1 = SV("/sys/fs/cgroup/");
	if (!controller.n)
		return sv_starts(path, p->question->hierarchy) ? sv_from_index(path, p->question->hierarchy.n) : (struct strview){ NULL, 0 };
	struct strview below = sv_starts(path, of_v1) ? sv_from_index(path, of_v1.n) : (struct strview){ NULL, 0 };
	const char *slash = below.n ? memchr(below.p, '/', below.n) : NULL;
	return slash ? sv_from_index(below, (size_t)(slash - below.p)) : (struct strview){ NULL, 0 };
}

/* By controller, whose hierarchies of version 1 each have a folder; version 2 is the one without a name. */
static void runc_cgroup(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	struct strview wanted = p->question->cgroup;
	if (token == JSON_STRING && wanted.n > 1 && !p->owns_cgroup)
		p->owns_cgroup = sv_equal(behind_hierarchy(p, key, plain(p, &p->item, raw)), wanted);
}

static void crun_cgroup(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	struct strview wanted = p->question->cgroup;
	if (token == JSON_STRING && wanted.n > 1)
		p->owns_cgroup = sv_equal(plain(p, &p->item, raw), wanted);
}

/* A configuration without a cgroup means one at the top, called as the container. */
static void config_cgroup(struct container_parser *p, enum json_token token, struct strview key, struct strview raw)
{
	(void)key;
	if (token != JSON_STRING || !raw.n)
		return;
	p->is_cgroup_told = true;
	p->owns_cgroup = sv_equal(plain(p, &p->item, raw), p->question->cgroup);
}

static void finish_crun_config(struct container_parser *p)
{
	struct strview cgroup = p->question->cgroup;
	if (!p->is_cgroup_told)
		p->owns_cgroup = sv_starts(cgroup, SV("/")) && sv_equal(sv_from_index(cgroup, 1), p->question->id);
}

/* --- forms ------------------------------------------------------------------------------------------------------------------ */

static const struct leaf oci_leaves[] = {
	{ "annotations/*", oci_annotation },
	{ "process/capabilities/bounding/*", oci_capability },
	{ "linux/seccomp", oci_confinement },
	{ "linux/maskedPaths/*", oci_confinement },
	{ "linux/readonlyPaths/*", oci_confinement },
	{ "linux/resources/devices/*", oci_device },
	{ "linux/resources/devices/*/allow", oci_device_allow },
	{ "linux/resources/devices/*/access", oci_device_access },
	{ "linux/resources/devices/*/type", oci_device_some },
	{ "linux/resources/devices/*/major", oci_device_some },
	{ "linux/resources/devices/*/minor", oci_device_some },
	{ "mounts/*", oci_mount },
	{ "mounts/*/source", mount_source },
	{ "mounts/*/destination", mount_destination },
	{ "mounts/*/type", oci_mount_type },
	{ "mounts/*/options/*", oci_mount_option },
	{ NULL, NULL },
};
static const struct leaf sandbox_leaves[] = { { "annotations/*", oci_annotation }, { NULL, NULL } };
static const struct leaf docker_leaves[] = {
	{ "Name", docker_name },
	{ "Config/Image", docker_image },
	{ "Config/Labels/*", docker_label },
	{ "MountPoints/*", docker_mount },
	{ "MountPoints/*/Source", mount_source },
	{ "MountPoints/*/Destination", mount_destination },
	{ "MountPoints/*/Relabel", docker_mount_mode },
	{ "MountPoints/*/RW", docker_mount_writable },
	{ "MountPoints/*/Propagation", mount_propagation },
	{ NULL, NULL },
};
static const struct leaf docker_host_leaves[] = { { "Privileged", docker_privileged }, { NULL, NULL } };
static const struct leaf storage_leaves[] = {
	{ "*", storage_container }, { "*/id", storage_id }, { "*/names/*", storage_name }, { "*/metadata", storage_data }, { NULL, NULL },
};
static const struct leaf runc_leaves[] = { { "config/labels/*", runc_label }, { "cgroup_paths/*", runc_cgroup }, { NULL, NULL } };
static const struct leaf crun_leaves[] = { { "bundle", crun_bundle }, { "cgroup-path", crun_cgroup }, { NULL, NULL } };

static const struct leaf crun_config_leaves[] = { { "linux/cgroupsPath", config_cgroup }, { NULL, NULL } };

static const struct leaf *const forms[] = {
	[CONTAINER_OCI] = oci_leaves,	    [CONTAINER_OCI_SANDBOX] = sandbox_leaves,	  [CONTAINER_DOCKER] = docker_leaves,
	[CONTAINER_DOCKER_HOST] = docker_host_leaves, [CONTAINER_STORAGE] = storage_leaves, [CONTAINER_RUNC] = runc_leaves,
	[CONTAINER_CRUN] = crun_leaves,	    [CONTAINER_CRUN_CONFIG] = crun_config_leaves,
};

static void start(struct container_parser *p, enum container_form form, const struct container_question *question, struct container_facts *facts)
{
	p->form = form;
	p->question = question;
	p->facts = facts;
	p->capabilities = 0;
	p->is_confined = p->has_all_devices = p->is_told_privileged = p->is_found = p->is_cgroup_told = p->owns_cgroup = false;
	p->bundle_n = 0;
}

int container_parse(struct container_parser *p, enum container_form form, struct strview document, const struct container_question *question,
		    struct container_facts *facts)
{
	struct container_mark before = container_facts_mark(facts);
	start(p, form, question, facts);
	int r = walk(p, &p->walk, document, forms[form]);
	if (r) {
		container_facts_take_back(facts, &before);
		return r;
	}
	if (form == CONTAINER_OCI)
		finish_oci(p);
	if (form == CONTAINER_CRUN_CONFIG)
		finish_crun_config(p);
	return form == CONTAINER_STORAGE && !p->is_found ? -ENOENT : 0;
}

struct strview container_bundle(const struct container_parser *parser)
{
	return (struct strview){ parser->bundle, parser->bundle_n };
}

bool container_owns_cgroup(const struct container_parser *parser)
{
	return parser->owns_cgroup;
}

/* --- the parser ------------------------------------------------------------------------------------------------------------- */

int container_parser_new(struct container_parser **ret)
{
	CLEANUP(container_parser_free) struct container_parser *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->text.max = TEXT_BYTES;
	p->inner_text.max = p->item.max = ITEM_BYTES;
	if (buf_reserve(&p->text, TEXT_BYTES) || buf_reserve(&p->inner_text, ITEM_BYTES) || buf_reserve(&p->item, ITEM_BYTES))
		return -ENOMEM;
	*ret = TAKE(p);
	return 0;
}

void container_parser_free(struct container_parser **parser)
{
	if (!*parser)
		return;
	buf_done(&(*parser)->text);
	buf_done(&(*parser)->inner_text);
	buf_done(&(*parser)->item);
	free(*parser);
	*parser = NULL;
}
