#!/bin/bash
# SPDX-License-Identifier: ISC
#
# The rules of the house that a machine can keep: layers, sizes, page, words.
# Prints "file:line: rule" for each breach and ends with 1 when there is one.
# It looks at the files that git knows and at new ones that it does not ignore.
set -u
cd "$(dirname "$0")/.." || exit 1

tab=$(printf '\t')
breaches=$(mktemp)
trap 'rm -f "$breaches"' EXIT

mapfile -t all < <(git ls-files --cached --others --exclude-standard |
	while IFS= read -r f; do [ -f "$f" ] && echo "$f"; done)
pick() # ERE: files whose path matches
{
	printf '%s\n' "${all[@]}" | grep -E "$1"
}
mapfile -t text < <(pick '\.(c|h|sh|py|mk|md|[158])$|^Makefile$|^\.ci/')
mapfile -t sources < <(pick '\.[ch]$')
mapfile -t program < <(pick '^(base|crypto|netstack|config|ctl|daemon)/.*\.[ch]$')

# rule TEXT ERE FILES...: every line that matches is a breach
rule()
{
	local what=$1 pattern=$2
	shift 2
	[ $# = 0 ] || grep -nHE -e "$pattern" -- "$@" |
		awk -F: -v what="$what" '{ print $1 ":" $2 ": " what }' \
		>>"$breaches"
}

# The code of C files, line for line: comments and texts are blanked. Prints
# lines that are too wide, because awk may count bytes.
code=$(mktemp -d)
trap 'rm -rf "$breaches" "$code"' EXIT
python3 - "$code" "${sources[@]}" >>"$breaches" <<'PYTHON'
import os, re, sys
token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"'
                   r"|'(?:\\.|[^'\\\n])*'", re.S)
def blank(match):
    text = match[0]
    if text[0] in "\"'":
        return text[0] + " " + text[0]
    return re.sub(r"[^\n]", " ", text)
for path in sys.argv[2:]:
    text = open(path, encoding="utf-8").read()
    for number, line in enumerate(text.split("\n"), 1):
        if len(line.expandtabs(8)) > 80:
            print("%s:%d: a line has at most 80 columns" % (path, number))
    # The name in an #include "..." is code.
    text = re.sub(r'(?m)^(\s*#\s*include\s+)"([^"\n]*)"', r"\1<\2>", text)
    target = os.path.join(sys.argv[1], path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w", encoding="utf-8") as file:
        file.write(token.sub(blank, text))
PYTHON

# code_rule TEXT ERE FILES...: the same, on code alone
code_rule()
{
	local what=$1 pattern=$2
	shift 2
	[ $# = 0 ] || (cd "$code" && grep -nHE -e "$pattern" -- "$@") |
		awk -F: -v what="$what" '{ print $1 ":" $2 ": " what }' \
		>>"$breaches"
}

# only WHAT ERE WHERE: in the program, ERE only in files that match WHERE
only()
{
	local files
	mapfile -t files < <(printf '%s\n' "${program[@]}" | grep -vE "$3")
	code_rule "$1" "$2" "${files[@]}"
}

# ------------------------------------------------------------------- layers
only 'libuv only in daemon/io_*' 'include <uv\.h>' '^daemon/io_'
only 'sodium.h only in crypto/ and config/keyfile.c' 'include <sodium' \
	'^crypto/|^config/keyfile\.c$'
only 'libcrypto only in crypto/' 'include <openssl/' '^crypto/'
only 'intel-ipsec-mb.h only in crypto/' 'include <intel-ipsec' '^crypto/'
only 'yaml.h only in config/' 'include <yaml\.h>' '^config/'
only 'microhttpd.h only in daemon/io_http*' 'include <microhttpd' \
	'^daemon/io_http'
only 'c-ares only in netstack/dns_codec.c' 'include <ares' \
	'^netstack/dns_codec\.c$'
only 'jansson only in ctl/ and where the daemon speaks it' 'include <jansson' \
	'^ctl/|^daemon/(control|state)'
only 'socket headers only in daemon/io_*, ctl/client, base/addr, the DNS codec' \
	'include <(sys/socket|sys/un|netinet/.*|arpa/inet|netdb|sys/epoll|sys/eventfd)\.h>' \
	'^daemon/io_|^ctl/client\.c$|^base/addr\.[ch]$|^netstack/dns_codec\.c$'
only 'socket calls only in daemon/io_* and ctl/client' \
	'(^|[^a-z_>.])(socket|bind|listen|accept4?|connect|(send|recv)(m?msg|to|from)|[gs]etsockopt|getaddrinfo|epoll_[a-z]+) ?\(' \
	'^daemon/io_|^ctl/client\.c$'
only 'poll() only in daemon/io_*, ctl/client and for the log' \
	'include <poll\.h>|(^|[^a-z_>.])p?poll ?\(' \
	'^daemon/io_|^ctl/client\.c$|^base/log\.c$'

pure='^(crypto|netstack)/'
mapfile -t cores < <(printf '%s\n' "${program[@]}" | grep -E "$pure")
# secret.c is where seeds and locked memory come from at start.
mapfile -t after_start < <(printf '%s\n' "${cores[@]}" |
	grep -vE '^crypto/secret\.c$')
clock='(^|[^a-z_])(clock_gettime|gettimeofday|time|clock|timespec_get|nanosleep) ?\('
random='(^|[^a-z_])(getrandom|getentropy|arc4random[a-z_]*|randombytes[a-z_]*|rand|random|srand) ?\('
memory='(^|[^a-z_])(malloc|calloc|realloc|free|strdup|strndup|mmap|alloca|aligned_alloc|posix_memalign|sodium_malloc|sodium_allocarray) ?\('
code_rule 'a core has no clock' "$clock" "${cores[@]}"
code_rule 'a core has no randomness of its own' "$random" "${after_start[@]}"
code_rule 'a core does not allocate' "$memory" "${after_start[@]}"
code_rule 'a core does no input or output' \
	'(^|[^a-z_])(open|read|write|fopen|fprintf|printf|puts|perror|syslog) ?\(' \
	"${cores[@]}"
for call in sodium_malloc randombytes_buf; do
	[ ! -f crypto/secret.c ] ||
		[ "$(grep -cE "$call ?\\(" "$code/crypto/secret.c")" -le 1 ] ||
		echo "crypto/secret.c:1: $call once" >>"$breaches"
done

# A layer includes itself and the layers below it.
layer() # NAME ALLOWED
{
	local files
	mapfile -t files < <(printf '%s\n' "${program[@]}" | grep "^$1/")
	[ ${#files[@]} = 0 ] ||
		(cd "$code" && grep -nHE 'include <[a-z]+/[a-z0-9_]+\.h>' \
			"${files[@]}") |
		grep -E 'include <(base|crypto|netstack|config|ctl|daemon)/' |
		grep -vE "include <($2)/" |
		awk -F: -v l="$1" '{ print $1 ":" $2 ": " l \
			"/ may not include this layer" }' >>"$breaches"
}
layer base base
layer crypto 'base|crypto'
layer netstack 'base|netstack'
layer config 'base|config'
layer ctl 'base|config|ctl'
layer daemon 'base|crypto|netstack|config|ctl|daemon'

# ------------------------------------------------------------- page and size
for file in "${sources[@]}"; do
	[ "$(head -n 1 "$file")" = '/* SPDX-License-Identifier: ISC */' ] ||
		echo "$file:1: first line is the SPDX line" >>"$breaches"
	lines=$(wc -l <"$file")
	[ "$lines" -le 600 ] ||
		echo "$file:$lines: a file has at most 600 lines" >>"$breaches"
	# A function starts at "{" in the first column and ends at "}" there.
	awk -v f="$file" '
		/^\{/ { start = NR }
		/^\}/ { if (start && NR - start - 1 > 70)
				print f ":" start ": a function has at most" \
					" 70 lines, this one " NR - start - 1
			start = 0 }' "$file" >>"$breaches"
done
for file in $(pick '\.(sh|py|mk)$|^Makefile$|^\.ci/run$'); do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: ISC' ||
		echo "$file:1: the SPDX line is missing" >>"$breaches"
done
rule 'trailing blanks' "[ $tab]+\$" "${text[@]}"
for file in "${text[@]}"; do
	[ -z "$(tail -c 1 "$file")" ] ||
		echo "$file:1: the last line has no end" >>"$breaches"
done

if command -v clang-format >/dev/null; then
	clang-format --dry-run -Werror "${sources[@]}" 2>&1 |
		awk -F: '/: error:/ && !seen[$1]++ {
			print $1 ":" $2 ": clang-format -i" }' >>"$breaches"
else
	echo 'tidy: no clang-format here; formatting is not checked'
fi

# ------------------------------------------------------------ words and files
mapfile -t worded < <(printf '%s\n' "${text[@]}" |
	grep -vE '^test/tidy\.sh$')
rule 'no notes to oneself: do it or open an issue' \
	'(^|[^A-Za-z])(TODO|FIXME|XXX|HACK)([^A-Za-z]|$)' "${worded[@]}"
mapfile -t portable < <(printf '%s\n' "${worded[@]}" | grep -vE '^test/vectors/')
rule 'no path of one machine' '/work/|/home/[a-z]|\.\./shared|/root/' \
	"${portable[@]}"
rule 'no include guard by pragma' '^#pragma once' "${sources[@]}"
rule 'no code switched off' '^#if 0' "${sources[@]}"

# No dead file: C files are found by folder, a header needs somebody who
# includes it.
for file in $(pick '\.h$'); do
	name=${file##*/}
	grep -lE "include \"([a-z0-9_./]+/)?${name//./\\.}\"" \
		"${sources[@]}" | grep -qvx "$file" ||
		echo "$file:1: nobody includes it" >>"$breaches"
done
for file in "${all[@]}"; do
	[ -s "$file" ] || case $file in
	test/fuzz/corpus/*) ;;
	*) echo "$file:1: an empty file" >>"$breaches" ;;
	esac
done
rule 'build products stay out' '' \
	$(git ls-files | grep -E '\.(o|a|d|so|pyc|gcda|gcno|orig|rej)$|^build')

# --------------------------------------------------------------- the verdict
if [ -s "$breaches" ]; then
	sort -u "$breaches" | sort -t: -s -k1,1 -k2,2n
	echo "tidy: 0 passed, $(sort -u "$breaches" | wc -l) failed"
	exit 1
fi
echo "tidy: 1 passed, 0 failed"
