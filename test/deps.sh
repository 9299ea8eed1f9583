#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Installs the Debian packages that building ("build"), testing ("test"), the
# demo ("demo") and measuring ("bench") need, as far as they are missing. "list"
# before the others only prints them.
#
# The tests want the programs of unbound and PostgreSQL, not services of the
# machine: a service that this script brings along is not started, and no
# database cluster is made.
set -eu

BUILD="gcc make pkg-config libc6-dev libuv1-dev libsodium-dev libyaml-dev
	libseccomp-dev libc-ares-dev libjansson-dev libssl-dev libmicrohttpd-dev"
TEST="libcmocka-dev python3 python3-pytest iproute2 util-linux wireguard-tools
	wireguard-go unbound bind9-dnsutils postgresql-common postgresql
	postgresql-client valgrind clang-format git systemd"
DEMO="python3 util-linux postgresql-common postgresql postgresql-client"
BENCH=iperf3
# Built in when it is there; Debian has it for some architectures only.
OPTIONAL=libipsec-mb-dev

wanted=
only_list=
for part in "$@"; do
	case $part in
	build) wanted="$wanted $BUILD" ;;
	test) wanted="$wanted $TEST" ;;
	demo) wanted="$wanted $DEMO" ;;
	bench) wanted="$wanted $BENCH" ;;
	list) only_list=1 ;;
	*) echo "usage: $0 [list] build|test|demo|bench..." >&2; exit 64 ;;
	esac
done
[ -n "$wanted" ] || { echo "usage: $0 [list] build|test|demo|bench..." >&2; exit 64; }

installed()
{
	dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null |
		grep -qx installed
}

missing=
for package in $wanted; do
	installed "$package" || missing="$missing $package"
done
if [ -n "$only_list" ]; then
	echo $wanted
	exit 0
fi
# Those of $OPTIONAL that are missing and that there are.
optional()
{
	for package in $OPTIONAL; do
		installed "$package" ||
			! apt-cache show "$package" >/dev/null 2>&1 ||
			echo " $package"
	done
}
missing="$missing$(optional)"
[ -n "$missing" ] || exit 0
echo "installing:$missing"

sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "Not root and no sudo. As root: apt-get install$missing" >&2
		exit 77
	}
	sudo=sudo
fi
apt()
{
	$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq -o Dpkg::Use-Pty=0 "$@" >/dev/null
}
has()
{
	case " $missing " in *" $1 "*) return 0 ;; esac
	return 1
}

# A service that was not here before must not be here afterwards either.
keep_stopped()
{
	if [ -d /run/systemd/system ]; then
		$sudo systemctl mask "$1.service" >/dev/null 2>&1 || :
	fi
}

apt update
for package in $(optional); do
	has "$package" || missing="$missing $package"
done
if has unbound; then
	keep_stopped unbound
fi
if has postgresql-common; then
	apt install --no-install-recommends postgresql-common
	$sudo sed -i 's/^#* *create_main_cluster.*/create_main_cluster = false/' \
		/etc/postgresql-common/createcluster.conf
fi
# shellcheck disable=SC2086
apt install --no-install-recommends $missing
