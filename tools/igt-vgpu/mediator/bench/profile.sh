#!/bin/sh
# SPDX-License-Identifier: MIT
# Which functions of the core its hot paths execute most: profile.sh CORE-BENCH FOLDER. Instructions, counted by valgrind, so that a busy
# machine does not matter; of what core-bench measures, not of its references. The profiles stay in FOLDER, for callgrind_annotate or kcachegrind.
set -eu

[ $# -eq 2 ] || {
	echo "usage: $0 CORE-BENCH FOLDER" >&2
	exit 2
}
bench=$1 folder=$2
command -v valgrind >/dev/null || {
	echo "core-profile: no valgrind on this machine: install the package valgrind" >&2
	exit 1
}
mkdir -p "$folder"
for what in trap parse blit submission "owner change" preemption; do
	out=$folder/$(echo "$what" | tr ' ' '-').callgrind
	rm -f "$out"
	valgrind -q --tool=callgrind --callgrind-out-file="$out" --toggle-collect=time_of_work "$bench" "$what" >"$folder/log" 2>&1 || {
		cat "$folder/log" >&2
		exit 1
	}
	callgrind_annotate "$out" | awk -v what="$what" '
		/PROGRAM TOTALS/ { gsub(",", "", $1); if (!total) total = $1; next }
		total && /^ *[0-9,]+ +\(/ && shown < 8 {
			gsub(",", "", $1)
			match($0, /[^:\/ ]+:[^ ]+/)
			name = substr($0, RSTART, RLENGTH)
			sub(/^[^:]*:/, "", name)
			if (!shown) printf "%s\n", what
			printf "  %5.1f %%  %s\n", 100 * $1 / total, name
			shown++
		}
		END { exit !shown }' || {
		echo "core-profile: no profile in $out" >&2
		exit 1
	}
done
