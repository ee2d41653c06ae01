/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon's answer as the commands show it. */
#pragma once

#include "engine/base/json.h"
#include "engine/base/yaml.h"

struct answer {
	struct buf text;        /* owned */
	struct yaml_tree *tree; /* owned; JSON is YAML: the tree reader serves */
	const struct yaml_node *root; /* a map */
};
void answer_done(struct answer *a);

/* Asks (see control_ask_line) and reads what comes; 0, or an exit status when the reason has been told. who: "vedette reload". */
int answer_ask(const char *who, const char *control, struct strview line, struct answer *ret);
/* "" when there is no such text. */
const char *answer_text(const struct yaml_node *map, const char *key);
bool answer_is(const struct yaml_node *map, const char *key);
/* To stderr: its problems, those of the file `from` as of `to`; and, when it says no, its error. Returns whether it says yes. */
bool answer_show_problems(const char *who, const struct answer *a, const char *from, const char *to);
/* As it is, to stdout; exit status by what it says. */
int answer_print(struct answer *a);
