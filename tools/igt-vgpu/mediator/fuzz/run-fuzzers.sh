#!/bin/sh
# SPDX-License-Identifier: MIT
# Run libFuzzer programs: run-fuzzers.sh DIRECTORY SECONDS EXECUTIONS PROGRAM...
# Each runs for SECONDS, as many at a time as there are cores (or JOBS), in turns until all together have executed EXECUTIONS
# inputs (0: one turn). fuzz_NAME starts from the seeds in fuzz/seeds/NAME; new inputs and crashes land in DIRECTORY.
# A program with a finding has no more turns. The last line is 'N passed, N failed, 0 skipped'.
set -u

dir=$1 seconds=$2 wanted=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)

# executions_of NAME: in all its turns so far
executions_of() {
	cat "$dir/$1.executions" 2>/dev/null || echo 0
}

# one_turn NAME: leaves NAME.failed if it has a finding
one_turn() {
	n=$1
	set -- "$dir/corpus-$n"
	[ -d "$here/seeds/$n" ] && set -- "$@" "$here/seeds/$n"
	[ -f "$here/$n.dict" ] && set -- "-dict=$here/$n.dict" "$@"
	"$dir/fuzz_$n" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 \
		-artifact_prefix="$dir/crash-$n/" "$@" >"$dir/$n.log" 2>&1
	status=$?
	new=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$n.log")
	echo $(($(executions_of "$n") + ${new:-0})) >"$dir/$n.executions"
	[ "$status" -eq 0 ] && [ "${new:-0}" -gt 0 ] && return
	: >"$dir/$n.failed"
	tail -40 "$dir/$n.log"
	echo "FAIL  fuzz_$n: inputs that fail lie in $dir/crash-$n; repeat: $dir/fuzz_$n FILE"
}

# A turn of one program, as xargs starts it below.
if [ "$wanted" = turn ]; then
	one_turn "$1"
	exit 0
fi

for f in "$@"; do
	name=${f#fuzz_}
	mkdir -p "$dir/corpus-$name" "$dir/crash-$name"
	rm -f "$dir/$name.executions" "$dir/$name.failed"
done

while :; do
	left='' total=0
	for f in "$@"; do
		[ -e "$dir/${f#fuzz_}.failed" ] || left="$left ${f#fuzz_}"
	done
	printf '%s\n' $left | xargs -r -n 1 -P "${JOBS:-$(nproc)}" sh "$0" "$dir" "$seconds" turn
	for f in "$@"; do
		total=$((total + $(executions_of "${f#fuzz_}")))
	done
	[ "$wanted" -gt 0 ] && echo "fuzz  $total executions of $wanted"
	if [ "$total" -ge "$wanted" ] || [ -z "$left" ]; then
		break
	fi
done

failed=0
for f in "$@"; do
	name=${f#fuzz_}
	if [ -e "$dir/$name.failed" ]; then
		failed=$((failed + 1))
		continue
	fi
	echo "ok    fuzz_$name: $(executions_of "$name") executions," \
		"$(sed -n 's/^.*cov: \([0-9]*\).*/\1/p' "$dir/$name.log" | tail -1) edges"
done
echo "$total executions in all"
echo "$(($# - failed)) passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
