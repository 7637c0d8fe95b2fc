# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the setup scripts share: places, messages, space and stamp checks, long steps with progress. Source it.

set -euo pipefail

SETUP=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$SETUP/../../.." && pwd)
OUT=$TOP/out
CACHE=${IGT_VGPU_CACHE:-${HOME:?HOME is not set: set IGT_VGPU_CACHE}/.cache/igt-vgpu}
JOBS=${JOBS:-$(nproc)}
V=${V:-0}

say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

# A path as the user would type it from the checkout.
show() { printf '%s' "${1#"$TOP"/}"; }

# elsewhere DIR: how to have what goes to DIR on another disk.
elsewhere() {
	case $1 in
	"$CACHE"*) echo ", or set IGT_VGPU_CACHE= to a folder elsewhere (now $CACHE)" ;;
	"$OUT"*) echo ", or work in a clone elsewhere: all builds go to its out/" ;;
	esac
}

# need_space DIR MIB WHAT: refuse before the disk is full, and not in the middle of a step.
need_space() {
	local dir=$1 need=$2 what=$3 free way
	way=$(elsewhere "$dir")
	while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
	free=$(df -Pm "$dir" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$need" ] ||
		die "$what needs $need MiB, $dir has $free MiB free: make room$way"
}

# writable DIR: make it, or say clearly why it cannot be.
writable() {
	mkdir -p "$1" 2>/dev/null || true
	[ -w "$1" ] || die "cannot write to $1: fix its permissions$(elsewhere "$1")"
}

# key FILES...: one checksum over names and contents; of what a stamp is made.
key() { { printf '%s\n' "$@"; cat "$@"; } 2>/dev/null | sha256sum | cut -c1-64; }
stamped() { [ "$(cat "$OUT/.stamps/$1" 2>/dev/null)" = "$2" ]; }
stamp() { mkdir -p "$OUT/.stamps"; printf '%s\n' "$2" >"$OUT/.stamps/$1"; }

sum_is() { [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]; }

# value FILE NAME: a value of a key=value file.
value() { sed -n "s/^$2=//p" "$1" | head -n 1; }

# One builder at a time in a tree; the second waits and says so.
lock() {
	mkdir -p "$OUT/.stamps"
	exec 9>"$OUT/.stamps/$1.lock"
	flock -n 9 || { say "waiting for another run that holds $(show "$OUT/.stamps/$1.lock")"; flock 9; }
}

# long_step LABEL LOG EXPECTED-LINES COMMAND...: run quietly with progress; on failure show what matters of the log.
long_step() {
	local label=$1 log=$2 expected=$3 start rc=0 pid
	shift 3
	mkdir -p "$(dirname "$log")"
	start=$SECONDS
	if [ "$V" != 0 ]; then
		say "$label: $*"
		"$@" 2>&1 | tee "$log" >&2 || rc=$?
	else
		# In a process group of its own, so that what ends this script first ends all that the step has started.
		pid=
		trap '[ -z "$pid" ] || kill -- "-$pid" 2>/dev/null || true; wait; exit 130' HUP INT QUIT TERM
		set -m
		"$@" >"$log" 2>&1 </dev/null 9>&- &
		pid=$!
		set +m
		watch_log "$label" "$log" "$expected" "$pid" "$start"
		wait "$pid" || rc=$?
		trap - HUP INT QUIT TERM
	fi
	if [ "$rc" != 0 ]; then
		[ ! -t 2 ] || printf '\n' >&2
		grep -E -m 8 -A 3 'error:|Error [0-9]|\*\*\*|FAILED|ERROR|No space left|undefined reference' "$log" | tail -n 24 >&2 ||
			tail -n 12 "$log" >&2
		if grep -q 'No space left' "$log"; then die "$label: the disk is full (log: $(show "$log"))"; fi
		die "$label failed with status $rc after $((SECONDS - start)) s (log: $(show "$log"))"
	fi
	[ $((SECONDS - start)) -lt 3 ] || say "$label: done in $((SECONDS - start)) s"
}

# A terminal gets one line that counts; a log gets a line every half minute.
watch_log() {
	local label=$1 log=$2 expected=$3 pid=$4 start=$5 lines last=0
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.5
		lines=$(wc -l <"$log")
		[ "$lines" -le "$expected" ] || expected=$lines
		if [ -t 2 ]; then
			printf '\r\033[Ksetup: %s: %d of about %d steps, %d s' "$label" "$lines" "$expected" $((SECONDS - start)) >&2
		elif [ $((SECONDS - start - last)) -ge 30 ]; then
			last=$((SECONDS - start))
			say "$label: $lines of about $expected steps, $last s"
		fi
	done
	[ ! -t 2 ] || printf '\r\033[K' >&2
}

# ccache, so that out/linux, out/linux-stock and a second checkout share their objects: QEMU's build names its own
# folder in full, which must not count.
use_ccache() {
	export CCACHE_BASEDIR=$TOP
	export CCACHE_DIR=${CCACHE_DIR:-$CACHE/ccache} CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-5G}
	writable "$CCACHE_DIR"
}
