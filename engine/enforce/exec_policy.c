/* SPDX-License-Identifier: Apache-2.0 */
/* Exec verdicts: from conditions to keys. */
#include "engine/enforce/exec_policy.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/fd.h"

struct compiler {
	const struct mounts *mounts;
	struct exec_policy *out;
	struct diag *diag;
	const struct rule_info *rule;
};

void exec_policy_done(struct exec_policy *p)
{
	free(p->keys);
	*p = (struct exec_policy){ 0 };
}

static int refuse(struct compiler *c, const struct condition *at, const char *why)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	condition_text(at, &text);
	diag_error(c->diag, condition_place(at), "rule %s cannot block: %s: %s", c->rule->id, buf_cstr(&text), why);
	return -EINVAL;
}

static int add_key(struct compiler *c, const unsigned char *head, size_t head_n, struct strview path, bool is_prefix)
{
	struct exec_policy *p = c->out;
	size_t n = head_n + path.n + !is_prefix;
	if (p->n == EXEC_POLICY_MAX_KEYS) {
		diag_error(c->diag, c->rule->at, "more than %d paths in blocking rules: the kernel's table is full", EXEC_POLICY_MAX_KEYS);
		return -E2BIG;
	}
	struct exec_rule *key = &p->keys[p->n++];
	*key = (struct exec_rule){ .rule = c->rule->index, .key.prefix_bits = (uint32_t)n * 8 };
	memcpy(key->key.data, head, head_n);
	memcpy(key->key.data + head_n, path.p, path.n); /* the exact form's NUL is there already */
	return 0;
}

static int add_namespace_key(struct compiler *c, struct strview path, bool is_prefix)
{
	unsigned char head[] = { EXEC_SPACE_NAMESPACE };
	return add_key(c, head, sizeof(head), path, is_prefix);
}

static int add_device_key(struct compiler *c, struct strview path, bool is_prefix, const struct condition *at)
{
	CLEANUP(buf_done) struct buf fs_path = { 0 };
	uint32_t dev;
	if (!mounts_locate(c->mounts, path, &dev, &fs_path))
		return 0; /* not below any mount we see: the namespace path alone decides */
	if (buf_error(&fs_path))
		return -ENOMEM; /* what is missing of a prefix would block more than was asked for */
	if (fs_path.n > EXEC_RULE_PATH_MAX)
		return refuse(c, at, "the path inside its file system is longer than 240 bytes");
	unsigned char head[] = { EXEC_SPACE_DEVICE, (unsigned char)(dev >> 24), (unsigned char)(dev >> 16), (unsigned char)(dev >> 8), (unsigned char)dev };
	return add_key(c, head, sizeof(head), buf_sv(&fs_path), is_prefix);
}

/*
 * The path with symbolic links resolved: of all of it for an exact rule, of its folder for a prefix (whose last part need not be
 * a whole name). NULL: nothing there yet; then it is taken as written.
 */
static char *resolve(struct strview path, bool is_prefix)
{
	char whole[PATH_MAX];
	if (path.n >= sizeof(whole))
		return NULL;
	memcpy(whole, path.p, path.n);
	whole[path.n] = '\0';
	CLEANUP(str_free) char *all = is_prefix ? NULL : realpath(whole, NULL);
	if (all)
		return TAKE(all);
	char *slash = strrchr(whole, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	CLEANUP(str_free) char *folder = realpath(slash == whole ? "/" : whole, NULL);
	if (!folder)
		return NULL;
	char *joined = NULL;
	if (asprintf(&joined, "%s/%s", folder[1] ? folder : "", slash + 1) < 0)
		return NULL;
	return joined;
}

static int add_path(struct compiler *c, const struct condition *at, struct strview path, bool is_prefix)
{
	if (path.n == 0)
		return refuse(c, at, "an empty path would concern every program");
	if (path.n > EXEC_RULE_PATH_MAX)
		return refuse(c, at, "the path is longer than 240 bytes");
	if (memchr(path.p, 0, path.n))
		return refuse(c, at, "the path holds a NUL byte");
	int err = add_namespace_key(c, path, is_prefix);
	if (err || path.p[0] != '/')
		return err;
	CLEANUP(str_free) char *real = resolve(path, is_prefix);
	struct strview resolved = real ? sv_from(real) : path;
	if (!sv_equal(resolved, path)) {
		diag_warn(c->diag, condition_place(at), "'" SV_FMT "' leads through a symbolic link; the kernel sees '" SV_FMT "': both are blocked",
			  SV_ARG(path), SV_ARG(resolved));
		if (resolved.n > EXEC_RULE_PATH_MAX)
			return refuse(c, at, "the resolved path is longer than 240 bytes");
		err = add_namespace_key(c, resolved, is_prefix);
	}
	return err ? err : add_device_key(c, resolved, is_prefix, at);
}

static int compile_test(struct compiler *c, const struct condition *at)
{
	const char *field = condition_field(at), *op = condition_operator(at);
	if (strcmp(field, "process.executable") != 0 && strcmp(field, "file.path") != 0)
		return refuse(c, at, "the kernel decides an exec by process.executable only (use `action: alert` or `kill`)");
	bool is_prefix = strcmp(op, "startswith") == 0;
	if (!is_prefix && strcmp(op, "=") != 0 && strcmp(op, "==") != 0 && strcmp(op, "in") != 0)
		return refuse(c, at, "the kernel compares paths with =, in and startswith only");
	int worst = 0;
	for (size_t i = 0; i < condition_values(at); i++) {
		int err = add_path(c, at, condition_value(at, i), is_prefix);
		worst = worst ? worst : err;
	}
	return worst;
}

/* The depth of conditions is limited by the parser. */
static int compile_condition(struct compiler *c, const struct condition *at)
{
	int worst = 0;
	switch (condition_type(at)) {
	case NODE_TEST:
		return compile_test(c, at);
	case NODE_OR:
		for (size_t i = 0; i < condition_children(at); i++) {
			int err = compile_condition(c, condition_child(at, i));
			worst = worst ? worst : err;
		}
		return worst;
	case NODE_AND:
		return refuse(c, at, "`and` is not decided in the kernel yet: write paths joined by `or`, or use `action: alert`");
	case NODE_NOT:
		return refuse(c, at, "`not` and exceptions are not decided in the kernel yet: use `action: alert`");
	case NODE_CONST:
		return refuse(c, at, "it does not look at the executable");
	}
	return -EINVAL;
}

int exec_policy_compile(const struct ruleset *set, const struct mounts *mounts, struct exec_policy *ret, struct diag *diag)
{
	CLEANUP(exec_policy_done) struct exec_policy out = { .keys = calloc(EXEC_POLICY_MAX_KEYS, sizeof(struct exec_rule)) };
	if (!out.keys)
		return -ENOMEM;
	int worst = 0;
	for (size_t i = 0; i < ruleset_count(set); i++) {
		const struct rule_info *rule = ruleset_get(set, i);
		if (!rule_is_blocking(rule))
			continue;
		struct compiler c = { mounts, &out, diag, rule };
		int err;
		if (rule->events != 1ull << EVENT_PROC_EXEC) {
			diag_error(diag, rule->at, "rule %s cannot block: only process.exec can be blocked (use `action: alert`)", rule->id);
			err = -EINVAL;
		} else {
			err = compile_condition(&c, ruleset_condition(set, rule->index));
		}
		worst = worst ? worst : err;
	}
	if (worst)
		return worst;
	*ret = (struct exec_policy){ .keys = TAKE(out.keys), .n = out.n };
	return 0;
}
