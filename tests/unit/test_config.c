/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/config/protected.h"

static void bad_configurations_are_refused_with_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "c.yaml: no rules" },
		{ "rules: [r]\nsensr: auto\n", "c.yaml:2:1: unknown key 'sensr' (did you mean 'sensor'?)" },
		{ "rules: [r]\noutput:\n  fil: x\n", "c.yaml:3:3: unknown key 'output.fil' (did you mean 'output.file'?)" },
		{ "rules: [r, '-']\n", "c.yaml:1:12: rules: '-' is standard input" },
		{ "rules: r\n", "c.yaml:1:8: rules: expected a list, found text" },
		{ "rules: [[r]]\n", "c.yaml:1:9: rules: an item must be text, not a list" },
		{ "rules: [r]\nenforce: maybe\n", "c.yaml:2:10: enforce: 'maybe' is not true or false" },
		{ "rules: [r]\nrings: {bulk: 5000}\n", "c.yaml:2:15: rings.bulk: '5000' is not a power of two" },
		{ "rules: [r]\nrings: {bulk: 1KiB}\n", "is not between 4KiB and 1GiB" },
		{ "rules: [r]\nrings: {bulk: -1}\n", "is not a size as" },
		{ "rules: [r]\noutcome_timeout: 5\n", "is not a time with its unit" },
		{ "rules: [r]\nsensor: ebpf\n", "sensor: 'ebpf' is not auto, lsm or tracepoint" },
		{ "rules: [r]\nsensor: ebpf\n", "c.yaml:2:9: sensor" },
		{ "rules: [r]\nenforcement: {on_exit: Keep}\n", "c.yaml:2:24: enforcement.on_exit: 'Keep' is not release or keep" },
		{ "rules: [r]\npolicy: {folder: lib/policies}\n", "c.yaml:2:18: policy.folder: 'lib/policies' is not a whole path" },
		{ "rules: [r]\nenforcement: keep\n", "c.yaml:2:1: enforcement: is a section: its keys stand below it" },
		{ "rules: [r]\nenforce: true\ndetect_only: true\n", "contradict each other" },
		{ "rules: [r]\nenforce: true\nprotect_paths: [/]\n", "c.yaml:3:17: protect_paths: '/' would keep everybody" },
		{ "rules: [r]\nenforce: true\nprotect_paths: [/opt, //var/./]\n", "c.yaml:3:23: protect_paths: '//var/./' would keep everybody" },
		{ "rules: [r]\nenforce: true\nprotect_paths:\n  - /tmp\n", "c.yaml:4:5: protect_paths: '/tmp' would keep everybody" },
		{ "rules: [r]\nprotect_paths: [/dev]\n", "from writing /dev/null" },
		{ "rules: [r]\nprotect_paths: [/etc/passwd]\n", "from writing /etc/passwd" },
		{ "rules: [r]\nprotect_paths: [/var/lib/dpkg]\n", "from writing /var/lib/dpkg/status" },
		{ "rules: [r]\nprotect_paths: [etc/x]\n", "c.yaml:2:17: protect_paths: 'etc/x' is no whole path" },
		{ "rules: [r]\nprotect_paths: [/opt/../etc]\n", "'/opt/../etc' is no whole path" },
		{ "- a\n", "the configuration is a map of keys, not a list" },
		{ "rules: [r]\nrules: [s]\n", "key 'rules' stands twice" },
		{ "rules: &a [r]\n", "anchors, aliases and tags are not allowed here" },
		{ "rules: [r\n", "c.yaml:2:1:" },
		{ "rules: [r]\nprocesses: {max: 99999999999999999999}\n", "is not a whole number" },
		{ "rules: [r]\nnoise: {floor: loud}\n", "noise.floor: 'loud' is not info, low, medium, high, critical or none" },
		{ "rules: [r]\nnoise: {rate: 1000001}\n", "noise.rate: " },
		{ "rules: [r]\nnoise: {burst: 0}\n", "noise.burst: " },
		{ "rules: [r]\nwal: {full: no}\n", "wal.full: 'no' is not drop-lowest-severity, drop-oldest, block or fail-closed" },
		{ "rules: [r]\nwal: off\nsinks:\n  - {type: stdout, name: a}\n", "sinks: they read the write-ahead log, and that is off" },
		{ "rules: [r]\nwal: {folder: ''}\nsinks:\n  - {type: stdout, name: a}\n", "sinks: they read the write-ahead log, and that is off" },
		{ "rules: [r]\nagent: off\n", "agent: off: the write-ahead log goes on over restarts, and so must the agent that signs it" },
		{ "rules: [r]\noutput: {file: ''}\n", "output.file is empty: " },
		{ "rules: [r]\nwal: on\n", "c.yaml:2:1: wal: is a section" },
		{ "rules: [r]\nrings: off\n", "c.yaml:2:1: rings: is a section" },
		{ "rules: [r]\nsinks: {type: file}\n", "c.yaml:2:8: sinks: expected a list, found a map" },
		{ "rules: [r]\nsinks:\n  - x\n", "c.yaml:3:5: a sink is a map of keys, not text" },
		{ "rules: [r]\nsinks:\n  - name: a\n", "c.yaml:3:5: a sink needs a type: file, stdout, syslog, journald, webhook, otlp or nats" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: fil}\n", "c.yaml:3:21: type: 'fil' is not file, stdout, syslog, journald, webhook, otlp or nats" },
		{ "rules: [r]\nsinks:\n  - {type: stdout}\n", "c.yaml:3:5: a sink needs a name" },
		{ "rules: [r]\nsinks:\n  - {type: stdout, name: ../x}\n", "a sink needs a name" },
		{ "rules: [r]\nsinks:\n  - {type: stdout, name: a, path: /x}\n", "c.yaml:3:29: a sink of type stdout has no 'path'" },
		{ "rules: [r]\nsinks:\n  - {type: file, name: a, pat: /x}\n", "c.yaml:3:27: unknown key 'pat' (did you mean 'path'?)" },
		{ "rules: [r]\nsinks:\n  - {type: file, name: a}\n", "a sink of type file needs a path" },
		{ "rules: [r]\nsinks:\n  - {type: stdout, name: a}\n  - {type: stdout, name: a}\n", "c.yaml:4:5: two sinks have the same name" },
		{ "rules: [r]\nsinks:\n  - {type: file, name: a, path: /x/y}\n  - {type: file, name: b, path: /x/y}\n", "two sinks write the same file" },
		{ "rules: [r]\nsinks:\n  - {type: file, name: a, path: /x/y}\n  - {type: file, name: b, path: /x/.//y}\n", "two sinks write the same file" },
		{ "rules: [r]\nsinks:\n  - {type: file, name: a, path: /x/y}\n  - {type: file, name: b, path: /x/y.12}\n", "c.yaml:4:5: the file of a sink is one that another" },
		{ "rules: [r]\nsinks:\n  - {type: file, name: a, path: /x/./y.1}\n  - {type: file, name: b, path: /x/y}\n", "the file of a sink is one that another" },
		{ "rules: [r]\nsinks:\n  - {type: file, name: a, path: x}\n", "c.yaml:3:5: path: a whole path is expected" },
		{ "rules: [r]\nsinks:\n  - {type: stdout, name: a, filter: {severity: hi}}\n", "filter.severity: 'hi' is not one of info, low, medium, high, critical" },
		{ "rules: [r]\nsinks:\n  - {type: stdout, name: a, format: xml}\n", "format: 'xml' is not one of native, ocsf, cef, leef, falco, otlp" },
		{ "rules: [r]\nsinks:\n  - {type: journald, name: a, format: cef}\n", "a sink of type journald has no 'format'" },
		{ "rules: [r]\nsinks:\n  - {type: syslog, name: a, max_bytes: 100}\n", "max_bytes: '100' is not between 480 and 1MiB" },
		{ "rules: [r]\nsinks:\n  - {type: syslog, name: a, timeout: 0s}\n", "c.yaml:3:38: timeout: '0s' is not between 100ms and 10m" },
		{ "rules: [r]\nsinks:\n  - {type: syslog, name: a, retry: {least: 2h}}\n", "retry.least: '2h' is not between 1ms and 1h" },
		{ "rules: [r]\nsinks:\n  - {type: syslog, name: a, tls: {cert: x}}\n", "tls.cert and tls.key belong together" },
		{ "rules: [r]\nsinks:\n  - {type: syslog, name: a, address: 'tcp:h:6514', tls: {ca: x}}\n", "c.yaml:3:5: tls: its keys are for an address that begins with tls:" },
		{ "rules: [r]\nsinks:\n  - {type: syslog, name: a, tls: {name: x}}\n", "c.yaml:3:5: tls: its keys are for an address that begins with tls:" },
		{ "rules: [r]\nsinks:\n  - {type: stdout, name: a, retry: {least: 10s, most: 1s}}\n", "retry.least is more than retry.most" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook}\n", "a sink over HTTP needs a url, or a url_file: one of them" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: otlp, url: 'https://h/', url_file: f}\n", "a sink over HTTP needs a url, or a url_file: one of them" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'ftp://h/'}\n", "the url must begin with https://" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'http://h/'}\n", "the url is http: without encryption" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https:///x'}\n", "the url is none" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h:99999/x'}\n", "c.yaml:3:5: the url is none: https://HOST[:PORT]/PATH, with a port from 1" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h:0/x'}\n", "the url is none" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h:/x'}\n", "the url is none" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://::1/x'}\n", "the url is none" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://[::1]x/'}\n", "the url is none" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: otlp, url: 'https://[::1]:65536/'}\n", "the url is none" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h/', proxy: 'http://p:70000'}\n", "proxy is http://HOST:PORT" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h/', auth: {token: s3cret}}\n", "c.yaml:3:5: auth.token is the name of a file with its whole path" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url_file: 'https://h/s3cret'}\n", "url_file is the name of a file" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h/', sign: {hmac: whsec_x}}\n", "sign.hmac is the name of a file" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://u:p@h/x'}\n", "the url holds a user: secrets come from files" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h/', headers: ['no colon']}\n", "headers: each is 'NAME: VALUE'" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h/', headers: ['Authorization: x']}\n", "headers: each is 'NAME: VALUE'" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h/', auth: {scheme: 'A b'}}\n", "auth.scheme is one word" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h/', auth: {token: t, basic: b}}\n", "auth: one way is enough" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h/', proxy: 'socks5://h:1'}\n", "proxy is http://HOST:PORT" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h/', template: slack}\n", "this template is for alerts alone: say filter: {own: false}" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h/', template: pagerduty, filter: {own: false}}\n", "template pagerduty needs auth.token" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h/', template: pagerduty, auth: {token: t}, gzip: true, filter: {own: false}}\n",
		  "gzip: not with template pagerduty" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h/', template: pagerduty, auth: {token: t}, sign: {ed25519: k}, filter: {own: false}}\n",
		  "sign.ed25519: not with template pagerduty" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'http://h/', allow_private: true, proxy: 'http://p:1'}\n",
		  "the url is http: a proxy would send records on without encryption" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: webhook, url: 'https://h/', tls: {cert: x}}\n", "tls.cert and tls.key belong together" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: otlp, url: 'https://h/', template: loki}\n", "a sink of type otlp has no 'template'" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: nats}\n", "a sink of type nats needs servers" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: nats, servers: ['http://h']}\n", "servers: each is nats://HOST:PORT or tls://HOST:PORT" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: nats, servers: ['nats://u:p@h']}\n", "servers: each is nats://HOST:PORT or tls://HOST:PORT, without a user" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: nats, servers: ['tls://h:1', 'tls://h:99999']}\n", "c.yaml:3:50: servers: each is nats://HOST:PORT or tls://HOST:PORT, with a port" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: nats, servers: ['tls://'] }\n", "servers: each is" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: nats, servers: ['nats://10.0.0.1:4222'], auth: {token: /t}}\n", "c.yaml:3:37: servers: to a nats:// server beyond this host the secret" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: nats, servers: ['nats://127.0.0.1.example:4222'], auth: {basic: /t}}\n", "servers: to a nats:// server beyond" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: nats, servers: ['nats://h', 'tls://h']}\n", "servers: either all begin with tls:// or none" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: nats, servers: ['nats://h'], tls: {ca: x}}\n", "tls: its keys are for servers that begin with tls:// alone" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: nats, servers: ['nats://h'], subject: 'a.*'}\n", "subject and tenant are made of" },
		{ "rules: [r]\nsinks:\n  - {name: a, type: nats, servers: ['nats://h'], tenant: a.b}\n", "subject and tenant are made of" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(config_free) struct config *c = NULL;
		assert_true(config_parse("c.yaml", sv_from(cases[i].text), &c, &diag) < 0);
		assert_null(c);
		char said[512] = "";
		if (diag.n)
			diag_format(&diag.messages[0], said, sizeof(said));
		if (!strstr(said, cases[i].says))
			fail_msg("'%s' gave '%s', not '%s'", cases[i].text, said, cases[i].says);
	}
}

static void sinks_that_are_as_they_should_be_are_taken(void **state)
{
	static const char *const sinks[] = {
		"{name: a, type: nats, servers: ['nats://127.0.0.1:4222', 'nats://[::1]:4222', 'nats://localhost'], auth: {token: /t}}",
		"{name: a, type: nats, servers: ['nats://10.0.0.1:4222']}", "{name: a, type: nats, servers: ['tls://h:65535'], auth: {creds: /c}}",
		"{name: a, type: webhook, url: 'https://h:65535/x:y', proxy: 'http://p:3128', auth: {token: /t}}", "{name: a, type: otlp, url: 'https://[2001:db8::1]:4318?a=b:c'}",
		"{name: a, type: file, path: /x/y}\n  - {name: b, type: file, path: /x/y1}\n  - {name: c, type: file, path: /x/y.log}\n  - {name: d, type: file, path: /x/y./1}",
		"{name: a, type: syslog, timeout: 100ms}",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sinks); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(config_free) struct config *c = NULL;
		CLEANUP(buf_done) struct buf text = { 0 };
		buf_add_format(&text, "rules: [r]\nsinks:\n  - %s\n", sinks[i]);
		if (config_parse("c.yaml", buf_sv(&text), &c, &diag))
			fail_msg("%s: %s", sinks[i], diag.n ? diag.messages[0].text : "");
		assert_string_equal(c->sinks.sinks[0].at.file, "c.yaml");
	}
}

static void folders_of_ones_own_may_be_protected(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"rules: [r]\nenforce: true\nprotect_paths: [/opt, /opt/app/, /etc/app/keys, /etc/systemd/system/vedette.service, /var/lib/dpk, /var/www]\n",
		"rules: [r]\nprotect_paths: []\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(config_free) struct config *c = NULL;
		if (config_parse("c.yaml", sv_from(texts[i]), &c, &diag) || diag.n)
			fail_msg("'%s' was refused, or warned of: %s", texts[i], diag.n ? diag.messages[0].text : "");
	}
}

static void what_is_on_this_host_is_asked_too(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(config_free) struct config *c = NULL;
	assert_int_equal(config_parse("c.yaml", SV("rules: [r]\nenforce: true\nprotect_paths: [/nowhere/at/all, /proc/self/root]\n"), &c, &diag), 0);
	assert_int_equal(protected_check_host("c.yaml", c, &diag), -ENOENT);
	assert_int_equal(diag.errors, 2);
	assert_int_equal(diag.messages[0].line, 3);
	assert_non_null(strstr(diag.messages[1].text, "'/proc/self/root' would keep everybody"));
}

static void all_faults_of_a_file_come_at_once(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(config_free) struct config *c = NULL;
	assert_true(config_parse("c", SV("rules: [r]\nenforce: 1\nx: 2\nrings: {bulk: 3, y: 1}\n"), &c, &diag) < 0);
	assert_int_equal(diag.errors, 4);
}

/* Walks the whole table: every key is printed and read back to the same. */
static void every_key_survives_printing_and_reading(void **state)
{
	(void)state;
	CLEANUP(config_free) struct config *one = NULL, *two = NULL;
	CLEANUP(buf_done) struct buf first = { 0 }, second = { 0 }, template = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	assert_int_equal(config_parse("a", SV("rules: [a b, \"it's\", \"a\\n\\x7f\\\\\\\"\", \"\\x8f\\uFFFE\\uFEFF\"]\nrings: {bulk: 64KiB}\noutput: {heartbeat: 90s}\nenforce: true\n"
						"agent: {folder: /a}\nwal: {folder: /w}\nsinks:\n  - {type: syslog, name: a, address: 'tls:h:6514', filter: {tags: [x, y]}}\n"
						"  - {type: file, name: b, path: /p, rotate: {size: 1MiB}}\n"
						"  - {type: webhook, name: c, url: 'https://h/?a=b', headers: ['X-A: b c'], auth: {token: /t}, batch: {count: 7}}\n"
						"  - {type: nats, name: d, servers: ['tls://h:1', 'tls://i:2'], auth: {creds: /c}}\n"), &one, &diag), 0);
	assert_int_equal(one->ring_bulk, 65536);
	assert_int_equal(one->heartbeat, 90000000000);
	assert_int_equal(one->ring_priority, 4 << 20);
	assert_true(one->enforce);
	assert_string_equal(one->rules.items[1], "it's");
	assert_int_equal(one->sinks.n, 4);
	assert_string_equal(one->rules.items[2], "a\n\x7f\\\"");
	assert_string_equal(one->sinks.sinks[0].tags.items[1], "y");
	assert_int_equal(one->sinks.sinks[1].rotate_size, 1 << 20);
	config_show(one, &first);
	assert_int_equal(config_parse("b", buf_sv(&first), &two, &diag), 0);
	config_show(two, &second);
	assert_string_equal(buf_cstr(&first), buf_cstr(&second));
	config_template(&template);
	assert_non_null(strstr(buf_cstr(&template), "\n# sinks:\n#   - {name: "));
	config_free(&two);
	assert_int_equal(config_parse("template", buf_sv(&template), &two, &diag), 0);
}

static void sizes_and_times_are_printed_with_their_unit(void **state)
{
	(void)state;
	static const struct { const char *what, *given, *shown; } cases[] = {
		{ "a size", "output: {queue: 16777216}", "queue: 16MiB\n" },
		{ "a size that no unit divides", "output: {queue: 65537}", "queue: 65537\n" },
		{ "a power of two", "rings: {bulk: 8192}", "bulk: 8KiB\n" },
		{ "a time", "output: {heartbeat: 60000ms}", "heartbeat: 1m\n" },
		{ "a time between two units", "output: {heartbeat: 90s}", "heartbeat: 90s\n" },
		{ "a time in milliseconds", "outcome_timeout: 10500us", "outcome_timeout: 10500us\n" },
		{ "no time", "state: {reorder: 0ms}", "reorder: 0s\n" },
		{ "a number", "noise: {burst: 1024}", "burst: 1024\n" },
		{ "zero", "noise: {rate: 0}", "rate: 0\n" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(config_free) struct config *c = NULL;
		CLEANUP(buf_done) struct buf text = { 0 }, shown = { 0 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		buf_add_format(&text, "rules: [r]\n%s\n", cases[i].given);
		if (config_parse("a", buf_sv(&text), &c, &diag) != 0)
			fail_msg("refused: %s", cases[i].what);
		config_show(c, &shown);
		if (!strstr(buf_cstr(&shown), cases[i].shown))
			fail_msg("%s: not '%s' in %s", cases[i].what, cases[i].shown, buf_cstr(&shown));
	}
}

static void evidence_is_kept_unless_it_is_switched_off(void **state)
{
	(void)state;
	static const struct {
		const char *what, *text, *agent, *wal;
	} cases[] = {
		{ "nothing said", "rules: [r]\n", "/var/lib/vedette/agent", "/var/lib/vedette/wal" },
		{ "other folders", "rules: [r]\nagent: {folder: /a}\nwal: {folder: /w, max: 64MiB}\n", "/a", "/w" },
		{ "no write-ahead log", "rules: [r]\nwal: off\n", "/var/lib/vedette/agent", "" },
		{ "neither", "rules: [r]\nwal: off\nagent: off\n", "", "" },
		{ "neither, the long way", "rules: [r]\nwal: {folder: ''}\nagent: {folder: ''}\n", "", "" },
		{ "no log at all", "rules: [r]\noutput: {file: ''}\nwal: off\n", "/var/lib/vedette/agent", "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(config_free) struct config *c = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		if (config_parse("c", sv_from(cases[i].text), &c, &diag) || strcmp(c->agent_folder, cases[i].agent) != 0 || strcmp(c->wal_folder, cases[i].wal) != 0)
			fail_msg("%s: %s, %s", cases[i].what, c ? c->agent_folder : "refused", c ? c->wal_folder : diag.messages[0].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_configurations_are_refused_with_their_place),
		cmocka_unit_test(sinks_that_are_as_they_should_be_are_taken),
		cmocka_unit_test(folders_of_ones_own_may_be_protected),
		cmocka_unit_test(what_is_on_this_host_is_asked_too),
		cmocka_unit_test(all_faults_of_a_file_come_at_once),
		cmocka_unit_test(every_key_survives_printing_and_reading),
		cmocka_unit_test(sizes_and_times_are_printed_with_their_unit),
		cmocka_unit_test(evidence_is_kept_unless_it_is_switched_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
