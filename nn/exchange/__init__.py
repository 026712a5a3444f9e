"""Leaving with a model, and coming in with one of another library.

``export_c``, ``export_js`` and ``export_onnx`` write files that need no Python; ``from_torch``, ``to_torch`` and ``from_sklearn`` translate
models. Nothing of another library is imported before it is asked for.
"""
