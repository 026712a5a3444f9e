"""What follows for the text from the processor in this machine."""

from functools import cache


@cache
def has_avx512() -> bool:
    """Whether a register holds 8 doubles, and there are 32 of them; else 4 doubles, and 16 registers."""
    import llvmlite.binding

    return bool(llvmlite.binding.get_host_cpu_features().get("avx512f"))
