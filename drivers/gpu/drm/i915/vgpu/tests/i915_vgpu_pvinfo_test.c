// SPDX-License-Identifier: MIT
/*
 * What the guest makes of what a mediator says of itself: versions, capabilities, fences.
 */

#include <kunit/test.h>

#include <linux/errno.h>
#include <linux/limits.h>

#include "../i915_pvinfo_abi.h"
#include "../i915_vgpu_pvinfo.h"
#include "i915_vgpu_tests.h"

#define ALL_KNOWN_CAPS	(VGT_CAPS_FULL_PPGTT | VGT_CAPS_HWSP_EMULATION | VGT_CAPS_HUGE_GTT)
#define GEN8_NEEDS	(VGT_CAPS_FULL_PPGTT | VGT_CAPS_HWSP_EMULATION)

/* Reserved bits that must change nothing; bit 5 was used by a series that was never merged. */
#define UNKNOWN_CAPS	(~ALL_KNOWN_CAPS)

struct verdict_param {
	const char *name;
	struct vgpu_pvinfo pvinfo;
	u32 required_caps;
	enum vgpu_verdict expected;
};

#define CASE(name_, magic_, major_, minor_, caps_, required_, expected_) {	\
	.name = name_,								\
	.pvinfo = {								\
		.magic = magic_,						\
		.version_major = major_,					\
		.version_minor = minor_,					\
		.caps = caps_,							\
	},									\
	.required_caps = required_,						\
	.expected = VGPU_VERDICT_##expected_,					\
}

static const struct verdict_param verdict_params[] = {
	CASE("a page of zeroes is bare hardware",
	     0, 0, 0, 0, GEN8_NEEDS, ZERO),
	CASE("a page of ones is a device that does not answer",
	     U64_MAX, U16_MAX, U16_MAX, U32_MAX, GEN8_NEEDS, ALL_ONES),
	CASE("half a magic, the lower one, is no mediator",
	     VGT_MAGIC & U32_MAX, 1, 0, ALL_KNOWN_CAPS, GEN8_NEEDS, FOREIGN),
	CASE("a magic with one bit flipped is no mediator",
	     VGT_MAGIC ^ 1, 1, 0, ALL_KNOWN_CAPS, GEN8_NEEDS, FOREIGN),
	CASE("a magic of the wrong endianness is no mediator",
	     0x7647547676475476ULL, 1, 0, ALL_KNOWN_CAPS, GEN8_NEEDS, FOREIGN),

	CASE("version 1.0 is ours",
	     VGT_MAGIC, 1, 0, ALL_KNOWN_CAPS, GEN8_NEEDS, VGPU),
	CASE("version 1.65535 is accepted",
	     VGT_MAGIC, 1, U16_MAX, ALL_KNOWN_CAPS, GEN8_NEEDS, VGPU),
	CASE("version 0.65535 is too old, a minor version makes up for nothing",
	     VGT_MAGIC, 0, U16_MAX, ALL_KNOWN_CAPS, GEN8_NEEDS, HOST_TOO_OLD),
	CASE("version 2.0 is too new",
	     VGT_MAGIC, 2, 0, ALL_KNOWN_CAPS, GEN8_NEEDS, HOST_TOO_NEW),
	CASE("version 257.0 is too new, all 16 bits count",
	     VGT_MAGIC, 257, 0, ALL_KNOWN_CAPS, GEN8_NEEDS, HOST_TOO_NEW),
	CASE("version 65535.0 is too new",
	     VGT_MAGIC, U16_MAX, 0, ALL_KNOWN_CAPS, GEN8_NEEDS, HOST_TOO_NEW),
	CASE("another major version is refused before its capabilities are looked at",
	     VGT_MAGIC, 2, 0, 0, GEN8_NEEDS, HOST_TOO_NEW),

	CASE("unknown capabilities are ignored",
	     VGT_MAGIC, 1, 0, U32_MAX, GEN8_NEEDS, VGPU),
	CASE("unknown capabilities make up for nothing",
	     VGT_MAGIC, 1, 0, UNKNOWN_CAPS, GEN8_NEEDS, LACKS_CAPS),
	CASE("a newer minor version makes up for no missing capability",
	     VGT_MAGIC, 1, 7, UNKNOWN_CAPS | VGT_CAPS_FULL_PPGTT, GEN8_NEEDS, LACKS_CAPS),
};

KUNIT_ARRAY_PARAM_DESC(verdict, verdict_params, name);

static void mediator_is_judged(struct kunit *test)
{
	const struct verdict_param *param = test->param_value;

	KUNIT_EXPECT_EQ(test, vgpu_pvinfo_check(&param->pvinfo, param->required_caps),
			param->expected);
}

static void verdict_decides_about_the_probe(struct kunit *test)
{
	static const int expected[] = {
		[VGPU_VERDICT_ZERO] = 0,
		[VGPU_VERDICT_ALL_ONES] = 0,
		[VGPU_VERDICT_FOREIGN] = 0,
		[VGPU_VERDICT_HOST_TOO_OLD] = -EPROTONOSUPPORT,
		[VGPU_VERDICT_HOST_TOO_NEW] = -EPROTONOSUPPORT,
		[VGPU_VERDICT_LACKS_CAPS] = -ENXIO,
		[VGPU_VERDICT_VGPU] = 0,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(expected); i++)
		KUNIT_EXPECT_EQ_MSG(test, vgpu_verdict_to_errno(i), expected[i], "verdict %d", i);
}

/* Each combination of the three known capabilities, against each that may be required. */
static void every_missing_capability_is_noticed(struct kunit *test)
{
	static const u32 bits[] = {
		VGT_CAPS_FULL_PPGTT, VGT_CAPS_HWSP_EMULATION, VGT_CAPS_HUGE_GTT
	};
	struct vgpu_pvinfo pvinfo = { .magic = VGT_MAGIC, .version_major = VGT_VERSION_MAJOR };
	int has, needs, i;

	for (has = 0; has < BIT(ARRAY_SIZE(bits)); has++) {
		pvinfo.caps = 0;
		for (i = 0; i < ARRAY_SIZE(bits); i++)
			pvinfo.caps |= has & BIT(i) ? bits[i] : 0;

		for (needs = 0; needs < BIT(ARRAY_SIZE(bits)); needs++) {
			u32 required = 0;

			for (i = 0; i < ARRAY_SIZE(bits); i++)
				required |= needs & BIT(i) ? bits[i] : 0;

			KUNIT_EXPECT_EQ_MSG(test, vgpu_pvinfo_check(&pvinfo, required),
					    needs & ~has ? VGPU_VERDICT_LACKS_CAPS :
							   VGPU_VERDICT_VGPU,
					    "has 0x%x, needs 0x%x", pvinfo.caps, required);
		}
	}
}

struct fence_param {
	const char *name;
	u32 offered;
	u32 hw;
	u32 expected;
};

static const struct fence_param fence_params[] = {
	{ "no fence is a valid offer", 0, 32, 0 },
	{ "a share is taken as it is", 4, 32, 4 },
	{ "all fences are taken as they are", 32, 32, 32 },
	{ "one more than there are is cut", 33, 32, 32 },
	{ "more than 16 are cut on hardware with 16", 32, 16, 16 },
	{ "what would be a negative int is cut", (u32)S32_MIN, 32, 32 },
	{ "all ones are cut", U32_MAX, 32, 32 },
	{ "without an aperture there are no fences", 4, 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(fence, fence_params, name);

static void fences_are_bounded(struct kunit *test)
{
	const struct fence_param *param = test->param_value;

	KUNIT_EXPECT_EQ(test, vgpu_fence_bound(param->offered, param->hw), param->expected);
}

struct caps_param {
	u32 caps;
	const char *text;
};

static const struct caps_param caps_params[] = {
	{ 0, "none" },
	{ VGT_CAPS_FULL_PPGTT, "full-ppgtt" },
	{ VGT_CAPS_HWSP_EMULATION, "hwsp-emulation" },
	{ VGT_CAPS_HUGE_GTT, "huge-gtt" },
	{ ALL_KNOWN_CAPS, "full-ppgtt hwsp-emulation huge-gtt" },
	{ 0x1, "unknown:0x1" },
	{ VGT_CAPS_HUGE_GTT | 0x20, "huge-gtt unknown:0x20" },
	{ VGT_CAPS_CHANNEL, "channel" },
	{ U32_MAX, "full-ppgtt hwsp-emulation huge-gtt channel unknown:0xffffffa3" },
};

static void capabilities_have_names(struct kunit *test)
{
	char text[64];
	int i;

	for (i = 0; i < ARRAY_SIZE(caps_params); i++) {
		int len = vgpu_caps_print(text, sizeof(text), caps_params[i].caps);

		KUNIT_EXPECT_STREQ(test, text, caps_params[i].text);
		KUNIT_EXPECT_EQ(test, len, strlen(caps_params[i].text));
	}
}

static void names_of_capabilities_are_cut_to_the_buffer(struct kunit *test)
{
	char text[16];
	int size;

	for (size = 1; size <= sizeof(text); size++) {
		int len;

		memset(text, 'x', sizeof(text));
		len = vgpu_caps_print(text, size, U32_MAX);
		KUNIT_EXPECT_EQ(test, len, size - 1);
		KUNIT_EXPECT_EQ(test, text[len], '\0');
		if (size < sizeof(text))
			KUNIT_EXPECT_EQ(test, text[size], 'x');
	}
}

static struct kunit_case pvinfo_cases[] = {
	KUNIT_CASE_PARAM(mediator_is_judged, verdict_gen_params),
	KUNIT_CASE(verdict_decides_about_the_probe),
	KUNIT_CASE(every_missing_capability_is_noticed),
	KUNIT_CASE_PARAM(fences_are_bounded, fence_gen_params),
	KUNIT_CASE(capabilities_have_names),
	KUNIT_CASE(names_of_capabilities_are_cut_to_the_buffer),
	{}
};

struct kunit_suite i915_vgpu_pvinfo_suite = {
	.name = "i915_vgpu_pvinfo",
	.test_cases = pvinfo_cases,
};
