#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# twins.sh KERNEL TIME SEED: the same random calls on AF_DEMO and AF_UNIX, side by
# side, in a VM, for TIME seconds: selftests/twins/twins.h says how. Seeds are
# tried one after the other, from SEED on; with a time of 0, that one alone. Says
# every minute how far it is, and ends at the first finding.

. "$(dirname "$0")/lib.sh"

kernel=$1
time=$2
seed=$3

ready "$kernel"
have_build_alone

root=$build/twins
log=$build/twins.log
mkdir -p "$root/usr/bin"
say "building the module and the twins"
: >"$log"
quietly "$log" "$top/scripts/build.sh" "$cache/$kernel/kdir" "$build/$kernel"
quietly "$log" make -C "$top/selftests" OUTPUT="$build/selftests" \
	"$build/selftests/fuzz_twins"
install -s "$build/selftests/fuzz_twins" "$root/usr/bin/"

say "booting Linux $kernel"
status=0
"$top/scripts/vm.sh" -a "$root" -l "$build/$kernel/twins" -t $((time + 3600)) \
	"$kernel" fuzz_twins "$time" "$seed" || status=$?
[ "$status" != 1 ] || {
	seed=$(sed -n 's/^# seed \([0-9]*\):.*/\1/p' "$build/$kernel/twins/output.log" | tail -n 1)
	say "again: make fuzz KERNEL=$kernel SECONDS=0 SEED=$seed"
}
exit "$status"
