#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# coverage.sh KERNEL: how much of demo.ko the selftests reach on a kernel, and
# what they do not.
#
# Counted are the blocks that the compiler made: straight pieces of code, also
# of the kernel's functions that are inlined. TESTS="poll stream" measures
# these alone. What was never reached, by function and line, is printed last, and
# kept in build/KERNEL-coverage/never; the kernel's inlined functions apart, since
# most of theirs is for what cannot be here: a counter that overflows, a table that
# is being resized.

. "$(dirname "$0")/lib.sh"

kernel=$1
tests=$build/selftests
dir=$build/$kernel-coverage
module=$dir/demo.ko
recorder=__sanitizer_cov_trace_pc

ready "$kernel"
have_build_alone
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

# A call is known by the address behind it. A jump to the recorder, at the end of a
# function, is not: it returns to somewhere else. And what leads to a report of a checker
# is not the module's.
objdump -dr -j .text --no-show-raw-insn "$module" | awk -v recorder="$recorder-0x4" '
function flush_call() {
	if (call != "")
		print call
	call = ""
}
/^ *[0-9a-f]+:\t/ { mnemonic = $2; next }
$2 !~ /^R_X86_64_P(LT|C)32$/ { next }
$3 == recorder {
	flush_call()
	if (mnemonic == "call")
		call = substr($1, 1, length($1) - 1)
	next
}
$3 ~ /^__ubsan_handle_/ { call = "" }
mnemonic == "call" { flush_call() }
END { flush_call() }' |
	while read -r operand; do
		echo $((0x$operand + 4))
	done >"$dir/calls"
here=$((0x$(nm "$module" | sed -n "s/ [Tt] $recorder\$//p")))

say "Linux $kernel"
# What a test fails is for check.sh to say.
status=0
"$top/scripts/vm.sh" -t 14400 -a "$tests/initramfs" -d "$dir" -l "$dir/log" \
	"$kernel" run-tests "${programs[@]}" | tee "$dir/output" |
	awk -v here="$here" -v calls="$dir/calls" -v reached="$dir/reached" '
	BEGIN {
		while ((getline address <calls) > 0)
			all += is_call[address] = 1
		printf "" >reached
	}
	{ sub(/\r$/, "") }
	$1 == "::begin" { program = $2; new = 0 }
	$1 == "::reached" && is_call[here + $2] && !seen[here + $2]++ {
		print here + $2 >reached
		new++
		sum++
	}
	$1 == "::end" {
		printf "  %-20s %5d more, %5d in all, %5.1f %%\n", program, new, sum,
			100 * sum / all
		fflush()
	}
	END {
		printf "\n%d of %d blocks reached, %.1f %%\n", sum, all, 100 * sum / all
	}' || status=$?

# Where a call is: the innermost function of ours, and what of the kernel's headers is
# inlined there, if it is in that. What the compiler made up itself has no name in C.
while read -r call; do
	printf '%#x\n' $((call - 1))
done <"$dir/calls" | addr2line -aife "$module" | awk -v dir="$dir/" -v calls="$dir/calls" '
function place() {
	if (name != "" && name !~ / _sub_/)
		print address, name, inlined
}
/^0x/ { place(); getline address <calls; name = inlined = ""; next }
{
	called = $1
	getline
	sub(/ \(discriminator.*/, "")
	if (name != "")
		next
	file = substr($1, length(dir) + 1)
	if (index($1, dir) == 1 && file !~ /\//)
		name = file " " called
	else if (inlined == "")
		inlined = called
}
END { place() }' >"$dir/places"

awk -v reached="$dir/reached" '
BEGIN {
	while ((getline call <reached) > 0)
		is_reached[call] = 1
}
NF > 3 {
	inlined++
	if ($1 in is_reached)
		inlined_reached++
	else
		headers[$4]++
	next
}
{
	line = $2 " " $3
	if (!blocks[line]++)
		lines++
	if (!($1 in is_reached))
		next
	if (!blocks_reached[line]++)
		lines_reached++
}
function share(what, some, all) {
	printf "%s: %d of %d reached, %.1f %%\n", what, some, all, 100 * some / all
}
function list(title, in_part) {
	printf "\n%s:\n", title
	for (line in blocks) {
		missed = blocks[line] - blocks_reached[line]
		if (!missed || !blocks_reached[line] == in_part)
			continue
		split(line, part)
		printf "  %-22s %-32s %s\n", part[1], part[2],
			in_part ? missed " of " blocks[line] " blocks" : "" | sorted
	}
	close(sorted)
}
END {
	sorted = "sort -t : -k 1,1 -k 2,2n"
	share("Lines of the module that branch or begin a block", lines_reached, lines)
	share("Blocks inlined of the kernel", inlined_reached, inlined)
	list("Lines never reached", 0)
	list("Reached in part", 1)
	printf "\nNever reached of what is inlined, in blocks:\n"
	for (name in headers)
		printf "  %4d %s\n", headers[name], name | "sort -k 1,1nr -k 2"
}' "$dir/places" >"$dir/never"
cat "$dir/never"
[ $status = 0 ] || die "INCOMPLETE: the VM ended with status $status, see $dir/log"
