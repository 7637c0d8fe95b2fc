/* SPDX-License-Identifier: MIT */

#ifndef _I915_VGPU_MOCK_HOST_H_
#define _I915_VGPU_MOCK_HOST_H_

#include <linux/types.h>

#include "../i915_vgpu_channel.h"

struct kunit;

#define MOCK_LOG_SIZE	2048

/**
 * struct mock_host - a mediator in process: it does as the ABI says, or as it is told to do
 */
struct mock_host {
	/** @channel: the guest's side, under test */
	struct vgpu_channel channel;
	/** @memory: the channel's */
	void *memory;
	/** @test: who reports what the guest does wrong */
	struct kunit *test;

	/** @offered: features_offered */
	u32 offered;
	/** @willing: what it accepts of what is wanted */
	u32 willing;
	/** @pushy: what it accepts without having been asked */
	u32 pushy;
	/** @accepted: features_accepted */
	u32 accepted;
	/** @request_head: its own */
	u32 request_head;
	/** @response_tail: its own */
	u32 response_tail;

	/** @asleep: the device must not be accessed */
	bool asleep;
	/** @deaf: it ignores doorbells */
	bool deaf;
	/** @babbles: at each doorbell it says that an old request has failed, and does no more */
	bool babbles;
	/** @babbled: seqno of the last one that it has said that of */
	u32 babbled;
	/** @status: what it says to each request */
	u32 status;

	/** @complaint: the first thing that the guest did wrong, which fails the test, or NULL */
	const char *complaint;
	/** @starts: how often %VGT_G2V_CHANNEL_START was written */
	int starts;
	/** @stops: how often %VGT_G2V_CHANNEL_STOP was */
	int stops;
	/** @doorbells: how often %VGT_G2V_CHANNEL_DOORBELL was */
	int doorbells;
	/** @offs: how often the guest has turned the channel off */
	int offs;
	/** @gets: wakerefs that the guest holds */
	int gets;

	/** @log: what it has executed */
	struct mock_request {
		u32 msg[VGT_MSG_MAX_DWORDS];
	} *log;
	/** @num_log: how many these are */
	u32 num_log;
};

struct mock_host *mock_host_create(struct kunit *test);
void mock_host_drain(struct mock_host *host);
void mock_host_reset(struct mock_host *host);
void mock_host_respond(struct mock_host *host, const u32 *msg, u32 dwords);

static inline u32 mock_request_action(const struct mock_request *request)
{
	return request->msg[0] >> VGT_MSG_ACTION_SHIFT;
}

#endif /* _I915_VGPU_MOCK_HOST_H_ */
