#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lay.sh FOLDER: what `guest --lay` puts into a Debian guest so that it boots under the enforcing default policy: the rules of /t/rules and
# /t/enforce-default.yaml, and a unit that other services wait for until verdicts are in force.
set -eu
mkdir -p "$1/etc/systemd/system/sysinit.target.wants" "$1/etc/containers"
printf '[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n' > "$1/etc/containers/storage.conf"
cat > "$1/etc/vedette.yaml" <<END
rules: [/t/rules, /t/enforce-default.yaml]
enforce: true
output: {file: /var/log/vedette/alerts.jsonl}
status_file: /run/vedette/status.json
END
cat > "$1/etc/systemd/system/vedette.service" <<'END'
[Unit]
Description=Vedette
DefaultDependencies=no
After=local-fs.target systemd-tmpfiles-setup-dev.service
Before=sysinit.target shutdown.target
Conflicts=shutdown.target
[Service]
Type=exec
ExecStart=/usr/local/bin/vedette daemon -c /etc/vedette.yaml
ExecStartPost=/bin/sh -c 'until vedette status --control /run/vedette/control.sock --json 2> /dev/null | grep -q "\\"state\\":\\"on\\""; do sleep 0.3; done'
TimeoutStartSec=400
LimitMEMLOCK=infinity
END
ln -sf ../vedette.service "$1/etc/systemd/system/sysinit.target.wants/vedette.service"
