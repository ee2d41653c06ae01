/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette policy`: puts rules in force in a running daemon, with a way back. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "engine/daemon/answer.h"
#include "engine/daemon/args.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/control.h"
#include "engine/daemon/policies.h"
#include "engine/daemon/say.h"
#include "engine/daemon/window.h"
#include "engine/rules/lint.h"

static const char usage[] =
	"usage: vedette policy apply [--confirm TIME] [--force] [--name NAME] FILE\n"
	"       vedette policy confirm | rollback | status | list\n"
	"       vedette policy show NAME\n"
	"       vedette policy remove [--confirm TIME] NAME\n"
	"Puts the rules of a file in force in a running daemon, besides those of its configuration, and keeps them over restarts. The file is checked\n"
	"first; rules with faults change nothing. FILE - is standard input, and needs --name.\n"
	"\n"
	"  --confirm TIME  in force at once, but taken back by itself after TIME (10s to 1h) unless `vedette policy confirm` comes before; or when\n"
	"                  it blocks too much meanwhile, or the daemon ends\n"
	"  --force         take rules that block what the host cannot do without: the engine itself, pid 1, an administrator's shell, the\n"
	"                  package manager\n"
	"  --name NAME     name of the policy (default: the file's, without its ending); one of the same name is replaced\n"
	"  -c, --control PATH   the daemon's control socket (default: /run/vedette/control.sock)\n"
	"  -j, --json      the daemon's answer as it is\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 done; 1 refused, or the daemon does not answer; 2 wrong use.\n";

struct policy_command {
	const char *control;
	bool json, is_forced;
	uint64_t confirm_ns;
	const char *name;     /* of --name; NULL: not given */
	const char *argument; /* FILE or NAME; NULL: none */
};

static const char who[] = "vedette policy";

static void add_text(struct json *j, const char *key, struct strview text)
{
	json_key(j, key);
	json_str(j, text);
}

/* text.p NULL: none. */
static void make_line(const struct policy_command *p, const char *command, const char *name, struct strview text, struct buf *out)
{
	struct json j;
	out->max = CONTROL_MAX_REQUEST;
	json_init(&j, out);
	json_object_begin(&j);
	add_text(&j, "command", sv_from(command));
	if (p->confirm_ns) {
		json_key(&j, "confirm_ms");
		json_u64(&j, p->confirm_ns / 1000000);
	}
	if (p->is_forced) {
		json_key(&j, "force");
		json_bool(&j, true);
	}
	if (name)
		add_text(&j, "name", sv_from(name));
	if (text.p)
		add_text(&j, "text", text);
	json_object_end(&j);
}

static int ask(const struct policy_command *p, const char *command, const char *name, struct strview text, struct answer *ret)
{
	CLEANUP(buf_done) struct buf line = { 0 };
	make_line(p, command, name, text, &line);
	if (buf_error(&line)) {
		fprintf(stderr, "%s: the text is too long for a request\n", who);
		return EXIT_FAILED;
	}
	return answer_ask(who, p->control, buf_sv(&line), ret);
}

/* "1 rule is", "7 rules are" */
static const char *rules_are(const struct yaml_node *answer, char *text, size_t size)
{
	const char *n = answer_text(answer, "rules");
	(void)snprintf(text, size, "%s %s", n, strcmp(n, "1") == 0 ? "rule is" : "rules are"); /* long enough for any number */
	return text;
}

/* Of an answer to what changes rules. file: what the daemon calls by another name. */
static int show_change(struct answer *a, const struct policy_command *p, const char *file, const char *what)
{
	uint64_t ms = 0;
	char text[48];
	if (p->json)
		return answer_print(a);
	if (!answer_show_problems(who, a, answer_text(a->root, "staged"), file))
		return EXIT_FAILED;
	printf("policy %s %s: %s in force (before: %s), digest %s\n", answer_text(a->root, "name"), what, rules_are(a->root, text, sizeof(text)),
	       answer_text(a->root, "from_rules"), answer_text(a->root, "digest"));
	if (num_parse_u64(sv_from(answer_text(a->root, "confirm_ms")), UINT64_MAX, &ms) == 0 && ms)
		printf("It is taken back in %llu seconds, unless you confirm it: vedette policy confirm\n", (unsigned long long)(ms + 999) / 1000);
	return EXIT_FINE;
}

/* --- apply ------------------------------------------------------------------------------------------------------------------------ */

/* As `vedette check` does; the text alone, because that is all the daemon gets. */
static int check_text(const char *file, struct strview text)
{
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	int err = ruleset_load_text(file, text, &set, &diag);
	if (!err)
		ruleset_unused(set, &diag);
	for (uint32_t i = 0; !err && i < ruleset_count(set); i++)
		rule_lint(set, i, &diag);
	problems_print(stderr, &diag);
	if (err)
		say_errors(diag.errors, ": nothing was applied");
	return err;
}

/* The file's name without folder and ending; it need be no name of a policy. */
static struct strview name_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	struct strview name = sv_from(slash ? slash + 1 : file);
	const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;
	if (dot && dot > name.p)
		name.n = (size_t)(dot - name.p);
	return name;
}

static int refuse_name(struct strview name, bool is_given)
{
	char quoted[POLICY_NAME_MAX * 2];
	fprintf(stderr, "%s: %s is no name of a policy: 1 to 63 letters, digits, - and _, the last two not at the beginning%s\n", who,
		diag_quote(name, quoted, sizeof(quoted)), is_given ? "" : ": give it another one with --name");
	return EXIT_USAGE;
}

/* Of whatever length up to a policy's most. */
static int read_input(struct buf *text)
{
	char part[16384];
	ssize_t n;
	text->max = POLICY_MAX_BYTES;
	while ((n = read(STDIN_FILENO, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf_add(text, part, (size_t)n);
		if (buf_error(text))
			return -EFBIG;
	}
	return 0;
}

static int apply(const struct policy_command *p)
{
	char name[POLICY_NAME_MAX + 1] = "";
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(answer_done) struct answer a = { 0 };
	bool is_stdin = strcmp(p->argument, "-") == 0;
	const char *file = is_stdin ? "standard input" : p->argument;
	struct strview chosen = p->name ? sv_from(p->name) : is_stdin ? SV("standard input") : name_of(p->argument);
	if (!policy_name_is_valid(chosen))
		return refuse_name(chosen, p->name != NULL);
	memcpy(name, chosen.p, chosen.n); /* it fits: it is valid */
	int err = is_stdin ? read_input(&text) : fd_read_file(p->argument, POLICY_MAX_BYTES, &text);
	if (err) {
		fprintf(stderr, "%s: %s: %s\n", who, file, err == -EFBIG ? "a policy has at most 1 MiB" : err == -EISDIR ? "a policy is one file" : strerror(-err));
		return EXIT_FAILED;
	}
	if (check_text(file, buf_sv(&text)))
		return EXIT_FAILED;
	int status = ask(p, "policy-apply", name, text.n ? buf_sv(&text) : SV(""), &a);
	return status ? status : show_change(&a, p, file, p->confirm_ns ? "is in force for now" : "is in force");
}

/* --- the others --------------------------------------------------------------------------------------------------------------------- */

static int remove_policy(const struct policy_command *p)
{
	CLEANUP(answer_done) struct answer a = { 0 };
	int status = ask(p, "policy-remove", p->argument, (struct strview){ 0 }, &a);
	return status ? status : show_change(&a, p, "", p->confirm_ns ? "is removed for now" : "is removed");
}

static int confirm(const struct policy_command *p)
{
	CLEANUP(answer_done) struct answer a = { 0 };
	int status = ask(p, "policy-confirm", NULL, (struct strview){ 0 }, &a);
	return status ? status : show_change(&a, p, "", "is confirmed");
}

static int roll_back(const struct policy_command *p)
{
	CLEANUP(answer_done) struct answer a = { 0 };
	int status = ask(p, "policy-rollback", NULL, (struct strview){ 0 }, &a);
	return status ? status : show_change(&a, p, "", "is taken back");
}

static void show_files(const struct answer *a)
{
	const struct yaml_node *files = yaml_get(a->root, "policies");
	for (const struct yaml_node *f = files && files->type == YAML_LIST ? files->first : NULL; f; f = f->next)
		printf("%s%s\n", answer_text(f, "name"), answer_is(f, "forced") ? " (forced)" : "");
}

static void show_pending(const struct yaml_node *pending)
{
	uint64_t ms = 0;
	IGNORE(num_parse_u64(sv_from(answer_text(pending, "left_ms")), UINT64_MAX, &ms)); /* else none are left */
	printf("%s %s waits to be confirmed, for %llu more seconds; it blocked %s time%s%s%s%s\n", strcmp(answer_text(pending, "action"), "remove") == 0 ? "the removal of" : "policy",
	       answer_text(pending, "name"), (unsigned long long)(ms + 999) / 1000, answer_text(pending, "blocked"),
	       strcmp(answer_text(pending, "blocked"), "1") ? "s" : "", strcmp(answer_text(pending, "breaker"), "0") ? " (more than " : "", strcmp(answer_text(pending, "breaker"), "0") ? answer_text(pending, "breaker") : "",
	       strcmp(answer_text(pending, "breaker"), "0") ? " in a minute take it back)" : "");
}

static int look(const struct policy_command *p, bool is_whole)
{
	CLEANUP(answer_done) struct answer a = { 0 };
	char text[48];
	int status = ask(p, "policy-status", NULL, (struct strview){ 0 }, &a);
	if (status)
		return status;
	if (p->json)
		return answer_print(&a);
	if (!answer_show_problems(who, &a, "", ""))
		return EXIT_FAILED;
	if (is_whole)
		printf("%s in force, digest %s\n", rules_are(a.root, text, sizeof(text)), answer_text(a.root, "digest"));
	if (is_whole && yaml_get(a.root, "pending"))
		show_pending(yaml_get(a.root, "pending"));
	show_files(&a);
	return EXIT_FINE;
}

static int list(const struct policy_command *p)
{
	return look(p, false);
}

static int status(const struct policy_command *p)
{
	return look(p, true);
}

static int show(const struct policy_command *p)
{
	CLEANUP(answer_done) struct answer a = { 0 };
	int failed = ask(p, "policy-show", p->argument, (struct strview){ 0 }, &a);
	if (failed)
		return failed;
	if (p->json)
		return answer_print(&a);
	if (!answer_show_problems(who, &a, "", ""))
		return EXIT_FAILED;
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_add_z(&text, answer_text(a.root, "text"));
	return output_write(&text);
}

/* --- arguments ------------------------------------------------------------------------------------------------------------------------ */

static const struct verb {
	const char *name, *argument; /* NULL: takes none */
	bool takes_confirm, takes_more; /* --confirm; --force and --name */
	int (*run)(const struct policy_command *p);
} verbs[] = {
	{ "apply", "FILE", true, true, apply },
	{ "confirm", NULL, false, false, confirm },
	{ "rollback", NULL, false, false, roll_back },
	{ "remove", "NAME", true, false, remove_policy },
	{ "list", NULL, false, false, list },
	{ "show", "NAME", false, false, show },
	{ "status", NULL, false, false, status },
};

static int bad_use(const char *what, const char *value)
{
	fprintf(stderr, "%s: %s%s; see vedette policy --help\n", who, what, value);
	return EXIT_USAGE;
}

/* 0, or an exit status; *ret_done: there is nothing more to do. */
static int read_options(int argc, char **argv, struct policy_command *p, bool *ret_done)
{
	static const struct option options[] = {
		{ "confirm", required_argument, NULL, 't' }, { "force", no_argument, NULL, 'f' }, { "name", required_argument, NULL, 'n' },
		{ "control", required_argument, NULL, 'c' }, { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	int c;
	while ((c = args_next("policy", argc, argv, "c:jh", options)) != -1) {
		switch (c) {
		case 't':
			if (num_parse_duration(sv_from(optarg), &p->confirm_ns) || p->confirm_ns < WINDOW_MIN_NS || p->confirm_ns > WINDOW_MAX_NS)
				return bad_use("--confirm takes 10s to 1h, not ", optarg);
			break;
		case 'f':
			p->is_forced = true;
			break;
		case 'n':
			p->name = optarg;
			break;
		case 'c':
			p->control = optarg;
			break;
		case 'j':
			p->json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			*ret_done = true;
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	return 0;
}

int cmd_policy(int argc, char **argv)
{
	struct policy_command p = { .control = CONTROL_DEFAULT_PATH };
	bool is_done = false;
	int failed = read_options(argc, argv, &p, &is_done);
	if (failed || is_done)
		return failed;
	if (optind == argc)
		return bad_use("what is to be done? apply, confirm, rollback, remove, list, show or status", "");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(argv[optind], verbs[i].name) != 0)
			continue;
		if (argc - optind - 1 != (verbs[i].argument ? 1 : 0))
			return bad_use(verbs[i].argument ? "exactly one argument is needed: " : "too many arguments", verbs[i].argument ? verbs[i].argument : "");
		if ((p.confirm_ns && !verbs[i].takes_confirm) || ((p.is_forced || p.name) && !verbs[i].takes_more))
			return bad_use("that option is not for ", verbs[i].name);
		p.argument = verbs[i].argument ? argv[optind + 1] : NULL;
		return verbs[i].run(&p);
	}
	return bad_use("no such thing can be done: ", argv[optind]);
}
