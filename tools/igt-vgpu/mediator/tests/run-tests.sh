#!/bin/sh
# SPDX-License-Identifier: MIT
# Run cmocka programs and add up what they say: run-tests.sh DIRECTORY PROGRAM...
# The last line is 'N passed, N failed, N skipped'. A program that dies counts as one failure.
set -u

dir=$1
shift
passed=0 failed=0 skipped=0
log=$dir/last.log

for t in "$@"; do
	CMOCKA_MESSAGE_OUTPUT=stdout timeout 300 "$dir/$t" >"$log" 2>&1
	rc=$?
	p=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test(s).*/\1/p' "$log" | awk '{s+=$1} END {print s+0}')
	f=$(sed -n 's/^\[  FAILED  \] *\([0-9]*\) test(s), listed.*/\1/p' "$log" | awk '{s+=$1} END {print s+0}')
	s=$(sed -n 's/^\[  SKIPPED \] *\([0-9]*\) test(s), listed.*/\1/p' "$log" | awk '{s+=$1} END {print s+0}')
	[ "$rc" -ne 0 ] && [ "$f" -eq 0 ] && f=1
	[ "$rc" -eq 0 ] && [ "$((p + f + s))" -eq 0 ] && f=1	# a program that ran no test did not pass
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	if [ "$f" -ne 0 ]; then
		sed -e '/^\[ RUN  /d' -e '/^\[       OK/d' "$log"
		echo "FAIL  $t: $p passed, $f failed, $s skipped (exit status $rc); repeat: $dir/$t"
	else
		echo "ok    $t: $p passed, $s skipped"
	fi
	[ "$s" -eq 0 ] || grep '^\[  SKIPPED ' "$log"
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
