#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [-i] KERNEL COMMAND [ARGUMENT...]: sets up what is missing, and runs
# the command in a VM that has the module loaded and the samples in its PATH.
# With -i the command has the terminal.

. "$(dirname "$0")/lib.sh"

options=()
interactive=
if [ "$1" = -i ]; then
	[ -t 0 ] || die "this takes a terminal"
	interactive=yes
	options+=(-i)
	shift
fi
kernel=$1
shift

"$top/scripts/setup.sh" module vm
is_in "$kernel" "${debian_kernels[@]}" || "$top/scripts/setup.sh" kernel
"$top/scripts/kernels.sh" "$kernel"

samples=$build/samples
log=$build/run.log
mkdir -p "$build"
say "building the module and the samples"
{
	"$top/scripts/build.sh" "$cache/$kernel/kdir" "$build/$kernel"
	make -C "$top/samples" STATIC=1 DEST="$samples/usr/bin"
} >"$log" 2>&1 || {
	tail -n 30 "$log" >&2
	die "the build failed: all of it is in $log"
}

# The selftests, too, where they have been built.
tests=$build/selftests/initramfs
[ ! -d "$tests" ] || options+=(-a "$tests")
say "booting Linux $kernel"
[ ! "$interactive" ] ||
	say "samples: /usr/bin; selftests: /usr/lib/selftests; exit, or Ctrl-A x, ends the VM"
exec "$top/scripts/vm.sh" -a "$samples" "${options[@]}" "$kernel" "$@"
