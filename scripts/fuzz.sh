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

ready "$kernel"
have_build_alone
mkdir -p "$dir/log" "$root/usr/bin"
say "building the module and the fuzzer"
: >"$dir/log/build.log"
quietly "$dir/log/build.log" "$top/scripts/build.sh" "$cache/$kernel/kdir" "$dir"
quietly "$dir/log/build.log" make -s -C "$top/fuzz" DEST="$root/usr/bin"

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
