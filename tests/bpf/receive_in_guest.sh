# SPDX-License-Identifier: Apache-2.0
# In the guest: data received, in both sensor modes; a line for each alert, in order.
bad=0
ip link set lo up
for mode in lsm tracepoint; do
	rm -f /tmp/o.jsonl
	vedette run --sensor $mode --rules /t/receive_rules.yaml --quiet --output /tmp/o.jsonl -- /t/receive > /tmp/notes 2>&1 ||
		{ echo "not ok - $mode: data were received"; sed 's/^/# /' /tmp/notes; bad=1; }
	grep -o '"message":"@[^"]*@"' /tmp/o.jsonl | sed 's/"message":"@ //; s/ @"$//' > /tmp/lines
	cat > /tmp/wanted <<'W'
d-recvfrom recvfrom 100 | 127.0.0.1:5001->127.0.0.1:5002 | udp | new=true connected=false | argument
d-recvfrom recvfrom 100 | 127.0.0.1:5001->127.0.0.1:5002 | udp | new=false connected=false | argument
d-recvmsg recvmsg 100 | 127.0.0.1:5003->127.0.0.1:5004 | udp | new=true connected=false | argument
d-stream recvfrom 4 | 127.0.0.1:5006->127.0.0.1:5005 | tcp | new=true connected=true | descriptor
W
	if cmp -s /tmp/lines /tmp/wanted; then echo "ok - $mode: what is received on IP sockets is told, with its peer and its first bytes"; else
		echo "not ok - $mode: what is received is told"
		sed 's/^/# got /' /tmp/lines
		bad=1
	fi
	if grep -q '"bytes":100' /tmp/o.jsonl; then echo "ok - $mode: the bytes are counted"; else echo "not ok - $mode: the bytes are counted"; bad=1; fi
done
exit $bad
