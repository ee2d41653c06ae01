/* SPDX-License-Identifier: Apache-2.0 */
/* The state of containers, as runtimes leave it on disk, in a host that is made up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/buf.h"
#include "engine/base/fd.h"
#include "engine/enrich/container_parse.h"
#include "engine/enrich/containers.h"
#include "engine/enrich/users.h"
#include "tests/support/tree.h"

#define ID "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define POD_ID "aaaaaaaabbbbbbbbccccccccddddddddaaaaaaaabbbbbbbbccccccccdddddddd"
#define MS 1000000ull
#define SECOND 1000000000ull

struct host {
	struct tree tree;
	struct names *users;
	struct containers *c;
};

/* The file with all folders above it. */
static void put(const struct host *h, const char *name, const char *content)
{
	char path[512];
	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		(void)snprintf(path, sizeof(path), "%.*s", (int)(slash - name), name);
		CLEANUP(str_free) char *whole = tree_path(&h->tree, path);
		if (access(whole, F_OK))
			tree_dir(&h->tree, path);
	}
	tree_file(&h->tree, name, sv_from(content));
}

static void host_start(struct host *h, bool reads_rootless)
{
	tree_new(&h->tree);
	put(h, "etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:4711:4711:Ann:/home/ann:/bin/sh\n");
	CLEANUP(str_free) char *passwd = tree_path(&h->tree, "etc/passwd");
	assert_int_equal(names_new(passwd, &h->users, NULL), 0);
	const struct container_roots roots = {
		.host = h->tree.root, .docker = "", .storage = "", .users = h->users, .owner = geteuid(), .reads_rootless = reads_rootless,
	};
	assert_int_equal(containers_new(&roots, &h->c), 0);
}

static void host_end(struct host *h)
{
	containers_free(&h->c);
	names_free(&h->users);
	tree_free(&h->tree);
}

static const struct container_facts *look(struct host *h, const char *cgroup, uint64_t boot_ns)
{
	struct container_place place;
	(void)!containers_place(h->c, sv_from(cgroup), &place);
	return containers_get(h->c, &place, boot_ns, false);
}

static struct containers_stats stats_of(const struct host *h)
{
	struct containers_stats stats;
	containers_get_stats(h->c, &stats);
	return stats;
}

/* What is known in one line; lists with bars for the ends of items. */
static const char *shown(const struct container_facts *f)
{
	static char text[16384];
	if (!f)
		return "host";
	int n = snprintf(text, sizeof(text), "%s;", runtime_name(f->runtime));
	for (size_t i = 0; i < CONTAINER_TEXT_COUNT; i++) {
		struct strview s = container_text(f, (enum container_text)i);
		for (size_t k = 0; k < s.n; k++)
			text[n++] = s.p[k];
		for (size_t k = (size_t)n - s.n; k < (size_t)n; k++)
			text[k] = text[k] ? text[k] : '|';
		text[n++] = ';';
	}
	(void)snprintf(text + n, sizeof(text) - (size_t)n, "%s", !f->is_privileged_known ? "?" : f->is_privileged ? "privileged" : "confined");
	return text;
}

#define ALL_CAPS                                                                                                                           \
	"\"CAP_CHOWN\",\"CAP_DAC_OVERRIDE\",\"CAP_DAC_READ_SEARCH\",\"CAP_FOWNER\",\"CAP_FSETID\",\"CAP_KILL\",\"CAP_SETGID\",\"CAP_SETUID\"," \
	"\"CAP_SETPCAP\",\"CAP_LINUX_IMMUTABLE\",\"CAP_NET_BIND_SERVICE\",\"CAP_NET_BROADCAST\",\"CAP_NET_ADMIN\",\"CAP_NET_RAW\","          \
	"\"CAP_IPC_LOCK\",\"CAP_IPC_OWNER\",\"CAP_SYS_MODULE\",\"CAP_SYS_RAWIO\",\"CAP_SYS_CHROOT\",\"CAP_SYS_PTRACE\",\"CAP_SYS_PACCT\","   \
	"\"CAP_SYS_ADMIN\",\"CAP_SYS_BOOT\",\"CAP_SYS_NICE\",\"CAP_SYS_RESOURCE\",\"CAP_SYS_TIME\",\"CAP_SYS_TTY_CONFIG\",\"CAP_MKNOD\","    \
	"\"CAP_LEASE\",\"CAP_AUDIT_WRITE\",\"CAP_AUDIT_CONTROL\",\"CAP_SETFCAP\",\"CAP_MAC_OVERRIDE\",\"CAP_MAC_ADMIN\",\"CAP_SYSLOG\","       \
	"\"CAP_WAKE_ALARM\",\"CAP_BLOCK_SUSPEND\",\"CAP_AUDIT_READ\""
#define CAPS(list) "\"process\":{\"capabilities\":{\"bounding\":[" list "],\"effective\":[]}}"
#define ALL_DEVICES "\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,\"access\":\"rwm\"}]}"
#define TASK "run/containerd/io.containerd.runtime.v2.task/"

#define CRI_TEXT "{\"ociVersion\":\"1.1.0\",\"annotations\":{\"io.kubernetes.cri.container-name\":\"web\",\"io.kubernetes.cri.container-type\":\"container\"," \
	"\"io.kubernetes.cri.image-name\":\"docker.io/library/nginx:1.25\",\"io.kubernetes.cri.sandbox-id\":\"" POD_ID "\","              \
	"\"io.kubernetes.cri.sandbox-name\":\"web-7d\",\"io.kubernetes.cri.sandbox-namespace\":\"shop\",\"io.kubernetes.cri.sandbox-uid\":\"u-1\"}," \
	"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},{\"destination\":\"/host/etc\",\"type\":\"bind\","  \
	"\"source\":\"/etc\",\"options\":[\"rbind\",\"rprivate\",\"ro\"]}]," CAPS("\"CAP_CHOWN\"") "}"

static void each_runtime_says_what_it_knows(void **state)
{
	(void)state;
	static const struct {
		const char *what, *cgroup, *files[8], *want;
	} cases[] = {
		{ "containerd for Kubernetes", "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope",
		  { TASK "k8s.io/" ID "/config.json", CRI_TEXT },
		  "containerd;web;docker.io/library/nginx:1.25;shop;web-7d;u-1;" POD_ID
		  ";io.kubernetes.cri.container-name=web|io.kubernetes.cri.container-type=container|io.kubernetes.cri.image-name=docker.io/library/nginx:1.25|"
		  "io.kubernetes.cri.sandbox-id=" POD_ID "|io.kubernetes.cri.sandbox-name=web-7d|io.kubernetes.cri.sandbox-namespace=shop|"
		  "io.kubernetes.cri.sandbox-uid=u-1|;;/etc:/host/etc::false:rprivate|;confined" },
		{ "the cgroup of a cluster that does not tell the runtime", "/kubepods/besteffort/pod1/" ID,
		  { TASK "k8s.io/" ID "/config.json", "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"a\"}}" },
		  "containerd;a;;;;;;io.kubernetes.cri.container-name=a|;;;confined" },
		{ "nerdctl, in a namespace of its own", "/system.slice/nerdctl-" ID ".scope",
		  { TASK "other/x/config.json", "{}", TASK "mine/" ID "/config.json", "{\"annotations\":{\"nerdctl/name\":\"box\"}}" },
		  "containerd;box;;;;;;nerdctl/name=box|;;;confined" },
		{ "CRI-O, the pod's labels with its sandbox", "/kubepods.slice/kubepods-pod1.slice/crio-" ID ".scope/container",
		  { "run/containers/storage/overlay-containers/" ID "/userdata/config.json",
		    "{\"annotations\":{\"io.kubernetes.cri-o.ImageName\":\"quay.io/a/b:2\",\"io.kubernetes.cri-o.SandboxID\":\"" POD_ID "\","
		    "\"io.kubernetes.cri-o.Labels\":\"{\\\"io.kubernetes.container.name\\\":\\\"web\\\",\\\"io.kubernetes.pod.name\\\":\\\"p\\\","
		    "\\\"io.kubernetes.pod.namespace\\\":\\\"n\\\",\\\"io.kubernetes.pod.uid\\\":\\\"u\\\"}\"}}",
		    "run/containers/storage/overlay-containers/" POD_ID "/userdata/config.json",
		    "{\"annotations\":{\"io.kubernetes.cri-o.Labels\":\"{\\\"app\\\":\\\"shop\\\",\\\"tier\\\":\\\"front\\\"}\"}}" },
		  "cri-o;web;quay.io/a/b:2;n;p;u;" POD_ID
		  ";io.kubernetes.container.name=web|io.kubernetes.pod.name=p|io.kubernetes.pod.namespace=n|io.kubernetes.pod.uid=u|;app=shop|tier=front|;;confined" },
		{ "Docker", "/system.slice/docker-" ID ".scope",
		  { "var/lib/docker/containers/" ID "/config.v2.json",
		    "{\"Name\":\"/web\",\"Config\":{\"Image\":\"nginx\",\"Labels\":{\"a\":\"b\\u0021\"}},\"MountPoints\":{\"/data\":{\"Source\":\"/srv:1\","
		    "\"Destination\":\"/data\",\"RW\":true,\"Relabel\":\"z\",\"Propagation\":\"rprivate\"}}}",
		    "var/lib/docker/containers/" ID "/hostconfig.json", "{\"Binds\":null,\"Privileged\":true}" },
		  "docker;web;nginx;;;;;a=b!|;;/srv\\:1:/data:z:true:rprivate|;privileged" },
		{ "Docker for a cluster", "/kubepods/pod1/" ID,
		  { "var/lib/docker/containers/" ID "/config.v2.json",
		    "{\"Name\":\"/k8s_web\",\"Config\":{\"Image\":\"i\",\"Labels\":{\"io.kubernetes.container.name\":\"web\",\"io.kubernetes.pod.name\":\"p\"}}}" },
		  "docker;k8s_web;i;;p;;;io.kubernetes.container.name=web|io.kubernetes.pod.name=p|;;;?" },
		{ "Podman with another driver", "/machine.slice/libpod-" ID ".scope",
		  { "var/lib/containers/storage/vfs-containers/" ID "/userdata/config.json", "{}" }, "podman;;;;;;;;;;confined" },
		{ "Podman", "/machine.slice/libpod-" ID ".scope/container",
		  { "var/lib/containers/storage/overlay-containers/" ID "/userdata/config.json",
		    "{\"annotations\":{\"io.podman.annotations.privileged\":\"TRUE\"}}",
		    "var/lib/containers/storage/overlay-containers/containers.json",
		    "[{\"id\":\"x\",\"names\":[\"no\"]},{\"names\":[\"box\",\"alias\"],\"metadata\":\"{\\\"image-name\\\":\\\"localhost/b:3\\\"}\",\"id\":\"" ID
		    "\"}]" },
		  "podman;box;localhost/b:3;;;;;io.podman.annotations.privileged=TRUE|;;;privileged" },
		{ "runc in a scope", "/system.slice/runc-box.scope",
		  { "run/runc/box/state.json", "{\"config\":{\"labels\":[\"x=y\",\"bundle=/srv/b\"]}}", "srv/b/config.json",
		    "{" CAPS(ALL_CAPS) ",\"linux\":{" ALL_DEVICES "}}" },
		  "runc;box;;;;;;;;;privileged" },
		{ "runc, cgroups as the container is called", "/a/box/inner",
		  { "run/runc/box/state.json", "{\"cgroup_paths\":{\"\":\"/sys/fs/cgroup/a/box\"},\"config\":{\"labels\":[\"bundle=/srv/b\"]}}",
		    "srv/b/config.json", "{}" },
		  "runc;box;;;;;;;;;confined" },
		{ "crun", "/a/box",
		  { "run/crun/box/status", "{\"pid\":1,\"cgroup-path\":\"/a/box\",\"bundle\":\"/srv/b\"}", "srv/b/config.json", "{}" },
		  "crun;box;;;;;;;;;confined" },
		{ "crun, which has not yet written where the cgroup is", "/box", { "run/crun/box/config.json", "{\"annotations\":{\"a\":\"b\"}}" },
		  "crun;box;;;;;;a=b|;;;confined" },
		{ "the same, with a cgroup asked for", "/a/box", { "run/crun/box/config.json", "{\"linux\":{\"cgroupsPath\":\"/a/box\"}}" },
		  "crun;box;;;;;;;;;confined" },
		{ "the same, and another cgroup", "/a/box", { "run/crun/box/config.json", "{\"linux\":{\"cgroupsPath\":\"/b/box\"}}" }, "host" },
		{ "a cgroup called as a container of another cgroup", "/b/box",
		  { "run/crun/box/status", "{\"cgroup-path\":\"/a/box\",\"bundle\":\"/srv/b\"}" }, "host" },
		{ "runc's cgroup ends alike, and is another", "/web",
		  { "run/runc/web/state.json", "{\"cgroup_paths\":{\"\":\"/sys/fs/cgroup/machine/web\"},\"config\":{\"labels\":[\"bundle=/srv/b\"]}}" }, "host" },
		{ "crun's cgroup ends alike, and is another", "/web",
		  { "run/crun/web/status", "{\"cgroup-path\":\"/user.slice/web\",\"bundle\":\"/srv/b\"}" }, "host" },
		{ "runc, with the hierarchies of version 1", "/a/box",
		  { "run/runc/box/state.json", "{\"cgroup_paths\":{\"memory\":\"/sys/fs/cgroup/memory/a/box\"},\"config\":{\"labels\":[\"bundle=/srv/b\"]}}",
		    "srv/b/config.json", "{}" },
		  "runc;box;;;;;;;;;confined" },
		{ "nothing is known of where lxc keeps it", "/lxc/web", { NULL }, "lxc;;;;;;;;;;?" },
		{ "the host", "/user.slice", { NULL }, "host" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct host h;
		host_start(&h, false);
		for (size_t k = 0; cases[i].files[k]; k += 2)
			put(&h, cases[i].files[k], cases[i].files[k + 1]);
		const char *got = shown(look(&h, cases[i].cgroup, SECOND));
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s:\n%s\nnot\n%s", cases[i].what, got, cases[i].want);
		host_end(&h);
	}
}

static void privileged_is_who_is_confined_in_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *what, *config;
		bool want;
	} cases[] = {
		{ "everything", "{" CAPS(ALL_CAPS) ",\"linux\":{" ALL_DEVICES "}}", true },
		{ "newer capabilities too", "{" CAPS(ALL_CAPS ",\"CAP_BPF\"") ",\"linux\":{\"maskedPaths\":[],\"seccomp\":null," ALL_DEVICES "}}", true },
		{ "devices as type a", "{" CAPS(ALL_CAPS) ",\"linux\":{\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"a\",\"major\":-1,\"access\":\"rwm\"}]}}}", true },
		{ "a capability is missing", "{" CAPS("\"CAP_SYS_ADMIN\"") ",\"linux\":{" ALL_DEVICES "}}", false },
		{ "effective is not bounding", "{\"process\":{\"capabilities\":{\"effective\":[" ALL_CAPS "]}},\"linux\":{" ALL_DEVICES "}}", false },
		{ "no devices", "{" CAPS(ALL_CAPS) "}", false },
		{ "some devices", "{" CAPS(ALL_CAPS) ",\"linux\":{\"resources\":{\"devices\":[{\"allow\":true,\"major\":1,\"access\":\"rwm\"}]}}}", false },
		{ "a filter", "{" CAPS(ALL_CAPS) ",\"linux\":{\"seccomp\":{}," ALL_DEVICES "}}", false },
		{ "hidden paths", "{" CAPS(ALL_CAPS) ",\"linux\":{\"maskedPaths\":[\"/proc/kcore\"]," ALL_DEVICES "}}", false },
		{ "read-only paths", "{" CAPS(ALL_CAPS) ",\"linux\":{\"readonlyPaths\":[\"/proc/sys\"]," ALL_DEVICES "}}", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(container_parser_free) struct container_parser *p = NULL;
		CLEANUP(str_free) char *memory = calloc(1, sizeof(struct container_facts));
		struct container_facts *facts = (void *)memory;
		const struct container_question question = { .id = SV(ID) };
		assert_int_equal(container_parser_new(&p), 0);
		assert_int_equal(container_parse(p, CONTAINER_OCI, sv_from(cases[i].config), &question, facts), 0);
		if (!facts->is_privileged_known || facts->is_privileged != cases[i].want)
			fail_msg("%s: %s", cases[i].what, facts->is_privileged ? "privileged" : "confined");
	}
}

#define DOCKER_CGROUP "/system.slice/docker-" ID ".scope"
#define DOCKER_FILE "var/lib/docker/containers/" ID "/config.v2.json"

static void what_is_not_there_yet_is_tried_again(void **state)
{
	(void)state;
	struct host h;
	host_start(&h, false);
	struct container_place place = container_place(SV(DOCKER_CGROUP));
	assert_string_equal(shown(containers_get(h.c, &place, SECOND, false)), "docker;;;;;;;;;;?");
	put(&h, DOCKER_FILE, "{\"Name\":\"/web\"}");
	assert_string_equal(shown(containers_get(h.c, &place, SECOND + MS / 2, false)), "docker;;;;;;;;;;?");
	assert_string_equal(shown(containers_get(h.c, &place, SECOND + MS, false)), "docker;web;;;;;;;;;?");
	assert_int_equal(stats_of(&h).missing, 1);
	assert_int_equal(stats_of(&h).reads, 1);
	assert_int_equal(stats_of(&h).known, 1);

	/* of a new cgroup of the container everything may be another; a cgroup made inside says nothing */
	put(&h, DOCKER_FILE, "{\"Name\":\"/new\"}");
	containers_renew(h.c, SV(DOCKER_CGROUP "/init"), &place);
	assert_string_equal(shown(containers_get(h.c, &place, SECOND, false)), "docker;web;;;;;;;;;?");
	containers_renew(h.c, SV(DOCKER_CGROUP), &place);
	assert_string_equal(shown(containers_get(h.c, &place, SECOND, false)), "docker;new;;;;;;;;;?");
	assert_int_equal(stats_of(&h).known, 1);
	host_end(&h);
}

static void the_wait_grows_but_a_new_program_does_not_wait(void **state)
{
	(void)state;
	struct host h;
	host_start(&h, false);
	struct container_place place = container_place(SV(DOCKER_CGROUP));
	for (uint64_t ms = 0; ms < 600000; ms++) {
		containers_tick(h.c);
		(void)containers_get(h.c, &place, ms * MS, false);
	}
	uint64_t tries = stats_of(&h).missing;
	assert_in_range(tries, 20, 30); /* 16 doublings to a minute, then one a minute */
	host_end(&h);

	host_start(&h, false);
	for (unsigned i = 0; i < 100; i++)
		(void)containers_get(h.c, &place, SECOND, true);
	assert_int_equal(stats_of(&h).missing, CONTAINERS_EAGER_TRIES);
	host_end(&h);
}

static void looks_are_rationed_and_the_table_is_bounded(void **state)
{
	(void)state;
	struct host h;
	char path[128];
	host_start(&h, false);
	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(path, sizeof(path), "/docker/%064x", i);
		(void)look(&h, path, SECOND);
	}
	assert_int_equal(stats_of(&h).missing, CONTAINERS_READS_A_TICK);
	assert_int_equal(stats_of(&h).postponed, 100 - CONTAINERS_READS_A_TICK);
	containers_tick(h.c);
	(void)look(&h, path, SECOND);
	assert_int_equal(stats_of(&h).missing, CONTAINERS_READS_A_TICK + 1);
	for (unsigned i = 0; i < 3 * CONTAINERS_MAX; i++) {
		(void)snprintf(path, sizeof(path), "/docker/%064x", i);
		(void)look(&h, path, SECOND);
	}
	assert_in_range(stats_of(&h).evicted, 2 * CONTAINERS_MAX, 3 * CONTAINERS_MAX);
	host_end(&h);
}

/* Nothing in place of a file may be followed, waited for, or read beyond bounds. */
static void what_is_no_plain_file_is_refused(void **state)
{
	(void)state;
	static const char *const what[] = { "a link", "a fifo", "a folder", "too large", "damaged", "a linked folder", "a deep document" };
	for (size_t i = 0; i < ARRAY_SIZE(what); i++) {
		struct host h;
		host_start(&h, false);
		put(&h, "elsewhere/config.v2.json", "{\"Name\":\"/secret\"}");
		put(&h, "var/lib/docker/containers/x", "");
		CLEANUP(str_free) char *target = tree_path(&h.tree, "elsewhere/config.v2.json"), *folder = tree_path(&h.tree, "elsewhere");
		CLEANUP(str_free) char *file = tree_path(&h.tree, DOCKER_FILE), *large = malloc(CONTAINER_DOCUMENT_MAX + 1);
		memset(large, ' ', CONTAINER_DOCUMENT_MAX + 1);
		memcpy(large, "{\"Name\":\"/web\"}", sizeof("{\"Name\":\"/web\"}") - 1);
		char deep[256] = "";
		memset(deep, '[', 200);
		if (i != 5)
			tree_dir(&h.tree, "var/lib/docker/containers/" ID);
		switch (i) {
		case 0: tree_link(&h.tree, DOCKER_FILE, target); break;
		case 1: assert_int_equal(mkfifo(file, 0600), 0); break;
		case 2: tree_dir(&h.tree, DOCKER_FILE); break;
		case 3: tree_file(&h.tree, DOCKER_FILE, (struct strview){ large, CONTAINER_DOCUMENT_MAX + 1 }); break;
		case 4: put(&h, DOCKER_FILE, "{\"Name\":\"/web\""); break;
		case 5: tree_link(&h.tree, "var/lib/docker/containers/" ID, folder); break;
		default: put(&h, DOCKER_FILE, deep); break;
		}
		const char *got = shown(look(&h, DOCKER_CGROUP, SECOND));
		struct containers_stats stats = stats_of(&h);
		bool is_damage = i == 4 || i == 6;
		if (strstr(got, "secret") || stats.reads || stats.refused != !is_damage || stats.damaged != is_damage)
			fail_msg("%s: %s (refused %d, damaged %d)", what[i], got, (int)stats.refused, (int)stats.damaged);
		host_end(&h);
	}
}

static void ids_cannot_leave_their_folder(void **state)
{
	(void)state;
	static const char *const paths[] = { "/system.slice/runc-...scope", "/lxc/..", "/machine.slice/machine-...scope" };
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct host h;
		host_start(&h, false);
		put(&h, "run/state.json", "{\"config\":{\"labels\":[\"bundle=/srv/b\"]}}");
		put(&h, "run/runc/x", "");
		(void)look(&h, paths[i], SECOND);
		if (stats_of(&h).reads)
			fail_msg("%s", paths[i]);
		host_end(&h);
	}
}

/* What does not fit is left out whole, and counted. */
static void texts_are_kept_whole_or_not_at_all(void **state)
{
	(void)state;
	struct host h;
	char text[8192];
	host_start(&h, false);
	(void)snprintf(text, sizeof(text),
		       "{\"Name\":\"/%0300d\",\"Config\":{\"Image\":\"a\\u0000b\",\"Labels\":{\"long\":\"%05000d\",\"short\":\"s\",\"nul\":\"a\\u0000b\"}}}", 0, 0);
	put(&h, DOCKER_FILE, text);
	assert_string_equal(shown(look(&h, DOCKER_CGROUP, SECOND)), "docker;;;;;;;short=s|;;;?");
	assert_int_equal(stats_of(&h).cut, 3);
	host_end(&h);
}

/* {"Name":"x...x"} and so on: a text of n bytes between two others. */
static void put_long(struct buf *into, const char *before, size_t n, const char *after)
{
	buf_reset(into);
	buf_add_z(into, before);
	for (size_t i = 0; i < n; i++)
		buf_add_char(into, 'x');
	buf_add_z(into, after);
}

static void what_is_left_out_is_counted_wherever_it_is(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		enum container_form form;
		const char *before;
		size_t n;
		const char *after;
		enum container_text kept; /* beside it */
	} cases[] = {
		{ "a name that has no room to be read", CONTAINER_DOCKER, "{\"Config\":{\"Image\":\"i\"},\"Name\":\"", 20000, "\"}", CONTAINER_IMAGE },
		{ "a label's value", CONTAINER_DOCKER, "{\"Name\":\"n\",\"Config\":{\"Labels\":{\"a\":\"", 20000, "\"}}}", CONTAINER_NAME },
		{ "a label's key", CONTAINER_DOCKER, "{\"Name\":\"n\",\"Config\":{\"Labels\":{\"", 20000, "\":\"b\"}}}", CONTAINER_NAME },
		{ "metadata of an image", CONTAINER_STORAGE, "[{\"id\":\"" ID "\",\"names\":[\"n\"],\"metadata\":\"", 70000, "\"}]", CONTAINER_NAME },
		{ "metadata that is none", CONTAINER_STORAGE, "[{\"id\":\"" ID "\",\"names\":[\"n\"],\"metadata\":\"", 10, "\"}]", CONTAINER_NAME },
		{ "labels within a text", CONTAINER_OCI,
		  "{\"annotations\":{\"io.kubernetes.cri-o.ImageName\":\"i\",\"io.kubernetes.cri-o.Labels\":\"", 70000, "\"}}", CONTAINER_IMAGE },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(container_parser_free) struct container_parser *p = NULL;
		CLEANUP(str_free) char *memory = calloc(1, sizeof(struct container_facts));
		CLEANUP(buf_done) struct buf text = { 0 };
		struct container_facts *facts = (void *)memory;
		const struct container_question question = { .id = SV(ID) };
		assert_int_equal(container_parser_new(&p), 0);
		put_long(&text, cases[i].before, cases[i].n, cases[i].after);
		assert_int_equal(container_parse(p, cases[i].form, buf_sv(&text), &question, facts), 0);
		if (facts->cut != 1 || !container_text(facts, cases[i].kept).n)
			fail_msg("%s: %u counted: %s", cases[i].what, facts->cut, shown(facts));
	}
}

static void a_sandbox_that_is_not_read_is_counted(void **state)
{
	(void)state;
	struct host h;
	host_start(&h, false);
	put(&h, "run/containers/storage/overlay-containers/" ID "/userdata/config.json",
	    "{\"annotations\":{\"io.kubernetes.cri-o.KubeName\":\"p\",\"io.kubernetes.cri-o.SandboxID\":\"" POD_ID "\"}}");
	put(&h, "run/containers/storage/overlay-containers/" POD_ID "/userdata/config.json",
	    "{\"annotations\":{\"io.kubernetes.cri-o.Labels\":\"{\\\"app\\\":\\\"shop\\\"}\"}");
	assert_string_equal(shown(look(&h, "/crio-" ID, SECOND)), "cri-o;;;;p;;" POD_ID ";;;;confined");
	assert_int_equal(stats_of(&h).cut, 1);
	host_end(&h);
}

static void nothing_of_a_damaged_document_stays(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		enum container_form form;
		const char *text;
	} cases[] = {
		{ "a bundle", CONTAINER_OCI,
		  "{\"annotations\":{\"nerdctl/name\":\"no\",\"a\":\"b\"},\"mounts\":[{\"type\":\"bind\",\"source\":\"/\",\"destination\":\"/\"}]" },
		{ "Docker's", CONTAINER_DOCKER, "{\"Name\":\"/no\",\"Config\":{\"Image\":\"no\",\"Labels\":{\"a\":\"b\"}},}" },
		{ "Docker's of the host", CONTAINER_DOCKER_HOST, "{\"Privileged\":true" },
		{ "a list", CONTAINER_STORAGE, "[{\"id\":\"" ID "\",\"names\":[\"no\"],\"metadata\":\"{\\\"image-name\\\":\\\"no\\\"}\"}" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(container_parser_free) struct container_parser *p = NULL;
		CLEANUP(str_free) char *memory = calloc(1, sizeof(struct container_facts));
		struct container_facts *facts = (void *)memory;
		const struct container_question question = { .id = SV(ID) };
		container_facts_default(facts, CONTAINER_POD, SV("kept"));
		assert_int_equal(container_parser_new(&p), 0);
		assert_int_equal(container_parse(p, cases[i].form, sv_from(cases[i].text), &question, facts), -EBADMSG);
		if (strcmp(shown(facts), ";;;;kept;;;;;;?") != 0)
			fail_msg("%s: %s", cases[i].what, shown(facts));
	}
}

/* All folders but one have a damaged document of the id, whichever is looked into first. */
static void a_damaged_document_says_nothing_of_the_next(void **state)
{
	(void)state;
	struct host h;
	char name[256];
	host_start(&h, false);
	for (unsigned i = 0; i < 16; i++) {
		(void)snprintf(name, sizeof(name), TASK "n%u/" ID "/config.json", i);
		put(&h, name, i == 9 ? "{\"annotations\":{\"nerdctl/name\":\"box\"}}" : "{\"annotations\":{\"nerdctl/name\":\"no\",\"no\":\"no\"}");
	}
	assert_string_equal(shown(look(&h, "/nerdctl-" ID ".scope", SECOND)), "containerd;box;;;;;;nerdctl/name=box|;;;confined");
	host_end(&h);
}

static void folders_beyond_the_most_are_counted(void **state)
{
	(void)state;
	struct host h;
	char name[256];
	host_start(&h, false);
	for (unsigned i = 0; i < 65; i++) {
		(void)snprintf(name, sizeof(name), TASK "n%u/x", i);
		put(&h, name, "");
	}
	(void)look(&h, "/nerdctl-" ID ".scope", SECOND);
	assert_int_equal(stats_of(&h).cut, 1);
	host_end(&h);
}

/* EXPOSE 1-65535 of three protocols is one line of an image, and no way out of being known. */
static void an_image_cannot_hide_its_container_in_keys(void **state)
{
	(void)state;
	static const char *const protocols[] = { "tcp", "udp", "sctp" };
	struct host h;
	CLEANUP(buf_done) struct buf text = { 0 };
	host_start(&h, false);
	buf_add_z(&text, "{\"Config\":{\"ExposedPorts\":{");
	for (unsigned i = 0; i < 3 * 65535; i++)
		buf_add_format(&text, "%s\"%u/%s\":{}", i ? "," : "", i / 3 + 1, protocols[i % 3]);
	buf_add_z(&text, "},\"Image\":\"nginx\"},\"Name\":\"/web\"}");
	put(&h, "var/lib/docker/containers/" ID "/hostconfig.json", "{\"Privileged\":true}");
	tree_file(&h.tree, DOCKER_FILE, buf_sv(&text));
	assert_string_equal(shown(look(&h, DOCKER_CGROUP, SECOND)), "docker;web;nginx;;;;;;;;privileged");
	assert_int_equal(stats_of(&h).cut, 0);
	host_end(&h);
}

/* A state.json of 3 MiB, for which each new cgroup of the same name asks. */
static void looks_for_claims_are_paid_in_bytes(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		bool has_tick_before, want;
	} cases[] = { { "/a/box", false, true }, { "/b/box", false, true }, { "/c/box", false, false }, { "/d/box", false, false }, { "/c/box", true, true } };
	struct host h;
	struct container_place place;
	CLEANUP(buf_done) struct buf text = { 0 };
	host_start(&h, false);
	put_long(&text, "{\"x\":\"", 3 << 20, "\",\"cgroup_paths\":{\"\":\"/sys/fs/cgroup/c/box\"}}");
	put(&h, "run/runc/box/state.json", "");
	tree_file(&h.tree, "run/runc/box/state.json", buf_sv(&text));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].has_tick_before)
			containers_tick(h.c);
		if (containers_place(h.c, sv_from(cases[i].path), &place) != cases[i].want)
			fail_msg("%s: %s", cases[i].path, cases[i].want ? "had to wait" : "was read");
	}
	assert_true(sv_is(place.id, "box")); /* and what had to wait is found */
	assert_int_equal(stats_of(&h).postponed, 2);
	host_end(&h);
}

static void looks_for_nothing_are_paid_for_too(void **state)
{
	(void)state;
	struct host h;
	struct container_place place;
	char path[64];
	unsigned n = 0;
	host_start(&h, false);
	put(&h, "run/runc/x/y", "");
	put(&h, "run/crun/x/y", "");
	do
		(void)snprintf(path, sizeof(path), "/a/b/c/d/e/f/g/h%u", n++);
	while (n < 10000 && containers_place(h.c, sv_from(path), &place));
	assert_in_range(n, 100, 2000);
	host_end(&h);
}

#define USERS "/user.slice/user-4711.slice/user@4711.service/user.slice/"

/* Below user@UID.service the user makes cgroups of any name: only files of that user count, and only where that is wished. */
static void a_users_containers_are_that_users_claim(void **state)
{
	(void)state;
	static const char podman[] = "home/ann/.local/share/containers/storage/overlay-containers/" ID "/userdata/config.json";
	static const struct {
		const char *what, *cgroup, *file;
		bool reads_rootless, is_users, want;
	} cases[] = {
		{ "her own", USERS "libpod-" ID ".scope", podman, true, true, true },
		{ "not wished", USERS "libpod-" ID ".scope", podman, false, true, false },
		{ "another's file", USERS "libpod-" ID ".scope", podman, true, false, false },
		{ "root's container under her name", USERS "docker-" ID ".scope", DOCKER_FILE, true, false, false },
		{ "her file for a container of root's", "/machine.slice/libpod-" ID ".scope", podman, true, true, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].is_users && geteuid() != 0)
			continue; /* only root can give files away; the refusals that need none are tested */
		struct host h;
		host_start(&h, cases[i].reads_rootless);
		put(&h, cases[i].file, "{\"annotations\":{},\"Name\":\"/x\"}");
		CLEANUP(str_free) char *path = tree_path(&h.tree, cases[i].file);
		if (cases[i].is_users)
			assert_int_equal(chown(path, 4711, 4711), 0);
		(void)look(&h, cases[i].cgroup, SECOND);
		if ((stats_of(&h).reads == 1) != cases[i].want)
			fail_msg("%s: %s", cases[i].what, cases[i].want ? "not read" : "read");
		host_end(&h);
	}
}

static void a_users_files_do_not_use_up_what_roots_may_cost(void **state)
{
	(void)state;
	struct host h;
	struct container_place place;
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(str_free) char *path = NULL;
	if (geteuid() != 0) {
		print_message("not run: only root can give files away\n");
		skip();
	}
	host_start(&h, true);
	put_long(&text, "{\"x\":\"", 1000000, "\"}");
	put(&h, "run/user/4711/crun/box/status", "");
	tree_file(&h.tree, "run/user/4711/crun/box/status", buf_sv(&text));
	path = tree_path(&h.tree, "run/user/4711/crun/box/status");
	assert_int_equal(chown(path, 4711, 4711), 0);
	put(&h, DOCKER_FILE, "{\"Name\":\"/web\"}");
	unsigned n = 0;
	while (n < 10 && containers_place(h.c, SV(USERS "a/box"), &place))
		n++;
	assert_in_range(n, 1, 3);
	assert_string_equal(shown(look(&h, DOCKER_CGROUP, SECOND)), "docker;web;;;;;;;;;?");
	host_end(&h);
}

/* /var/run is a link on every host; what must be no link is the file. */
static void roots_bundle_may_lie_behind_a_link(void **state)
{
	(void)state;
	static const struct {
		const char *what, *bundle, *link, *target, *file, *want;
	} cases[] = {
		{ "a folder", "/var/run/b", "var/run", "/run", "run/b/config.json", "runc;box;;;;;;;;;confined" },
		{ "a relative one", "/var/run/b", "var/run", "../run", "run/b/config.json", "runc;box;;;;;;;;;confined" },
		{ "the file", "/srv/b", "srv/b/config.json", "/run/b/config.json", "run/b/config.json", "runc;;;;;;;;;;?" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct host h;
		char state_text[128];
		host_start(&h, false);
		(void)snprintf(state_text, sizeof(state_text), "{\"config\":{\"labels\":[\"bundle=%s\"]}}", cases[i].bundle);
		put(&h, "run/runc/box/state.json", state_text);
		put(&h, "var/x", "");
		put(&h, "srv/b/x", "");
		put(&h, cases[i].file, "{}");
		tree_link(&h.tree, cases[i].link, cases[i].target);
		const char *got = shown(look(&h, "/runc-box.scope", SECOND));
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].what, got);
		host_end(&h);
	}
}

static void tags_are_told_from_ports_and_digests(void **state)
{
	(void)state;
	static const struct {
		const char *image, *tag;
	} cases[] = {
		{ "nginx:1.25", "1.25" }, { "nginx", "" }, { "localhost:5000/nginx", "" }, { "localhost:5000/nginx:a", "a" },
		{ "a/b:c@sha256:00", "c" }, { "a/b@sha256:00", "" }, { "sha256:0011", "" }, { "", "" }, { "a:", "" }, { "@", "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strview tag = image_tag(sv_from(cases[i].image));
		if (!sv_is(tag, cases[i].tag))
			fail_msg("%s: '" SV_FMT "'", cases[i].image, SV_ARG(tag));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_runtime_says_what_it_knows),
		cmocka_unit_test(privileged_is_who_is_confined_in_nothing),
		cmocka_unit_test(what_is_not_there_yet_is_tried_again),
		cmocka_unit_test(the_wait_grows_but_a_new_program_does_not_wait),
		cmocka_unit_test(looks_are_rationed_and_the_table_is_bounded),
		cmocka_unit_test(what_is_no_plain_file_is_refused),
		cmocka_unit_test(ids_cannot_leave_their_folder),
		cmocka_unit_test(texts_are_kept_whole_or_not_at_all),
		cmocka_unit_test(what_is_left_out_is_counted_wherever_it_is),
		cmocka_unit_test(a_sandbox_that_is_not_read_is_counted),
		cmocka_unit_test(nothing_of_a_damaged_document_stays),
		cmocka_unit_test(a_damaged_document_says_nothing_of_the_next),
		cmocka_unit_test(folders_beyond_the_most_are_counted),
		cmocka_unit_test(an_image_cannot_hide_its_container_in_keys),
		cmocka_unit_test(looks_for_claims_are_paid_in_bytes),
		cmocka_unit_test(looks_for_nothing_are_paid_for_too),
		cmocka_unit_test(a_users_containers_are_that_users_claim),
		cmocka_unit_test(a_users_files_do_not_use_up_what_roots_may_cost),
		cmocka_unit_test(roots_bundle_may_lie_behind_a_link),
		cmocka_unit_test(tags_are_told_from_ports_and_digests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
