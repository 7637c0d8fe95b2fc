# SPDX-License-Identifier: MIT
#
# The front door. Targets only call the scripts that do the work; each of these also runs alone.
#
#   V=1                verbose: every command, the guests' output
#   JOBS=N             parallel jobs (default: all cores)
#   IGT_VGPU_CACHE=    downloads and compiler cache (default ~/.cache/igt-vgpu); all else goes to out/
#   DEBIAN_MIRROR=, LINUX_TARBALL=, QEMU_SOURCE=    where the sources come from if not through apt (README.rst, "Not Debian 12")

TESTS		?=
KDIR		?=
SERIES		?=
KERNEL		?= $(or $(KDIR),$(SERIES),series)
HOST		?= software
TIERS		?=
PLATFORM	?=
IGT		?=
SET		?= *
SERVER_ARGS	?= --vgpu socket=out/server/vgpu0,weight=4 --vgpu socket=out/server/vgpu1,weight=12
V		?= 0
export IGT_VGPU_SERIES = $(SERIES)
export IGT_VGPU_IGT = $(if $(IGT),$(abspath $(IGT)))
export V JOBS IGT_VGPU_CACHE LINUX_TARBALL QEMU_SOURCE DEBIAN_MIRROR

SETUP		:= tools/igt-vgpu/setup
RUNNER		:= PYTHONPATH=tools/igt-vgpu/runner PYTHONDONTWRITEBYTECODE=1 python3 -m igtvgpu
VM_OPTIONS	= --kernel $(KERNEL) --host $(HOST) $(if $(PLATFORM),--platform $(PLATFORM)) $(if $(filter-out 0,$(V)),-v)
# What the host of the guests needs beyond what the system has.
HOST_BUILD	= $(if $(filter software kvmgt kvmgt:% vfio-user:%,$(HOST)),$(SETUP)/qemu-build) \
		  $(if $(filter kvmgt,$(HOST)),&& $(SETUP)/kvmgt-kernel) $(if $(filter kvmgt:series,$(HOST)),&& $(SETUP)/kernel-build kvmgt-series)
# Without TESTS=, make run takes what a minute has room for; make check runs all.
QUICK_TESTS	:= igt/vgpu_detect igt/vgpu_balloon igt/vgpu_fence igt/vgpu_exec
TEST_OPTIONS	= $(foreach t,$(filter-out all,$(TESTS)),--tests '$(t)')
RUN_OPTIONS	= $(if $(TESTS),$(TEST_OPTIONS),$(foreach t,$(QUICK_TESTS),--tests '$(t)'))

.DEFAULT_GOAL	:= help
.NOTPARALLEL:
.PHONY: help run check bench native-check shell server list setup deps kernel kernel-release kernel-native kernel-stock kernel-kvmgt qemu series-import series-export \
	series-check series-build bisect-check rebase send upstream-igt upstream-count core-check core-bench core-profile coverage fuzz runner-check clean distclean

help:		## these targets
	@echo 'usage: make TARGET [VARIABLE=value]...'
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## *\(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'
	@echo
	@echo '  make run TESTS=balloon             tests whose name contains that (or a glob: TESTS="igt/*fence*"); several allowed; TESTS=all'
	@echo '  make run KDIR=~/linux              your own kernel tree instead of out/linux'
	@echo '  make run SERIES=6.1                the backport of the series, patches/6.1, on its kernel; with series-import, -check, ... too'
	@echo '  make run HOST=gvt-g:UUID           a real GVT-g mdev of this host instead of the software mediator'
	@echo '  make run HOST=kvmgt                the real GVT-g, on the software GPU, in a guest around the guest'
	@echo '  make run HOST=kvmgt:series         the same with the series in the outer guest, too'
	@echo '  make run HOST=vfio-user:SOCKET     a vGPU of a GPU that several VMs share: see make server'
	@echo '  make run KERNEL=stock              the base without the series;  PLATFORM=bdw|kbl|cfl: another GPU'
	@echo '  make run KERNEL=debug TESTS=all     a kernel that looks for errors of memory (KASAN, kmemleak, ...); race: for data races (KCSAN)'
	@echo '  make check TIERS="core static"     some tiers only (V=1: verbose); those that run by name only:'
	@echo '             TIERS="kvmgt kvmgt-bdw kvmgt-kbl kvmgt-cfl kvmgt-series debug race applies-6.1 guest-6.1"'
	@echo
	@echo '  JOBS=4                             so many jobs at a time (all cores);  IGT_VGPU_CACHE=DIR: downloads and compiler cache'
	@echo '  DEBIAN_MIRROR=URL                  a Debian mirror, ending in /debian, for the sources where there is no apt'
	@echo '  LINUX_TARBALL=FILE                 the kernel source of patches/BASE, tarball or .deb;  QEMU_SOURCE=DIR: an unpacked QEMU 7.2'

run: deps kernel	## set up what is missing, build, boot a vGPU guest, run the igt-vgpu tests in it
	@$(HOST_BUILD)
	@$(if $(TESTS),,echo "make run: a quick selection ($(QUICK_TESTS)); TESTS=all runs all that make list names")
	@$(RUNNER) run $(VM_OPTIONS) $(RUN_OPTIONS)

check: deps		## the tiers of tests: native, static, in guests (some by name only: make help); ends with N passed, N failed, N skipped
	@$(RUNNER) check $(foreach t,$(TIERS),--tier $(t)) $(if $(filter-out 0,$(V)),-v)

bench: deps kernel kernel-stock kernel-native	## traps, bytes and instructions: the stock driver's and ours, table and plots
	@$(SETUP)/qemu-build
	@$(RUNNER) bench

native-check: deps kernel kernel-stock kernel-native	## what bare hardware notices of the series: register accesses, code size, instructions
	@$(SETUP)/qemu-build
	@$(RUNNER) run --tier native --tests 'native/register*'
	@$(RUNNER) bench --only native

core-bench: deps	## the part of bench that needs no guest: what the mediator's core costs, natively, table and plots
	@$(RUNNER) bench --only core

core-profile: deps	## which functions the core's hot paths spend most instructions in (wants valgrind)
	@$(MAKE) --no-print-directory -s -C tools/igt-vgpu/mediator profile

upstream-igt: deps kernel	## upstream IGT's tests on a vGPU, from IGT=DIR, a build of yours (SET=smoke, fast or full: some of them)
	@$(if $(filter software,$(HOST)),$(SETUP)/qemu-build)
	@$(RUNNER) run $(VM_OPTIONS) --tier upstream --tests 'upstream/$(SET)/*'

upstream-count:		## what upstream.list says of each subtest of IGT=DIR, counted; runs none
	@$(RUNNER) count

shell: deps kernel	## an interactive vGPU guest (SHELL_ARGS="--native", "--two-vgpus", "--no-gpu", "-c COMMAND")
	@$(HOST_BUILD)
	@$(RUNNER) shell $(VM_OPTIONS) $(SHELL_ARGS)

server:			## one GPU for several VMs, until Ctrl-C; then make shell HOST=vfio-user:SOCKET (SERVER_ARGS=: its vGPUs)
	@$(MAKE) -s --no-print-directory -C tools/igt-vgpu/mediator server
	@mkdir -p out/server
	@out/mediator/igt-vgpu-server --stats out/server/stats $(if $(PLATFORM),--platform $(PLATFORM)) $(SERVER_ARGS)

list:			## all tests but those on demand, and what each boots (TESTS= selects; KERNEL=, HOST=, PLATFORM= as for run)
	@$(RUNNER) list $(VM_OPTIONS) $(TEST_OPTIONS)

setup: deps kernel kernel-stock qemu	## packages, kernels and QEMU, without running anything

deps:			## install missing packages (Debian, root), or say which
	@$(SETUP)/deps

kernel:			## build the guest kernel: out/linux, or KDIR=
	@$(SETUP)/kernel-build $(KERNEL)

kernel-release:		## build what out/linux holds without the kernel's debugging, for figures: out/linux-release
	@$(SETUP)/kernel-build release

kernel-native:		## the three kernels that native-check measures, without debugging: out/linux-release{,-default,-stock}
	@$(SETUP)/kernel-build release
	@$(SETUP)/kernel-build release-default
	@$(SETUP)/kernel-build release-stock

kernel-stock:		## build the base kernel without the series: out/linux-stock
	@$(SETUP)/kernel-build stock

kernel-kvmgt:		## fetch the kernel of the host with the real GVT-g: out/kvmgt
	@$(SETUP)/kvmgt-kernel

qemu:			## build QEMU with the mediator: out/qemu
	@$(SETUP)/qemu-build

series-import:		## out/linux: a git tree at BASE with one commit per patch
	@$(SETUP)/fetch kernel
	@scripts/series/import

series-export:		## patches/ and the mirror drivers/gpu/drm/i915/ from the commits of out/linux
	@scripts/series/export

series-check:		## is patches/ a series that can be sent? Every static check
	@$(SETUP)/fetch kernel
	@scripts/series/check

series-build:		## does every patch compile without a warning? (FULL=1: the whole matrix)
	@$(SETUP)/fetch kernel
	@scripts/series/build

bisect-check: deps	## every patch alone: compiles in all variants, boots as a vGPU guest, passes its tests; hours; makes patches/BISECT.rst
	@$(SETUP)/fetch kernel
	@$(SETUP)/qemu-build
	@FULL=1 scripts/series/build; compiled=$$?; scripts/series/bisect && exit $$compiled

coverage: deps		## line coverage of the mediator's core by its own tests; fails below 85 percent
	@$(MAKE) --no-print-directory -C tools/igt-vgpu/mediator coverage

rebase:			## the series onto another kernel: BASE=linux-source-X.tar.xz, or a git tree: BASE=~/linux@v6.13; shows what conflicts
	@$(SETUP)/fetch kernel
	@scripts/series/rebase $(or $(BASE),$(error BASE= names the kernel: make rebase BASE=~/linux@v6.13))

send:			## the series as mails, checked, then git send-email (DRY=1: not that; VERSION=N, RFC=1, REPOSITORY=URL, DRAFT=1: without results)
	@$(SETUP)/fetch kernel
	@scripts/series/send $(if $(DRY),--dry-run) $(if $(VERSION),--version $(VERSION)) $(if $(RFC),--rfc) $(if $(REPOSITORY),--repository '$(REPOSITORY)') $(if $(DRAFT),--draft)

core-check:		## the mediator's own tests, natively, under ASan and UBSan
	@$(MAKE) --no-print-directory -C tools/igt-vgpu/mediator check

fuzz:			## the mediator's fuzzers (FUZZ_SECONDS=30 each; FUZZ_RUNS=N: in turns, until N inputs were executed)
	@$(MAKE) --no-print-directory -C tools/igt-vgpu/mediator fuzz

runner-check:		## the runner's own tests, with deliberate failures
	@$(RUNNER) check --tier runner --tier runner-vm

clean:			## remove build results; sources in out/ (your edits) and results stay
	rm -rf out/qemu out/guest out/tests out/mediator out/modules out/kdir out/vm out/log out/.stamps

distclean:		## remove out/ as a whole; refuses if a git tree in it holds work that patches/ does not have
	@scripts/series/export --saved
	rm -rf out
