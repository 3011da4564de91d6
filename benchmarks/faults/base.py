"""The home that trials start from, created once and copied for every part."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from faults.sandbox import Sandbox, new, restore


def prepare(folder: Path) -> None:
    """Create a home with two versions and a champion, and record the digests of the recipe.

    Args:
        folder: Of the whole benchmark; what an earlier start has finished is kept.
    """
    path = folder / "expected.json"
    if path.exists():
        return
    shutil.rmtree(folder / "made", ignore_errors=True)
    sandbox = new(folder / "made")
    result, digests = sandbox.run_recipe()
    _check("run", result.code, result.error)
    shutil.rmtree(sandbox.state)
    for seed in (1, 2):
        _must(sandbox, "run", "./tiny.yaml", "--set", f"seed={seed}")
        _must(sandbox, "promote", f"tiny/{seed}", "--reason", "base of a trial")
    path.write_text(json.dumps({**digests, "seconds": str(result.seconds)}))


def home(folder: Path) -> Path:
    """Return a copy of the home that was made for one part.

    Args:
        folder: The part's. Trials put the copy back at `folder / "sandbox"`.

    Returns:
        A folder that no command is run in.
    """
    copy = folder / "base"
    if not copy.exists():
        sandbox = restore(folder.parent / "made", folder / "sandbox")
        _must(sandbox, "lineage", "tiny@champion")  # the first command makes the copy a home
        for version in sandbox.versions():
            if not version.is_intact or not version.is_inside(folder):
                raise RuntimeError(f"{version} of the copied home is not where it should be")
        shutil.copytree(sandbox.folder, folder / "base.aside", symlinks=True)
        (folder / "base.aside").rename(copy)
    return copy


def expected(folder: Path) -> dict[str, str]:
    """Return the digest of each stage of an undisturbed run, and what it took in `seconds`.

    Args:
        folder: A part's.
    """
    read: dict[str, str] = json.loads((folder.parent / "expected.json").read_text())
    return read


def _must(sandbox: Sandbox, *words: str) -> None:
    result = sandbox(*words)
    _check(" ".join(words), result.code, result.error)


def _check(words: str, code: int, error: str) -> None:
    if code:
        raise RuntimeError(f"{words} fails by itself: {error[-2000:]}")
