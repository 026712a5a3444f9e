"""The processor in this machine as LLVM knows it, and what follows from it for the text."""

from functools import cache

from autograd.compiler.interruptions import held


@cache
def processor() -> tuple[str, str]:
    """Its name, and what it can do."""
    import llvmlite.binding as llvm

    with held():  # Ctrl-C while the bindings free a text would free it twice
        return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


@cache
def has_avx512() -> bool:
    """Whether a register holds 8 doubles, and there are 32 of them; else 4 doubles, and 16 registers."""
    return "+avx512f" in processor()[1].split(",")
