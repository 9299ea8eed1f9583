#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The units: what systemd makes of them, and how exposed they leave the daemon.
# The scores are those of systemd 252; the gate fails when they grow.
set -eu
cd "$(dirname "$0")/.."
if ! command -v systemd-analyze >/dev/null; then
	echo 'units: 0 passed, 0 failed (no systemd-analyze here)'
	exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
passed=0 failed=0

check() # TEXT COMMAND...
{
	what=$1
	shift
	if "$@" >"$folder/log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok: $what"
		tail -n 20 "$folder/log"
	fi
}

# The exposure is at most LIMIT tenths, and the gate is able to fail.
exposure() # UNIT LIMIT
{
	check "$1: exposure at most $2 tenths" systemd-analyze security \
		--no-pager --offline=true --threshold="$2" "$folder/$1"
	check "$1: the gate can fail" sh -c '! systemd-analyze security \
		--no-pager --offline=true --threshold="$2" "$1"' \
		sh "$folder/$1" $(($2 - 1))
}

make -s install DESTDIR="$folder/stage" prefix=/usr B="${B:-build}" >/dev/null
units=$folder/stage/usr/lib/systemd
mkdir "$folder/open" "$folder/sealed" "$folder/user"
cp "$units/system/wgproxyd.service" "$folder/open/"
cp -r "$units/system/wgproxyd.service" \
	"$folder"/stage/usr/share/doc/wgproxyd/sealed/* "$folder/sealed/"
cp "$units/user/wgproxyd.service" "$folder/user/"

exposure open/wgproxyd.service 11
exposure sealed/wgproxyd.service 4

# Every setting is known, every program named is there.
sed -i "s|/usr/s*bin/|$folder/stage&|" "$folder"/*/wgproxyd.service
for unit in "$folder"/open/*.service "$folder"/sealed/*.s*t \
	"$folder"/sealed/*.service; do
	check "verify ${unit#"$folder/"}" sh -c \
		'systemd-analyze verify --man=no "$1" 2>&1 | {
			! grep -F "${1%/*}"; }' \
		sh "$unit"
done
check 'make uninstall leaves nothing' sh -c '
	make -s uninstall DESTDIR="$1" prefix=/usr >/dev/null 2>&1
	[ -z "$(find "$1" -type f)" ]' sh "$folder/stage"
echo "units: $passed passed, $failed failed"
[ $failed = 0 ]
