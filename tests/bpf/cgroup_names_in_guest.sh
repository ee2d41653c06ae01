# SPDX-License-Identifier: Apache-2.0
# In the guest: cgroups as runtimes name them, and as they do not. Kernel and records have to agree which are of containers, but for those that
# users made: for rules that block these are the host's, whatever they are called.
set -u
root=/sys/fs/cgroup
hex=0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0
grep -q " $root " /proc/mounts || mount -t cgroup2 none $root
# c: a container's; h: the host's; u: a user made it, so the host's; o: root made it and gave it away, so a container's
cat > /tmp/names.sh <<S
while read kind name; do
	case \$kind in u | o) [ \$1 = others ] || continue ;; *) [ \$1 = root ] || continue ;; esac
	name=\$(echo "\$name" | sed s/HEX/$hex/)
	mkdir -p "$root\$name"
	case \$kind in
	u) chown 1001 $root/user.slice/user-1001.slice/user@1001.service "$root\$name" ;;
	o) chown 1001 "$root\${name%/*}" "$root\$name" ;;
	esac
	echo 0 > "$root\$name/cgroup.procs" || { echo "not ok - the cgroup \$name"; continue; }
	c=\$(/t/verbs read /tmp/of-containers 2>&1)
	h=\$(/t/verbs read /tmp/of-the-host 2>&1)
	case \$kind,\$c,\$h in
	[co],EPERM,done | [hu],done,EPERM) echo "ok - \$kind \$name" ;;
	*) echo "not ok - \$kind \$name: \$c, \$h" ;;
	esac
done < /t/cgroup_names.txt
echo 0 > $root/cgroup.procs
S
: > /tmp/of-containers
: > /tmp/of-the-host
rm -f /tmp/names.jsonl*
vedette run --quiet --enforce --rules /t/verdicts_rules.yaml --output /tmp/names.jsonl -- sh /tmp/names.sh root 2> /tmp/err
[ $? -eq 0 ] || { echo "not ok - the run in cgroups ended well"; cat /tmp/err; }
n=$(grep -c '"rule":{"id":"only-containers"' /tmp/names.jsonl) m=$(grep '"rule":{"id":"only-containers"' /tmp/names.jsonl | grep -c '"container":{"id"')
[ "$n" -gt 20 ] && [ "$n" -eq "$m" ] && echo "ok - the records of containers name theirs" || echo "not ok - the records of containers name theirs ($m of $n)"
grep '"rule":{"id":"only-the-host"' /tmp/names.jsonl | grep -q '"container":{"id"' && echo "not ok - the records of the host name none" || echo "ok - the records of the host name none"
rm -f /tmp/others.jsonl*
vedette run --quiet --enforce --rules /t/verdicts_rules.yaml --output /tmp/others.jsonl -- sh /tmp/names.sh others 2> /tmp/err
[ $? -eq 0 ] || { echo "not ok - the run in users' cgroups ended well"; cat /tmp/err; }
# a rule that only alerts: what the kernel takes for the host and the record for a container must not be dropped on the way
cat > /tmp/sent.yaml <<Y
- {rule: sent, event: file.open, when: 'file.path = /tmp/of-containers and container.id exists', severity: low}
Y
rm -f /tmp/sent.jsonl*
vedette run --quiet --rules /tmp/sent.yaml --output /tmp/sent.jsonl -- sh /tmp/names.sh others > /dev/null 2> /tmp/err
[ "$(grep -c '"rule":{"id":"sent"' /tmp/sent.jsonl)" -eq 5 ] && echo "ok - nothing of users' own containers is dropped" || { echo "not ok - nothing of users' own containers is dropped: $(grep -c '"rule":{"id":"sent"' /tmp/sent.jsonl)"; cat /tmp/err; }
