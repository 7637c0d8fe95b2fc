// SPDX-License-Identifier: MIT
/* A VM that mirrors ranges of the process's memory; vgpu_mirror.h is the interface. */

#include <fcntl.h>
#include <inttypes.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_cmd.h"
#include "vgpu_guest.h"
#include "vgpu_mirror.h"

/* Behind the slots, a page that stays empty. */
#define WINDOW_SIZE		(VGPU_CODE_SLOTS * VGPU_CODE_SIZE + VGPU_PAGE)

#define ALU(op, a, b)		((op) << 20 | (a) << 10 | (b))
#define ALU_LOAD		0x080u
#define ALU_ADD			0x100u
#define ALU_STORE		0x180u
#define ALU_SRCA		0x20u
#define ALU_SRCB		0x21u
#define ALU_ACCU		0x31u

#define RING_GPR(n)		(0x600 + 8 * (n))
#define RING_PDP0		0x270

#define PAGEMAP_PFN		((1ull << 55) - 1)
#define PAGEMAP_EXCLUSIVE	(1ull << 56)
#define PAGEMAP_SHARED		(1ull << 61)	/* of a file, or shared anonymous memory */
#define PAGEMAP_PRESENT		(1ull << 63)

int vgpu_vm_ioctl(int fd, struct drm_i915_gem_vm_range *range)
{
	return ioctl(fd, DRM_IOCTL_I915_GEM_VM_BIND, range) ? -errno : 0;
}

bool vgpu_vm_supported(int fd)
{
	int value = 0;
	struct drm_i915_getparam gp = { .param = I915_PARAM_HAS_VM_BIND, .value = &value };

	return !ioctl(fd, DRM_IOCTL_I915_GETPARAM, &gp) && value;
}

void vgpu_vm_require(int fd)
{
	igt_require_f(vgpu_vm_supported(fd),
		      "the driver mirrors no memory on this device, or in this kernel\n");
}

uint32_t vgpu_vm_context(const struct vgpu_vm *vm)
{
	struct drm_i915_gem_context_create_ext_setparam set = {
		.base.name = I915_CONTEXT_CREATE_EXT_SETPARAM,
		.param = { .param = I915_CONTEXT_PARAM_VM, .value = vm->id },
	};
	struct drm_i915_gem_context_create_ext create = {
		.flags = I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS,
		.extensions = (uintptr_t)&set,
	};

	do_ioctl(vm->fd, DRM_IOCTL_I915_GEM_CONTEXT_CREATE_EXT, &create);
	return create.ctx_id;
}

static void emit_address(struct vgpu_code *code, uint64_t addr)
{
	vgpu_emit(code, addr);
	vgpu_emit(code, addr >> 32);
}

static void emit_register(struct vgpu_code *code, uint32_t command, uint32_t offset, uint64_t addr)
{
	vgpu_emit(code, command);
	vgpu_emit(code, code->vm->base + offset);
	emit_address(code, addr);
}

/* What the engine itself holds as the root of the tables while it executes in this VM. */
static uint64_t read_root(struct vgpu_vm *vm)
{
	struct vgpu_code code;
	uint32_t root[2];

	vgpu_code_begin(&code, vm);
	for (int i = 0; i < 2; i++)
		emit_register(&code, CMD_STORE_REGISTER, RING_PDP0 + 4 * i,
			      code.addr + VGPU_CODE_SIZE - 8 + 4 * i);
	igt_assert_eq(vgpu_code_submit(&code), 0);
	gem_sync(vm->fd, code.handle);
	gem_read(vm->fd, code.handle, VGPU_CODE_SIZE - 8, root, sizeof(root));
	vgpu_code_end(&code);
	return root[0] | (uint64_t)root[1] << 32;
}

void vgpu_vm_open(struct vgpu_vm *vm, int fd, uint64_t engine)
{
	struct drm_i915_gem_vm_control create = { 0 };

	memset(vm, 0, sizeof(*vm));
	vm->fd = fd;
	vm->engine = engine;
	vgpu_for_each_engine(e)
		if (e->flags == engine)
			vm->base = e->base;
	do_ioctl(fd, DRM_IOCTL_I915_GEM_VM_CREATE, &create);
	vm->id = create.vm_id;
	vm->context = vgpu_vm_context(vm);
	vm->window = mmap(NULL, WINDOW_SIZE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	igt_assert(vm->window != MAP_FAILED);
	/* The blitter runs checked copies of batches, which may not read that register. */
	if (getenv("IGT_VGPU_SYNC") && engine != I915_EXEC_BLT)
		vm->root = read_root(vm);
}

void vgpu_vm_close(struct vgpu_vm *vm)
{
	struct drm_i915_gem_vm_control destroy = { .vm_id = vm->id };

	gem_context_destroy(vm->fd, vm->context);
	do_ioctl(vm->fd, DRM_IOCTL_I915_GEM_VM_DESTROY, &destroy);
	munmap(vm->window, WINDOW_SIZE);
	free(vm->mirror);
	memset(vm, 0, sizeof(*vm));
}

/* What was unbound from [@addr, @addr + @length) is of no interest any more. */
static void forget_gone(struct vgpu_vm *vm, uint64_t addr, uint64_t length)
{
	for (unsigned int i = 0; vm->gone && i < vm->mirrors;) {
		struct vgpu_mirror *mirror = &vm->mirror[i];

		if (!mirror->gone || mirror->addr >= addr + length ||
		    addr >= mirror->addr + mirror->length) {
			i++;
			continue;
		}
		*mirror = vm->mirror[--vm->mirrors];
		vm->gone--;
	}
}

static int bind(struct vgpu_vm *vm, struct drm_i915_gem_vm_range *range)
{
	int ret = vgpu_vm_ioctl(vm->fd, range);

	if (ret)
		return ret;
	forget_gone(vm, range->address, range->length);
	if (vm->mirrors == vm->room) {
		vm->room = vm->room ? 2 * vm->room : 16;
		vm->mirror = realloc(vm->mirror, vm->room * sizeof(*vm->mirror));
		igt_assert(vm->mirror);
	}
	vm->mirror[vm->mirrors++] = (struct vgpu_mirror){
		.addr = range->address, .length = range->length, .flags = range->flags,
		.handle = range->handle,
	};
	return 0;
}

int vgpu_vm_bind(struct vgpu_vm *vm, const void *at, uint64_t length, uint64_t flags)
{
	struct drm_i915_gem_vm_range range = {
		.vm_id = vm->id, .op = I915_VM_RANGE_BIND_MEMORY, .address = (uintptr_t)at,
		.length = length, .flags = flags,
	};

	return bind(vm, &range);
}

int vgpu_vm_bind_object(struct vgpu_vm *vm, uint32_t handle, const void *at, uint64_t length)
{
	struct drm_i915_gem_vm_range range = {
		.vm_id = vm->id, .op = I915_VM_RANGE_BIND_OBJECT, .address = (uintptr_t)at,
		.length = length, .handle = handle,
	};

	return bind(vm, &range);
}

int vgpu_vm_unbind(struct vgpu_vm *vm, const void *at, uint64_t length)
{
	struct drm_i915_gem_vm_range range = {
		.vm_id = vm->id, .op = I915_VM_RANGE_UNBIND, .address = (uintptr_t)at,
		.length = length,
	};
	int ret = vgpu_vm_ioctl(vm->fd, &range);

	/* From the end: who unbinds a hundred thousand does it in that order. */
	for (unsigned int i = vm->mirrors; !ret && i--;) {
		if (vm->mirror[i].addr != range.address || vm->mirror[i].gone)
			continue;
		vm->mirror[i].gone = true;
		vm->gone++;
		if (!getenv("IGT_VGPU_SYNC"))
			forget_gone(vm, range.address, range.length);
		break;
	}
	return ret;
}

uint8_t *vgpu_memory_map(uint64_t size, int flags, int fd)
{
	uint8_t *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	igt_assert_f(at != MAP_FAILED, "mmap of %" PRIu64 " bytes: %s\n", size, strerror(errno));
	return at;
}

uint8_t *vgpu_memory_small(uint64_t size)
{
	/* The other way round would cut what the kernel has joined it with. */
	uint8_t *at = mmap(NULL, size + 2 * VGPU_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0);

	igt_assert_f(at != MAP_FAILED, "mmap of %" PRIu64 " bytes: %s\n", size, strerror(errno));
	at += VGPU_PAGE;
	igt_assert(!mprotect(at, size, PROT_READ | PROT_WRITE));
	igt_assert(!madvise(at, size, MADV_NOHUGEPAGE));
	return at;
}

uint8_t *vgpu_memory_huge(uint64_t size)
{
	uint8_t *at = vgpu_memory_map(size + VGPU_HUGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	at = (uint8_t *)(((uintptr_t)at + VGPU_HUGE - 1) & ~(VGPU_HUGE - 1));
	igt_assert(!madvise(at, size, MADV_HUGEPAGE));
	return at;
}

uint8_t *vgpu_memory_shared(uint64_t size)
{
	return vgpu_memory_map(size, MAP_SHARED | MAP_ANONYMOUS, -1);
}

void vgpu_code_begin(struct vgpu_code *code, struct vgpu_vm *vm)
{
	unsigned int slot = vm->next_slot;

	while (vm->slots & 1ull << slot) {
		slot = (slot + 1) % VGPU_CODE_SLOTS;
		igt_assert_f(slot != vm->next_slot, "too many batches at a time\n");
	}
	vm->slots |= 1ull << slot;
	vm->next_slot = (slot + 1) % VGPU_CODE_SLOTS;
	*code = (struct vgpu_code){
		.vm = vm, .context = vm->context, .slot = slot,
		.handle = gem_create(vm->fd, VGPU_CODE_SIZE),
		.addr = (uintptr_t)vm->window + slot * VGPU_CODE_SIZE,
		.dwords = malloc(VGPU_CODE_SIZE),
	};
	igt_assert(code->dwords);
}

uint64_t vgpu_code_here(const struct vgpu_code *code)
{
	return code->addr + 4 * code->count;
}

void vgpu_emit(struct vgpu_code *code, uint32_t dword)
{
	igt_assert(code->count < VGPU_CODE_DWORDS - 4);
	code->dwords[code->count++] = dword;
}

void vgpu_emit_store(struct vgpu_code *code, const void *at, uint32_t value)
{
	vgpu_emit(code, CMD_STORE_DWORD);
	emit_address(code, (uintptr_t)at);
	vgpu_emit(code, value);
}

void vgpu_emit_copy(struct vgpu_code *code, const void *to, const void *from)
{
	emit_register(code, CMD_LOAD_REGISTER, RING_GPR(15), (uintptr_t)from);
	emit_register(code, CMD_STORE_REGISTER, RING_GPR(15), (uintptr_t)to);
}

void vgpu_emit_load(struct vgpu_code *code, unsigned int half, uint64_t from)
{
	emit_register(code, CMD_LOAD_REGISTER, RING_GPR(0) + 4 * half, from);
}

void vgpu_emit_save(struct vgpu_code *code, unsigned int half, uint64_t to)
{
	emit_register(code, CMD_STORE_REGISTER, RING_GPR(0) + 4 * half, to);
}

void vgpu_emit_set(struct vgpu_code *code, unsigned int n, uint64_t value)
{
	vgpu_emit(code, CMD_LOAD_REGISTER_IMM(2));
	vgpu_emit(code, code->vm->base + RING_GPR(n));
	vgpu_emit(code, value);
	vgpu_emit(code, code->vm->base + RING_GPR(n) + 4);
	vgpu_emit(code, value >> 32);
}

void vgpu_emit_add(struct vgpu_code *code, unsigned int n, unsigned int a, unsigned int b)
{
	vgpu_emit(code, CMD_MATH(4));
	vgpu_emit(code, ALU(ALU_LOAD, ALU_SRCA, a));
	vgpu_emit(code, ALU(ALU_LOAD, ALU_SRCB, b));
	vgpu_emit(code, ALU(ALU_ADD, 0, 0));
	vgpu_emit(code, ALU(ALU_STORE, n, ALU_ACCU));
}

void vgpu_emit_jump(struct vgpu_code *code, uint64_t to)
{
	vgpu_emit(code, CMD_BATCH_START);
	emit_address(code, to);
}

void vgpu_emit_end_unless(struct vgpu_code *code, uint64_t at)
{
	vgpu_emit(code, CMD_CONDITIONAL_END);
	vgpu_emit(code, 0);
	emit_address(code, at);
}

/*
 * The last dword of the buffer is what vgpu_code_release() changes; until then the conditional end
 * finds 1 there and the jump follows. It is mapped now, and faulted in: who waits for this batch may
 * hold the lock that mmap() takes, and before 6.4 each page fault.
 */
static void emit_loop(struct vgpu_code *code, bool polite)
{
	uint64_t here = vgpu_code_here(code);

	if (polite)
		vgpu_emit(code, CMD_ARB_CHECK);
	code->map = gem_mmap__cpu(code->vm->fd, code->handle, 0, VGPU_CODE_SIZE,
				  PROT_READ | PROT_WRITE);
	((volatile uint32_t *)code->map)[VGPU_CODE_DWORDS - 1] = 1;
	code->dwords[VGPU_CODE_DWORDS - 1] = 1;
	vgpu_emit_end_unless(code, code->addr + VGPU_CODE_SIZE - 4);
	vgpu_emit_jump(code, here);
}

void vgpu_emit_spin(struct vgpu_code *code)
{
	emit_loop(code, false);
}

void vgpu_emit_polite_spin(struct vgpu_code *code)
{
	emit_loop(code, true);
}

void vgpu_code_write(struct vgpu_code *code)
{
	if (code->written)
		return;
	vgpu_emit(code, CMD_BATCH_END);
	gem_write(code->vm->fd, code->handle, 0, code->dwords, 4 * code->count);
	gem_write(code->vm->fd, code->handle, VGPU_CODE_SIZE - 4,
		  &code->dwords[VGPU_CODE_DWORDS - 1], 4);
	code->written = true;
}

int vgpu_code_submit(struct vgpu_code *code)
{
	return vgpu_code_submit_with(code, 0, NULL);
}

int vgpu_code_submit_with(struct vgpu_code *code, uint32_t handle, const void *at)
{
	const uint64_t flags = EXEC_OBJECT_PINNED | EXEC_OBJECT_SUPPORTS_48B_ADDRESS;
	struct drm_i915_gem_exec_object2 objects[2] = {
		{ .handle = handle, .offset = (uintptr_t)at, .flags = flags | EXEC_OBJECT_WRITE },
		{ .handle = code->handle, .offset = code->addr, .flags = flags },
	};
	struct drm_i915_gem_execbuffer2 eb = {
		.buffers_ptr = (uintptr_t)&objects[handle ? 0 : 1], .buffer_count = handle ? 2 : 1,
		.rsvd1 = code->context, .flags = code->vm->engine | I915_EXEC_NO_RELOC,
	};

	vgpu_code_write(code);
	return __gem_execbuf(code->vm->fd, &eb);
}

void vgpu_code_submit_spinning(struct vgpu_code *code, struct vgpu_vm *vm, uint8_t *at,
			       vgpu_spin_fn spin)
{
	vgpu_code_begin(code, vm);
	vgpu_emit_store(code, at, 1);
	spin(code);
	igt_assert_eq(vgpu_code_submit(code), 0);
	while (*(volatile uint32_t *)at != 1)
		usleep(1000);
}

void vgpu_code_release(struct vgpu_code *code)
{
	/* Not by pwrite or set_domain: they would wait for the batch that this is to end. */
	((volatile uint32_t *)code->map)[VGPU_CODE_DWORDS - 1] = 0;
	__sync_synchronize();
}

bool vgpu_code_busy(const struct vgpu_code *code)
{
	return gem_bo_busy(code->vm->fd, code->handle);
}

void vgpu_code_again(struct vgpu_code *code)
{
	gem_sync(code->vm->fd, code->handle);
	code->count = 0;
	code->written = false;
}

void vgpu_code_end(struct vgpu_code *code)
{
	gem_sync(code->vm->fd, code->handle);
	gem_close(code->vm->fd, code->handle);
	if (code->map)
		gem_munmap(code->map, VGPU_CODE_SIZE);
	free(code->dwords);
	code->vm->slots &= ~(1ull << code->slot);
}

int vgpu_code_run(struct vgpu_code *code)
{
	int ret = vgpu_code_submit(code);

	vgpu_code_end(code);
	return ret;
}

int vgpu_vm_store(struct vgpu_vm *vm, const void *at, uint32_t value)
{
	struct vgpu_code code;

	vgpu_code_begin(&code, vm);
	vgpu_emit_store(&code, at, value);
	return vgpu_code_run(&code);
}

int vgpu_vm_copy(struct vgpu_vm *vm, const void *to, const void *from)
{
	struct vgpu_code code;

	vgpu_code_begin(&code, vm);
	vgpu_emit_copy(&code, to, from);
	return vgpu_code_run(&code);
}

int vgpu_vm_nop(struct vgpu_vm *vm)
{
	struct vgpu_code code;

	vgpu_code_begin(&code, vm);
	return vgpu_code_run(&code);
}

/* ---- the point of comparison ---- */

/* A run of pages that lie behind each other in both address spaces, in areas of one kind. */
struct run {
	uint64_t addr, pfn, count;
	char kind[4];
};

/* An address of the VM that never has anything: what it maps is what "nothing" looks like. */
static uint64_t nothing(const struct vgpu_vm *vm)
{
	return (uintptr_t)vm->window + VGPU_CODE_SLOTS * VGPU_CODE_SIZE;
}

static void print_run(const struct run *run)
{
	if (run->count)
		printf("svm-page %#" PRIx64 " %" PRIu64 " %#" PRIx64 " %s\n", run->addr, run->count,
		       run->pfn, run->kind);
}

static void add_page(struct run *run, uint64_t addr, uint64_t entry, bool writable)
{
	const char kind[4] = { writable ? 'w' : '-', entry & PAGEMAP_SHARED ? 's' : '-',
			       entry & PAGEMAP_EXCLUSIVE ? 'x' : '-', '\0' };
	uint64_t pfn = entry & PAGEMAP_PFN;

	if (!(entry & PAGEMAP_PRESENT))
		return;
	if (addr != run->addr + run->count * VGPU_PAGE || pfn != run->pfn + run->count ||
	    strcmp(kind, run->kind)) {
		print_run(run);
		*run = (struct run){ .addr = addr, .pfn = pfn };
		strcpy(run->kind, kind);
	}
	run->count++;
}

/* The process's memory as the kernel shows it, and the area that was looked at last. */
struct view {
	int pagemap;
	FILE *maps;
	uint64_t start, end;	/* of the area; nothing is mapped up to it if !mapped */
	bool mapped, writable;
};

static void look_at(struct view *view, uint64_t addr)
{
	uint64_t first, last;
	char line[512], mode[8];

	if (addr >= view->start && addr < view->end)
		return;
	rewind(view->maps);
	*view = (struct view){ .pagemap = view->pagemap, .maps = view->maps, .end = UINT64_MAX };
	while (fgets(line, sizeof(line), view->maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &first, &last, mode) != 3)
			continue;
		if (addr < last) {
			view->mapped = addr >= first;
			view->start = view->mapped ? first : view->start;
			view->end = view->mapped ? last : first;
			view->writable = view->mapped && mode[1] == 'w';
			return;
		}
		view->start = last;
	}
}

static void print_pages(const struct vgpu_mirror *mirror, struct view *view)
{
	uint64_t entries[512], end = mirror->addr + mirror->length;
	struct run run = { .count = 0 };

	for (uint64_t at = mirror->addr; at < end;) {
		uint64_t n = (end - at) / VGPU_PAGE;

		n = n < ARRAY_SIZE(entries) ? n : ARRAY_SIZE(entries);
		igt_assert(pread(view->pagemap, entries, 8 * n, at / VGPU_PAGE * 8) ==
			   (ssize_t)(8 * n));
		for (uint64_t i = 0; i < n; i++, at += VGPU_PAGE) {
			look_at(view, at);
			add_page(&run, at, entries[i], view->writable);
		}
	}
	print_run(&run);
}

/* Ranges of one kind that were bound behind each other, as one; returns how many these are. */
static unsigned int merge(const struct vgpu_vm *vm, unsigned int first, struct vgpu_mirror *all)
{
	unsigned int i = first;

	*all = vm->mirror[i++];
	while (i < vm->mirrors && !all->handle && !vm->mirror[i].handle &&
	       vm->mirror[i].gone == all->gone &&
	       vm->mirror[i].flags == all->flags &&
	       vm->mirror[i].addr == all->addr + all->length)
		all->length += vm->mirror[i++].length;
	return i - first;
}

void vgpu_vm_expect(struct vgpu_vm *vm, uint64_t bytes)
{
	vm->expect = bytes;
}

/* The largest entry of the device's page tables, as the driver uses them. */
static uint64_t largest_entry(int fd)
{
	char path[80], text[16384], *line;
	struct stat st;
	uint64_t sizes;

	igt_assert(!fstat(fd, &st));
	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%u/i915_capabilities", minor(st.st_rdev));
	igt_assert_eq(vgpu_file_read(path, text, sizeof(text)), 0);
	line = strstr(text, "page-sizes: ");
	igt_assert_f(line, "%s says nothing about page sizes\n", path);
	sizes = strtoull(line + strlen("page-sizes: "), NULL, 16);
	return sizes & VGPU_HUGE ? VGPU_HUGE : sizes & 65536 ? 65536 : VGPU_PAGE;
}

void vgpu_vm_sync(struct vgpu_vm *vm, unsigned int present)
{
	static unsigned int number;
	struct view view = { .end = 0 };
	struct vgpu_mirror mirror;
	uint64_t entry;

	if (!getenv("IGT_VGPU_SYNC"))
		return;
	igt_assert_f(vm->root, "no root of the page tables is known on this engine\n");
	view.maps = fopen("/proc/self/maps", "r");
	view.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	igt_assert(view.maps && view.pagemap >= 0);
	entry = largest_entry(vm->fd);
	printf("svm-sync %u root=%#" PRIx64 " nothing=%#" PRIx64 " present=%u expect=%" PRIu64
	       "*%" PRIu64 "\n", ++number, vm->root, nothing(vm), present, vm->expect / entry, entry);
	for (unsigned int i = 0; i < vm->mirrors;) {
		i += merge(vm, i, &mirror);
		printf("svm-range %#" PRIx64 " %#" PRIx64 " %s\n", mirror.addr, mirror.length,
		       mirror.gone ? "none" : mirror.handle ? "object" :
		       mirror.flags & I915_VM_RANGE_READONLY ? "ro" : "rw");
		if (!mirror.handle && !mirror.gone)
			print_pages(&mirror, &view);
	}
	printf("svm-ready %u %d\n", number, getpid());
	fflush(stdout);
	fclose(view.maps);
	close(view.pagemap);
	vgpu_vm_expect(vm, 0);
	raise(SIGSTOP);
}

uint64_t vgpu_svm_counter(unsigned int card, const char *name)
{
	char path[64], line[256];
	size_t length = strlen(name);
	bool found = false;
	uint64_t value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%u/i915_svm", card);
	file = fopen(path, "r");
	igt_assert_f(file, "%s: %s\n", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, length) && line[length] == ':')
			value += strtoull(line + length + 1, NULL, 0);
		else if (!strcmp(name, "ranges") && !strncmp(line, "objects:", 8))
			value += strtoull(line + 8, NULL, 0);
		else
			continue;
		found = true;
	}
	fclose(file);
	igt_assert_f(found || !strcmp(name, "ranges"), "%s has no line '%s:'\n", path, name);
	return value;
}

void vgpu_svm_wait_unbound(unsigned int card)
{
	for (int i = 0; i < 500 && vgpu_svm_counter(card, "ranges"); i++)
		usleep(10000);
	igt_assert_eq(vgpu_svm_counter(card, "ranges"), 0);
}
