#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The checked-in generated files are what the generators make of schemas/ today.
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/docs" "$folder/schemas"
for generator in "$BUILD"/gen/gen_*; do
	[[ $generator == *.d ]] || "$generator" "$folder" || echo "not ok - ${generator##*/} failed"
done
made=0
while read -r file; do
	made=$((made + 1))
	if cmp -s "$folder/$file" "$file"; then echo "ok - $file is up to date"; else echo "not ok - $file is stale: run 'make generated'"; fi
done < <(cd "$folder" && find . -type f | sed 's,^\./,,' | sort)
[ "$made" -ge 2 ] && echo "ok - $made files are generated" || echo "not ok - only $made files were generated"
