#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The finished binary: hardening took, no folder of the build machine inside, and two checkouts in two folders give the same bytes.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${VEDETTE:?}"
bad=0
say() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; bad=1; fi; }
case $VEDETTE in
*/release/*) ;;
*) echo "ok - binary checks # SKIP they concern the release build"; exit 0 ;;
esac
readelf -hW "$VEDETTE" | grep -q 'Type:.*DYN'; say $? "position independent"
readelf -lW "$VEDETTE" | grep -q GNU_RELRO && readelf -dW "$VEDETTE" | grep -q 'BIND_NOW\|NOW'; say $? "relocations are read-only"
! readelf -lW "$VEDETTE" | grep GNU_STACK | grep -q E; say $? "no executable stack"
readelf -sW --dyn-syms "$VEDETTE" | grep -q __stack_chk_fail; say $? "stack protector"
readelf -sW --dyn-syms "$VEDETTE" | grep -q '_chk@'; say $? "fortified library calls"
! grep -qa "$PWD" "$VEDETTE"; say $? "no path of the build folder inside"
! grep -qaE 'Compiled on|__DATE__' "$VEDETTE"; say $? "no build date inside"
exit $bad
