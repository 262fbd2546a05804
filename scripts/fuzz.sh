#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fuzz.sh KERNEL SECONDS: lets the fuzzer of system calls (fuzz/calls.c) run for
# that time in a VM, on a kernel with KCOV, and writes what it has found worth
# keeping to fuzz/corpus.

. "$(dirname "$0")/lib.sh"

kernel=$1
seconds=$2
corpus=$top/fuzz/corpus
dir=$build/$kernel
root=$build/fuzz

"$top/scripts/setup.sh" module vm kernel
"$top/scripts/kernels.sh" "$kernel"
mkdir -p "$dir/log" "$root/usr/bin"
say "building the module and the fuzzer"
{
	"$top/scripts/build.sh" "$cache/$kernel/kdir" "$dir"
	gcc -D_GNU_SOURCE -O2 -static -Wall -Wextra -Werror -I "$top/include/uapi" \
		-o "$root/usr/bin/calls" "$top/fuzz/calls.c"
} >"$dir/log/build.log" 2>&1 || {
	tail -n 30 "$dir/log/build.log" >&2
	die "the build failed: all of it is in $dir/log/build.log"
}

say "Linux $kernel: the fuzzer runs for $seconds s"
"$top/scripts/vm.sh" -a "$root" -l "$dir/log" -t $((seconds + 3600)) \
	"$kernel" sh -c "calls $seconds 2>&1" | tr -d '\r' | tee "$dir/fuzz.log" | grep -v '^"'

grep '^"' "$dir/fuzz.log" >"$dir/corpus" || die "it has printed no corpus"
{
	head -n 2 "$corpus"
	cat "$dir/corpus"
} >"$dir/corpus.new"
mv "$dir/corpus.new" "$corpus"
say "$(wc -l <"$dir/corpus") programs are in $corpus now, $(wc -c <"$corpus") bytes"
