/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evade run ROWS KERNEL LOAD ATTEMPTS: each row of the table twice, forbidden and permitted, one after the other; what came of it and
 * from when to when it lasted is added to ATTEMPTS, for `evade judge` to lay beside the alerts.
 * evade lay: what the rows act on.
 */
#include "evade.h"
#include "rows.h"

#include <fts.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <time.h>

enum { OUTPUT_MAX = 1024, ATTEMPT_SECONDS = 15, FAR_FOLDERS = 25, WORDS_MAX = 16, TEXT_MAX = 1024 };

/* --- what the rows act on: the same below p, where rules forbid, and below q ------------------------------------------------------------ */

static void file_of(const char *folder, const char *name, const char *text, mode_t mode)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = (int)PREPARED(open(path, O_CREAT | O_TRUNC | O_WRONLY, mode));
	PREPARED(write(fd, text, strlen(text)));
	PREPARED(fchmod(fd, mode));
	close(fd);
}

static void folder_of(const char *folder, const char *name)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	PREPARED(mkdir(path, 0755) && errno != EEXIST ? -1 : 0);
}

/* Takes away all that is below the folder. */
static void empty_folder(const char *folder, const char *name)
{
	char path[300];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FTS *walk = fts_open((char *[]){ path, NULL }, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	for (FTSENT *e; walk && (e = fts_read(walk));)
		if (e->fts_level > 0 && e->fts_info != FTS_D)
			remove(e->fts_accpath);
	if (walk)
		fts_close(walk);
}

static void lay_changing(const char *folder)
{
	static const char *const folders[] = { "tree", "tree/folder", "tree/empty", "mnt", "mnt2", "plain" };
	static const char *const files[] = { "tree/a", "tree/b", "plain/a", "plain/b", "trunc", "meta" };
	empty_folder(folder, "tree");
	empty_folder(folder, "plain");
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		folder_of(folder, folders[i]);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		file_of(folder, files[i], "text of eight bytes and more\n", 0644);
	file_of(folder, "ro", "NONCE\n", 0644);
	file_of(folder, "secret", "NONCE\n", 0644);
	file_of(folder, "lib", "library\n", 0755);
}

/* A chain of folders below FOLDER that are all called NAME; the last holds a program and a file. */
static void lay_chain(const char *folder, const char *name, unsigned n)
{
	int here = (int)PREPARED(open(folder, O_RDONLY | O_DIRECTORY));
	for (unsigned i = 0; i < n; i++) {
		PREPARED(mkdirat(here, name, 0755));
		int next = (int)PREPARED(openat(here, name, O_RDONLY | O_DIRECTORY));
		close(here);
		here = next;
	}
	int from = (int)PREPARED(open("/t/nonce", O_RDONLY)), to = (int)PREPARED(openat(here, "x", O_CREAT | O_WRONLY, 0755));
	char block[4096];
	for (ssize_t got; (got = read(from, block, sizeof(block))) > 0;)
		PREPARED(write(to, block, (size_t)got));
	close(from);
	close(to);
	close(here);
}

static void lay_side(const char *folder)
{
	char component[201], name[300], longest[256];
	memset(component, 'c', 200);
	component[200] = '\0';
	memset(longest, 'l', 255);
	longest[255] = '\0';
	lay_changing(folder);
	static const struct {
		const char *folder;
		unsigned n;
	} chains[] = { { "bin/far21", 21 }, { "bin/far129", 129 } };
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		folder_of(folder, chains[i].folder);
		snprintf(name, sizeof(name), "%s/%s", folder, chains[i].folder);
		lay_chain(name, "d", chains[i].n);
	}
	folder_of(folder, "bin/far-long");
	snprintf(name, sizeof(name), "%s/bin/far-long", folder);
	lay_chain(name, longest, 1);
	folder_of(folder, "bin/far-most");
	snprintf(name, sizeof(name), "%s/bin/far-most", folder);
	lay_chain(name, component, FAR_FOLDERS);
}

int lay_rows(void)
{
	lay_side("/tmp/ev/p");
	lay_side("/tmp/ev/q");
	return 0;
}

/* --- nothing below p may change --------------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t digest, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		digest = (digest ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3ull;
	return digest;
}

static uint64_t state_of(const char *folder)
{
	char path[300];
	uint64_t digest = 0xcbf29ce484222325ull;
	snprintf(path, sizeof(path), "%s", folder);
	FTS *walk = fts_open((char *[]){ path, NULL }, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	PREPARED(walk ? 0 : -1);
	for (FTSENT *e; (e = fts_read(walk));) {
		if (strncmp(e->fts_name, "far", 3) == 0)
			fts_set(walk, e, FTS_SKIP);
		if (e->fts_level == 0 || strcmp(e->fts_name, "sock") == 0)
			continue; /* that socket is made anew for each attempt to connect to it */
		const struct stat *st = e->fts_statp;
		const uint64_t facts[] = { st->st_ino, st->st_mode, st->st_nlink, st->st_uid, st->st_gid, (uint64_t)st->st_size,
					   (uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec };
		digest = mix(mix(digest, e->fts_path, e->fts_pathlen), facts, sizeof(facts));
	}
	fts_close(walk);
	return digest;
}

/* --- an attempt --------------------------------------------------------------------------------------------------------------------------- */

static unsigned long long boot_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (unsigned long long)t.tv_sec * 1000000000ull + (unsigned long long)t.tv_nsec;
}

/* Puts in what differs between the two sides: {d} folder, {e} folder on a disk, {x} actor, {a} address, {p} port. */
static void fill_in(char *to, const char *text, bool is_forbidden)
{
	static const struct {
		char name;
		const char *values[2];
	} tokens[] = {
		{ 'd', { "/tmp/ev/q", "/tmp/ev/p" } }, { 'e', { "/tmp/ev/disk/q", "/tmp/ev/disk/p" } }, { 'x', { "/tmp/ev/actor-q", "/tmp/ev/actor-p" } },
		{ 'a', { "127.0.0.67", "127.0.0.66" } }, { 'p', { "4447", "4446" } }, { 's', { "q", "p" } },
	};
	size_t n = 0;
	for (; *text && n < TEXT_MAX - 64; text++) {
		const char *value = NULL;
		for (size_t i = 0; text[0] == '{' && text[1] && text[2] == '}' && i < ARRAY_SIZE(tokens); i++)
			if (tokens[i].name == text[1])
				value = tokens[i].values[is_forbidden];
		if (value) {
			n += (size_t)snprintf(to + n, TEXT_MAX - n, "%s", value);
			text += 2;
		} else {
			to[n++] = *text;
		}
	}
	to[n] = '\0';
}

/* "sh: ..." is for the shell, started by the actor; anything else a way and its arguments. */
static void words_of(char *act, const char *actor, char **words)
{
	size_t n = 0;
	words[n++] = (char *)(uintptr_t)actor;
	if (strncmp(act, "sh: ", 4) == 0) {
		words[n++] = (char *)"child-in-place";
		words[n++] = (char *)"/bin/sh";
		words[n++] = (char *)"-c";
		words[n++] = act + 4;
		words[n] = NULL;
		return;
	}
	char *rest = act;
	for (char *word; n + 1 < WORDS_MAX && (word = strsep(&rest, " "));)
		if (*word)
			words[n++] = word;
	words[n] = NULL;
}

static _Noreturn void become(char **words, int output)
{
	PREPARED(dup2(open("/dev/null", O_RDONLY), 0));
	PREPARED(dup2(output, 1));
	PREPARED(dup2(output, 2));
	close(output);
	setsid();
	PREPARED(chdir("/"));
	execv(words[0], words);
	printf("BROKEN %s: %s\n", words[0], strerrorname_np(errno));
	_exit(BROKEN_STATUS);
}

/* Until nobody holds the other end any more: children of the act's belong to it. */
static void listen_to(int input, char *output)
{
	size_t n = 0;
	unsigned long long end = boot_ns() + ATTEMPT_SECONDS * 1000000000ull;
	struct pollfd p = { .fd = input, .events = POLLIN };
	char block[512];
	for (;;) {
		long long left = (long long)(end - boot_ns()) / 1000000;
		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			break;
		ssize_t got = read(input, block, sizeof(block));
		if (got <= 0)
			break;
		size_t room = OUTPUT_MAX - 1 - n, kept = (size_t)got < room ? (size_t)got : room;
		memcpy(output + n, block, kept);
		n += kept;
	}
	output[n] = '\0';
}

static const char *outcome_of(const char *output)
{
	if (strstr(output, "BROKEN"))
		return "broken";
	if (strstr(output, "NONCE"))
		return "done";
	return strstr(output, "EPERM") || strstr(output, "not permitted") ? "denied" : "failed";
}

static void attempt(const struct row *r, const char *load, bool is_forbidden, uint64_t *state, FILE *attempts)
{
	char act[TEXT_MAX], output[OUTPUT_MAX], *words[WORDS_MAX];
	int ends[2];
	fill_in(act, r->act, is_forbidden);
	words_of(act, is_forbidden ? "/tmp/ev/actor-p" : "/tmp/ev/actor-q", words);
	if (!is_forbidden)
		lay_changing("/tmp/ev/q");
	PREPARED(pipe2(ends, O_CLOEXEC));
	unsigned long long from = boot_ns();
	pid_t child = (pid_t)PREPARED(fork());
	if (!child)
		become(words, ends[1]);
	close(ends[1]);
	listen_to(ends[0], output);
	close(ends[0]);
	kill(-child, SIGKILL);
	PREPARED(waitpid(child, NULL, 0));
	unsigned long long to = boot_ns();
	bool is_whole = true;
	if (is_forbidden) {
		uint64_t now = state_of("/tmp/ev/p");
		is_whole = now == *state || r->is_changing_forbidden;
		*state = now;
	}
	for (char *c = output; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	fprintf(attempts, "%llu\t%llu\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", from, to, load, r->test, is_forbidden ? "forbidden" : "permitted",
		r->expected, r->rules, is_whole ? outcome_of(output) : "changed", *output ? output : "(nothing)");
}

int run_rows(int argc, char **argv)
{
	static struct rows rows;
	if (argc != 4 || rows_read(&rows, argv[0], argv[1]))
		return BROKEN_STATUS;
	FILE *attempts = fopen(argv[3], "a");
	if (!attempts)
		return BROKEN_STATUS;
	uint64_t state = state_of("/tmp/ev/p");
	for (size_t i = 0; i < rows.n; i++) {
		const struct row *r = &rows.row[i];
		if (strcmp(r->expected, "-") == 0 || strcmp(r->expected, "gap") == 0 || (r->is_idle_only && strcmp(argv[2], "idle") != 0))
			continue;
		attempt(r, argv[2], true, &state, attempts);
		attempt(r, argv[2], false, &state, attempts);
		fflush(attempts);
	}
	return fclose(attempts) != 0;
}
