#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# setup.sh PURPOSE...: installs the Debian packages that these need and that
# are missing, after naming them. Does nothing when all are there.
#
#   module   build the module and programs
#   vm       run them in a VM
#   kernel   build a kernel
#   lint     check the sources
#   dkms     build the module through DKMS
#   bench    make tables and plots of what was measured

. "$(dirname "$0")/lib.sh"

packages=()
for purpose; do
	case $purpose in
	# dwarves: pahole, for the BTF step of the 6.12 headers.
	module)	packages+=(make gcc libc6-dev xz-utils kmod dwarves sparse) ;;
	vm)	packages+=(qemu-system-x86 busybox-static kmod) ;;
	kernel)	packages+=(make gcc libc6-dev xz-utils bc bison flex libelf-dev python3 perl) ;;
	lint)	packages+=(shellcheck g++ perl python3 man-db groff-base python3-docutils) ;;
	dkms)	packages+=(dkms) ;;
	bench)	packages+=(python3) ;;
	*)	die "unknown purpose: $purpose" ;;
	esac
done

command -v dpkg-query >/dev/null || die "this is not a Debian: install ${packages[*]}"
[ "$(dpkg --print-architecture)" = amd64 ] || die "the VM and its kernels are amd64"

missing=()
for package in $(printf '%s\n' "${packages[@]}" | sort -u); do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || :)
	[ "$status" = installed ] || missing+=("$package")
done
[ "${missing[*]}" ] || exit 0

say "installing ${missing[*]}"
root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null ||
		die "neither root nor sudo: have somebody run: apt-get install ${missing[*]}"
	root=sudo
fi

apt() {
	$root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=300 "$@" >&2
}

# Where another of the user's sources is out of order, Debian's still work.
apt update || say "apt-get update failed; trying with the package lists as they are"
apt -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}"
