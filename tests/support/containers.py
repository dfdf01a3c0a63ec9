"""Containers that Debian's podman really runs, in a storage of their own that disappears.

Needs root. The base image is made from Debian's packages with debootstrap, because a registry may
be out of reach. It stands for debian:bookworm-slim, which has the same packages.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from local import debian
from tests.support.processes import ROOT

PACKAGES = ("podman", "runc", "debootstrap")
BASE = "docker.io/library/debian:bookworm-slim"
IMAGE = "filehub"
#: Certificates of this machine's network, which the build needs to reach the package index.
CERTIFICATES = Path("/usr/local/share/ca-certificates")
#: What docs/deployment.md and compose.yaml set too. Unlike docker, podman would mount writable
#: directories over /tmp and others.
HARDENED = (
    "--read-only", "--read-only-tmpfs=false", "--cap-drop=all",
    "--security-opt=no-new-privileges",
)  # fmt: skip


class Containers:
    """`with Containers() as containers:` builds the image; the end removes everything."""

    def __init__(self) -> None:
        # Not below pytest's directories: overlay mounts limit the length of paths.
        self._directory = Path(tempfile.mkdtemp(prefix="filehub-podman-"))
        storage, engine = self._directory / "storage.conf", self._directory / "containers.conf"
        storage.write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{self._directory}/storage"\n'
            f'runroot = "{self._directory}/run"\n'
        )
        engine.write_text(_engine_configuration())
        self.environment = os.environ | {
            "CONTAINERS_CONF": str(engine),
            "CONTAINERS_STORAGE_CONF": str(storage),
        }

    def podman(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run podman. With `check`, a failure fails the test with podman's own words."""
        done = subprocess.run(
            ["podman", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=1500,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done

    def run(self, environment: dict[str, str], *command: str) -> str:
        """Run a command of the image once, in a hardened container; return its output."""
        options = [f"--env={name}={value}" for name, value in environment.items()]
        return self.podman("run", "--rm", *HARDENED, *options, IMAGE, *command).stdout.strip()

    def start(self, name: str, environment: dict[str, str], *options: str) -> None:
        """Start a process of the Procfile in a hardened container of the same name."""
        variables = [f"--env={key}={value}" for key, value in environment.items()]
        self.podman(
            "run", "--detach", f"--name={name}", *HARDENED, *variables, *options, IMAGE, name
        )

    def is_healthy(self, name: str) -> bool:
        """Whether the image's HEALTHCHECK succeeds in this container."""
        return self.podman("healthcheck", "run", name, check=False).returncode == 0

    def inspect(self, kind: str, name: str) -> Any:
        """What podman knows of an image or a container."""
        [found] = json.loads(self.podman(kind, "inspect", name).stdout)
        return found

    def logs(self, name: str) -> str:
        done = self.podman("logs", name)
        return done.stdout + done.stderr

    def _make_base(self) -> None:
        root = self._directory / "root"
        done = subprocess.run(
            ["debootstrap", "--variant=minbase", "bookworm", str(root)],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"debootstrap failed:\n{done.stdout[-2000:]}{done.stderr}"
        target = root / CERTIFICATES.relative_to("/")
        target.mkdir(parents=True, exist_ok=True)
        for certificate in CERTIFICATES.glob("*.crt"):
            shutil.copy(certificate, target)
        archive = self._directory / "root.tar"
        subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
        shutil.rmtree(root)
        self.podman("import", str(archive), BASE)
        archive.unlink()

    def __enter__(self) -> Containers:
        try:
            if missing := [name for name in PACKAGES if shutil.which(name) is None]:
                debian.install(*missing)
            self._make_base()
            # The default format of podman has no HEALTHCHECK.
            self.podman("build", "--format=docker", f"--tag={IMAGE}", ".")
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        if shutil.which("podman"):
            self.podman("rm", "--all", "--force", "--time=10", "--volumes", check=False)
            # It also unmounts what podman has mounted.
            self.podman("rmi", "--all", "--force", check=False)
        shutil.rmtree(self._directory, ignore_errors=True)


def _engine_configuration() -> str:
    """Settings that let podman run without systemd, and with no more rights than this process."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return f"""\
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc=4096:4096"]
# The processes reach the local AWS and the database on this machine.
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
"""
