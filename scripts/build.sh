#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build.sh KDIR DIR [strict]: builds demo.ko in DIR against the kernel whose
# build directory is KDIR. When strict, every warning of gcc (with W=1) and of
# sparse is an error.
#
# kbuild writes beside the sources. So that each kernel has its own objects,
# DIR gets links to the sources first.

. "$(dirname "$0")/lib.sh"

kdir=$1
dir=$(realpath -m "$2")
flags=()
[ "${3:-}" != strict ] ||
	flags=(W=1 KCFLAGS=-Werror C=1 CHECK="sparse -Wsparse-error")

mkdir -p "$dir"
# Links to what is gone would be found by nobody, or by an #include.
find "$dir" -xtype l -delete
cp -rsf "$top"/Kbuild "$top"/*.[ch] "$top"/compat "$top"/include "$dir"
make -C "$kdir" M="$dir" "${flags[@]}" modules
