#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vm.sh [OPTION...] KERNEL COMMAND [ARGUMENT...]
#
# Boots KERNEL (a name that kernels.sh has made ready, and for which build.sh
# has built demo.ko in build/KERNEL) in QEMU, loads the module, and runs the
# command there. Standard output is what the command printed, nothing else, and
# is kept in build/KERNEL/vm/output.log. The kernel's log is kept beside it in
# kernel.log; a report of a bug in there is shown, and fails the run.
#
#   -a DIR      add the files in DIR to those the VM has; may be repeated
#   -d DIR      demo.ko is there, not in build/KERNEL
#   -i          interactive: the command has the terminal; there is no time
#               limit, and its exit status does not matter
#   -l DIR      keep the two logs there
#   -t SECONDS  end the VM after that time (default 3600)
#   -s SECONDS  end it when it was silent for that time (default 700)
#   -c CPUS     processors (default 2)
#   -m MIB      memory (default 1024, for a debug kernel 3072)
#   -k WORDS    more for the kernel's command line
#   -n          count instructions: the clock advances 1 ns with each that the
#               one processor executes, and demo.icount=1 on the command line
#               tells programs so. Always emulated
#
# AF_DEMO_ACCEL=tcg or kvm overrules the choice between the two.
#
# Exit status: that of the command; 124 when the VM was ended from outside;
# 125 when it did not reach its end; 126 when the kernel reported a bug.

. "$(dirname "$0")/lib.sh"

adds=()
dir=
interactive=
logs=
time_limit=3600
silence_limit=700
cpus=2
memory=
words=
count=
while getopts a:d:il:t:s:c:m:k:n option; do
	case $option in
	a)	adds+=("$OPTARG") ;;
	d)	dir=$OPTARG ;;
	i)	interactive=on ;;
	l)	logs=$OPTARG ;;
	t)	time_limit=$OPTARG ;;
	s)	silence_limit=$OPTARG ;;
	c)	cpus=$OPTARG ;;
	m)	memory=$OPTARG ;;
	k)	words=$OPTARG ;;
	n)	count=on ;;
	*)	exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || die "usage: vm.sh [OPTION...] KERNEL COMMAND [ARGUMENT...]"
kernel=$1
shift
case $kernel in
*-*)	: "${memory:=3072}" ;;
*)	: "${memory:=1024}" ;;
esac

# A boot that says nothing for this long does not come up at all.
boot_limit=300

: "${dir:=$build/$kernel}"
: "${logs:=$dir/vm}"
log=$logs/kernel.log
output=$logs/output.log
mkdir -p "$logs"
tmp=$(mktemp -d)
qemu=
trap 'rm -rf "$tmp"; [ -z "$qemu" ] || kill "$qemu" 2>/dev/null || :' EXIT
trap 'exit 130' HUP INT TERM

# -- what the VM has

root=$tmp/root
mkdir -p "$root"/{bin,etc,usr/bin}
cp /bin/busybox "$root/bin/"
cp "$top/scripts/vm/init" "$root/init"
cp "$top"/scripts/vm/{run-tests,unload} "$root/usr/bin/"
echo 'root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:
nogroup:x:65534:' >"$root/etc/group"
for add in "${adds[@]}"; do
	cp -r "$add/." "$root/"
done

# The module where an installed one is, so that it loads by itself, too.
release=$(modinfo -F vermagic "$dir/demo.ko")
release=${release%% *}
modules=$root/lib/modules/$release
mkdir -p "$modules/updates"
strip --strip-debug -o "$modules/updates/demo.ko" "$dir/demo.ko"
: >"$modules/modules.order"
: >"$modules/modules.builtin"
: >"$modules/modules.builtin.modinfo"
depmod -b "$root" "$release"

command=$(printf '%q ' "$@")
mode='raw -echo'
if [ "$interactive" ]; then
	mode="sane $(stty size | sed '/^0/d; s/\(.*\) \(.*\)/rows \1 cols \2/')"
	command="TERM=${TERM:-vt100} setsid -c $command"
fi
printf '%s=%q\n' mode "$mode" command "$command" >"$root/task"

(cd "$root" && find . | busybox cpio -o -H newc -R 0:0 2>/dev/null) >"$tmp/initramfs"

# -- where it runs

# Without 5-level page tables: 7.2 forgets for a moment in its start that it has
# them, and KASAN then takes an interrupt's memory for none of the kernel's.
processor=max,la57=off
# A /dev/kvm that opens may still not work: without the processor's flag, a
# guest never gets past its boot loader.
accel=${AF_DEMO_ACCEL:-}
clock=()
if [ "$count" ]; then
	# A clock like this is QEMU's own, and has one processor.
	accel=tcg
	cpus=1
	clock=(-icount "shift=0,sleep=off")
	words+=" demo.icount=1"
elif [ "$accel" ]; then
	:
elif { : <>/dev/kvm; } 2>/dev/null && grep -qwE 'vmx|svm' /proc/cpuinfo; then
	accel=kvm
else
	accel=tcg
fi
# For a processor that copies bytes fast (ERMS, FSRM) the kernel copies by bytes, and
# the emulator makes a loop of that: copies by words take it several times less. Where instructions
# are counted, a byte is one, which the figures that are kept and the marks go by.
[ "$accel$count" != tcg ] || processor+=,erms=off,fsrm=off

# slab_nomerge: the sizes of slabs are those of their own objects.
append="console=ttyS0 loglevel=7 printk.devkmsg=on slab_nomerge oops=panic panic=-1"
# A clock that is trusted to the end: to stop trusting it, the kernel changes its own
# code under the feet of the other processor, as in vm/init.
append+=" tsc=nowatchdog"
# The longer limits: a busy host without KVM is no stalled kernel.
append+=" rcupdate.rcu_cpu_stall_timeout=120 watchdog_thresh=60 no_timer_check"
append+=" sysctl.kernel.hung_task_timeout_secs=240 $words"

# -- run it

exec 3<&0
[ "$interactive" ] || exec 3</dev/null

boot() {
	local last=0 quiet=0 seconds size

	ended=
	: >"$log"
	: >"$output"
	qemu-system-x86_64 -accel "$accel" "${clock[@]}" -cpu "$processor" \
		-smp "$cpus" -m "$memory" \
		-nodefaults -no-user-config -display none -no-reboot \
		-kernel "$cache/$kernel/image" -initrd "$tmp/initramfs" \
		-append "$append" \
		-serial file:"$log" \
		-chardev "stdio,id=output,signal=off,mux=${interactive:-off},logfile=$output" \
		-serial chardev:output \
		<&3 &
	qemu=$!

	for ((seconds = 0; ; seconds++)); do
		kill -0 "$qemu" 2>/dev/null || break
		size=$(cat "$log" "$output" | wc -c)
		[ "$size" = "$last" ] && quiet=$((quiet + 1)) || quiet=0
		last=$size
		if [ "$size" = 0 ] && [ "$quiet" -ge $boot_limit ]; then
			ended="the kernel did not start within $boot_limit s"
		elif [ "$interactive" ]; then
			:
		elif [ "$quiet" -ge "$silence_limit" ]; then
			ended="it was silent for $silence_limit s"
		elif [ "$seconds" -ge "$time_limit" ]; then
			ended="its $time_limit s are over"
		fi
		if [ "$ended" ]; then
			kill "$qemu"
			break
		fi
		sleep 1
	done
	wait "$qemu" || :
	qemu=
}

boot
# What falls before it has run anything of ours: a kernel changes its own code while it
# starts, and QEMU 7.2, when it emulates two processors, may run that half changed.
if [ ! "$ended$interactive" ] && ! grep -q 'Run /init as init process' "$log"; then
	say "$kernel fell in its own start, which is kept in $log.start; once more"
	mv "$log" "$log.start"
	boot
fi
[ -z "$interactive" ] || stty sane <&3 || :

# -- how it went

status=$(sed -n 's/.*vm: the task ended with status \([0-9]*\).*/\1/p' "$log" | tail -n 1)
if ! "$top/scripts/kernel-log.sh" "$log"; then
	exit 126
elif [ "$interactive" ] && [ ! "$ended" ]; then
	# However a person ends it is fine.
	exit 0
elif [ "$ended" ]; then
	say "$kernel: the VM was ended: $ended; the end of $log:"
	tail -n 20 "$log" >&2
	exit 124
elif [ -z "$status" ]; then
	say "$kernel: the VM did not reach its end; the end of $log:"
	tail -n 20 "$log" >&2
	exit 125
fi
exit "$status"
