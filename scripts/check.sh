#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [KERNEL...]: sets up what is missing, and runs the selftests in a VM
# on each of the kernels. Without any named: on Debian's, and on those of the debug
# kernels that were built before; with FULL=1, on 7.2-debug in any case.
#
# On 7.2-kcsan, only the tests run that have something for it. TESTS="poll stream"
# runs these alone, on every kernel. SEED=N gives tests another chance than they have
# without: see testing.rst. All that the build, the tests and the kernel
# said is kept in build/KERNEL/log.

. "$(dirname "$0")/lib.sh"

kernels=("$@")
if [ $# = 0 ]; then
	kernels=("${debian_kernels[@]}")
	[ ! -e "$cache/$race_kernel/stamp" ] || kernels+=("$race_kernel")
	if [ "${FULL:-}" ] || [ -e "$cache/$debug_kernel/stamp" ]; then
		kernels+=("$debug_kernel")
	else
		say "without $debug_kernel, which is not built yet: make check-debug, or FULL=1"
	fi
fi
tests=$build/selftests
# kernel, program, passed or failed or skipped, test, reason
results=$build/results.tsv

count() { # VERDICT [KERNEL [PROGRAM]]
	awk -F '\t' -v verdict="$1" -v kernel="${2:-}" -v program="${3:-}" '
	$3 == verdict && (kernel == "" || $1 == kernel) &&
		(program == "" || $2 == program) { n++ }
	END { print n + 0 }' "$results"
}

record() { # KERNEL PROGRAM; verdict, test and reason from standard input
	sed "s/^/$1\t$2\t/" >>"$results"
}

# One line for a program that has been run, and what failed in it.
report() { # KERNEL PROGRAM SECONDS LOG
	local kernel=$1 program=$2 seconds=$3 log=$4
	local passed failed skipped

	passed=$(count passed "$kernel" "$program")
	failed=$(count failed "$kernel" "$program")
	skipped=$(count skipped "$kernel" "$program")
	printf '  %-20s %4d passed' "$program" "$passed"
	[ "$failed" = 0 ] || printf ', %d FAILED' "$failed"
	[ "$skipped" = 0 ] || printf ', %d skipped' "$skipped"
	[ "$seconds" -lt 10 ] || printf '  (%d s)' "$seconds"
	printf '\n'
	sed -n 's/^# told: /      /p' "$log"
	[ "$failed" = 0 ] && return

	# The assertions of the tests that failed; for a program that broke
	# off, what it said last.
	awk '
	/^# +RUN / { text = "" }
	{ text = text "      " $0 "\n" }
	/^not ok/ && !/# *SKIP/ { printf "%s", text }
	/^(not )?ok/ { text = "" }
	' "$log"
	awk -F '\t' -v kernel="$kernel" -v program="$program" '
	$1 == kernel && $2 == program && $3 == "failed" && $4 == "-" {
		print "      " program ": " $5
	}' "$results"
	if ! grep -q '^not ok' "$log"; then
		tail -n 15 "$log" | sed 's/^/      /'
	fi
	echo "      all of it: $log"
}

# Reads what run-tests prints.
read_results() { # KERNEL
	local kernel=$1 line program='' log='' start=$SECONDS

	while IFS= read -r line; do
		case $line in
		::begin\ *)
			program=${line#::begin }
			log=$build/$kernel/log/$program.tap
			start=$SECONDS
			: >"$log" ;;
		::end\ *)
			awk -v status="${line##* }" -f "$top/scripts/tap.awk" "$log" |
				record "$kernel" "$program"
			report "$kernel" "$program" $((SECONDS - start)) "$log"
			program= ;;
		*)
			[ ! "$program" ] || printf '%s\n' "$line" >>"$log" ;;
		esac
	done
	[ ! "$program" ] || {
		printf 'failed\t-\tthe VM ended before the program did\n' |
			record "$kernel" "$program"
		report "$kernel" "$program" $((SECONDS - start)) "$log"
	}
}

# A module that only builds with warnings is one test that failed.
build_module() { # KERNEL
	local kernel=$1 log=$build/$1/log/build.log verdict=passed

	mkdir -p "$build/$kernel/log"
	"$top/scripts/build.sh" "$cache/$kernel/kdir" "$build/$kernel" strict \
		>"$log" 2>&1 || verdict=failed
	printf '%s\tno warning of gcc -Wall -Wextra (W=1) or sparse\t\n' $verdict |
		record "$kernel" build
	report "$kernel" build 0 "$log"
	[ $verdict = passed ]
}

# Boots it once, with these options of vm.sh, for run-tests to run something.
boot() { # KERNEL LOGS WHAT VM-OPTION... -- RUN-TESTS-ARGUMENT...
	local kernel=$1 logs=$2 what=$3 status=0 options=()
	shift 3

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	# A busy host makes it long; what hangs is silent, and ended for that.
	"$top/scripts/vm.sh" -t 14400 -a "$tests/initramfs" -l "$logs" "${options[@]}" \
		"$kernel" env ${SEED:+SEED="$SEED"} run-tests "$@" |
		read_results "$kernel" || status=${PIPESTATUS[0]}
	if [ "$status" = 0 ]; then
		printf 'passed\t%s\t\n' "$what"
	else
		printf 'failed\t%s\tsee %s\n' "$what" "$logs/kernel.log"
	fi | record "$kernel" kernel
}

check_kernel() { # KERNEL
	local kernel=$1 logs=$build/$1/log programs=() test results=$build/$1/results.tsv

	: >"$results"

	for test in "${tests_named[@]}"; do
		if [ "${TESTS:-}" ] || [ "$kernel" != "$race_kernel" ] ||
			is_in "$test" "${race_tests[@]}"; then
			programs+=("$test")
		fi
	done
	say "Linux $kernel"
	build_module "$kernel" || return 0
	boot "$kernel" "$logs" "it ran to its end and reported no bug" -- "${programs[@]}"

	is_in "$kernel" "${debian_kernels[@]}" || return 0
	# What counts instructions would count a debug kernel's checkers.
	[ ! "${counted[*]}" ] ||
		boot "$kernel" "$logs/counted" "it did so when it counted instructions" \
			-n -- -c "${counted[@]}"
	# Debian's kernels clear what they give out, and nothing that is not could show.
	! is_in secrets "${programs[@]}" ||
		boot "$kernel" "$logs/uncleared" "it did so when memory was not cleared" \
			-k "init_on_alloc=0 slub_debug=P" -- -u secrets
}

summary() {
	local kernel verdict

	printf '\n%-12s' ''
	printf '%12s' "${kernels[@]}"
	for verdict in passed failed skipped; do
		printf '\n%-12s' $verdict
		for kernel in "${kernels[@]}"; do
			printf '%12d' "$(count $verdict "$kernel")"
		done
	done
	printf '\n'

	awk -F '\t' '
	$3 == "skipped" {
		name = $2 ($4 == "-" ? "" : " " $4)
		if (!($5 in times))
			reasons[++n] = $5
		times[$5]++
		if (index(kernels[$5] " ", " " $1 " ") == 0)
			kernels[$5] = kernels[$5] " " $1
		if (index(tests[$5], "\n      " name "\n") == 0)
			tests[$5] = (tests[$5] ? tests[$5] : "\n") "      " name "\n"
	}
	$3 == "failed" {
		failures = failures "  " $1 ": " $2 ($4 == "-" ? "" : ": " $4) \
			($5 == "" ? "" : ": " $5) "\n"
	}
	END {
		if (n)
			printf "\nSkipped:\n"
		for (i = 1; i <= n; i++) {
			r = reasons[i]
			printf "  %s: %d on%s%s", r, times[r], kernels[r], tests[r]
		}
		if (failures)
			printf "\nFailed:\n%s", failures
	}' "$results"
	printf '\n'
}

ready "${kernels[@]}"

have_build_alone
: >"$results"
say "building the selftests"
make -s -j"$(nproc)" -C "$top/selftests" vm OUTPUT="$tests" >&2
tests_named=()
for test in ${TESTS:-$(make -s -C "$top/selftests" list)}; do
	test=${test%.sh}
	[ -e "$tests/initramfs/usr/lib/selftests/$test" ] ||
		[ -e "$tests/initramfs/usr/lib/selftests/$test.sh" ] ||
		die "there is no selftest $test"
	tests_named+=("$test")
done

# Those with tests for a machine that counts instructions.
counted=()
for program in "${tests_named[@]}"; do
	! grep -qs '^FIXTURE(counted)' "$top/selftests/$program.c" ||
		counted+=("$program")
done

# As many machines at once as there are processors to emulate them. What takes
# longest is named last, and begins first.
order=()
for kernel in "${kernels[@]}"; do
	order=("$kernel" "${order[@]}")
	mkdir -p "$build/$kernel"
	rm -f "$build/$kernel/pid"
done
check_all() {
	local kernel

	for kernel in "${order[@]}"; do
		while [ "$(jobs -pr | wc -l)" -ge "$(nproc)" ]; do
			wait -n || :
		done
		: >"$build/$kernel/shown"
		check_kernel "$kernel" >"$build/$kernel/shown" 2>&1 &
		echo $! >"$build/$kernel/pid"
	done
	wait
}
# In a process group of its own, so that it ends with this.
set -m
check_all </dev/null &
all=$!
set +m
trap 'kill -- -$all 2>/dev/null || :' EXIT
trap 'exit 130' HUP INT TERM
# Each has its turn to be shown, as it goes on.
for kernel in "${order[@]}"; do
	until [ -s "$build/$kernel/pid" ]; do
		kill -0 "$all" 2>/dev/null || die "the check of $kernel did not begin"
		sleep 0.2
	done
	tail -n +1 -s 0.5 -f --pid="$(cat "$build/$kernel/pid")" "$build/$kernel/shown"
done
wait "$all" || :
for kernel in "${kernels[@]}"; do
	cat "$build/$kernel/results.tsv"
	# Whatever ended the check of a kernel, it is not passed by saying nothing.
	awk -F '\t' '$2 == "kernel" || ($2 == "build" && $3 == "failed") { n++ } END { exit !n }' \
		"$build/$kernel/results.tsv" ||
		printf '%s\tkernel\tfailed\tits check came to its end\tsee %s\n' \
			"$kernel" "$build/$kernel/log"
done >"$results"
summary
closing_line "$(count passed)" "$(count failed)" "$(count skipped)"
