"""Firebrick as a backend of hls4ml.

``import hw.hls4ml_backend`` before a conversion makes ``backend="Firebrick"`` known to hls4ml; so
does ``HLS4ML_BACKEND_PLUGINS=hw.hls4ml_backend.plugin`` in the environment, for programs that
import hls4ml alone, such as its command line.
"""

import hls4ml

from hw.hls4ml_backend.plugin import NAME, register

# When hls4ml itself imports this package, half-way through its own import, its plugin loader
# calls register(); its version is the last thing that it defines.
if hasattr(hls4ml, "__version__"):
    from hls4ml.backends import get_available_backends, register_backend
    from hls4ml.writer.writers import register_writer

    if NAME.lower() not in get_available_backends():
        register(register_backend=register_backend, register_writer=register_writer)
