/* SPDX-License-Identifier: MIT */
/*
 * Copyright(c) 2011-2016 Intel Corporation. All rights reserved.
 *
 * The PVINFO page: the wire ABI between an i915 guest and a GVT mediator.
 *
 * Both sides compile this one file: the kernel through i915_pvinfo.h, a mediator in user space
 * directly. Therefore it includes nothing but <linux/types.h>, has constants and plain structs
 * only, and the offset of each field is asserted. Published fields never move and bits are never
 * redefined; what is new is carved out of the reserved space and guarded by a new capability bit.
 */

#ifndef _I915_PVINFO_ABI_H_
#define _I915_PVINFO_ABI_H_

#include <linux/types.h>

/**
 * DOC: PVINFO page
 *
 * The mediator shows a guest one 4096-byte page of plain registers in the GPU's MMIO BAR (BAR 0),
 * at offset %VGT_PVINFO_PAGE. On bare hardware the page reads as something other than %VGT_MAGIC.
 * All fields are little endian. The first half is written by the mediator and read by the guest;
 * in the second half the guest talks to the mediator. An access is 1, 2, 4 or 8 bytes wide, one
 * that writes 4 or 8, and naturally aligned.
 *
 * ====== ===== =============================== === ==============================================
 * Offset Bytes Field                           by  Meaning
 * ====== ===== =============================== === ==============================================
 * 0x000  8     magic                           M   %VGT_MAGIC
 * 0x008  2     version_major                   M   a guest accepts only its own major version
 * 0x00a  2     version_minor                   M   a larger minor only adds capabilities
 * 0x00c  4     vgt_id                          M   number of this vGPU on its GPU, 1 and up
 * 0x010  4     vgt_caps                        M   VGT_CAPS_*
 * 0x040  4     avail_rs.mappable_gmadr.base    M   the guest's part of the aperture, bytes
 * 0x044  4     avail_rs.mappable_gmadr.size    M   its size, bytes; 0: there is no such part
 * 0x048  4     avail_rs.nonmappable_gmadr.base M   the guest's part above the aperture, bytes
 * 0x04c  4     avail_rs.nonmappable_gmadr.size M   its size, bytes; 0: there is no such part
 * 0x050  4     avail_rs.fence_num              M   fences 0 .. fence_num - 1 are the guest's
 * 0x060  4     features_offered                M   VGT_FEATURE_* that the mediator has
 * 0x064  4     features_accepted               M   VGT_FEATURE_* in effect; 0: the channel is off
 * 0x804  4     display_ready                   G   VGT_DRV_DISPLAY_*
 * 0x818  4     g2v_notify                      G   &enum vgt_g2v_type, acted on as it is written
 * 0x830  4     cursor_x_hot                    G   cursor hot spot, pixels
 * 0x834  4     cursor_y_hot                    G   cursor hot spot, pixels
 * 0x838  8 x 4 pdp                             G   page directory pointers, for a notification
 * 0x858  4     execlist_context_descriptor_lo  G   low half of a context descriptor
 * 0x85c  4     execlist_context_descriptor_hi  G   high half of a context descriptor
 * 0x860  4     features_wanted                 G   VGT_FEATURE_* that the guest will use
 * 0x864  4     channel_size                    G   bytes of the channel's memory
 * 0x868  8     channel_addr                    G   where it is, a DMA address
 * ====== ===== =============================== === ==============================================
 *
 * M: the mediator's field, the guest only reads it. G: the guest's field. The fields from 0x060
 * to 0x064 and from 0x860 to 0x86f exist if vgt_caps has %VGT_CAPS_CHANNEL.
 *
 * All other offsets are reserved: they read as zero and are never written. (Deployed mediators
 * put a guest that writes 0x808-0x817 out of service.)
 *
 * Bases and sizes are 32 bits wide, their sum is not: a portion starts below 4 GiB and is shorter
 * than 4 GiB, but its end must be computed in 64 bits, since it may be 4 GiB and (if the mediator
 * is broken) even more.
 */

/* VGT_PVINFO_PAGE: offset of the PVINFO page in the MMIO BAR; VGT_PVINFO_SIZE: its size, bytes */
#define VGT_PVINFO_PAGE		0x78000
#define VGT_PVINFO_SIZE		0x1000

/* VGT_MAGIC: "vGTvGTvG" in ASCII, there is a mediator */
#define VGT_MAGIC		0x4776544776544776ULL

/* The version described here; see "PVINFO page" for what a difference means. */
#define VGT_VERSION_MAJOR	1
#define VGT_VERSION_MINOR	1

/*
 * Capabilities (vgt_caps). Bits 0, 1, 5 and 7-31 are reserved: a guest ignores those that it does
 * not know. Bit 5 was used by an unmerged paravirtualisation series (2018-2020) and is not given
 * out again.
 *
 * VGT_CAPS_FULL_PPGTT: the mediator shadows page tables of the guest's own, 3-level and 4-level.
 * Linux refuses a mediator of a GPU with PPGTTs, from Gen7 on, that does not.
 * VGT_CAPS_HWSP_EMULATION: context status is written to each engine's hardware status page. Linux
 * refuses a mediator of a GPU with execlists that does not.
 * VGT_CAPS_HUGE_GTT: 64 KiB and 2 MiB page table entries may be used; without it, 4 KiB only.
 * VGT_CAPS_CHANNEL: features are negotiated and the channel can be started, see "PVINFO features";
 * since version 1.1.
 */
#define VGT_CAPS_FULL_PPGTT	0x00000004u
#define VGT_CAPS_HWSP_EMULATION	0x00000008u
#define VGT_CAPS_HUGE_GTT	0x00000010u
#define VGT_CAPS_CHANNEL	0x00000040u

/**
 * DOC: PVINFO features
 *
 * What a guest and a mediator can do for each other beyond the virtual registers is a feature, and
 * goes through a ring of requests in the guest's memory: the channel (i915_vgpu_channel_abi.h).
 * Features are negotiated one by one, and only what the mediator has accepted is in effect:
 *
 * 1. The guest reads features_offered.
 * 2. It prepares the channel's memory, writes channel_addr, channel_size and features_wanted (a
 *    subset of what is offered), and %VGT_G2V_CHANNEL_START to g2v_notify.
 * 3. Before that write completes, the mediator checks all of it and sets features_accepted to the
 *    features that it will serve: a subset of features_wanted. If it refuses, that is zero.
 * 4. The guest reads features_accepted. It sends no request of a feature that is not in there.
 *
 * The mediator refuses unless channel_addr and channel_size are multiples of 4096, the size is
 * within its limits, all of the memory is the guest's and can be written by a device, the header
 * and the rings are as "vGPU channel" has them, and at least one wanted feature is offered. Wanted
 * ones that are not offered are ignored.
 *
 * The channel ends, and features_accepted becomes zero,
 *
 * - when the guest writes %VGT_G2V_CHANNEL_STOP: the mediator executes what is in the ring first;
 * - when the guest starts it again; the new one knows nothing of the old one;
 * - at a reset of all engines through GDRST (a write that has the bit of the full domain, or those
 *   of all engines), and at each reset of the device; D3hot by itself does not end it;
 * - when the mediator finds the channel's memory inconsistent; then it logs why.
 *
 * While the guest has bus mastering off, the memory cannot be accessed: requests wait, and the
 * channel does not end.
 *
 * With the channel the mediator forgets all contexts that it was told of, and requests that it has
 * not executed are lost. Fence registers stay as they are. No access to the channel's memory is
 * made after the channel has ended. A guest that finds the channel ended either starts it again or
 * goes on without: each feature only replaces something that works by trapped accesses as well, and
 * the two can be mixed at any time.
 *
 * VGT_FEATURE_CONTEXT: the life of contexts is notified, VGT_ACTION_CONTEXT_*
 * VGT_FEATURE_FENCE: fence registers are set by request, %VGT_ACTION_FENCE_SET
 *
 * All other bits are reserved: zero, and ignored by the other side.
 */
#define VGT_FEATURE_CONTEXT	0x00000001u
#define VGT_FEATURE_FENCE	0x00000002u

/**
 * enum vgt_g2v_type - what a guest says by writing g2v_notify
 * @VGT_G2V_PPGTT_L3_PAGE_TABLE_CREATE: a 3-level page table exists, pdp[0..3] are its pointers
 * @VGT_G2V_PPGTT_L3_PAGE_TABLE_DESTROY: the 3-level page table in pdp[0..3] is going away
 * @VGT_G2V_PPGTT_L4_PAGE_TABLE_CREATE: a 4-level page table exists, pdp[0] is its root
 * @VGT_G2V_PPGTT_L4_PAGE_TABLE_DESTROY: the 4-level page table with the root pdp[0] is going away
 * @VGT_G2V_EXECLIST_CONTEXT_CREATE: reserved; never sent, mediators accept and ignore it
 * @VGT_G2V_EXECLIST_CONTEXT_DESTROY: reserved; never sent, mediators accept and ignore it
 * @VGT_G2V_CHANNEL_START: start the channel that channel_addr, channel_size and features_wanted
 *	describe; only with %VGT_CAPS_CHANNEL, as the next two
 * @VGT_G2V_CHANNEL_STOP: execute what is in the channel, and end it
 * @VGT_G2V_CHANNEL_DOORBELL: execute what is in the channel; done before this write completes
 * @VGT_G2V_MAX: one more than the last number
 *
 * 0 and 1 are reserved: deployed mediators take 1 for something and ignore it. 8 and 9 were used by
 * the unmerged series named above and are not given out again.
 */
enum vgt_g2v_type {
	VGT_G2V_PPGTT_L3_PAGE_TABLE_CREATE = 2,
	VGT_G2V_PPGTT_L3_PAGE_TABLE_DESTROY = 3,
	VGT_G2V_PPGTT_L4_PAGE_TABLE_CREATE = 4,
	VGT_G2V_PPGTT_L4_PAGE_TABLE_DESTROY = 5,
	VGT_G2V_EXECLIST_CONTEXT_CREATE = 6,
	VGT_G2V_EXECLIST_CONTEXT_DESTROY = 7,
	VGT_G2V_CHANNEL_START = 10,
	VGT_G2V_CHANNEL_STOP = 11,
	VGT_G2V_CHANNEL_DOORBELL = 12,
	VGT_G2V_MAX,
};

/* display_ready: may the host show this vGPU's frame buffer? */
#define VGT_DRV_DISPLAY_NOT_READY	0
#define VGT_DRV_DISPLAY_READY		1

/**
 * struct vgt_if - the PVINFO page
 *
 * It describes offsets only: in the guest the page is MMIO and is reached through register
 * accessors, never by a pointer to this struct. The table above says who writes which field.
 */
struct vgt_if {
	/** @magic: %VGT_MAGIC */
	__u64 magic;
	/** @version_major: %VGT_VERSION_MAJOR of the mediator */
	__u16 version_major;
	/** @version_minor: %VGT_VERSION_MINOR of the mediator */
	__u16 version_minor;
	/** @vgt_id: number of this vGPU on its GPU */
	__u32 vgt_id;
	/** @vgt_caps: VGT_CAPS_* that the mediator has */
	__u32 vgt_caps;
	/** @rsv1: reserved, zero */
	__u32 rsv1[11];
	/** @avail_rs: what of the shared resources belongs to this vGPU */
	struct {
		/** @avail_rs.mappable_gmadr: below the end of the aperture, bytes */
		struct {
			__u32 base;
			__u32 size;
		} mappable_gmadr;
		/** @avail_rs.nonmappable_gmadr: above the aperture, bytes */
		struct {
			__u32 base;
			__u32 size;
		} nonmappable_gmadr;
		/** @avail_rs.fence_num: number of fence registers, counted from 0 */
		__u32 fence_num;
		/** @avail_rs.rsv2: reserved, zero */
		__u32 rsv2[3];
	} avail_rs;
	/** @features_offered: VGT_FEATURE_* that the mediator has */
	__u32 features_offered;
	/** @features_accepted: VGT_FEATURE_* in effect */
	__u32 features_accepted;
	/** @rsv3: reserved, zero */
	__u32 rsv3[0x200 - 26];
	/** @rsv4: reserved, zero */
	__u32 rsv4;
	/** @display_ready: VGT_DRV_DISPLAY_* */
	__u32 display_ready;
	/** @rsv5: reserved; a write is taken as a broken guest */
	__u32 rsv5[4];
	/** @g2v_notify: &enum vgt_g2v_type */
	__u32 g2v_notify;
	/** @rsv6: reserved, zero */
	__u32 rsv6[5];
	/** @cursor_x_hot: pixels from the left */
	__u32 cursor_x_hot;
	/** @cursor_y_hot: pixels from the top */
	__u32 cursor_y_hot;
	/** @pdp: page directory pointers, guest physical addresses in bytes */
	struct {
		__u32 lo;
		__u32 hi;
	} pdp[4];
	/** @execlist_context_descriptor_lo: low half of a context descriptor */
	__u32 execlist_context_descriptor_lo;
	/** @execlist_context_descriptor_hi: high half of a context descriptor */
	__u32 execlist_context_descriptor_hi;
	/** @features_wanted: VGT_FEATURE_* that the guest will use */
	__u32 features_wanted;
	/** @channel_size: of the channel's memory, bytes */
	__u32 channel_size;
	/** @channel_addr: of the channel's memory, a DMA address in bytes */
	struct {
		__u32 lo;
		__u32 hi;
	} channel_addr;
	/** @rsv7: reserved, zero */
	__u32 rsv7[0x200 - 28];
};

/* A field stands where every deployed mediator and guest expects it. */
#define VGT_ASSERT_OFFSET(field, offset) \
	_Static_assert(__builtin_offsetof(struct vgt_if, field) == (offset), \
		       "PVINFO field " #field " moved")

VGT_ASSERT_OFFSET(magic, 0x000);
VGT_ASSERT_OFFSET(version_major, 0x008);
VGT_ASSERT_OFFSET(version_minor, 0x00a);
VGT_ASSERT_OFFSET(vgt_id, 0x00c);
VGT_ASSERT_OFFSET(vgt_caps, 0x010);
VGT_ASSERT_OFFSET(rsv1, 0x014);
VGT_ASSERT_OFFSET(avail_rs.mappable_gmadr.base, 0x040);
VGT_ASSERT_OFFSET(avail_rs.mappable_gmadr.size, 0x044);
VGT_ASSERT_OFFSET(avail_rs.nonmappable_gmadr.base, 0x048);
VGT_ASSERT_OFFSET(avail_rs.nonmappable_gmadr.size, 0x04c);
VGT_ASSERT_OFFSET(avail_rs.fence_num, 0x050);
VGT_ASSERT_OFFSET(avail_rs.rsv2, 0x054);
VGT_ASSERT_OFFSET(features_offered, 0x060);
VGT_ASSERT_OFFSET(features_accepted, 0x064);
VGT_ASSERT_OFFSET(rsv3, 0x068);
VGT_ASSERT_OFFSET(rsv4, 0x800);
VGT_ASSERT_OFFSET(display_ready, 0x804);
VGT_ASSERT_OFFSET(rsv5, 0x808);
VGT_ASSERT_OFFSET(g2v_notify, 0x818);
VGT_ASSERT_OFFSET(rsv6, 0x81c);
VGT_ASSERT_OFFSET(cursor_x_hot, 0x830);
VGT_ASSERT_OFFSET(cursor_y_hot, 0x834);
VGT_ASSERT_OFFSET(pdp, 0x838);
VGT_ASSERT_OFFSET(pdp[3].hi, 0x854);
VGT_ASSERT_OFFSET(execlist_context_descriptor_lo, 0x858);
VGT_ASSERT_OFFSET(execlist_context_descriptor_hi, 0x85c);
VGT_ASSERT_OFFSET(features_wanted, 0x860);
VGT_ASSERT_OFFSET(channel_size, 0x864);
VGT_ASSERT_OFFSET(channel_addr.lo, 0x868);
VGT_ASSERT_OFFSET(channel_addr.hi, 0x86c);
VGT_ASSERT_OFFSET(rsv7, 0x870);
_Static_assert(sizeof(struct vgt_if) == VGT_PVINFO_SIZE, "the PVINFO page is not one page");

#endif /* _I915_PVINFO_ABI_H_ */
