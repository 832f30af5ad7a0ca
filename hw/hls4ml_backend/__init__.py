"""Firebrick as a backend of hls4ml.

In come hls4ml's graphs, out come quantized networks, programs and projects.  hls4ml finds
:func:`plugin.register` by the distribution's entry point ``hls4ml.backends``, so that
``backend="Firebrick"`` works without importing anything of this package.  May import ``quantize``,
``compiler``, ``hls`` and ``host``.
"""

# hls4ml's plugin loader imports this package's modules half-way through its own import: so hls4ml
# comes first, also where one of them is imported by name.
import hls4ml  # noqa: F401
