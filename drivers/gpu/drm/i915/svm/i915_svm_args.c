// SPDX-License-Identifier: MIT
/*
 * What is pure in SVM: the checks of what user space asks for, and the arithmetic of ranges. It
 * looks at no device and takes no lock, so KUnit tests it.
 */

#include <kunit/visibility.h>

#include <linux/align.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/sizes.h>

#include <drm/i915_drm.h>

#include "gt/intel_gpu_commands.h"
#include "i915_svm_args.h"

static bool known_op(const struct drm_i915_gem_vm_range *args)
{
	switch (args->op) {
	case I915_VM_RANGE_BIND_MEMORY:
		return !(args->flags & ~I915_VM_RANGE_READONLY) && !args->handle;
	case I915_VM_RANGE_BIND_OBJECT:
		return !args->flags;
	case I915_VM_RANGE_UNBIND:
		return !args->flags && !args->handle;
	default:
		return false;
	}
}

/**
 * i915_svm_check_args - check what can be checked without knowing the VM
 * @args: what user space asks for
 *
 * Return: 0, or -EINVAL.
 */
int i915_svm_check_args(const struct drm_i915_gem_vm_range *args)
{
	if (!known_op(args))
		return -EINVAL;

	if (args->rsvd || args->offset || args->extensions)
		return -EINVAL;

	if (!args->length || !IS_ALIGNED(args->length | args->address, SZ_4K))
		return -EINVAL;

	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(i915_svm_check_args);

/**
 * i915_svm_check_place - check that a range fits into the VM
 * @args: what user space asks for
 * @total: size of the VM
 *
 * The address is canonical, as execbuf wants it: bit 47 is repeated above. Of process memory it is
 * the CPU's as well, and there the upper half is the kernel's. (With page tables of 5 levels the
 * CPU has memory at what the address looks like without the repeated bits, but that is not it.) So
 * process memory ends where the lower half does.
 *
 * Return: 0, -EINVAL, or -EFAULT: a process has no memory there.
 */
int i915_svm_check_place(const struct drm_i915_gem_vm_range *args, u64 total)
{
	u64 address = gen8_noncanonical_addr(args->address);

	if (args->address != gen8_canonical_addr(address))
		return -EINVAL;

	if (range_overflows(address, args->length, total))
		return -EINVAL;

	if (args->op == I915_VM_RANGE_BIND_MEMORY &&
	    address + args->length > BIT_ULL(GEN8_HIGH_ADDRESS_BIT))
		return -EFAULT;

	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(i915_svm_check_place);

/**
 * i915_svm_chunk_count - how many chunks a range has
 * @start: its start
 * @length: its length in bytes, not 0
 *
 * Return: the number of 2 MiB-aligned pieces that it touches.
 */
u64 i915_svm_chunk_count(u64 start, u64 length)
{
	return ((start + length - 1) >> I915_SVM_CHUNK_SHIFT) - (start >> I915_SVM_CHUNK_SHIFT) + 1;
}
EXPORT_SYMBOL_IF_KUNIT(i915_svm_chunk_count);

/**
 * i915_svm_chunk_start - where a chunk of a range starts
 * @start: the range's start
 * @index: the chunk
 *
 * Return: the address. Only the first chunk can start within its 2 MiB.
 */
u64 i915_svm_chunk_start(u64 start, u64 index)
{
	return max(start, ((start >> I915_SVM_CHUNK_SHIFT) + index) << I915_SVM_CHUNK_SHIFT);
}
EXPORT_SYMBOL_IF_KUNIT(i915_svm_chunk_start);

/**
 * i915_svm_chunk_end - where a chunk of a range ends
 * @start: the range's start
 * @length: the range's length
 * @index: the chunk
 *
 * Return: the address behind it. Only the last chunk can end within its 2 MiB.
 */
u64 i915_svm_chunk_end(u64 start, u64 length, u64 index)
{
	return min(start + length,
		   ((start >> I915_SVM_CHUNK_SHIFT) + index + 1) << I915_SVM_CHUNK_SHIFT);
}
EXPORT_SYMBOL_IF_KUNIT(i915_svm_chunk_end);

/**
 * i915_svm_chunks_of - which chunks of a range an interval touches
 * @start: the range's start
 * @length: the range's length
 * @from: start of the interval
 * @to: end of the interval, exclusive
 * @first: returns the first chunk
 * @last: returns the last chunk
 *
 * Return: whether it touches any.
 */
bool i915_svm_chunks_of(u64 start, u64 length, u64 from, u64 to, u64 *first, u64 *last)
{
	from = max(from, start);
	to = min(to, start + length);
	if (from >= to)
		return false;

	*first = (from >> I915_SVM_CHUNK_SHIFT) - (start >> I915_SVM_CHUNK_SHIFT);
	*last = ((to - 1) >> I915_SVM_CHUNK_SHIFT) - (start >> I915_SVM_CHUNK_SHIFT);
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(i915_svm_chunks_of);

/**
 * i915_svm_directories - how many page directories neighbouring chunks may need at a level
 * @chunks: how many chunks, not 0
 * @level: 1 is the level above the page tables
 *
 * Return: the number, with the worst start of the first chunk.
 */
unsigned int i915_svm_directories(unsigned int chunks, unsigned int level)
{
	unsigned int shift = 9 * level;

	return (chunks + 2 * (1u << shift) - 2) >> shift;
}
EXPORT_SYMBOL_IF_KUNIT(i915_svm_directories);

/**
 * i915_svm_page_sizes - which sizes of PTEs are worth trying for a chunk
 * @segments: the lengths of its DMA segments, or'ed
 * @supported: the sizes that the device supports, or'ed
 *
 * Whether a larger PTE really is used depends on where the segments lie and is decided while the
 * PTEs are written; what no segment is long enough for need not be tried.
 *
 * Return: sizes, or'ed; 4 KiB is always among them.
 */
unsigned int i915_svm_page_sizes(unsigned int segments, unsigned int supported)
{
	unsigned int sizes = SZ_4K;

	if (segments)
		sizes |= supported & (BIT(ilog2(segments)) | (BIT(ilog2(segments)) - 1));

	return sizes;
}
EXPORT_SYMBOL_IF_KUNIT(i915_svm_page_sizes);
