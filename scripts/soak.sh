#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# soak.sh KERNEL HOURS: the tests that find something new each time, again and
# again until the time is over, in one machine: failing allocations, random calls
# with seeds never tried before, system calls at random, and calls that meet. Says
# every minute how far it is, and ends with the first round that fails.

. "$(dirname "$0")/lib.sh"

kernel=$1
hours=$2
[[ $hours =~ ^[0-9]+([.][0-9]+)?$ ]] || die "HOURS= is a number, not \"$hours\""
seconds=$(awk -v hours="$hours" 'BEGIN { printf "%d", hours * 3600 }')
tests=(allocations race_connect race_data race_wake threads cycle)

"$top/scripts/setup.sh" module vm
is_in "$kernel" "${debian_kernels[@]}" || "$top/scripts/setup.sh" kernel
"$top/scripts/kernels.sh" source "$kernel"

dir=$build/soak
log=$dir/build.log
mkdir -p "$dir/root/usr/bin" "$dir/log"
say "building the module, the selftests and the fuzzers"
{
	"$top/scripts/build.sh" "$cache/$kernel/kdir" "$build/$kernel"
	make -s -j"$(nproc)" -C "$top/selftests" vm OUTPUT="$build/selftests"
	install -s "$build/selftests/fuzz_twins" "$dir/root/usr/bin/"
	gcc -D_GNU_SOURCE -O2 -static -Wall -Wextra -Werror -I "$top/include/uapi" \
		-o "$dir/root/usr/bin/calls" "$top/fuzz/calls.c"
} >"$log" 2>&1 || {
	tail -n 30 "$log" >&2
	die "the build failed: all of it is in $log"
}
install "$top/scripts/vm/soak" "$dir/root/usr/bin/"

say "Linux $kernel for $hours hours; all it says is kept in $dir/log"
"$top/scripts/vm.sh" -a "$build/selftests/initramfs" -a "$dir/root" \
	-l "$dir/log" -t $((seconds + 7200)) -s 3600 \
	"$kernel" soak "$seconds" "${tests[@]}"
