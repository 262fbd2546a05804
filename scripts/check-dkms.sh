#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check-dkms.sh: builds the module through DKMS against the headers package of
# each of Debian's kernels. All of it happens in build/dkms and needs no root.

. "$(dirname "$0")/lib.sh"

"$top/scripts/setup.sh" module dkms
"$top/scripts/kernels.sh" "${debian_kernels[@]}"

# PACKAGE_NAME and PACKAGE_VERSION
# shellcheck source=../dkms.conf
. "$top/dkms.conf"
dir=$build/dkms
package=$PACKAGE_NAME/$PACKAGE_VERSION
module=${BUILT_MODULE_NAME[0]}.ko

rm -rf "$dir"
mkdir -p "$dir"/{tree,"src/$PACKAGE_NAME-$PACKAGE_VERSION"}
cp -r "$top"/{dkms.conf,Makefile,Kbuild,compat,include} "$top"/*.[ch] \
	"$dir/src/$PACKAGE_NAME-$PACKAGE_VERSION"

# What is wrong goes to standard output.
try() { # KERNEL
	local kernel=$1 kdir release built
	local options=(--dkmstree "$dir/tree" --sourcetree "$dir/src")

	kdir=$(realpath "$cache/$kernel/kdir")
	release=${kdir##*/linux-headers-}
	if ! dkms build "$package" -k "$release" --kernelsourcedir "$kdir" \
		"${options[@]}" >"$dir/$kernel.log" 2>&1; then
		cat "$dir/$kernel.log" "$dir/tree/$package/build/make.log"
		return 1
	fi
	built=$(find "$dir/tree/$package/$release" -name "$module")
	if [ "$(modinfo -F vermagic "$built" | cut -d ' ' -f 1)" != "$release" ]; then
		echo "$module is not one for $release"
		return 1
	fi
}

passed=0
failed=0
for kernel in "${debian_kernels[@]}"; do
	if fault=$(try "$kernel"); then
		echo "  DKMS, Linux $kernel: ok"
		passed=$((passed + 1))
	else
		echo "  DKMS, Linux $kernel: FAILED"
		printf '%s\n' "$fault" | sed 's/^/      /'
		failed=$((failed + 1))
	fi
done
closing_line $passed $failed 0
