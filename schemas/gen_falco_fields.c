/* SPDX-License-Identifier: Apache-2.0 */
/* Writes docs/falco-fields.md from engine/rules/computed.def. Argument: the folder of the tree. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/fd.h"
#include "engine/rules/computed.h"

/* A cell of a table: the bar would end it. */
static void cell(FILE *f, const char *text)
{
	for (; *text; text++)
		fprintf(f, *text == '|' ? "\\|" : "%c", *text);
}

static void name_cell(FILE *f, const struct computed *row)
{
	static const char *const arguments[] = {
		[ARGUMENT_NONE] = "", [ARGUMENT_INDEX] = "[n]", [ARGUMENT_NAME] = "[name]", [ARGUMENT_DOTTED] = "name",
	};
	fprintf(f, "| `%s%s` | ", row->name, arguments[row->argument]);
}

static void rows(FILE *f, bool is_never)
{
	for (size_t i = 0; computed_at(i); i++) {
		const struct computed *row = computed_at(i);
		if (!row->never == is_never)
			continue;
		name_cell(f, row);
		if (is_never)
			fprintf(f, "%s | ", row->source ? row->source : "");
		else if (!row->function)
			fprintf(f, "`%s` | ", row->of);
		else
			fprintf(f, "%s | ", kind_get(row->kind)->name);
		cell(f, row->doc);
		fputs(row->flags & COMPUTED_OUTCOME ? "; waits for the call's end |\n" : " |\n", f);
	}
}

int main(int argc, char **argv)
{
	CLEANUP(file_close) FILE *f = NULL;
	char path[4096];
	if (argc != 2 || snprintf(path, sizeof(path), "%s/docs/falco-fields.md", argv[1]) >= (int)sizeof(path)) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return EXIT_FAILURE;
	}
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		return EXIT_FAILURE;
	}
	fputs("<!-- Made from engine/rules/computed.def by `make generated`: change it there. -->\n"
	      "# Falco's fields\n\n"
	      "Rules of every format may use these names. Where one is also a field of ours with another meaning (`container.id`, `user.name`,\n"
	      "`group.name`), it means Falco's in Falco's rules and ours in ours. A field without a value makes every comparison false.\n\n"
	      "| field | kind, or our field | meaning, and where it differs from Falco's |\n|---|---|---|\n", f);
	rows(f, false);
	fputs("\n## Fields without a value\n\n"
	      "These names load, and no event has a value for them; `vedette check` says so of each rule that needs one.\n\n"
	      "| field | what would have it | why not |\n|---|---|---|\n", f);
	rows(f, true);
	return ferror(f) ? EXIT_FAILURE : EXIT_SUCCESS;
}
