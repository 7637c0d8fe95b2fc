#!/bin/sh
# SPDX-License-Identifier: MIT
# Run libFuzzer programs: run-fuzzers.sh DIRECTORY SECONDS EXECUTIONS PROGRAM...
# Each runs for SECONDS, in turns, until all together have executed EXECUTIONS inputs (0: one turn).
# fuzz_NAME starts from the seeds in fuzz/seeds/NAME; new inputs and crashes land in DIRECTORY.
# A program with a finding has no more turns. The last line is 'N passed, N failed, 0 skipped'.
set -u

dir=$1 seconds=$2 wanted=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
names='' total=0 failed=0

# executions_of NAME: in all its turns so far
executions_of() {
	cat "$dir/$1.executions" 2>/dev/null || echo 0
}

# one_turn NAME: false if it has a finding
one_turn() {
	n=$1
	set -- "$dir/corpus-$n"
	[ -d "$here/seeds/$n" ] && set -- "$@" "$here/seeds/$n"
	[ -f "$here/$n.dict" ] && set -- "-dict=$here/$n.dict" "$@"
	"$dir/fuzz_$n" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 \
		-artifact_prefix="$dir/crash-$n/" "$@" >"$dir/$n.log" 2>&1
	status=$?
	new=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$n.log")
	total=$((total + ${new:-0}))
	echo $(($(executions_of "$n") + ${new:-0})) >"$dir/$n.executions"
	[ "$status" -eq 0 ] && [ "${new:-0}" -gt 0 ]
}

for f in "$@"; do
	name=${f#fuzz_}
	names="$names $name"
	mkdir -p "$dir/corpus-$name" "$dir/crash-$name"
	rm -f "$dir/$name.executions" "$dir/$name.failed"
done

while :; do
	for name in $names; do
		[ -e "$dir/$name.failed" ] && continue
		one_turn "$name" && continue
		failed=$((failed + 1))
		: >"$dir/$name.failed"
		tail -40 "$dir/$name.log"
		echo "FAIL  fuzz_$name: inputs that fail lie in $dir/crash-$name; repeat: $dir/fuzz_$name FILE"
	done
	[ "$wanted" -gt 0 ] && echo "fuzz  $total executions of $wanted"
	if [ "$total" -ge "$wanted" ] || [ "$failed" -eq $# ]; then
		break
	fi
done

for name in $names; do
	[ -e "$dir/$name.failed" ] && continue
	echo "ok    fuzz_$name: $(executions_of "$name") executions," \
		"$(sed -n 's/^.*cov: \([0-9]*\).*/\1/p' "$dir/$name.log" | tail -1) edges"
done
echo "$total executions in all"
echo "$(($# - failed)) passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
