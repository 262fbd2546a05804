#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels.sh NAME...: makes kernels ready in the cache, and does nothing for
# those that are.
#
#   6.1, 6.12   image and headers of Debian's newest kernel of that series
#   7.2-debug   built from Debian's linux-source with kernel/debug.config
#   7.2-kcsan   the same with kernel/kcsan.config: it looks for data races
#   7.2-bench   the same with kernel/bench.config: no checker, for measuring
#   source      the sources of 7.2 alone: kselftest, checkpatch, kernel-doc
#
# kernels.sh --delete deletes all that it has ever made ready.
#
# A kernel that is ready stays as it is: to get a newer one, delete its
# directory in the cache. Nothing needs root.

. "$(dirname "$0")/lib.sh"

# What is built from source. Once testing has moved on to a newer series, a newer
# name goes here.
source_package=linux-source-7.2
# Files that such a kernel is built from, for the progress that is shown.
about_files=1500

# Whoever changes the cache has it for itself: other checkouts may use it.
prepare() {
	[ ! "${tmp:-}" ] || return 0
	mkdir -p "$cache"
	exec 9>"$cache/.lock"
	flock -n 9 || { say "waiting for another run that fills $cache"; flock 9; }
	# Left by a run that was killed.
	rm -rf "$cache"/.tmp.*
	tmp=$(mktemp -d "$cache/.tmp.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	trap 'exit 1' HUP INT TERM
}

# The system's apt, with lists and sources of our own: other suites than the
# system's come in without touching its configuration. Its proxy, mirror and
# credentials stay in force, its pins do not.
apt() {
	local tool=$1
	shift
	"$tool" -q -o Dir::State::Lists="$cache/apt/lists" \
		-o Dir::Cache="$cache/apt/cache" \
		-o Dir::Etc::SourceList="$cache/apt/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null \
		-o Dir::Etc::PreferencesParts=/dev/null \
		-o APT::Default-Release= -o APT::Sandbox::User=root \
		-o Acquire::Retries=3 "$@"
}

# The addresses of Debian's archives as this system knows them: a line with
# the label and the address for each suite that has its lists.
archives() {
	# shellcheck disable=SC2016 # apt-get expands it
	apt-get indextargets --format '$(LABEL)|$(REPO_URI)' "$@" \
		'Created-By: Packages' 'Origin: Debian'
}

update_lists() {
	local own known debian security
	local key=/usr/share/keyrings/debian-archive-keyring.gpg

	mkdir -p "$cache/apt/lists/partial" "$cache/apt/cache/archives/partial"
	known=$(archives)
	if ! grep -q '^Debian|' <<<"$known"; then
		# A machine that never ran apt-get update, or a container that
		# threw the lists away: read them, but not into the system.
		own="-o Dir::State::Lists=$tmp/lists"
		mkdir -p "$tmp/lists/partial"
		# shellcheck disable=SC2086 # two words
		apt-get -q $own -o APT::Sandbox::User=root update >&2 || :
		# shellcheck disable=SC2086
		known=$(archives $own)
	fi
	debian=$(sed -n 's/^Debian|//p' <<<"$known" | head -n 1)
	security=$(sed -n 's/^Debian-Security|//p' <<<"$known" | head -n 1)
	[ "$debian" ] || die "apt knows no Debian archive: see apt-get indextargets"
	[ -e "$key" ] || die "the package debian-archive-keyring is missing"

	{
		echo "deb [signed-by=$key] $debian bookworm main"
		echo "deb [signed-by=$key] $debian bookworm-backports main"
		echo "deb [signed-by=$key] $debian forky main"
		[ ! "$security" ] ||
			echo "deb [signed-by=$key] $security bookworm-security main"
	} >"$cache/apt/sources.list"
	say "reading the package lists of Debian 12 and of testing"
	apt apt-get update >&2
	# Once in a run.
	update_lists() { :; }
}

# download PACKAGE...: into $tmp/debs. apt checks them against the archive's
# signature.
download() {
	say "downloading $*"
	mkdir -p "$tmp/debs"
	(cd "$tmp/debs" && apt apt-get download "$@" >&2)
}

# The newest image of a series. Its meta package is not asked: it changes its
# name and suite in a stable release's life, the image does not.
newest_image() {
	apt apt-cache pkgnames "linux-image-$1." |
		grep -E "^linux-image-${1/./\\.}\.[0-9].*-cloud-amd64$" |
		sort -V | tail -n 1
}

# Packages of this kernel that its headers package needs.
header_packages() {
	apt apt-cache depends "$1" |
		sed -n -E 's/^ *Depends: (linux-(headers|kbuild)-.*)/\1/p'
}

get_debian_kernel() {
	local name=$1 image release headers dir=$tmp/kernel deb

	update_lists
	image=$(newest_image "$name")
	[ "$image" ] || die "Debian's archive has no cloud image of Linux $name"
	release=${image#linux-image-}
	headers=linux-headers-$release
	# shellcheck disable=SC2046 # a list
	download "$image" "$headers" $(header_packages "$headers")

	say "unpacking Linux $release"
	mkdir "$dir"
	for deb in "$tmp"/debs/*.deb; do
		dpkg -x "$deb" "$dir"
	done
	rm -r "$tmp/debs"
	# The headers expect to be in /usr/src.
	sed -i 's|/usr/src/|../|' "$dir/usr/src/$headers/Makefile"
	ln -sfn "../../../usr/src/$headers" "$dir/lib/modules/$release/build"
	ln -s "boot/vmlinuz-$release" "$dir/image"
	ln -s "usr/src/$headers" "$dir/kdir"
	mv "$dir" "$cache/$name"
}

get_source() {
	local tar=./usr/src/$source_package.tar.xz

	update_lists
	apt apt-cache show "$source_package" >/dev/null 2>&1 ||
		die "Debian testing has no $source_package any more: see source_package in $0"
	download "$source_package"

	say "unpacking $source_package (1.6 GB)"
	mkdir "$tmp/source"
	dpkg-deb --fsys-tarfile "$tmp"/debs/*.deb | tar -xO "$tar" |
		tar -xJ -C "$tmp/source" --strip-components=1
	rm -r "$tmp/debs"
	mv "$tmp/source" "$source"
}

# The fragment of a kernel's configuration.
fragment_of() {
	echo "$top/scripts/kernel/${1#*-}.config"
}

# What a kernel is made of. When it changes, the kernel is built again.
recipe() {
	{
		make -s -C "$source" kernelversion
		gcc --version | head -n 1
		cat "$(fragment_of "$1")"
	} | sha256sum
}

is_ready() {
	case $1 in
	source)	[ -d "$source" ] ;;
	*-*)	[ -e "$cache/$1/stamp" ] && [ -d "$source" ] &&
			[ "$(cat "$cache/$1/stamp")" = "$(recipe "$1")" ] ;;
	*)	[ -d "$cache/$1" ] ;;
	esac
}

# Reads a kernel build, shows how far it is every few seconds.
progress() { # KERNEL
	local what n=0 start=$SECONDS shown=$SECONDS

	while read -r what _; do
		[ "$what" = CC ] || [ "$what" = AS ] || continue
		n=$((n + 1))
		[ $((SECONDS - shown)) -ge 10 ] || continue
		shown=$SECONDS
		echo "   $1: $n of about $about_files files, $((SECONDS - start)) s" >&2
	done
}

get_built_kernel() {
	local name=$1 fragment log missing variables
	local dir=$cache/$1 out=$cache/$1/build

	fragment=$(fragment_of "$name")
	[ -e "$fragment" ] || die "there is no kernel $name: no $fragment"
	is_ready source || get_source

	say "building Linux $name, 6 to 10 minutes on two processors"
	mkdir -p "$out"
	rm -f "$dir/stamp"
	log=$dir/build.log
	make -C "$source" O="$out" tinyconfig >"$log" 2>&1 || failed "$log"
	cat "$fragment" >>"$out/.config"
	make -C "$out" olddefconfig >>"$log" 2>&1 || failed "$log"
	missing=$(grep -E '^CONFIG_|^# CONFIG_.* is not set$' "$fragment" |
		grep -vxFf "$out/.config" || :)
	[ -z "$missing" ] || die "the configuration did not take these of $fragment:
$missing"
	# What the fragment says in lines of "# make:".
	read -r -a variables -d '' < <(sed -n 's/^# make: //p' "$fragment") || :
	# modules: also what building a module takes.
	make -C "$out" -j"$(nproc)" "${variables[@]}" bzImage modules 2>&1 | tee -a "$log" |
		progress "$name" || failed "$log"

	ln -sfn build/arch/x86/boot/bzImage "$dir/image"
	ln -sfn build "$dir/kdir"
	recipe "$name" >"$dir/stamp"
}

failed() {
	tail -n 30 "$1" >&2
	die "the kernel's build failed: all of it is in $1"
}

if [ "${1:-}" = --delete ]; then
	say "deleting the kernels in $cache"
	rm -rf "$cache/apt" "$source" "${debian_kernels[@]/#/$cache/}" \
		"$cache/${debug_kernel%-*}"-*
	exit
fi
for name; do
	! is_ready "$name" || continue
	prepare
	# Another run may have made it meanwhile.
	! is_ready "$name" || continue
	case $name in
	source)	get_source ;;
	*-*)	get_built_kernel "$name" ;;
	*)	get_debian_kernel "$name" ;;
	esac
done
