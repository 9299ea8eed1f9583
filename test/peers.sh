#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Builds the WireGuard implementations that Debian does not have, as far as
# their toolchains are here: the newest wireguard-go with Go, boringtun with
# Rust. They go into build/peers and are built once.
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
if [ ! -x build/peers/bin/boringtun-cli ]; then
	if command -v cargo >/dev/null; then
		echo "building boringtun"
		cargo install -q --root build/peers boringtun-cli ||
			echo "boringtun: not built; its tests are skipped"
	else
		echo "no cargo: tests with boringtun are skipped"
	fi
fi
exit 0
