#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# soak.sh KERNEL HOURS: the tests that find something new each time, again and
# again until the time is over, in one machine: failing allocations, random calls
# with seeds never tried before, system calls at random, and calls that meet; after
# each round, nothing may be left. Says every minute how far it is, and ends with the
# first that fails.

. "$(dirname "$0")/lib.sh"

kernel=$1
hours=$2
[[ $hours =~ ^[0-9]+([.][0-9]+)?$ ]] || die "HOURS= is a number, not \"$hours\""
seconds=$(awk -v hours="$hours" 'BEGIN { printf "%d", hours * 3600 }')
tests=(allocations race_connect race_data race_wake race_unload threads cycle)

ready "$kernel"
have_build_alone

dir=$build/soak
log=$dir/build.log
mkdir -p "$dir/root/usr/bin" "$dir/log"
say "building the module, the selftests and the fuzzers"
: >"$log"
quietly "$log" "$top/scripts/build.sh" "$cache/$kernel/kdir" "$build/$kernel"
quietly "$log" make -s -j"$(nproc)" -C "$top/selftests" vm OUTPUT="$build/selftests"
quietly "$log" make -s -C "$top/fuzz" DEST="$dir/root/usr/bin"
install -s "$build/selftests/fuzz_twins" "$dir/root/usr/bin/"
install "$top/scripts/vm/soak" "$dir/root/usr/bin/"

say "Linux $kernel for $hours hours; all it says is kept in $dir/log"
"$top/scripts/vm.sh" -a "$build/selftests/initramfs" -a "$dir/root" \
	-l "$dir/log" -t $((seconds + 7200)) -s 3600 \
	"$kernel" soak "$seconds" "${tests[@]}"
