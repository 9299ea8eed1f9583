#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Builds the WireGuard implementations that Debian does not have, as far as
# their toolchains are here: the newest wireguard-go with Go, boringtun and
# onetun with Rust. They go into build/peers and are built once.
set -u
cd "$(dirname "$0")/.." || exit 1
mkdir -p build/peers

if [ ! -x build/peers/wireguard ]; then
	if command -v go >/dev/null; then
		echo "building the newest wireguard-go"
		GOBIN="$PWD/build/peers" \
			go install golang.zx2c4.com/wireguard@latest ||
			echo "wireguard-go: not built; its tests are skipped"
	else
		echo "no go: tests with the newest wireguard-go are skipped"
	fi
fi
for crate in boringtun-cli onetun; do
	[ ! -x build/peers/bin/$crate ] || continue
	if command -v cargo >/dev/null; then
		echo "building $crate"
		cargo install -q --root build/peers $crate ||
			echo "$crate: not built; its tests are skipped"
	else
		echo "no cargo: tests with $crate are skipped"
	fi
done
exit 0
