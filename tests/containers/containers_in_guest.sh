# SPDX-License-Identifier: Apache-2.0
# In a Debian guest: real containers of runc, crun and Podman, privileged and not, and what the first program in each is said to run in.
set -u
bad=0
work=/srv/box
mkdir -p $work

# bundle NAME privileged|confined CGROUP: a bundle that starts the shell of busybox; CGROUP may be empty
bundle() {
	mkdir -p "$work/$1/rootfs/bin" "$work/$1/rootfs/etc"
	cp /usr/bin/busybox "$work/$1/rootfs/bin/"
	for applet in sh true; do ln -sf busybox "$work/$1/rootfs/bin/$applet"; done
	(cd "$work/$1" && rm -f config.json && runc spec)
	python3 - "$work/$1/config.json" "$2" "$3" <<-'P'
		import json, re, sys
		path, kind, cgroup = sys.argv[1:]
		c = json.load(open(path))
		c["process"]["terminal"] = False
		c["process"]["args"] = ["/bin/sh", "-c", "/bin/true"]
		c["annotations"] = {"org.opencontainers.image.ref.name": "registry.example/" + kind + ":1.0", "team": "blue"}
		if cgroup:
		    c["linux"]["cgroupsPath"] = cgroup
		if kind == "privileged":
		    numbers = re.findall(r"#define (CAP_\w+)\s+(\d+)\n", open("/usr/include/linux/capability.h").read())
		    names = [name for name, number in numbers if int(number) < 38]
		    c["process"]["capabilities"] = {k: names for k in ("bounding", "effective", "permitted")}
		    for key in ("maskedPaths", "readonlyPaths", "seccomp"):
		        c["linux"].pop(key, None)
		    c["linux"]["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
		    c["mounts"].append({"destination": "/host", "type": "bind", "source": "/etc", "options": ["rbind", "ro"]})
		json.dump(c, open(path, "w"))
	P
}

# expect WHAT LINE: a line that is among the alerts, and is the first of its container
expect() {
	if grep -qxF "$2" /tmp/lines; then echo "ok - $1"; else
		echo "not ok - $1: no line '$2'"
		sed 's/^/# got /' /tmp/lines
		sed 's/^/# said /' /tmp/notes
		bad=1
	fi
}

# watch COMMAND...: the messages of the alerts go to /tmp/lines
watch() {
	rm -f /tmp/o.jsonl /tmp/o.jsonl.pub
	vedette run --rules /t/containers_rules.yaml --quiet --output /tmp/o.jsonl -- "$@" >/tmp/notes 2>&1 ||
		{ echo "not ok - ran: $*"; sed 's/^/# /' /tmp/notes; bad=1; }
	grep -o '"message":"@[^"]*@"' /tmp/o.jsonl | sed 's/"message":"@ //; s/ @"$//; s/\\"/"/g' >/tmp/lines
}

for runtime in runc crun; do
	bundle $runtime-plain confined ''
	bundle $runtime-all privileged ''
	bundle $runtime-scope confined "system.slice:$runtime:$runtime-scope"
	watch $runtime run --bundle $work/$runtime-plain $runtime-plain
	expect "$runtime: the first program in a confined container" \
		"$runtime id=$runtime-plain name=$runtime-plain image=registry.example/confined:1.0 tag=1.0 privileged=false /bin/sh -c /bin/true"
	watch $runtime run --bundle $work/$runtime-all $runtime-all
	expect "$runtime: the first program in a privileged container" \
		"$runtime id=$runtime-all name=$runtime-all image=registry.example/privileged:1.0 tag=1.0 privileged=true /bin/sh -c /bin/true"
	expect "$runtime: a mount of the host's, as Falco's rules ask for it" "/host false registry.example/privileged"
	watch $runtime --systemd-cgroup run --bundle $work/$runtime-scope $runtime-scope
	expect "$runtime: the first program in a scope of systemd's" \
		"$runtime id=$runtime-scope name=$runtime-scope image=registry.example/confined:1.0 tag=1.0 privileged=false /bin/sh -c /bin/true"
done

# Podman, with an image made of busybox
mkdir -p /etc/containers
printf '[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n' >/etc/containers/storage.conf
mkdir -p $work/image/bin
cp /usr/bin/busybox $work/image/bin/
for applet in sh true sleep; do ln -sf busybox $work/image/bin/$applet; done
tar -C $work/image -cf $work/image.tar .
podman import -q $work/image.tar registry.example/pod:2.0 >/tmp/notes 2>&1 || { echo "not ok - an image for podman"; sed 's/^/# /' /tmp/notes; bad=1; }
for kind in confined privileged; do
	options=''
	[ $kind = confined ] || options='--privileged --volume /etc:/host:ro'
	# shellcheck disable=SC2086 # options are words
	watch podman run --cgroups=enabled --name $kind $options --network none --label team=blue registry.example/pod:2.0 /bin/sh -c /bin/true
	id=$(podman inspect --format '{{.Id}}' $kind)
	privileged=false
	[ $kind = confined ] || privileged=true
	expect "podman: the first program in a $kind container" \
		"podman id=$id name=$kind image=registry.example/pod:2.0 tag=2.0 privileged=$privileged /bin/sh -c /bin/true"
done
expect "podman: a mount of the host's, as Falco's rules ask for it" "/host false registry.example/pod"

# A process that moves into a container's cgroup and executes nothing there is in the container at its very next event.
podman run --detach --name still --network none registry.example/pod:2.0 /bin/sleep 1000 >/dev/null 2>/tmp/notes
cgroup=$(sed 's/^0:://' "/proc/$(podman inspect --format '{{.State.Pid}}' still)/cgroup")
watch sh -c "echo \$\$ >/sys/fs/cgroup$cgroup/cgroup.procs; : >/tmp/vedette-moved"
expect "a process that moved is in the container at its next event" "moved podman still"
podman rm --force --time 0 still >/dev/null 2>&1
exit $bad
