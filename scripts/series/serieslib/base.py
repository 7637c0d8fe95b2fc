# SPDX-License-Identifier: MIT
"""patches/BASE, the places of a checkout, and the base source turned into a git repository.

With IGT_VGPU_SERIES=6.1 all of it is about patches/6.1, the backport of the series to that kernel, with trees and results of its own.

Used by every program of scripts/series/. It never touches patches/ or the user's kernel tree."""
from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import BinaryIO, Callable, Iterator

from .git import Git, GitError

REPO = Path(__file__).resolve().parents[3]
IDENT = "igt-vgpu series <series@igt-vgpu.invalid>"
REQUIRED = ("package", "version", "upstream", "deb", "deb_sha256", "tarball", "tarball_sha256",
            "tarball_tree", "tree", "commit", "commit_date")


class SeriesError(Exception):
    """What went wrong, where, and what to do: shown to the user as it is, without a traceback."""


def say(text: str) -> None:
    print(f"series: {text}", file=sys.stderr, flush=True)


class Places:
    """Where things lie. Tests point `root` at a scratch checkout and share the cache."""

    def __init__(self, root: Path | None = None, backport: str | None = None) -> None:
        self.root = Path(root or os.environ.get("IGT_VGPU_ROOT") or REPO).resolve()
        self.backport = os.environ.get("IGT_VGPU_SERIES", "") if backport is None else backport
        suffix = f"-{self.backport}" if self.backport else ""
        self.patches = self.root / "patches" / self.backport
        self.mirror = self.root / "drivers/gpu/drm/i915"
        self.out = self.root / "out"
        self.tree = self.out / f"linux{suffix}"
        self.lab = self.out / f"series{suffix}"
        self.results = self.out / "results" / self.backport
        self.cache = Path(os.environ.get("IGT_VGPU_CACHE") or Path.home() / ".cache/igt-vgpu")

    def show(self, path: Path) -> str:
        """A path as the user would type it from the checkout."""
        try:
            return str(path.relative_to(self.root))
        except ValueError:
            return str(path)

    def patch_files(self, folder: Path | None = None) -> list[Path]:
        return sorted((folder or self.patches).glob("[0-9][0-9][0-9][0-9]-*.patch"))


def read_base(places: Places) -> dict[str, str]:
    path = places.patches / "BASE"
    values: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as e:
        raise SeriesError(f"{path}: {e.strerror}: the series names its base there") from e
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        key, sep, value = line.partition("=")
        if not sep or not key.isidentifier() or any(c in value for c in " \t'\"$`\\"):
            raise SeriesError(f"{path}:{number}: '{line}' is not a plain key=value line")
        values[key] = value
    missing = [k for k in REQUIRED if k not in values]
    if missing:
        raise SeriesError(f"{path}: lacks {', '.join(missing)}")
    return values


def write_whole(path: Path, data: str | bytes) -> None:
    """The file has its new content or its old one, whatever interrupts; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_bytes(data.encode() if isinstance(data, str) else data)
    new.replace(path)


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as f:
        while block := f.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _candidates(places: Places, base: dict[str, str]) -> Iterator[Path]:
    """Where the tarball or the .deb may lie, best first."""
    env = os.environ.get("LINUX_TARBALL")
    if env:
        yield Path(env)
        return
    downloads = places.cache / "dl"
    if downloads.is_dir():
        for name in (base["tarball"], base["tarball_sha256"], base["deb"], base["deb_sha256"]):
            yield from sorted(p for p in downloads.rglob(f"*{name}*") if p.is_file())
    yield Path("/usr/src") / base["tarball"]


def find_tarball(places: Places, base: dict[str, str]) -> tuple[Path, bool]:
    """The first file with the right checksum, and whether it is the .deb around the tarball."""
    seen: list[str] = []
    for path in _candidates(places, base):
        if not path.is_file():
            seen.append(f"{path}: not there")
            continue
        is_deb = _is_deb(path)
        want = base["deb_sha256"] if is_deb else base["tarball_sha256"]
        got = sha256(path)
        if got == want:
            return path, is_deb
        seen.append(f"{path}: sha256 {got}, BASE wants {want}")
    raise SeriesError(
        f"no copy of {base['tarball']} of {base['package']} {base['version']}:\n  "
        + "\n  ".join(seen)
        + f"\n  run `make setup`, or `apt-get install {base['package']}={base['version']}`, "
        "or set LINUX_TARBALL=<file>")


def _is_deb(path: Path) -> bool:
    with path.open("rb") as f:
        return f.read(8) == b"!<arch>\n"


def _open_tar(path: Path, is_deb: bool) -> tuple[BinaryIO, list[subprocess.Popen[bytes]]]:
    """A stream of the uncompressed tar. In a .deb the tarball is one member of the data tar."""
    procs: list[subprocess.Popen[bytes]] = []
    if is_deb:
        data = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(path)], stdout=subprocess.PIPE)
        member = subprocess.Popen(
            ["tar", "-xO", "--wildcards", "-f", "-", "./usr/src/linux-source-*.tar.xz"],
            stdin=data.stdout, stdout=subprocess.PIPE)
        unpack = subprocess.Popen(["xz", "-dc"], stdin=member.stdout, stdout=subprocess.PIPE)
        procs += [data, member, unpack]
    else:
        procs.append(subprocess.Popen(["xz", "-dc", str(path)], stdout=subprocess.PIPE,
                                      bufsize=1 << 20))
    stream = procs[-1].stdout
    assert stream
    return stream, procs


def _fast_import(git: Git, path: Path, is_deb: bool, when: str) -> None:
    """Stream the tar into one pack as ref `tarball`: no unpacked copy, no 86,000 loose objects."""
    stream, procs = _open_tar(path, is_deb)
    sink = subprocess.Popen(
        git.argv("-c", "core.compression=1", "-c", "pack.compression=1", "fast-import", "--quiet",
                 "--depth=0"), stdin=subprocess.PIPE, env=git.env(), bufsize=1 << 20)
    assert sink.stdin
    put = sink.stdin.write
    put(f"commit refs/heads/tarball\ncommitter {IDENT} {when} +0000\ndata 7\ntarball\n".encode())
    count = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                _, _, name = member.name.partition("/")
                if not name or member.isdir():
                    continue
                if member.issym():
                    mode, data = "120000", member.linkname.encode()
                elif member.isreg():
                    mode = "100755" if member.mode & 0o100 else "100644"
                    reader = tar.extractfile(member)
                    assert reader
                    data = reader.read()
                else:
                    raise SeriesError(f"{path}: {member.name}: not a file, link or directory")
                put(f"M {mode} inline {name}\ndata {len(data)}\n".encode() + data + b"\n")
                count += 1
                if count % 20000 == 0:
                    say(f"  {count} files")
        sink.stdin.close()
    except (tarfile.TarError, OSError) as e:
        raise SeriesError(f"{path}: cannot be unpacked into git ({e}); is the disk full?") from e
    if sink.wait() or any(p.wait() for p in procs):
        raise SeriesError(f"{path}: cannot be unpacked into git; is the disk full?")


def _base_commit(git: Git, base: dict[str, str]) -> str:
    """The base commit: fixed in every byte, so its id is the same on every machine."""
    ignore = git.out("show", "tarball:.gitignore")
    kept = [line for line in ignore.splitlines(True) if line.strip() not in ("/*", "!/debian/")]
    blob = git.out("hash-object", "-w", "--stdin", input="".join(kept)).strip()
    index = {"GIT_INDEX_FILE": str(git.dir / "base-index")}
    git.run("read-tree", "tarball", env=index)
    git.run("update-index", "--cacheinfo", f"100644,{blob},.gitignore", env=index)
    tree = git.out("write-tree", env=index).strip()
    (git.dir / "base-index").unlink()
    name, _, mail = IDENT.partition(" <")
    date = f"{base['commit_date']} +0000"
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER")
           for key, value in (("NAME", name), ("EMAIL", mail.rstrip(">")), ("DATE", date))}
    message = (f"Linux {base['upstream']}, as in {base['package']} {base['version']}\n\n"
               "The content of the tarball, except that Debian's \"/*\" is gone from .gitignore,\n"
               f"since it would hide every new file. sha256 of {base['tarball']}:\n"
               f"{base['tarball_sha256']}\n")
    return git.out("commit-tree", tree, "-F", "-", input=message, env=who).strip()


def _imported(places: Places, key: str, find: Callable[[], tuple[Path, bool]], values: dict[str, str]) -> Git:
    """The bare repository of a tarball in the cache, made at first use (about 40 s)."""
    path = places.cache / "git" / f"linux-{key[:16]}.git"
    git = Git(path)
    if (path / "complete").exists() and git.ok("cat-file", "-e", "refs/heads/base^{tree}"):
        return git
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (path / "complete").exists():
            tarball, is_deb = find()
            say(f"{tarball} -> {path} (once a machine, about 40 s)")
            new = Git(path.with_name(path.name + ".new"))
            shutil.rmtree(new.dir, ignore_errors=True)
            subprocess.run(["git", "init", "-q", "--bare", str(new.dir)], check=True, env=new.env())
            try:
                _fast_import(new, tarball, is_deb, values["commit_date"])
                new.run("update-ref", "refs/heads/base", _base_commit(new, values))
            except GitError as e:
                raise SeriesError(f"{new.dir}: {e}") from e
            new.run("symbolic-ref", "HEAD", "refs/heads/base")
            (new.dir / "complete").touch()
            shutil.rmtree(path, ignore_errors=True)
            new.dir.rename(path)
    return git


def base_repo(places: Places, base: dict[str, str]) -> Git:
    """BASE, verified by its ids."""
    git = _imported(places, base["tarball_sha256"], lambda: find_tarball(places, base), base)
    _verify(places, git, base)
    return git


def import_tarball(places: Places, path: Path, digest: str) -> Git:
    """Any other kernel source: a .tar.xz, or the .deb around it, whose sha256 is `digest`."""
    values = {"commit_date": "1000000000", "upstream": "source", "package": path.name, "version": "", "tarball": path.name, "tarball_sha256": digest}
    return _imported(places, digest, lambda: (path, _is_deb(path)), values)


def _verify(places: Places, git: Git, base: dict[str, str]) -> None:
    for key, rev in (("tarball_tree", "tarball^{tree}"), ("tree", "base^{tree}"),
                     ("commit", "base")):
        got = git.out("rev-parse", "--verify", rev).strip()
        if got != base[key]:
            raise SeriesError(f"{places.show(places.patches)}/BASE: {key}={base[key]}, but the tarball gives {got} "
                              f"({git.dir}; remove it if it may be damaged)")
