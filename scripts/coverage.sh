#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# coverage.sh KERNEL: how much of demo.ko the selftests reach on a kernel, and
# what they do not.
#
# Counted are the blocks that the compiler made: straight pieces of code, also
# of the kernel's functions that are inlined. TESTS="poll stream" measures
# these alone. The list of what was never reached, by function and line, is
# printed last, and kept in build/KERNEL-coverage/never.

. "$(dirname "$0")/lib.sh"

kernel=$1
tests=$build/selftests
dir=$build/$kernel-coverage
module=$dir/demo.ko
recorder=__sanitizer_cov_trace_pc

ready "$kernel"
mkdir -p "$dir/log"
say "building the module with a recorder, and the selftests"
log=$dir/log/build.log
: >"$log"
cp -sf "$top/scripts/coverage/recorder.c" "$dir/"
DEMO_RECORDER=y quietly "$log" "$top/scripts/build.sh" "$cache/$kernel/kdir" "$dir"
quietly "$log" make -s -j"$(nproc)" -C "$top/selftests" vm OUTPUT="$tests"
programs=()
for test in ${TESTS:-$(make -s -C "$top/selftests" list)}; do
	programs+=("${test%.sh}")
done

# A call is known by the address behind it.
objdump -dr -j .text "$module" | sed -n -E \
	"s/^\s*([0-9a-f]+): R_X86_64_P(LT|C)32\s+$recorder-0x4\$/\1/p" |
	while read -r operand; do
		echo $((0x$operand + 4))
	done >"$dir/calls"
here=$((0x$(nm "$module" | sed -n "s/ [Tt] $recorder\$//p")))

say "Linux $kernel"
# What a test fails is for check.sh to say.
"$top/scripts/vm.sh" -a "$tests/initramfs" -d "$dir" -l "$dir/log" \
	"$kernel" run-tests "${programs[@]}" >"$dir/output" ||
	say "the VM ended with status $?"

: >"$dir/reached"
awk -v here="$here" -v calls="$dir/calls" -v reached="$dir/reached" '
BEGIN {
	while ((getline address <calls) > 0)
		all += is_call[address] = 1
}
{ sub(/\r$/, "") }
$1 == "::begin" { program = $2; new = 0 }
$1 == "::reached" && is_call[here + $2] && !seen[here + $2]++ {
	print here + $2 >reached
	new++
	sum++
}
$1 == "::end" {
	printf "  %-20s %5d more, %5d in all, %5.1f %%\n", program, new, sum, 100 * sum / all
}
END {
	printf "\n%d of %d blocks reached, %.1f %%\n", sum, all, 100 * sum / all
}' "$dir/output"

# Each by the innermost function of ours that it is inlined into.
grep -vxFf "$dir/reached" "$dir/calls" | awk '{ printf "%#x\n", $1 - 1 }' |
	addr2line -aife "$module" | awk -v dir="$dir/" '
function place() {
	if (found)
		times[found]++
	found = ""
}
/^0x/ { place(); next }
{
	name = $1
	getline
	sub(/ \(discriminator.*/, "")
	if (found || index($1, dir) != 1)
		next
	file = substr($1, length(dir) + 1)
	if (file !~ /\//)
		found = sprintf("%s %s", file, name)
}
END {
	place()
	for (where in times)
		print where, times[where]
}' | sort -t : -k 1,1 -k 2,2n |
	awk '{ printf "  %-22s %-32s %s\n", $1, $2, ($3 > 1 ? $3 " blocks" : "") }' >"$dir/never"
printf '\nNever reached:\n'
cat "$dir/never"
