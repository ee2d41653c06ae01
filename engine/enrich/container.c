/* SPDX-License-Identifier: Apache-2.0 */
/* What runtimes name their cgroups, by schemas/containers.def. Owns nothing. */
#include "engine/enrich/container.h"

#include <stdbool.h>

#include "engine/base/num.h"

/* See schemas/containers.def. */
enum id_form { ID_HEX, ID_UUID, ID_NAME, ID_LONG };

/* With their lengths: this runs at every exec. */
#define TEXT(literal) { (literal), sizeof(literal) - 1 }

static const struct rule {
	struct strview under;  /* name of some component above it; empty: in any place */
	struct strview prefix; /* of the component itself */
	struct strview suffix;
	enum id_form form;
	enum runtime runtime; /* RUNTIME_NONE: the name does not tell */
} rules[] = {
#define CONTAINER(under, prefix, suffix, form, runtime) { TEXT(under), TEXT(prefix), TEXT(suffix), ID_##form, RUNTIME_##runtime },
#include "schemas/containers.def"
};

enum { MAX_COMPONENTS = 32 }; /* deeper cgroups keep the ids found up to there */

static bool is_hex(struct strview s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return s.n > 0;
}

static struct strview part(struct strview s, size_t from, size_t n)
{
	struct strview rest = sv_from_index(s, from);
	return (struct strview){ rest.p, MIN(n, rest.n) };
}

static bool is_uuid(struct strview s)
{
	return s.n == 36 && s.p[8] == '-' && s.p[13] == '-' && s.p[18] == '-' && s.p[23] == '-' && is_hex(part(s, 0, 8)) &&
	       is_hex(part(s, 9, 4)) && is_hex(part(s, 14, 4)) && is_hex(part(s, 19, 4)) && is_hex(part(s, 24, 12));
}

static bool is_task(struct strview s)
{
	if (s.n < 34 || s.p[32] != '-' || !is_hex(part(s, 0, 32)))
		return false;
	for (size_t i = 33; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static bool has_form(struct strview id, enum id_form form)
{
	switch (form) {
	case ID_HEX:
		return id.n == 64 && is_hex(id);
	case ID_UUID:
		return is_uuid(id);
	case ID_LONG:
		return (id.n == 64 && is_hex(id)) || is_task(id);
	case ID_NAME:
		return id.n > 0;
	}
	return false;
}

/* "kubepods" stands for "kubepods" and for systemd's "kubepods.slice" and "kubepods-burstable.slice", not for "kubepodsish". */
static bool is_folder(struct strview component, struct strview name)
{
	if (!sv_starts(component, name))
		return false;
	if (component.n == name.n)
		return true;
	char after = component.p[name.n];
	return (after == '.' || after == '-') && sv_ends(component, SV(".slice"));
}

static bool stands_under(struct strview name, const struct strview *above, size_t n)
{
	if (!name.n)
		return true;
	for (size_t i = 0; i < n; i++)
		if (is_folder(above[i], name))
			return true;
	return false;
}

static struct strview component_id(const struct rule *rule, struct strview component)
{
	size_t around = rule->prefix.n + rule->suffix.n;
	if (component.n < around || !sv_starts(component, rule->prefix) || !sv_ends(component, rule->suffix))
		return (struct strview){ NULL, 0 };
	struct strview id = part(component, rule->prefix.n, component.n - around);
	return has_form(id, rule->form) ? id : (struct strview){ NULL, 0 };
}

/* A folder named by its user (lxc/web) has folders of its own below it: only the one right under counts. */
static size_t reach(const struct rule *rule, size_t n)
{
	return rule->form == ID_NAME && n > 0 ? n - 1 : 0;
}

/* The user to whom systemd gave the cgroups below user@UID.service; 0: nobody, or root, who needs no gift. */
static uint32_t owner_of(struct strview component)
{
	struct strview prefix = SV("user@"), suffix = SV(".service");
	uint64_t uid = 0;
	if (!sv_starts(component, prefix) || !sv_ends(component, suffix))
		return 0;
	struct strview digits = part(component, prefix.n, component.n - MIN(component.n, prefix.n + suffix.n));
	return num_parse_u64(digits, UINT32_MAX, &uid) ? 0 : (uint32_t)uid;
}

static const struct rule *rule_of(struct strview component, const struct strview *above, size_t n, struct strview *ret_id)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		size_t from = reach(&rules[i], n);
		struct strview id = component_id(&rules[i], component);
		if (!id.n || !stands_under(rules[i].under, above + from, n - from))
			continue;
		*ret_id = id;
		return &rules[i];
	}
	return NULL;
}

struct container_place container_place(struct strview path)
{
	struct strview seen[MAX_COMPONENTS];
	struct container_place found = { .id = { NULL, 0 } };
	uint32_t owner = 0;
	size_t n = 0;
	for (size_t at = 0; at < path.n && n < MAX_COMPONENTS;) {
		struct strview rest = sv_from_index(path, at), id;
		const char *slash = memchr(rest.p, '/', rest.n);
		struct strview component = { rest.p, slash ? (size_t)(slash - rest.p) : rest.n };
		at += component.n + 1;
		if (!component.n)
			continue;
		if (!owner)
			owner = owner_of(component);
		const struct rule *rule = rule_of(component, seen, n, &id);
		if (rule)
			found = (struct container_place){ .id = id, .runtime = rule->runtime, .n_path = at - 1 };
		seen[n++] = component;
	}
	found.owner = owner;
	return found;
}

struct strview container_id(struct strview path)
{
	return container_place(path).id;
}

const char *runtime_name(enum runtime runtime)
{
	static const char *const names[RUNTIME_COUNT] = {
		[RUNTIME_NONE] = "",	     [RUNTIME_DOCKER] = "docker", [RUNTIME_CONTAINERD] = "containerd", [RUNTIME_CRIO] = "cri-o",
		[RUNTIME_PODMAN] = "podman", [RUNTIME_RUNC] = "runc",	  [RUNTIME_CRUN] = "crun",	       [RUNTIME_GARDEN] = "garden",
		[RUNTIME_BUILDKIT] = "buildkit", [RUNTIME_LXC] = "lxc",	  [RUNTIME_NSPAWN] = "systemd-nspawn",
	};
	return names[runtime];
}
