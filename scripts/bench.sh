#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh           measures AF_DEMO beside its relatives, in VMs, and writes
#                    tables and plots into build/bench
# bench.sh check     counts the instructions of the main rows on 6.1 and compares
#                    them with bench/figures.tsv: fails when one is over 3 % more
# bench.sh keep      writes bench/figures.tsv anew
# bench.sh compare   measures the module beside those of other commits, in one VM by
#                    turns, and prints how they differ; WITH="HEAD~1" are the commits
#
# KERNELS="6.1" and WAYS="counted timed" choose; ROWS="oneway-stream:64 epoll"
# are these alone; ROUNDS=9 is how often the timed ones are measured.
# RESULTS=bench/results puts the tables and plots there.

. "$(dirname "$0")/lib.sh"

mode=${1:-all}
read -ra kernels <<<"${KERNELS:-6.1 $bench_kernel}"
read -ra ways <<<"${WAYS:-counted timed}"
read -ra rows <<<"${ROWS:-}"
rounds=${ROUNDS:-9}
out=$build/bench
results=${RESULTS:-$out}
figures=$top/bench/figures.tsv
options=()
commits=()

# TIPC does not load by itself. A kernel that has it built in has no module.
# shellcheck disable=SC2016 # the shell in the VM expands it
start='modprobe tipc 2>/dev/null; exec "$@"'

# What a change is likely to make slower, and a VM measures within two minutes.
main_rows=(
	turns-stream:{1,64,4096,65536} turns-dgram:64 turns-seqpacket:64
	roundtrip-{stream,dgram,seqpacket}:64 small-writes small-reads
	mmsg-dgram mmsg-seqpacket connect-stream socketpair-stream
	epoll:100 senders bind:1000 {turns,zerocopy}-stream:1048576
)

case $mode in
all)	;;
check|keep)
	kernels=(6.1)
	ways=(counted)
	rows=("${main_rows[@]}")
	options=(-f "demo,unix") ;;
compare)
	read -ra wanted <<<"${WITH:-HEAD}"
	for commit in "${wanted[@]}"; do
		commits+=("$(git -C "$top" rev-parse -q --verify --short "$commit^{commit}")") ||
			die "there is no commit $commit here, or no git"
		say "${commits[-1]}: $(git -C "$top" log -1 --format=%s "${commits[-1]}")"
	done
	[ "${commits[*]}" ] || die "WITH names no commit"
	[ "${rows[*]}" ] || rows=(oneway-{stream,dgram,seqpacket}:{64,4096} "${main_rows[@]}") ;;
*)	die "usage: bench.sh [check|keep|compare]" ;;
esac

# The families' modules, with all that they need.
add_modules() { # KERNEL
	local kernel=$1 release dir module
	local from=$cache/$kernel/lib/modules

	[ -d "$from" ] || return 0
	release=$(modinfo -F vermagic "$build/$kernel/demo.ko")
	release=${release%% *}
	dir=$out/$kernel/root/lib/modules/$release
	mkdir -p "$dir"
	for module in udp_tunnel ip6_udp_tunnel tipc vsock \
		vmw_vsock_virtio_transport_common vsock_loopback; do
		find "$from/$release" -name "$module.ko*" -exec cp {} "$dir/" \;
	done
}

# The commit that changed the module last. Without git, the sum that the kernel's
# build makes of the sources.
module_name() { # KERNEL
	local sources=(Kbuild ':(glob)*.[ch]' compat include) name

	if ! name=$(git -C "$top" log -1 --format=%h -- "${sources[@]}" 2>/dev/null); then
		modinfo -F srcversion "$build/$1/demo.ko"
	elif git -C "$top" diff --quiet HEAD -- "${sources[@]}"; then
		echo "$name"
	else
		echo "$name, changed"
	fi
}

prepare() { # KERNEL
	local kernel=$1 log=$out/$1/build.log

	mkdir -p "$out/$kernel"
	: >"$log"
	quietly "$log" "$top/scripts/build.sh" "$cache/$kernel/kdir" "$build/$kernel"
	quietly "$log" make -C "$top/bench" DEST="$out/bin"
	rm -rf "$out/$kernel/root"
	mkdir -p "$out/$kernel/root/usr/bin"
	install -s "$out/bin/bench" "$out/$kernel/root/usr/bin/"
	cp "$top/scripts/vm/take-turns" "$out/$kernel/root/usr/bin/"
	add_modules "$kernel"
	modinfo -F vermagic "$build/$kernel/demo.ko" | cut -d ' ' -f 1 >"$out/$kernel/release"
	module_name "$kernel" >"$out/$kernel/module"
}

# The module of another commit, for the VM to load instead of the one of this tree.
add_other() { # KERNEL COMMIT
	local kernel=$1 commit=$2 tree=$out/commits/$2 log=$out/$1/build.log

	mkdir -p "$tree"
	git -C "$top" archive "$commit" | tar -x -C "$tree"
	quietly "$log" "$tree/scripts/build.sh" "$cache/$kernel/kdir" "$tree/build/$kernel"
	mkdir -p "$out/$kernel/root/root"
	strip --strip-debug -o "$out/$kernel/root/root/$commit.ko" "$tree/build/$kernel/demo.ko"
}

# Says each row once, as soon as it is there.
progress() { # KERNEL WAY
	local work size last=''

	while read -r work size _; do
		[ "$work $size" = "$last" ] || echo "   $1 $2: $work $size" >&2
		last="$work $size"
	done
}

# Says in which round it is, when one module has done its first row.
progress_of_rounds() { # KERNEL WAY ROUNDS
	local work size family first='' round=0

	while read -r work size family _; do
		: "${first:="$work $size $family"}"
		[ "$work $size $family" != "$first" ] || echo "   $1 $2: round $((++round)) of $3" >&2
	done
}

measure() { # KERNEL WAY
	local kernel=$1 way=$2 vm=() bench=() turns run watch=progress status=0

	case $way in
	counted)
		vm=(-n)
		turns=2 ;;
	timed)	bench=(-p -s -x 4)
		turns=$rounds ;;
	*)	die "there is no way $way: counted, timed" ;;
	esac
	run=(bench -r "$turns")
	if [ "$mode" = compare ]; then
		run=(take-turns "$turns")
		watch=progress_of_rounds
	fi
	say "Linux $kernel, $way"
	"$top/scripts/vm.sh" "${vm[@]}" -m 3072 -t 20000 -a "$out/$kernel/root" \
		-l "$out/$kernel/$way" "$kernel" sh -c "$start" start \
		"${run[@]}" "${bench[@]}" "${options[@]}" "${rows[@]}" |
		tee "$out/$kernel/$way.tsv" | $watch "$kernel" "$way" "$turns" || status=$?
	[ $status = 0 ] || die "the VM failed ($status): see $out/$kernel/$way"
}

"$top/scripts/setup.sh" bench
ready "${kernels[@]}"
have_build_alone
mkdir -p "$out" "$results"
measured=()
for kernel in "${kernels[@]}"; do
	prepare "$kernel"
	for commit in "${commits[@]}"; do
		add_other "$kernel" "$commit"
	done
	for way in "${ways[@]}"; do
		measure "$kernel" "$way"
		measured+=("$kernel/$way")
	done
done

case $mode in
all)
	python3 "$top/bench/report.py" "$out" "$results" "${measured[@]}"
	say "tables and plots: $results" ;;
compare)
	for what in "${measured[@]}"; do
		python3 "$top/bench/compare.py" "$out" "$what" "${commits[@]}"
	done ;;
keep)
	python3 "$top/bench/check.py" keep "$out/6.1/counted.tsv" "$(<"$out/6.1/release")" \
		"$figures" ;;
check)
	python3 "$top/bench/check.py" check "$out/6.1/counted.tsv" "$(<"$out/6.1/release")" \
		"$figures" "$out/counts"
	read -r passed failed skipped <"$out/counts"
	closing_line "$passed" "$failed" "$skipped" ;;
esac
