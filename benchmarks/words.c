/* SPDX-License-Identifier: Apache-2.0 */
/* Names of well-known programs and words of everyday commands, then made-up ones up to the numbers asked for. */
#include "benchmarks/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const known_tools[] = {
	"bash", "sh", "cat", "grep", "sed", "ls", "python3", "awk", "rm", "cp", "mv", "mkdir", "find", "xargs", "head", "tail", "sort", "cut", "tr",
	"date", "sleep", "ps", "curl", "git", "ssh", "make", "gcc", "cc1", "as", "ld", "perl", "node", "java", "systemctl", "runc", "containerd-shim",
	"dpkg", "apt-get", "cron", "sshd", "sudo", "chmod", "chown", "ln", "touch", "tee", "wc", "uname", "id", "whoami", "hostname", "env", "test",
	"expr", "basename", "dirname", "readlink", "stat", "df", "du", "free", "top", "kill", "ping", "ip", "ss", "netstat", "iptables", "wget",
	"tar", "gzip", "zstd", "unzip", "openssl", "gpg", "md5sum", "sha256sum", "base64", "xxd", "od", "strings", "nc", "socat", "nmap", "tcpdump",
	"docker", "kubectl", "crictl", "mount", "umount", "lsblk", "blkid", "fdisk", "mkfs.ext4", "modprobe", "insmod", "lsmod", "sysctl", "dmesg",
	"journalctl", "logger", "rsyslogd", "crontab", "at", "passwd", "useradd", "usermod", "groupadd", "visudo", "su", "getent", "nginx", "apache2",
	"php-fpm", "mysqld", "postgres", "redis-server", "ruby", "lua", "busybox", "vim", "nano", "less", "man", "screen", "tmux", "rsync", "scp", "sftp",
	"ftp", "telnet", "dig", "host", "nslookup", "setcap", "getcap", "strace", "gdb", "ldd", "objdump", "chattr", "shred", "truncate", "dd",
};

static const char *const known_words[] = {
	"tmp", "etc", "home", "config", "data", "log", "user", "root", "local", "file", "list", "output", "input", "name", "host", "port", "http",
	"server", "client", "key", "path", "test", "build", "release", "debug", "verbose", "quiet", "force", "recursive", "all", "show", "status",
	"start", "stop", "reload", "install", "remove", "update", "upgrade", "check", "version", "help", "json", "yaml", "text", "format", "color",
	"always", "never", "auto", "system", "service", "daemon", "worker", "manager", "network", "address", "interface", "route", "rule", "table",
	"chain", "accept", "reject", "drop", "bridge", "volume", "image", "container", "cluster", "node", "pod", "secret", "token", "cache", "backup",
	"archive", "extract", "create", "delete", "append", "read", "write", "exec", "shell", "script", "command", "process", "thread", "memory",
	"disk", "device", "kernel", "module", "driver", "boot", "init", "session", "login", "group", "shadow", "passwd", "sudoers", "cron", "hourly",
	"daily", "weekly", "monthly", "profile", "history", "known_hosts", "authorized_keys", "preload", "library", "include", "source", "target",
	"index", "query", "insert", "select", "schema", "database", "replica", "primary", "standby", "monitor", "metric", "trace", "event", "queue",
	"topic", "message", "mail", "queue-id", "spool", "lock", "pid", "socket", "pipe", "stream", "buffer", "block", "chunk", "segment", "object",
};

static const char *const starts[] = { "al", "ba", "be", "bra", "ca", "cor", "da", "del", "do", "el", "fa", "fer", "ga", "gra", "ha", "hol", "in", "ja",
				      "ka", "kel", "la", "lo", "ma", "mer", "mi", "na", "no", "or", "pa", "per", "po", "qua", "ra", "re", "sa", "ser",
				      "ta", "ter", "to", "ul", "va", "ver", "wa", "wil", "xe", "ya", "za" };
static const char *const ends[] = { "ban", "bel", "dan", "den", "dor", "fan", "ger", "gon", "kin", "lan", "lex", "lin", "lon", "man", "mar", "mon",
				    "nal", "nar", "net", "nix", "pad", "ram", "ran", "ron", "san", "sel", "set", "son", "tal", "tan", "tec", "tic",
				    "tor", "tra", "van", "ver", "vis", "vox", "zan", "zer" };

/* The i-th made-up word: all pairs of a start and an end, then triples. */
static void make_word(char *out, size_t i, const char *tail)
{
	size_t pair = i % (ARRAY_SIZE(starts) * ARRAY_SIZE(ends)), more = i / (ARRAY_SIZE(starts) * ARRAY_SIZE(ends));
	pair = pair * 7919 % (ARRAY_SIZE(starts) * ARRAY_SIZE(ends));
	(void)snprintf(out, WORD_MAX, "%s%s%s%s", starts[pair % ARRAY_SIZE(starts)], ends[pair / ARRAY_SIZE(starts)],
		       more ? ends[more % ARRAY_SIZE(ends)] : "", tail); /* fits: three syllables and a short tail */
}

int words_new(struct words **ret)
{
	CLEANUP(words_free) struct words *w = calloc(1, sizeof(*w));
	if (!w || zipf_init(&w->by_rank, WORDS, 10))
		return -ENOMEM;
	for (size_t i = 0; i < WORDS; i++) {
		if (i < ARRAY_SIZE(known_words))
			(void)snprintf(w->word[i], WORD_MAX, "%s", known_words[i]);
		else
			make_word(w->word[i], i, "");
	}
	static const char *const tails[] = { "d", "ctl", "", "-tool", "-agent", "2", "-cli" };
	for (size_t i = 0; i < TOOLS; i++) {
		if (i < ARRAY_SIZE(known_tools))
			(void)snprintf(w->tool[i], WORD_MAX, "%s", known_tools[i]);
		else
			make_word(w->tool[i], i, tails[i % ARRAY_SIZE(tails)]);
	}
	*ret = TAKE(w);
	return 0;
}

void words_free(struct words **w)
{
	if (!*w)
		return;
	zipf_done(&(*w)->by_rank);
	free(*w);
	*w = NULL;
}

const char *word_common(const struct words *w, struct random *r)
{
	return w->word[zipf_next(&w->by_rank, r)];
}

const char *word_any(const struct words *w, struct random *r)
{
	return w->word[random_below(r, WORDS)];
}
