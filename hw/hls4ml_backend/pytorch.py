"""What hls4ml's PyTorch front end passes over in silence: :func:`check`."""

from __future__ import annotations

from typing import Any

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.geometry import pool_size


def check(model: Any) -> None:
    """Refuse, by name, modules of a PyTorch network that hls4ml has read wrongly.

    It drops ``ceil_mode`` and ``dilation`` of a pooling and the ``padding_mode`` of a convolution.
    Raises FirebrickError where that changes the network.  Other networks pass.
    """
    network = model.config.get_config_value("PytorchModel")
    if network is None:
        return
    for name, module in network.named_modules():
        where = f"module {name} ({type(module).__name__})"
        if getattr(module, "padding_mode", "zeros") != "zeros":
            raise FirebrickError(
                f"{where}: its padding_mode is {module.padding_mode!r}; supported is 'zeros'"
            )
        if not hasattr(module, "ceil_mode"):
            continue
        if getattr(module, "dilation", 1) not in (1, (1, 1)):
            raise FirebrickError(f"{where}: its dilation is {module.dilation}; supported is 1")
        if module.ceil_mode and not _same_size(model, name):
            raise FirebrickError(
                f"{where}: hls4ml's PyTorch front end drops its ceil_mode, which counts at this "
                "size; export the network to ONNX, where it is kept"
            )


def _same_size(model: Any, name: str) -> bool:
    """Whether the graph's pooling of this name has the same windows with and without ceil_mode."""
    layer = model.graph.get(name.replace(".", "_"))
    if layer is None or layer.class_name != "Pooling2D":
        return False
    sizes = (layer.get_attr("in_height"), layer.get_attr("in_width"))
    kernels = (layer.get_attr("pool_height"), layer.get_attr("pool_width"))
    return all(
        pool_size(size, kernel, True) == pool_size(size, kernel, False)
        for size, kernel in zip(sizes, kernels, strict=True)
    )
