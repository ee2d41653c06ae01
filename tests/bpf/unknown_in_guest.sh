# SPDX-License-Identifier: Apache-2.0
# In the guest: what the kernel side cannot know is refused, unless the rule says otherwise, and the record says so. Each with its benign twin.
mkdir -p /tmp/u/good /tmp/u/bad/one
for f in good/file bad/file bad/one/file deny allow; do echo x > /tmp/u/$f; done
cp /t/unknowns /tmp/u/writer
chmod 755 /tmp/u /tmp/u/*
/t/unknowns make /tmp/u > /dev/null || echo "not ok - a path that is too long was made"
cat > /tmp/unknown.sh <<'S'
is() { # is WHAT EXPECTED COMMAND...
	what=$1 expected=$2
	shift 2
	out=$("$@" 2>&1)
	[ "$out" = "$expected" ] && echo "ok - $what: $expected" || echo "not ok - $what: $expected: $out"
}
tester() { su -s /bin/sh tester -c "$*"; }
is "a path too long, the rule says nothing" EPERM /t/unknowns long /tmp/u
is "a path too long, unknown: allow" done tester /t/unknowns long /tmp/u
is "a program whose path is too long, the rule says nothing" EPERM /t/unknowns long-exec /tmp/u
is "a program whose path is too long, unknown: allow" done tester /t/unknowns long-exec /tmp/u
is "a path while others change" done /t/unknowns storm /tmp/u
is "a path while it changes itself" done /t/unknowns storm-here /tmp/u
is "a path that does not change" done /t/verbs read /tmp/u/good/file
is "a mount that is attached nowhere, with the path of an exception" EPERM /tmp/u/writer detached
is "the same by whom no rule is about" done /t/unknowns detached
is "an attribute of a file that has no name here" EPERM /t/unknowns attribute trusted.v
is "the same, unknown: allow" done /t/unknowns attribute trusted.w
is "an attribute that no rule is about" done /t/unknowns attribute trusted.x
is "a forbidden file through a mount that is attached nowhere" EPERM /t/unknowns clone /tmp/u
S
cat > /tmp/crowd.sh <<'S'
/t/crowd 700 5 /tmp/u/deny /bin/true
S
unknown_run() { vedette run --quiet --enforce --rules /t/unknown_rules.yaml --output /tmp/unknown.jsonl -- "$@" 2> /tmp/err || cat /tmp/err; }
rm -f /tmp/unknown.jsonl
unknown_run sh /tmp/unknown.sh
# a user with hundreds of threads: decisions that are put aside keep their slots
crowd=$(vedette run --quiet --enforce --rules /t/unknown_rules.yaml --output /tmp/crowd.jsonl -- sh /tmp/crowd.sh 2> /tmp/err)
echo "# $crowd"
crowd_is() { echo "$crowd" | awk -v who="$1" '{ for (i = 1; i < NF; i++) if ($i == who) exit !($(i + 1) > 0 && $(i + 2) '"$2"') } END { if (NF < 9) exit 1 }'; }
crowd_is root '== 0' && echo "ok - a crowd of threads: root is refused nothing" || echo "not ok - a crowd of threads: root is refused nothing: $crowd"
crowd_is others '== 0' && echo "ok - a crowd of threads: nor is a bystander" || echo "not ok - a crowd of threads: nor is a bystander: $crowd"
crowd_is crowd '* 1000 <= $(i + 1)' && echo "ok - a crowd of threads: nor is it itself, but for one in a thousand" || echo "not ok - a crowd of threads: nor is it itself, but for one in a thousand: $crowd"
uncertain() { grep '"verdict":"block"' /tmp/unknown.jsonl | grep "\"rule\":{[^}]*\"id\":\"$1\"" | grep -c '"uncertain":\[[^]]*"vedette.verdict"'; }
opens=$(uncertain open) execs=$(uncertain exec) attributes=$(uncertain attribute)
[ "$opens" -ge 1 ] && [ "$execs" -eq 1 ] && [ "$attributes" -eq 1 ] && echo "ok - the records say that it was not known" ||
	echo "not ok - the records say that it was not known: $opens opens, $execs execs, $attributes attributes, as of $(grep -o '"uncertain":[^]]*]' /tmp/unknown.jsonl | sort | uniq -c | tr '\n' ' ')"
# a process that was there before, of which nobody knows who created its creators: they are too many
cat > /tmp/nest.sh <<'S'
[ "$1" -eq 0 ] || { sh /tmp/nest.sh $(($1 - 1)); exit; }
vedette run --quiet --enforce --rules /t/unknown_rules.yaml --output /tmp/nest.jsonl -- sh -c '/t/verbs read /tmp/u/deny; /t/verbs read /tmp/u/allow' 2> /tmp/err
S
rm -f /tmp/nest.jsonl*
[ "$(sh /tmp/nest.sh 40 | tr '\n' ' ')" = "EPERM done " ] && echo "ok - creators that are not known: refused, and with unknown: allow not" || { echo "not ok - creators that are not known"; cat /tmp/err; }
grep '"verdict":"block"' /tmp/nest.jsonl | grep -q '"uncertain":\[[^]]*"vedette.verdict"' && echo "ok - the record says so" || echo "not ok - the record says so"
rm -f /tmp/nest.jsonl*
[ "$(sh /tmp/nest.sh 2 | tr '\n' ' ')" = "done done " ] && echo "ok - creators that are known are not refused" || { echo "not ok - creators that are known are not refused"; cat /tmp/err; }
