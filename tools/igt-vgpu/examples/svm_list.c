// SPDX-License-Identifier: MIT
/*
 * A linked list, made with malloc(), that the GPU walks and changes: it doubles each value and
 * turns the list round. The GPU follows the same pointers as the CPU; nothing is copied, and no
 * buffer object but the one for the commands is made.
 *
 *   svm_list [DEVICE]		/dev/dri/card0 if none is named
 *
 * The commands are those of Gen8 and Gen9 (Broadwell to Coffee Lake). ../docs/svm.rst explains it.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vgpu_vm_range.h"	/* i915_drm.h, with DRM_IOCTL_I915_GEM_VM_BIND */

#define PAGE		4096ull
#define NODES		5

struct node {
	struct node *next;
	uint32_t value;
};

/* ---- the GPU's side: a batch that is written dword by dword ---- */

#define MI_BATCH_BUFFER_END	(0x0au << 23)
#define MI_MATH(n)		(0x1au << 23 | ((n) - 1))
#define MI_LOAD_REGISTER_IMM	(0x22u << 23 | 1)
#define MI_STORE_REGISTER_MEM	(0x24u << 23 | 2)
#define MI_LOAD_REGISTER_MEM	(0x29u << 23 | 2)
#define MI_LOAD_REGISTER_REG	(0x2au << 23 | 1)
#define MI_BATCH_BUFFER_START	(0x31u << 23 | 1u << 8 | 1)
#define MI_CONDITIONAL_END	(0x36u << 23 | 1u << 21 | 2)

#define LOAD_A(n)		(0x080u << 20 | 0x20u << 10 | (n))
#define LOAD_B(n)		(0x080u << 20 | 0x21u << 10 | (n))
#define ADD			(0x100u << 20)
#define STORE(n)		(0x180u << 20 | (n) << 10 | 0x31u)

/* General purpose registers of the render engine, 64 bits each; their halves are 4 bytes apart. */
enum { NODE, NEXT, PREVIOUS, VALUE, FOUR, EIGHT, SUM };
#define GPR(n)			(0x2600u + 8 * (n))

/** struct batch - commands, and where they will lie for the GPU */
struct batch {
	uint32_t dwords[1024];
	unsigned int count;
	uint64_t addr;
};

static uint64_t here(const struct batch *b)
{
	return b->addr + 4 * b->count;
}

static void emit(struct batch *b, uint32_t dword)
{
	b->dwords[b->count++] = dword;
}

static void emit_addr(struct batch *b, uint64_t addr)
{
	emit(b, addr);
	emit(b, addr >> 32);
}

static void set(struct batch *b, unsigned int n, uint64_t value)
{
	for (int half = 0; half < 2; half++, value >>= 32) {
		emit(b, MI_LOAD_REGISTER_IMM);
		emit(b, GPR(n) + 4 * half);
		emit(b, value);
	}
}

static void move(struct batch *b, unsigned int to, unsigned int from)
{
	for (int half = 0; half < 2; half++) {
		emit(b, MI_LOAD_REGISTER_REG);
		emit(b, GPR(from) + 4 * half);
		emit(b, GPR(to) + 4 * half);
	}
}

static void add(struct batch *b, unsigned int to, unsigned int x, unsigned int y)
{
	emit(b, MI_MATH(4));
	emit(b, LOAD_A(x));
	emit(b, LOAD_B(y));
	emit(b, ADD);
	emit(b, STORE(to));
}

/* A load or store of a half of a register. Returns where its address stands in the batch. */
static uint64_t access_half(struct batch *b, uint32_t command, unsigned int n, int half,
			    uint64_t addr)
{
	emit(b, command);
	emit(b, GPR(n) + 4 * half);
	emit_addr(b, addr);
	return here(b) - 8;
}

/* The command whose address stands at @place gets the address in register @n. */
static void patch(struct batch *b, uint64_t place, unsigned int n)
{
	for (int half = 0; half < 2; half++)
		access_half(b, MI_STORE_REGISTER_MEM, n, half, place + 4 * half);
}

static void jump(struct batch *b, uint64_t to)
{
	emit(b, MI_BATCH_BUFFER_START);
	emit_addr(b, to);
}

/*
 * The program, for each node: value += value; next = node->next; node->next = previous; previous =
 * node; node = next; *head = previous; until node is NULL.
 *
 * Loads and stores have their address in the command, so each round first writes the node's address
 * into the commands of its body, then jumps there.
 */
static void emit_program(struct batch *b, struct node **head)
{
	uint64_t body, value_at[2], next_at[4], flag = b->addr + sizeof(b->dwords) - 8;
	unsigned int first_jump;

	set(b, FOUR, 4);
	set(b, EIGHT, 8);
	set(b, VALUE, 0);
	set(b, PREVIOUS, 0);
	for (int half = 0; half < 2; half++)
		access_half(b, MI_LOAD_REGISTER_MEM, NODE, half, (uintptr_t)head + 4 * half);
	first_jump = b->count + 1;
	jump(b, 0);

	body = here(b);
	value_at[0] = access_half(b, MI_LOAD_REGISTER_MEM, VALUE, 0, 0);
	add(b, VALUE, VALUE, VALUE);
	value_at[1] = access_half(b, MI_STORE_REGISTER_MEM, VALUE, 0, 0);
	for (int half = 0; half < 2; half++)
		next_at[half] = access_half(b, MI_LOAD_REGISTER_MEM, NEXT, half, 0);
	for (int half = 0; half < 2; half++)
		next_at[2 + half] = access_half(b, MI_STORE_REGISTER_MEM, PREVIOUS, half, 0);
	move(b, PREVIOUS, NODE);
	move(b, NODE, NEXT);
	for (int half = 0; half < 2; half++)
		access_half(b, MI_STORE_REGISTER_MEM, PREVIOUS, half, (uintptr_t)head + 4 * half);
	/* No node of this list lies at a multiple of 4 GiB: the low half tells NULL from others. */
	access_half(b, MI_STORE_REGISTER_MEM, NODE, 0, flag);
	emit(b, MI_CONDITIONAL_END);
	emit(b, 0);
	emit_addr(b, flag);

	b->dwords[first_jump] = here(b);
	b->dwords[first_jump + 1] = here(b) >> 32;
	add(b, SUM, NODE, EIGHT);
	patch(b, value_at[0], SUM);
	patch(b, value_at[1], SUM);
	patch(b, next_at[0], NODE);
	patch(b, next_at[2], NODE);
	add(b, SUM, NODE, FOUR);
	patch(b, next_at[1], SUM);
	patch(b, next_at[3], SUM);
	jump(b, body);
}

/* ---- the driver ---- */

static void call(int fd, unsigned long request, void *arg, const char *what)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret && (errno == EINTR || errno == EAGAIN));
	if (ret)
		err(1, "%s", what);
}

/* A VM, and a context whose batches run in it. */
static uint32_t make_vm(int fd, uint32_t *context)
{
	struct drm_i915_gem_vm_control vm = { 0 };
	struct drm_i915_gem_context_create_ext_setparam in_vm = {
		.base.name = I915_CONTEXT_CREATE_EXT_SETPARAM,
		.param.param = I915_CONTEXT_PARAM_VM,
	};
	struct drm_i915_gem_context_create_ext create = {
		.flags = I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS,
		.extensions = (uintptr_t)&in_vm,
	};

	call(fd, DRM_IOCTL_I915_GEM_VM_CREATE, &vm, "creating a VM");
	in_vm.param.value = vm.vm_id;
	call(fd, DRM_IOCTL_I915_GEM_CONTEXT_CREATE_EXT, &create, "creating a context");
	*context = create.ctx_id;
	return vm.vm_id;
}

/* All pages of [from, to) are the GPU's as well, from now on, at the same addresses. */
static void mirror(int fd, uint32_t vm, const void *from, const void *to)
{
	uint64_t begin = (uintptr_t)from & ~(PAGE - 1);
	struct drm_i915_gem_vm_range range = {
		.vm_id = vm,
		.op = I915_VM_RANGE_BIND_MEMORY,
		.address = begin,
		.length = (((uintptr_t)to + PAGE - 1) & ~(PAGE - 1)) - begin,
	};

	call(fd, DRM_IOCTL_I915_GEM_VM_BIND, &range, "binding memory");
}

/* Only the commands need an object. It may lie anywhere where nothing is bound. */
static void run(int fd, uint32_t context, const struct batch *b)
{
	struct drm_i915_gem_create object = { .size = sizeof(b->dwords) };
	struct drm_i915_gem_pwrite write = { .size = sizeof(b->dwords),
					     .data_ptr = (uintptr_t)b->dwords };
	struct drm_i915_gem_exec_object2 batch = {
		.offset = b->addr,
		.flags = EXEC_OBJECT_PINNED | EXEC_OBJECT_SUPPORTS_48B_ADDRESS,
	};
	struct drm_i915_gem_execbuffer2 exec = {
		.buffers_ptr = (uintptr_t)&batch, .buffer_count = 1,
		.flags = I915_EXEC_RENDER | I915_EXEC_NO_RELOC, .rsvd1 = context,
	};
	struct drm_i915_gem_wait wait = { .timeout_ns = -1 };

	call(fd, DRM_IOCTL_I915_GEM_CREATE, &object, "creating the batch");
	write.handle = batch.handle = wait.bo_handle = object.handle;
	call(fd, DRM_IOCTL_I915_GEM_PWRITE, &write, "writing the batch");
	call(fd, DRM_IOCTL_I915_GEM_EXECBUFFER2, &exec, "executing");
	call(fd, DRM_IOCTL_I915_GEM_WAIT, &wait, "waiting");
}

/* ---- the CPU's side ---- */

static void show(const char *what, const struct node *node)
{
	printf("%s:", what);
	for (; node; node = node->next)
		printf(" %u", node->value);
	printf("\n");
}

int main(int argc, char **argv)
{
	int fd = open(argc > 1 ? argv[1] : "/dev/dri/card0", O_RDWR | O_CLOEXEC), supported = 0;
	struct drm_i915_getparam param = { .param = I915_PARAM_HAS_VM_BIND, .value = &supported };
	struct batch b = { .count = 0 };
	struct node **head, *node;
	uint32_t vm, context;
	char *window;

	if (fd < 0)
		err(1, "opening the device");
	if (ioctl(fd, DRM_IOCTL_I915_GETPARAM, &param) || !supported)
		errx(77, "the driver cannot mirror memory on this device");

	head = malloc(sizeof(*head));
	*head = NULL;
	for (unsigned int i = NODES; i; i--) {
		node = malloc(sizeof(*node));
		node->next = *head;
		node->value = i;
		*head = node;
	}
	show("before", *head);

	/*
	 * Small pieces of malloc() lie one behind the other: the first one is head, the last one
	 * node.
	 */
	vm = make_vm(fd, &context);
	mirror(fd, vm, head, node + 1);
	/* An address for the batch that the process will not use for anything else. */
	window = mmap(NULL, sizeof(b.dwords), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (window == MAP_FAILED)
		err(1, "no addresses left");
	b.addr = (uintptr_t)window;
	emit_program(&b, head);
	run(fd, context, &b);
	show("after", *head);

	/* The CPU goes on with the list, and the GPU sees it: nothing has to be bound again. */
	for (node = *head; node; node = node->next)
		node->value += 1;
	run(fd, context, &b);
	show("again", *head);
	return 0;
}
