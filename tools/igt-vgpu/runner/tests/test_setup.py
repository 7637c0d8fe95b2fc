# SPDX-License-Identifier: MIT
"""The set-up scripts when something is wrong: each case must be one clear line, and leave nothing half done.

They run in a scratch checkout, with small stand-ins for df, apt-get, dpkg-query and apt's downloader first in PATH.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from igtvgpu import paths

CONTENT = b"a kernel, as far as anyone can tell\n"
SUM = hashlib.sha256(CONTENT).hexdigest()


class Scratch(unittest.TestCase):
    """A checkout with setup/ and a BASE whose package is a tiny file on a 'mirror' that is a folder."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)
        self.setup_dir = self.top / "tools/igt-vgpu/setup"
        shutil.copytree(paths.TOOLS / "setup", self.setup_dir)
        (self.top / "patches").mkdir()
        (self.top / "patches/BASE").write_text(
            f"package=linux-source-9.9\nversion=9.9.1\ndeb=linux-source-9.9_9.9.1_all.deb\ndeb_sha256={SUM}\n"
            f"tarball=linux-source-9.9.tar.xz\ntarball_sha256={SUM}\n")
        self.mirror = self.top / "mirror"
        self.mirror.mkdir()
        self.bin = self.top / "bin"
        self.bin.mkdir()
        self.tool("apt-get", "case $* in *print-uris*) echo \"'http://mirror/debian/pool/main/l/linux/x.deb' x.deb 1 SHA256:0\";; esac")
        self.tool("apt-cache", "echo 'linux-source-9.9 | 9.9.2 | http://mirror'; echo 'linux-source-9.9 | 9.9.3 | http://mirror'")
        self.tool("helper", f'f={self.mirror}/$(basename "$2"); if test -f "$f"; then cp "$f" "$3"; else echo "404 Not Found"; exit 1; fi')
        self.env = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", "IGT_VGPU_CACHE": str(self.top / "cache"),
                    "APT_HELPER": str(self.bin / "helper"), "HOME": str(self.top)}
        for name in ("LINUX_TARBALL", "QEMU_SOURCE", "DEBIAN_MIRROR", "MAKEFLAGS", "V"):
            self.env.pop(name, None)

    def tool(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run_script(self, name: str, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(self.setup_dir / name), *args], capture_output=True, text=True, check=False,
                              env={**self.env, **env}, timeout=60)

    def assert_error(self, done: subprocess.CompletedProcess[str], pattern: str) -> None:
        self.assertNotEqual(done.returncode, 0, done.stderr)
        errors = [x for x in done.stderr.splitlines() if x.startswith("setup: error: ")]
        self.assertEqual(len(errors), 1, done.stderr)
        self.assertRegex(errors[0], pattern)


class Fetch(Scratch):
    """Downloads."""

    DEB = "linux-source-9.9_9.9.1_all.deb"

    def cached(self) -> Path:
        return self.top / "cache/dl" / SUM / self.DEB

    def test_a_good_download_is_kept_under_its_sum_and_not_fetched_again(self):
        (self.mirror / self.DEB).write_bytes(CONTENT)
        self.assertEqual(self.run_script("fetch", "kernel").returncode, 0)
        self.assertEqual(self.cached().read_bytes(), CONTENT)
        (self.mirror / self.DEB).unlink()
        self.assertEqual(self.run_script("fetch", "kernel").returncode, 0)

    def test_a_wrong_sum_is_refused_and_not_kept(self):
        (self.mirror / self.DEB).write_bytes(b"something else")
        done = self.run_script("fetch", "kernel")
        self.assert_error(done, "cannot be had")
        self.assertIn(f"pinned is {SUM}", done.stderr)
        self.assertFalse(self.cached().exists())

    def test_a_damaged_file_in_the_cache_is_fetched_again(self):
        (self.mirror / self.DEB).write_bytes(CONTENT)
        self.cached().parent.mkdir(parents=True)
        self.cached().write_bytes(b"half a file")
        done = self.run_script("fetch", "kernel")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("damaged", done.stderr)
        self.assertEqual(self.cached().read_bytes(), CONTENT)

    def test_a_version_that_is_gone_says_what_there_is_and_the_way_out(self):
        done = self.run_script("fetch", "kernel")
        self.assert_error(done, "cannot be had: .*LINUX_TARBALL=")
        self.assertIn("the archive offers linux-source-9.9 in: 9.9.2 9.9.3", done.stderr)

    def test_a_tarball_of_the_user_is_taken_if_its_sum_is_right(self):
        mine = self.top / "mine.tar.xz"
        mine.write_bytes(CONTENT)
        self.assertEqual(self.run_script("fetch", "kernel", LINUX_TARBALL=str(mine)).returncode, 0)
        mine.write_bytes(b"other")
        self.assert_error(self.run_script("fetch", "kernel", LINUX_TARBALL=str(mine)), "sha256 is .* patches/BASE wants")
        self.assert_error(self.run_script("fetch", "kernel", LINUX_TARBALL="/nonexistent"), "no such file")

    def test_a_full_disk_is_said_before_the_download(self):
        self.tool("df", "echo Filesystem; echo '/dev/x 100 90 10 90% /'")
        self.assert_error(self.run_script("fetch", "kernel"), r"needs 1200 MiB, .* has 10 MiB free")

    def test_a_full_disk_says_what_else_to_do_about_the_cache_and_about_the_checkout(self):
        self.tool("df", "echo Filesystem; echo '/dev/x 100 90 10 90% /'")
        self.assert_error(self.run_script("fetch", "kernel"), "make room, or set IGT_VGPU_CACHE= to a folder elsewhere")
        self.assert_error(self.run_script("qemu-build"), "make room, or work in a clone elsewhere")

    def test_a_download_says_what_it_is_and_how_big(self):
        (self.mirror / self.DEB).write_bytes(CONTENT)
        self.tool("apt-get", f"echo \"'http://mirror/debian/pool/main/l/linux/x.deb' {self.DEB} 147000001 SHA256:0\"")
        done = self.run_script("fetch", "kernel")
        self.assertIn(f"fetching {self.DEB} (148 MB) from http://mirror/debian", done.stderr)

    def test_a_disk_that_fills_up_during_the_download_is_said(self):
        self.tool("helper", "echo 'E: Write error - write (28: No space left on device)'; exit 100")
        self.assert_error(self.run_script("fetch", "kernel"), "the disk is full while fetching")

    def test_an_unwritable_cache_is_named(self):
        (self.top / "cache").write_text("a file where the cache should be")
        self.assert_error(self.run_script("fetch", "kernel"), "cannot write to .*cache/dl/.*IGT_VGPU_CACHE=")

    def test_an_unwritable_output_folder_is_named(self):
        (self.top / "out").write_text("a file where the output folder should be")
        self.assert_error(self.run_script("qemu-build"), "cannot write to .*out/.stamps: .*a clone elsewhere")

    def test_every_pinned_qemu_file_is_checked(self):
        self.tool("apt-get", "case $* in *print-uris*) echo \"'http://mirror/debian/pool/main/q/qemu/x.deb' x.deb 1 SHA256:0\";; esac")
        base = dict(re.findall(r"^(\w+)=(.*)$", (self.setup_dir / "QEMU_BASE").read_text(), re.M))
        for part in ("dsc", "orig", "debian"):
            (self.mirror / base[part].replace("+", "%2b").replace("~", "%7e")).write_bytes(b"not QEMU")
        self.assert_error(self.run_script("fetch", "qemu"), "cannot be had: set QEMU_SOURCE=")


class Deps(Scratch):
    """Packages."""

    def test_nothing_missing_is_silent_and_fast(self):
        self.tool("dpkg-query", "shift 3; for p in \"$@\"; do echo \"ii  $p\"; done")
        done = self.run_script("deps", OS_RELEASE=self.release("debian"))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def release(self, name: str) -> str:
        path = self.top / "os-release"
        path.write_text(f"ID={name}\n")
        return str(path)

    def missing(self, probe: str, name: str, need: str = "required") -> None:
        """Add a package that no host has."""
        with (self.setup_dir / "packages").open("a") as f:
            f.write(f"{need} {probe} {name}-deb {name}-fedora {name}-arch {name}-suse\n")

    def test_a_missing_package_is_installed_by_root(self):
        self.missing("cmd:no-such-command", "frob")
        self.tool("id", "echo 0")
        self.tool("apt-get", f"echo \"$*\" >>{self.top}/apt.txt")
        done = self.run_script("deps", OS_RELEASE=self.release("debian"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("install -y --no-install-recommends frob-deb", (self.top / "apt.txt").read_text())

    def test_an_optional_package_is_installed_apart_and_may_be_absent(self):
        self.missing("cmd:no-such-command", "frob")
        self.missing("cmd:no-such-command-either", "nicety", "optional")
        self.tool("id", "echo 0")
        self.tool("apt-get", f"echo \"$*\" >>{self.top}/apt.txt; case $* in *nicety*) echo 'E: Unable to locate package'; exit 100;; esac")
        done = self.run_script("deps", OS_RELEASE=self.release("debian"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex((self.top / "apt.txt").read_text(), r"install -y --no-install-recommends .*frob-deb\n")
        self.assertRegex(done.stderr, "not to be had: .*nicety-deb")

    def test_a_package_of_make_check_that_apt_does_not_have_keeps_no_other_away_and_is_not_fatal(self):
        self.missing("cmd:no-such-command", "frob")
        self.missing("cmd:no-such-checker", "checker", "check")
        self.missing("cmd:no-such-linter", "linter", "check")
        self.tool("id", "echo 0")
        self.missing("cmd:no-such-prover", "prover", "check")
        self.tool("apt-get", f"echo \"$*\" >>{self.top}/apt.txt; case $* in "
                             "*linter*) echo 'E: Unable to locate package linter-deb'; exit 100;; *prover*) echo 'E: Could not get lock'; exit 100;; esac")
        done = self.run_script("deps", OS_RELEASE=self.release("debian"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("setup: installing 1 packages and what they need", done.stderr)
        calls = (self.top / "apt.txt").read_text()
        for name in ("frob-deb", "checker-deb"):
            self.assertRegex(calls, rf"(?m)^install -y --no-install-recommends {name}$")
        self.assertRegex(done.stderr, r"not to be had: prover-deb linter-deb; make run does without")
        again = self.run_script("deps", OS_RELEASE=self.release("debian"))
        self.assertRegex(again.stderr, r"not to be had: prover-deb linter-deb; make run does without")
        calls = (self.top / "apt.txt").read_text()[len(calls):]
        self.assertNotIn("linter", calls, "apt is asked on the same day for what it does not know")
        self.assertIn("prover", calls, "apt is not asked again for what it could not install just then")

    def test_without_root_the_command_is_printed(self):
        self.missing("cmd:no-such-command", "frob")
        self.tool("id", "echo 1000")
        done = self.run_script("deps", OS_RELEASE=self.release("debian"))
        self.assert_error(done, "1 of these are required")
        self.assertRegex(done.stderr, "sudo apt-get install .*frob-deb")

    def test_a_package_that_apt_does_not_have_is_one_clear_line(self):
        self.missing("cmd:no-such-command", "frob")
        self.tool("id", "echo 0")
        self.tool("apt-get", "echo 'E: Unable to locate package frob-deb'; exit 100")
        done = self.run_script("deps", OS_RELEASE=self.release("debian"))
        self.assert_error(done, "apt-get install frob-deb failed")
        self.assertIn("Unable to locate package frob-deb", done.stderr)

    def test_other_systems_get_their_own_names(self):
        self.missing("cmd:no-such-command", "frob")
        for system, command in (("fedora", "dnf install"), ("arch", "pacman -S"), ("opensuse-leap", "zypper install")):
            with self.subTest(system=system):
                done = self.run_script("deps", OS_RELEASE=self.release(system))
                self.assert_error(done, "install it and run this again")
                self.assertRegex(done.stderr, rf"{command} .*frob-(fedora|arch|suse)")

    def test_another_system_that_has_everything_goes_on(self):
        rows = (self.setup_dir / "packages").read_text().splitlines()
        (self.setup_dir / "packages").write_text("\n".join(r for r in rows if "cmd:git" in r or r.startswith("#")) + "\n")
        done = self.run_script("deps", OS_RELEASE=self.release("arch"))
        self.assertEqual(done.returncode, 0, done.stderr)


class LongSteps(Scratch):
    """A step that takes long: a compiler, say."""

    def setUp(self):
        super().setUp()
        path = self.setup_dir / "step"
        path.write_text('#!/usr/bin/env bash\n. "$(dirname "$0")/lib.sh"\n'
                        'long_step "building it" "$OUT/log/it.log" 10 sh -c "$1"\nstamp it done\n')
        path.chmod(0o755)

    def stamp(self) -> Path:
        return self.top / "out/.stamps/it"

    def test_one_that_succeeds_is_silent_and_leaves_its_stamp_and_its_log(self):
        done = self.run_script("step", "echo compiled")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual((self.top / "out/log/it.log").read_text(), "compiled\n")
        self.assertTrue(self.stamp().exists())

    def test_one_that_fails_shows_the_line_of_the_error_and_where_the_log_is(self):
        done = self.run_script("step", "echo a.c:1: error: no semicolon; seq 100; exit 2")
        self.assert_error(done, r"building it failed with status 2 after \d+ s \(log: out/log/it.log\)")
        self.assertIn("a.c:1: error: no semicolon", done.stderr)
        self.assertNotIn("100", done.stderr)
        self.assertFalse(self.stamp().exists())

    def test_one_that_fails_without_such_a_line_shows_the_end_of_its_log(self):
        done = self.run_script("step", "seq 100; exit 1")
        self.assert_error(done, "status 1")
        self.assertIn("\n99\n100\n", "\n" + done.stderr)
        self.assertNotIn("\n50\n", done.stderr)

    def test_a_disk_that_fills_up_is_said(self):
        self.assert_error(self.run_script("step", "echo 'a.o: No space left on device'; exit 1"), "building it: the disk is full")

    def test_one_that_is_interrupted_leaves_no_child_and_no_stamp(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                pid_file = self.top / "pid"
                pid_file.unlink(missing_ok=True)
                with subprocess.Popen([str(self.setup_dir / "step"),
                                       f"sleep 60 & echo $! >{pid_file}.new; mv {pid_file}.new {pid_file}; wait"],
                                      env=self.env, stderr=subprocess.DEVNULL,
                                      preexec_fn=lambda: [signal.signal(n, signal.SIG_DFL) for n in (signal.SIGHUP, signal.SIGINT)]) as script:
                    deadline = time.monotonic() + 20
                    while not pid_file.exists() and time.monotonic() < deadline:
                        time.sleep(0.05)
                    script.send_signal(number)
                    self.assertEqual(script.wait(20), 130)
                stat = Path("/proc", pid_file.read_text().strip(), "stat")
                self.assertTrue(not stat.exists() or stat.read_text().split()[2] == "Z", "the grandchild still runs")
                self.assertFalse(self.stamp().exists())


class KernelBuild(Scratch):
    """What kernel-build says before it builds."""

    def test_an_import_shows_what_it_does_and_keeps_it_in_a_log(self):
        (self.mirror / Fetch.DEB).write_bytes(CONTENT)
        script = self.top / "scripts/series/import"
        script.parent.mkdir(parents=True)
        script.write_text("import sys; print('series: 20000 files', file=sys.stderr); sys.exit('series-import: no')\n")
        done = self.run_script("kernel-build", "series")
        self.assert_error(done, "out/linux could not be made")
        self.assertIn("series: 20000 files\nseries-import: no\n", done.stderr)
        self.assertEqual((self.top / "out/.stamps/import.log").read_text(), "series: 20000 files\nseries-import: no\n")

    # A make that leaves what kernel-build looks for; its configuration is what it was asked for.
    MAKE = """
for word; do
	case $word in KCONFIG_CONFIG=*) config=${word#*=};; INSTALL_MOD_PATH=*) modules=${word#*=};; CFLAGS_MODULE=*) flags=${word#*=};; esac
done
case $* in
*--version*) echo fake;;
*tinyconfig*) : >"$config";;
*olddefconfig*) sed -i '/=n$/d' "$config";;
*bzImage*) mkdir -p arch/x86/boot include/config; touch arch/x86/boot/bzImage vmlinux modules.order; echo 9.9 >include/config/kernel.release
	echo "flags: $flags" >built;;
*modules_install*) mkdir -p "$modules/lib/modules/9.9"; touch "$modules/lib/modules/9.9/modules.dep";;
esac"""

    def test_the_host_with_the_real_gvt_g_is_built_of_what_out_linux_holds(self):
        shutil.copytree(paths.GUEST, self.top / "tools/igt-vgpu/guest")
        self.tool("make", self.MAKE)
        tree = self.top / "out/linux"
        i915 = tree / "drivers/gpu/drm/i915"
        i915.mkdir(parents=True)
        (tree / "Makefile").write_text("# a kernel\n")
        (i915 / "Kconfig").write_text("config DRM_I915_SVM\n")
        git = ("git", "-C", str(tree), "-c", "user.name=x", "-c", "user.email=x@x.invalid")
        for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "base")):
            subprocess.run([*git, *command], check=True)
        (i915 / "edit.c").write_text("/* nobody committed this */\n")
        done = self.run_script("kernel-build", "kvmgt-series", V="1")
        self.assertEqual(done.returncode, 0, done.stderr)
        built = self.top / "out/linux-kvmgt-series"
        self.assertTrue((built / "drivers/gpu/drm/i915/edit.c").exists())
        config = (built / ".config").read_text().split()
        for wanted in ("DRM_I915_GVT_KVMGT=m", "KVM_AMD=m", "VFIO=m", "DRM_I915=m", "DRM_I915_SVM=y", "9P_FS=y"):
            self.assertIn(f"CONFIG_{wanted}", config)
        self.assertNotIn("CONFIG_PROVE_LOCKING=y", config)
        self.assertEqual((built / "built").read_text(), "flags: \n")
        self.assertTrue((self.top / "out/modules/linux-kvmgt-series/lib/modules/9.9/modules.dep").exists())

    def test_a_kdir_that_is_no_kernel_is_refused(self):
        self.assert_error(self.run_script("kernel-build", str(self.top)), "is no kernel source tree")

    def test_a_kdir_whose_configuration_cannot_boot_a_guest_is_refused_with_the_way_out(self):
        tree = self.top / "linux"
        (tree / "drivers/gpu/drm/i915").mkdir(parents=True)
        (tree / "Kbuild").touch()
        (tree / ".config").write_text("CONFIG_64BIT=y\n")
        (self.top / "tools/igt-vgpu/guest").mkdir()
        shutil.copy(paths.GUEST / "guest.config", self.top / "tools/igt-vgpu/guest/")
        done = self.run_script("kernel-build", str(tree))
        self.assert_error(done, "merge_config.sh")
        self.assertIn("CONFIG_9P_FS=y (is: unknown or unmet dependency)", done.stderr)


if __name__ == "__main__":
    unittest.main()
