/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of rules that block: what a text of rules is compiled to on a host of these mounts. Included after cmocka.h. */
#pragma once

#include <string.h>

#include "bpf/policy_abi.h"
#include "engine/enforce/decide.h"
#include "engine/enforce/tables.h"

static const char host_mounts[] = "21 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
				  "22 21 8:2 / /data rw - xfs /dev/sdb1 rw\n"
				  "23 21 8:1 /vol /srv/sub rw - ext4 /dev/sda1 rw\n"
				  "24 21 0:44 / /var/lib/box/1/merged rw - overlay overlay rw\n"
				  "25 21 8:1 /run/real.conf /etc/one.conf rw - ext4 /dev/sda1 rw\n";

/* Rules and what they are compiled to. */
struct compiled {
	struct ruleset *set;
	struct mounts *mounts;
	struct verdict_policy policy;
	struct decider *decider;
	struct diag diag;
	int err;
};

static inline void compiled_done(struct compiled *c)
{
	decider_free(&c->decider);
	verdict_policy_done(&c->policy);
	mounts_free(&c->mounts);
	ruleset_free(&c->set);
	diag_done(&c->diag);
}

static inline void compile_after(struct compiled *c, const char *yaml, const struct ancestor_registry *before)
{
	*c = (struct compiled){ 0 };
	if (ruleset_load_text("r.yaml", sv_from(yaml), &c->set, &c->diag))
		fail_msg("does not load: %s", c->diag.messages[0].text);
	assert_int_equal(0, mounts_parse(sv_from(host_mounts), &c->mounts));
	struct verdict_world world = { .mounts = c->mounts, .generation = 3, .ancestors = before };
	c->err = verdict_compile(c->set, &world, &c->policy, &c->diag);
	if (!c->err)
		assert_int_equal(0, decider_new(&c->policy.tables, &c->decider));
}

static inline void compile(struct compiled *c, const char *yaml)
{
	compile_after(c, yaml, NULL);
	if (c->err)
		fail_msg("does not compile: %s", c->diag.messages[0].text);
}

static inline bool says(const struct diag *diag, const char *text)
{
	for (size_t i = 0; i < diag->n; i++)
		if (strstr(diag->messages[i].text, text))
			return true;
	return false;
}

static const struct decide_text unreadable = { KNOWN_UNREADABLE, { NULL, 0 } };

static inline struct decide_answer ask(const struct compiled *c, const struct decide_event *ev)
{
	struct decide_answer answer;
	decide(c->decider, ev, &answer);
	return answer;
}
