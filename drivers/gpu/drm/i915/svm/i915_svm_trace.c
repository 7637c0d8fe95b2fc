// SPDX-License-Identifier: MIT
/*
 * The tracepoints of i915_svm_trace.h: one file has to create them.
 */

#ifndef __CHECKER__
#define CREATE_TRACE_POINTS
#include "i915_svm_trace.h"
#endif
