"""The peers' virtual environments, installed from pinned requirements."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from peers.catalogue import OWN

REQUIREMENTS = Path(__file__).parent
STAMP = "installed.sha256"


class InstallError(Exception):
    """An environment cannot be installed; the message is one line."""


def python(name: str, folder: Path) -> Path:
    """Return the interpreter of an environment, and install it if it is missing or outdated.

    Args:
        name: Of the requirements file; `coldpress` is the environment of this process.
        folder: Of all environments.

    Raises:
        InstallError: pip failed.
    """
    if name == OWN:
        return Path(sys.executable)
    requirements = REQUIREMENTS / f"requirements-{name}.txt"
    target = folder.resolve() / name
    stamp = target / STAMP
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    interpreter = target / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != digest:
        print(f"installing {target}", file=sys.stderr, flush=True)
        venv.create(target, clear=True, with_pip=True)
        _install(interpreter, requirements)
        # Written last, so that an interrupted installation is repeated.
        stamp.write_text(digest)
    return interpreter


def _install(interpreter: Path, requirements: Path) -> None:
    options = ["--quiet", "--requirement", str(requirements)]
    command = [str(interpreter), "-m", "pip", "install", *options]
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode:
        lines = [line for line in process.stderr.splitlines() if line.startswith("ERROR")]
        reason = lines[-1] if lines else "no message"
        raise InstallError(f"pip cannot install {requirements.name}: {reason}")
