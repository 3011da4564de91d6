"""Processors of this machine and their integer kernels, read without torch."""

from __future__ import annotations

import math
import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

_VECTOR_FLAG_PREFIXES = ("sse4", "avx", "fma", "amx", "asimd", "sve", "i8mm")
_VNNI_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})
_CPUINFO = Path("/proc/cpuinfo")
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/cpu.max")
"""Microseconds of processor time in each period, or `max`, and the period (cgroup v2)."""


def available_processors() -> int:
    """Return how many processors this process may use, by affinity and a container's limit.

    More threads than that would be stopped for the rest of each period of the limit.
    """
    has_affinity = hasattr(os, "sched_getaffinity")  # not on macOS and Windows
    processors = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    try:
        quota, period = _CONTAINER_LIMIT.read_text(encoding="ascii").split()
        limit = math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no limit
        return processors
    return max(1, min(processors, limit))


@cache
def instruction_sets() -> frozenset[str]:
    """Return the vector instruction sets as Linux spells them; empty if they cannot be read."""
    flags = _cpuinfo().get("flags", _cpuinfo().get("Features", "")).split()
    return frozenset(flag for flag in flags if flag.startswith(_VECTOR_FLAG_PREFIXES))


def has_vnni() -> bool:
    """Return whether products of unsigned and signed bytes are summed in 32 bits.

    True with AVX-VNNI, AVX512-VNNI, AMX or ARM's dot product. Elsewhere `vpmaddubsw` sums two
    products in 16 bits: 2 * 255 * 127 overflows, 2 * 255 * 63 does not.
    """
    return not _VNNI_FLAGS.isdisjoint(instruction_sets())


def weight_bits() -> int:
    """Return how many bits an integer weight may have on this CPU: 8, or 7 without VNNI."""
    return 8 if has_vnni() else 7


def processor_name() -> str:
    """Return the model of this machine's processor, such as `AMD EPYC 7B13`."""
    return _cpuinfo().get("model name", platform.processor() or platform.machine())


def kernel_environment() -> dict[str, str]:
    """Return what selects ONNX Runtime's kernels on this machine, as part of a cache key."""
    return {
        "processor": processor_name(),
        "instruction_sets": " ".join(sorted(instruction_sets())),
        "onnxruntime": version("onnxruntime"),
    }


@cache
def _cpuinfo() -> dict[str, str]:
    """Return the fields of the first processor in /proc/cpuinfo; empty if there is no such file."""
    if not _CPUINFO.exists():
        return {}
    first = _CPUINFO.read_text(encoding="utf-8").split("\n\n", 1)[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
