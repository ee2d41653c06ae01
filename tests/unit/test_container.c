/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/enrich/container.h"

#define HEX "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define HEX2 "aaaaaaaabbbbbbbbccccccccddddddddaaaaaaaabbbbbbbbccccccccdddddddd"
#define POD "pod3bf3d5f5-1b2c-4d3e-8f90-0123456789ab"

static void container_ids_are_read_off_the_path(void **state)
{
	(void)state;
	static const struct {
		const char *what, *path, *id;
	} cases[] = {
		{ "docker, systemd", "/system.slice/docker-" HEX ".scope", HEX },
		{ "docker, systemd, rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" HEX ".scope", HEX },
		{ "docker, cgroupfs", "/docker/" HEX, HEX },
		{ "docker in docker", "/docker/" HEX "/docker/" HEX2, HEX2 },
		{ "a service inside a container", "/docker/" HEX "/system.slice/nginx.service", HEX },
		{ "cgroup made inside a container", "/system.slice/docker-" HEX ".scope/init", HEX },
		{ "containerd, kubernetes, systemd",
		  "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod3bf3d5f5_1b2c.slice/cri-containerd-" HEX ".scope", HEX },
		{ "kubernetes, cgroupfs", "/kubepods/besteffort/" POD "/" HEX, HEX },
		{ "kubernetes, cgroupfs, guaranteed", "/kubepods/" POD "/" HEX, HEX },
		{ "kubernetes below kubelet", "/kubelet.slice/kubelet-kubepods.slice/cri-containerd-" HEX ".scope", HEX },
		{ "kind: kubernetes in docker",
		  "/system.slice/docker-" HEX ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod1.slice/cri-containerd-" HEX2 ".scope",
		  HEX2 },
		{ "cri-o", "/kubepods.slice/kubepods-podab.slice/crio-" HEX ".scope", HEX },
		{ "cri-o, container's own folder", "/kubepods.slice/kubepods-podab.slice/crio-" HEX ".scope/container", HEX },
		{ "cri-o, cgroupfs", "/kubepods/burstable/" POD "/crio-" HEX, HEX },
		{ "podman, root", "/machine.slice/libpod-" HEX ".scope", HEX },
		{ "podman, container's own folder", "/machine.slice/libpod-" HEX ".scope/container", HEX },
		{ "podman, rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" HEX ".scope", HEX },
		{ "podman, cgroupfs", "/libpod_parent/libpod-" HEX, HEX },
		{ "nerdctl", "/system.slice/nerdctl-" HEX ".scope", HEX },
		{ "lxc", "/lxc/web", "web" },
		{ "lxc with services inside", "/lxc/web/system.slice/cron.service", "web" },
		{ "lxc, later layout", "/lxc.payload.web/init.scope", "web" },
		{ "lxc, its third version", "/lxc.payload/web/init.scope", "web" },
		{ "nerdctl, cgroupfs", "/default/" HEX, HEX },
		{ "docker by containerd's namespace", "/moby/" HEX, HEX },
		{ "docker with another parent", "/batch/" HEX, HEX },
		{ "docker whose parent is the root", "/" HEX, HEX },
		{ "containerd, another namespace", "/k8s.io/" HEX "/init", HEX },
		{ "nspawn as a service", "/machine.slice/systemd-nspawn@debian.service", "debian" },
		{ "nspawn, payload", "/machine.slice/systemd-nspawn@debian.service/payload/init.scope", "debian" },
		{ "machine registered", "/machine.slice/machine-debian.scope", "debian" },
		{ "ecs", "/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-1234567890",
		  "0123456789abcdef0123456789abcdef-1234567890" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strview id = container_id(sv_from(cases[i].path));
		if (!sv_is(id, cases[i].id))
			fail_msg("%s: got '" SV_FMT "'", cases[i].what, SV_ARG(id));
	}
}

static void what_only_looks_like_one_is_the_host(void **state)
{
	(void)state;
	static const struct {
		const char *what, *path;
	} cases[] = {
		{ "no cgroup", "" },
		{ "root", "/" },
		{ "user session", "/user.slice/user-1000.slice/session-3.scope" },
		{ "service", "/system.slice/docker.service" },
		{ "containerd itself", "/system.slice/containerd.service" },
		{ "64 digits and more, at the root", "/x" HEX },
		{ "one digit too few", "/system.slice/docker-0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f.scope" },
		{ "one digit too many", "/docker/" HEX "0" },
		{ "capital digits", "/docker/0F1E2D3C4B5A69788796A5B4C3D2E1F00F1E2D3C4B5A69788796A5B4C3D2E1F0" },
		{ "not hexadecimal", "/docker/gf1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0" },
		{ "prefix alone", "/system.slice/docker-.scope" },
		{ "suffix missing", "/system.slice/docker-" HEX },
		{ "another suffix", "/system.slice/docker-" HEX ".slice" },
		{ "conmon beside podman's container", "/machine.slice/libpod-conmon-" HEX ".scope" },
		{ "conmon beside cri-o's container", "/kubepods.slice/crio-conmon-" HEX ".scope" },
		{ "the pod, not a container of it", "/kubepods/besteffort/" POD },
		{ "lxc's folder itself", "/lxc" },
		{ "lxc's monitor", "/lxc.monitor.web" },
		{ "nspawn's name outside machine.slice", "/user.slice/systemd-nspawn@debian.service" },
		{ "machine.slice with a service", "/machine.slice/other.service" },
		{ "slashes only", "////" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strview id = container_id(sv_from(cases[i].path));
		if (id.n)
			fail_msg("%s: got '" SV_FMT "'", cases[i].what, SV_ARG(id));
	}
}

static void very_deep_paths_are_read_up_to_a_limit(void **state)
{
	(void)state;
	char path[4096];
	size_t n = 0;
	for (; n + 2 < 3000; n += 2)
		memcpy(path + n, "/a", 2);
	memcpy(path + n, "/docker/" HEX, sizeof("/docker/" HEX) - 1);
	assert_int_equal(container_id((struct strview){ path, n + sizeof("/docker/" HEX) - 1 }).n, 0);
	/* and what stands before the limit holds */
	memcpy(path, "/docker/" HEX "/", sizeof("/docker/" HEX "/") - 1);
	assert_true(sv_is(container_id((struct strview){ path, n }), HEX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(container_ids_are_read_off_the_path),
		cmocka_unit_test(what_only_looks_like_one_is_the_host),
		cmocka_unit_test(very_deep_paths_are_read_up_to_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
