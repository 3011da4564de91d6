"""What the processor can do for integer kernels, found out without torch."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

_VECTOR_FLAG_PREFIXES = ("sse4", "avx", "fma", "amx", "asimd", "sve", "i8mm")
_VNNI_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})
_CPUINFO = Path("/proc/cpuinfo")


@cache
def instruction_sets() -> frozenset[str]:
    """Return the vector instructions, spelt as by Linux; empty where they cannot be read."""
    flags = _cpuinfo().get("flags", _cpuinfo().get("Features", "")).split()
    return frozenset(flag for flag in flags if flag.startswith(_VECTOR_FLAG_PREFIXES))


def has_vnni() -> bool:
    """Whether products of unsigned and signed bytes are summed in 32 bits.

    True with AVX-VNNI, AVX512-VNNI, AMX or ARM's dot product. Elsewhere `vpmaddubsw` sums two
    products in 16 bits: 2 * 255 * 127 does not fit, 2 * 255 * 63 does.
    """
    return not _VNNI_FLAGS.isdisjoint(instruction_sets())


def weight_bits() -> int:
    """Return how many bits an integer weight may use here: 8, or 7 where sums could saturate."""
    return 8 if has_vnni() else 7


def kernel_environment() -> dict[str, str]:
    """Return what decides the kernels that run here, for a cache key."""
    return {
        "processor": _cpuinfo().get("model name", platform.processor() or platform.machine()),
        "instruction_sets": " ".join(sorted(instruction_sets())),
        "onnxruntime": version("onnxruntime"),
    }


@cache
def _cpuinfo() -> dict[str, str]:
    """Return the fields of the first processor in Linux's list; nothing elsewhere."""
    if not _CPUINFO.exists():
        return {}
    first = _CPUINFO.read_text(encoding="utf-8").split("\n\n", 1)[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
