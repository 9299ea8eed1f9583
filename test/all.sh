#!/bin/bash
# SPDX-License-Identifier: ISC
#
# make test: installs what is missing, runs every suite, says how each ended
# and closes with one line of counts. Output of a suite goes to build/log and
# is shown when the suite fails.
set -u
cd "$(dirname "$0")/.." || exit 1
log=build/log
mkdir -p $log
jobs=$(nproc)
started=$SECONDS
passed=0 failed=0 skipped=0

# Adds up what cmocka, pytest and our own runners say at their end.
count()
{
	local file=$1 word
	for word in passed failed skipped; do
		awk -v word=$word '
		/^\[  [A-Z]+  \] [0-9]+ test/ {
			if (tolower($2) == word) sum += $4
		}
		/^=*.*[0-9]+ (passed|failed|skipped|error).* in [0-9.]+s/ ||
		/^([a-z]+: )?[0-9]+ passed, [0-9]+ failed/ {
			for (i = 2; i <= NF; i++) {
				w = $i
				sub(/,$/, "", w)
				sub(/^errors?$/, "failed", w)
				if (w == word) sum += $(i - 1)
			}
		}
		END { print sum + 0 }' "$file"
	done
}

# suite NAME COMMAND...
suite()
{
	local name=$1 since=$SECONDS code p f s
	shift
	printf '%-16s' "$name"
	"$@" >$log/$name.log 2>&1 </dev/null
	code=$?
	{ read -r p; read -r f; read -r s; } < <(count $log/$name.log)
	if [ $((p + f)) = 0 ]; then
		p=$((code == 0))
	fi
	if [ $code != 0 ] && [ "$f" = 0 ]; then
		f=1
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%5d passed %3d failed %3d skipped  %4d s\n' \
		"$p" "$f" "$s" $((SECONDS - since))
	if [ $code != 0 ]; then
		echo "---- the end of $log/$name.log"
		grep -nE 'FAILED|[Ee]rror|not ok' $log/$name.log |
			head -n 20
		echo "..."
		tail -n 60 $log/$name.log
		echo "----"
	fi
}

test/deps.sh build test || exit 1
# Compilers of other languages: needed by the last suites only.
test/peers.sh >$log/peers.log 2>&1 </dev/null &
peers=$!
suite build make -Otarget -j"$jobs" STRICT=1
suite check make -Otarget -j"$jobs" check
suite bench-check make bench-check
suite asan make -Otarget -j"$jobs" check-asan
[ -z "$(ls test/fuzz/fuzz_*.c 2>/dev/null)" ] ||
	suite fuzz-smoke make -Otarget -j"$jobs" fuzz-smoke
wait $peers
cat $log/peers.log
# Mostly waits: it runs while the others work.
make check-e2e-long >$log/long.out 2>&1 </dev/null &
long=$!
finish_long()
{
	wait $long
	local code=$?
	cat $log/long.out
	return $code
}
suite e2e make check-e2e
suite e2e-long finish_long
echo "took $((SECONDS - started)) s"
[ $skipped = 0 ] || echo "skipped tests: see $log/"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
