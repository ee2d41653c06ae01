/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evade judge ATTEMPTS LOST ALERTS...: lays the attempts beside the alerts of the log, by time. Of each row: the effect (it was denied, its
 * twin was done), the alert (of its rule, and no other; none for the twin), over all loads. LOST is what the sensor counted as lost under the
 * load "full": as many alerts may be missing there.
 */
#include "evade.h"

enum { ATTEMPTS_MAX = 4096, LINE_MAX_BYTES = 1 << 18, RULE_MAX = 48 };

struct attempted {
	unsigned long long from, to;
	char load[12], test[48], side[12], expected[12], rules[96], outcome[12], output[200];
	unsigned n_alerts, n_strange, n_uncertain;
	char strange[RULE_MAX];
};

struct judged {
	struct attempted attempt[ATTEMPTS_MAX];
	size_t n;
	long lost, missing;
	unsigned n_outside;
};

static int attempts_read(struct judged *j, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[1600];
	while (f && j->n < ATTEMPTS_MAX && fgets(line, sizeof(line), f)) {
		struct attempted *a = &j->attempt[j->n];
		if (sscanf(line, "%llu\t%llu\t%11[^\t]\t%47[^\t]\t%11[^\t]\t%11[^\t]\t%95[^\t]\t%11[^\t]\t%199[^\n]", &a->from, &a->to, a->load, a->test,
			   a->side, a->expected, a->rules, a->outcome, a->output) != 9)
			break;
		j->n++;
	}
	bool is_whole = f && feof(f) && j->n;
	if (f)
		fclose(f);
	return is_whole ? 0 : -1;
}

/* "a|b": any of them; "*": any at all. */
static bool is_named(const char *rules, const char *rule)
{
	size_t n = strlen(rule);
	if (strcmp(rules, "*") == 0)
		return true;
	for (const char *at = rules; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
		if (strncmp(at, rule, n) == 0 && (at[n] == '\0' || at[n] == '|'))
			return true;
	return false;
}

static struct attempted *attempt_at(struct judged *j, unsigned long long when)
{
	size_t low = 0, high = j->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (j->attempt[middle].to < when)
			low = middle + 1;
		else
			high = middle;
	}
	return low < j->n && j->attempt[low].from <= when ? &j->attempt[low] : NULL;
}

static const char *after(const char *line, const char *key)
{
	const char *at = strstr(line, key);
	return at ? at + strlen(key) : NULL;
}

static void take_alert(struct judged *j, const char *line)
{
	const char *id = after(line, "\"rule\":{\"id\":\""), *time = after(line, "\"boot_ns\":");
	char rule[RULE_MAX] = "";
	if (!id || !time || sscanf(id, "%47[^\"]", rule) != 1)
		return;
	struct attempted *a = attempt_at(j, strtoull(*time == '"' ? time + 1 : time, NULL, 10));
	if (!a) {
		printf("# an alert outside of all attempts: %s\n", rule);
		j->n_outside++;
		return;
	}
	bool is_permitted = strcmp(a->side, "permitted") == 0 && strcmp(a->expected, "unknown") != 0;
	if (is_permitted || !is_named(a->rules, rule)) {
		a->n_strange++;
		snprintf(a->strange, sizeof(a->strange), "%s", rule);
		return;
	}
	a->n_alerts++;
	a->n_uncertain += strstr(line, "\"vedette.verdict\"") != NULL;
}

static int alerts_read(struct judged *j, const char *path)
{
	static char line[LINE_MAX_BYTES];
	FILE *f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "\"kind\":\"alert\""))
			take_alert(j, line);
	return fclose(f);
}

/* Why this attempt is not as the table says; NULL: it is. */
static const char *fault_of(struct judged *j, const struct attempted *a)
{
	bool is_forbidden = strcmp(a->side, "forbidden") == 0, is_unknown = strcmp(a->expected, "unknown") == 0;
	bool is_denied = is_unknown || (is_forbidden && strcmp(a->expected, "denied") == 0);
	const char *effect = is_denied ? "denied" : strcmp(a->expected, "absent") == 0 ? "failed" : "done";
	bool is_told = is_denied || (is_forbidden && strcmp(a->expected, "alerted") == 0);
	if (strcmp(a->outcome, effect) != 0)
		return "it ended otherwise";
	if (a->n_strange)
		return "an alert that does not belong to it";
	if (is_told && !a->n_alerts) {
		if (strcmp(a->load, "full") == 0 && ++j->missing <= j->lost)
			return NULL;
		return "no alert";
	}
	if (!is_told && a->n_alerts)
		return "an alert of what is a gap";
	return is_unknown && a->n_uncertain != a->n_alerts ? "its alert does not say that something was unknown" : NULL;
}

/* All attempts of one test, and thereby of all loads. */
static int judge_test(struct judged *j, size_t first)
{
	const struct attempted *one = &j->attempt[first];
	char loads[100] = "";
	int bad = 0;
	for (size_t i = first; i < j->n; i++) {
		const struct attempted *a = &j->attempt[i];
		if (strcmp(a->test, one->test) != 0)
			continue;
		const char *fault = fault_of(j, a);
		if (fault) {
			printf("not ok - %s: %s, %s: %s (%s%s%s: %s)\n", a->test, a->load, a->side, fault, a->outcome, a->n_strange ? ", " : "", a->strange,
			       a->output);
			bad = 1;
		}
		if (strcmp(a->side, "forbidden") == 0)
			snprintf(loads + strlen(loads), sizeof(loads) - strlen(loads), " %s", a->load);
	}
	if (!bad)
		printf("ok - %s: %s, told and its twin left alone:%s\n", one->test, one->expected, loads);
	return bad;
}

static bool is_first(const struct judged *j, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(j->attempt[i].test, j->attempt[at].test) == 0)
			return false;
	return true;
}

int judge_rows(int argc, char **argv)
{
	static struct judged j;
	if (argc < 3 || attempts_read(&j, argv[0])) {
		printf("not ok - the attempts can be read (%zu)\n", j.n);
		return BROKEN_STATUS;
	}
	j.lost = number_of(argv[1]);
	int bad = 0;
	for (int i = 2; i < argc; i++)
		if (alerts_read(&j, argv[i]))
			bad = 1;
	for (size_t i = 0; i < j.n; i++)
		if (is_first(&j, i))
			bad |= judge_test(&j, i);
	printf("%s - no alert belongs to none of the attempts\n", j.n_outside ? "not ok" : "ok");
	if (j.missing)
		printf("# %ld alerts are missing where %ld records are counted as lost\n", j.missing, j.lost);
	return bad || j.n_outside;
}
