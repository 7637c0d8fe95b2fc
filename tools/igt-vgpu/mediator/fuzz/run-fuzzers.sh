#!/bin/sh
# SPDX-License-Identifier: MIT
# Run libFuzzer programs: run-fuzzers.sh DIRECTORY SECONDS PROGRAM...
# fuzz_NAME starts from the seeds in fuzz/seeds/NAME; new inputs and crashes land in DIRECTORY.
# The last line is 'N passed, N failed, 0 skipped'.
set -u

dir=$1 seconds=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
passed=0 failed=0

for f in "$@"; do
	name=${f#fuzz_}
	mkdir -p "$dir/corpus-$name" "$dir/crash-$name"
	set -- "$dir/corpus-$name"
	[ -d "$here/seeds/$name" ] && set -- "$@" "$here/seeds/$name"
	dict=
	[ -f "$here/$name.dict" ] && dict=-dict=$here/$name.dict
	[ -f "$dir/$name.dict" ] && dict=-dict=$dir/$name.dict
	echo "fuzz  $f: $seconds s"
	# shellcheck disable=SC2086 # $dict is one word or none
	if "$dir/$f" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 \
		-artifact_prefix="$dir/crash-$name/" $dict "$@" >"$dir/$name.log" 2>&1; then
		passed=$((passed + 1))
		echo "ok    $f: $(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$name.log") inputs," \
			"$(sed -n 's/^.*cov: \([0-9]*\).*/\1/p' "$dir/$name.log" | tail -1) edges"
	else
		failed=$((failed + 1))
		tail -40 "$dir/$name.log"
		echo "FAIL  $f: inputs that fail lie in $dir/crash-$name; repeat: $dir/$f FILE"
	fi
done

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
