#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that building, testing and the demo need; asks for nothing. Does nothing when all are there.
# Syslog receivers and Prometheus, for tests, are not installed, only unpacked (tests/alerts/receivers_fetch.sh, tests/daemon/prometheus_fetch.sh).
set -u
packages=(
	# build
	gcc make libc6-dev linux-libc-dev pkg-config clang llvm bpftool
	libbpf-dev libelf-dev zlib1g-dev libyaml-dev libpcre2-dev libsodium-dev libssl-dev
	libcurl4-openssl-dev libnats-dev
	# tests
	libcmocka-dev libclang-rt-14-dev clang-format clang-tidy valgrind
	iproute2 nats-server nodejs openssl python3 python3-nacl python3-jsonschema python3-yaml liblognorm-utils
	# guests
	qemu-system-x86 qemu-utils busybox-static cpio xz-utils zstd mmdebstrap e2fsprogs
)
missing=()
for p in "${packages[@]}"; do
	dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
done
fetch_receivers() {
	bash "$(dirname "$0")/alerts/receivers_fetch.sh" > /dev/null || echo "deps: tests with rsyslog and syslog-ng will be skipped" >&2
	bash "$(dirname "$0")/daemon/prometheus_fetch.sh" > /dev/null || echo "deps: the tests of metrics with Prometheus will be skipped" >&2
}
if [ ${#missing[@]} -eq 0 ]; then
	fetch_receivers
	echo "deps: all ${#packages[@]} packages are installed"
	exit 0
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "deps: not root and no sudo; as root run: apt-get install ${missing[*]}" >&2; exit 1; }
	as_root=(sudo)
fi
echo "deps: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq || echo "deps: package lists could not be refreshed, going on with those that are there" >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || {
	echo "deps: installation failed; try: apt-get install ${missing[*]}" >&2
	exit 1
}
fetch_receivers
echo "deps: installed ${#missing[@]} packages"
