"""LLVM: a program as native code in this process.

``emitter`` spells the walk of the program (``kernels``: ops; ``lanes``: sums over lanes; ``grids``: large sums of shared numbers;
``loops``: packs that repeat; ``straight``: few packs; ``memory``: reads, writes and slots; ``text``: lines of IR; ``processor``: what it
is written for), ``exact_math``, ``exact_rows`` and ``fast_math`` hold functions of the C library as vectors, ``executor`` compiles and
runs, ``training`` is the loop over epochs and batches. Nothing here is imported before it is needed.
"""
