"""Targets: what a program is written as, one file each, and nothing of an op's meaning.

A program (``autograd.compiler.program``) is packs of sums of products and of kernels; the meaning of an op is in the table of ops and
what it is made of in ``kernels.body_of``. A target says no more than how a number, a sum, a kernel, a table and a loop are spelled::

    walk       the walk over a program that all of them share
    llvm       vectors of lanes, tiles of instances, and what runs them
    numpy      arrays in place, the second opinion; plain: one sample through a small program without arrays
    c_like     languages of C's kind (c_language: what they differ in; c_memory: where numbers lie): javascript, c with c_module
    arrays     targets whose words are whole arrays: jax, onnx
    tables     where the operands of a pack lie, for all that write loops
    lowered    functions of the C library for targets that lack them; special, gamma: ops of Python functions of floats

To add a language of C's kind is to write a ``Language``, one of arrays an ``ArrayTarget``, any other a ``Walk``.
"""
