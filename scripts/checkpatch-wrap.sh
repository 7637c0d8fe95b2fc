#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs the kernel's checkpatch.pl --strict with this project's settings, on anything:
#
#   scripts/checkpatch-wrap.sh patches/*.patch      patch files
#   scripts/checkpatch-wrap.sh base..series         a revision range, or one commit, of the kernel tree
#   git show | scripts/checkpatch-wrap.sh -         standard input
#   scripts/checkpatch-wrap.sh -f FILE.c            source files instead of patches
#
# Called by people, by scripts/series/check and by its tests. It only reads. Exit status: 0 nothing to
# complain about, 1 at least one finding, 2 it could not run (said on standard error).
set -euo pipefail

MAX_LINE=100

# Message types that are never shown, each with its reason. Keep it short: what is merely
# inconvenient does not belong here.
ignored_types() {
	cat <<-'EOF'
	GIT_COMMIT_ID       a commit that is cited may lie in a tree that the base tarball does not carry
	UNKNOWN_COMMIT_ID   the same for the commit that a Fixes: tag names
	EOF
}

# Single messages that are known to be wrong: type, extended regular expression, reason.
ignored_messages() {
	cat <<-'EOF'
	CAMELCASE	<_Static_assert>	a C11 keyword: the ABI header is user space's too, where static_assert() needs an include
	MACRO_ARG_PRECEDENCE	'desc_member'	the name of a structure's member, which no brackets can be around
	EOF
}

# "added file(s), does MAINTAINERS need updating?" is answered when every added file lies under one
# of these: the kernel's MAINTAINERS has an entry for the whole directory (i915, DRM, its documents).
MAINTAINED='^(drivers/gpu/drm/|Documentation/gpu/|include/uapi/drm/)'

here=$(cd "$(dirname "$0")/.." && pwd)
kdir=${KDIR:-$here/out/linux}
repo=
mode="patch"
quiet=0
extra=()

usage() {
	sed -n '3,12{s/^# \{0,1\}//;p}' "$0"
	cat <<-EOF

	  --kdir DIR      kernel tree whose scripts/checkpatch.pl is used (KDIR=; default out/linux)
	  --git DIR       repository of a revision range (default: the kernel tree, else the current one)
	  -f, --file      arguments are source files
	  -q, --quiet     findings and the summary only
	  --list-ignored  what is ignored, and why
	  -- OPTION...    further options for checkpatch.pl
	EOF
}

die() {
	echo "checkpatch-wrap: $*" >&2
	exit 2
}

args=()
while [ $# -gt 0 ]; do
	case $1 in
	--kdir) [ $# -gt 1 ] || die "--kdir: which directory?"; kdir=$2; shift ;;
	--git) [ $# -gt 1 ] || die "--git: which directory?"; repo=$2; shift ;;
	-f|--file) mode="file" ;;
	-q|--quiet) quiet=1 ;;
	--list-ignored)
		ignored_types
		ignored_messages | tr '\t' ' '
		echo "FILE_PATH_CHANGES   if all added files match $MAINTAINED: MAINTAINERS covers them"
		exit 0 ;;
	-h|--help) usage; exit 0 ;;
	--) shift; extra=("$@"); break ;;
	-) args+=(-) ;;
	-*) die "unknown option $1 (--help)" ;;
	*) args+=("$1") ;;
	esac
	shift
done
[ ${#args[@]} -gt 0 ] || { usage >&2; exit 2; }

checkpatch=$kdir/scripts/checkpatch.pl
[ -f "$checkpatch" ] ||
	die "no $checkpatch: run 'make series-import' first, or name a kernel tree with KDIR=<dir>"
command -v perl >/dev/null || die "perl is missing: checkpatch.pl needs it"
kdir=$(cd "$kdir" && pwd)
checkpatch=$kdir/scripts/checkpatch.pl

scratch=$(mktemp -d "${TMPDIR:-/tmp}/checkpatch-wrap.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

ignore=$(ignored_types | awk 'NF { printf "%s%s", sep, $1; sep = "," }')
files=0 findings=0 bad=0

# True if all files that the patch adds or moves are covered by MAINTAINERS.
paths_maintained() {
	local odd
	odd=$(awk '/^--- / { old = $2 }
		   /^\+\+\+ b\// && old == "/dev/null" { print substr($2, 3) }
		   /^rename to / { print $3 }' "$1" | grep -Ev "$MAINTAINED" || true)
	[ -z "$odd" ]
}

# Is this finding one of the messages that are known to be wrong?
known_wrong() { # type, message, file
	local type text reason
	while IFS=$'\t' read -r type text reason; do
		[ -n "$reason" ] || continue
		[ "$1" = "$type" ] && [[ $2 =~ $text ]] && return 0
	done < <(ignored_messages)
	[ "$1" = FILE_PATH_CHANGES ] && [ "$mode" = patch ] && paths_maintained "$3"
}

check_one() { # file, name shown
	local file=$1 name=$2 status=0 found=0 line where type text
	files=$((files + 1))
	local opts=(--strict --terse --show-types --no-summary "--max-line-length=$MAX_LINE"
		    --color=never --ignore "$ignore")
	[ "$mode" = file ] && opts+=(--file)
	[ "$mode" = file ] || [ -s "$file" ] || { echo "$name: empty patch"; bad=$((bad + 1)); findings=$((findings + 1)); return; }
	(cd "$kdir" && perl "$checkpatch" "${opts[@]}" "${extra[@]}" "$file") \
		>"$scratch/out" 2>"$scratch/err" || status=$?
	if [ $status -gt 1 ] || { [ $status -ne 0 ] && [ ! -s "$scratch/out" ]; }; then
		head -5 "$scratch/err" >&2
		die "$checkpatch failed on $name (status $status)"
	fi
	while IFS= read -r line; do
		[[ $line =~ ^(.*):([0-9]+):\ (ERROR|WARNING|CHECK):([A-Z0-9_]+):\ (.*)$ ]] || continue
		where=${BASH_REMATCH[2]} type=${BASH_REMATCH[4]} text=${BASH_REMATCH[5]}
		local level=${BASH_REMATCH[3]}
		known_wrong "$type" "$text" "$file" && continue
		echo "$name:$where: $level: $type: $text"
		sed -n "${where}{s/^/    | /;p;q}" "$file"
		found=$((found + 1))
	done <"$scratch/out"
	findings=$((findings + found))
	if [ $found -gt 0 ]; then
		bad=$((bad + 1))
	elif [ $quiet = 0 ]; then
		echo "$name: clean"
	fi
}

git_of() { # revision or range -> the repository that knows it
	local dir
	for dir in "$repo" "$kdir" .; do
		[ -n "$dir" ] || continue
		if git -C "$dir" rev-parse --verify --quiet "${1%%..*}^{commit}" >/dev/null 2>&1; then
			echo "$dir"
			return 0
		fi
		[ -z "$repo" ] || return 1
	done
	return 1
}

check_revisions() {
	local arg=$1 dir commit range=$1
	dir=$(git_of "$arg") || die "$arg: neither a file nor a revision of ${repo:-$kdir} or this repository"
	case $arg in *..*) ;; *) range=$arg^! ;; esac
	git -C "$dir" rev-list --reverse --no-merges "$range" >"$scratch/revs" 2>"$scratch/err" ||
		die "$arg: $(head -1 "$scratch/err")"
	[ -s "$scratch/revs" ] || die "$arg: no commits in that range of $dir"
	while IFS= read -r commit; do
		git -C "$dir" format-patch --stdout --no-signature -1 "$commit" >"$scratch/commit.patch"
		check_one "$scratch/commit.patch" "$(git -C "$dir" show -s --format='%h ("%s")' "$commit")"
	done <"$scratch/revs"
}

for arg in "${args[@]}"; do
	if [ "$arg" = - ]; then
		cat >"$scratch/stdin.patch"
		check_one "$scratch/stdin.patch" "standard input"
	elif [ -f "$arg" ]; then
		check_one "$(realpath "$arg")" "$arg"
	elif [ "$mode" = file ] || [ -e "$arg" ]; then
		die "$arg: no such file"
	else
		check_revisions "$arg"
	fi
done

echo "checkpatch: $files checked, $bad with findings, $findings findings"
[ "$findings" -eq 0 ]
