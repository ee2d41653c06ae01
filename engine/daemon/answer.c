/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/answer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/control.h"
#include "engine/daemon/say.h"

void answer_done(struct answer *a)
{
	buf_done(&a->text);
	yaml_tree_free(&a->tree);
}

const char *answer_text(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *n = yaml_get(map, key);
	return n && n->type == YAML_SCALAR ? n->text.p : "";
}

bool answer_is(const struct yaml_node *map, const char *key)
{
	return strcmp(answer_text(map, key), "true") == 0;
}

static void tell_waiting(void *context, unsigned seconds_more)
{
	char at[24] = "";
	time_t until = time(NULL) + (time_t)seconds_more;
	struct tm tm;
	if (localtime_r(&until, &tm))
		(void)strftime(at, sizeof(at), ", until %H:%M:%S", &tm);
	fprintf(stderr, "%s: no answer yet: waiting for %u more seconds%s\n", *(const char *const *)context, seconds_more, at);
}

int answer_ask(const char *who, const char *control, struct strview line, struct answer *ret)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct control_patience patience = { CONTROL_ASK_S, CONTROL_NOTICE_S, tell_waiting, &who };
	int err = control_ask_line(control, line, &patience, &ret->text, &diag);
	say_result(err, &diag);
	if (err)
		return EXIT_FAILED;
	if (yaml_parse(control, buf_sv(&ret->text), &ret->tree, NULL) || !yaml_root(ret->tree)->first || yaml_root(ret->tree)->first->type != YAML_MAP) {
		fprintf(stderr, "%s: %s: the answer makes no sense\n", who, control);
		return EXIT_FAILED;
	}
	ret->root = yaml_root(ret->tree)->first;
	return 0;
}

static void show_problem(const struct yaml_node *problem, const char *from, const char *to)
{
	const char *file = answer_text(problem, "file"), *line = answer_text(problem, "line"), *column = answer_text(problem, "column");
	bool has_line = line[0] && strcmp(line, "0") != 0, has_column = column[0] && strcmp(column, "0") != 0;
	bool is_warning = strcmp(answer_text(problem, "level"), "warning") == 0;
	if (from[0] && strcmp(file, from) == 0)
		file = to;
	fprintf(stderr, "%s%s%s%s%s: %s%s\n", file[0] ? file : "vedette", has_line ? ":" : "", has_line ? line : "", has_column ? ":" : "",
		has_column ? column : "", is_warning ? "warning: " : "", answer_text(problem, "text"));
}

bool answer_show_problems(const char *who, const struct answer *a, const char *from, const char *to)
{
	const struct yaml_node *problems = yaml_get(a->root, "problems");
	for (const struct yaml_node *p = problems && problems->type == YAML_LIST ? problems->first : NULL; p; p = p->next)
		show_problem(p, from, to);
	bool is_good = answer_is(a->root, "ok");
	if (!is_good)
		fprintf(stderr, "%s: %s\n", who, answer_text(a->root, "error"));
	return is_good;
}

int answer_print(struct answer *a)
{
	return output_write(&a->text) || !answer_is(a->root, "ok") ? EXIT_FAILED : EXIT_FINE;
}
