"""What hls4ml's plugin loader calls: :func:`register`.

hls4ml loads plugins half-way through its own import, when models, layers and converters are not
complete.  So this module imports nothing but what exists by then, and the hooks into the
converters wait until their module has been loaded.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from firebrick.hw.hls4ml_backend.defaults import NAME

CONVERTER = "hls4ml.converters.onnx_to_hls"


class _AfterImport(MetaPathFinder):
    """Calls ``then`` once, with the module ``name``, right after it has been loaded."""

    def __init__(self, name: str, then: Callable[[ModuleType], None]) -> None:
        self.name = name
        self.then = then

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            self.then(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def register(*, register_backend: Callable[..., Any], register_writer: Callable[..., Any]) -> None:
    """Make writer and backend known to hls4ml, and its ONNX entry points aware of the backend.

    Keyword names are hls4ml's.  The writer comes first: the backend's constructor looks it up.
    """
    from firebrick.hw.hls4ml_backend.backend import FirebrickBackend, FirebrickWriter

    register_writer(NAME, FirebrickWriter)
    register_backend(NAME, FirebrickBackend)
    if CONVERTER in sys.modules:
        hook_converter(sys.modules[CONVERTER])
    else:
        sys.meta_path.insert(0, _AfterImport(CONVERTER, hook_converter))
    _hook_configuration()


def hook_converter(module: ModuleType) -> None:
    """Send ONNX networks for this backend through :mod:`hw.hls4ml_backend.frontend`.

    hls4ml's own ONNX parser takes channels-last QONNX only, and is wrong without a word on
    several operators; networks for other backends still go through it, untouched.
    """
    stock_convert, stock_parse = module.onnx_to_hls, module.parse_onnx_model

    def onnx_to_hls(config: dict) -> Any:
        if str(config.get("Backend", "")).lower() != NAME.lower():
            return stock_convert(config)
        from hls4ml.model import ModelGraph

        from firebrick.hw.hls4ml_backend.frontend import parse

        layers, inputs, outputs = parse(config["OnnxModel"])
        return ModelGraph.from_layer_list(config, layers, inputs, outputs)

    def parse_onnx_model(model: Any) -> Any:
        from firebrick.hw.hls4ml_backend.frontend import ParsedModel

        return model.parts if isinstance(model, ParsedModel) else stock_parse(model)

    # The package re-exports both names: by itself when it is loaded after this, else here.
    places: list[Any] = [module]
    package = sys.modules.get("hls4ml.converters")
    if package is not None and hasattr(package, "parse_onnx_model"):
        places.append(package)
    for place in places:
        place.onnx_to_hls = onnx_to_hls
        place.parse_onnx_model = parse_onnx_model


def _hook_configuration() -> None:
    """``config_from_onnx_model(..., backend="Firebrick")`` reads what the converter reads."""
    import hls4ml.utils.config as config_module

    stock = config_module.config_from_onnx_model

    def config_from_onnx_model(
        model: Any, granularity: str = "name", backend: str | None = None, **options: Any
    ) -> dict:
        if backend is not None and backend.lower() == NAME.lower():
            from firebrick.hw.hls4ml_backend.frontend import ParsedModel, parse

            model = ParsedModel(parse(model))
        return stock(model, granularity, backend, **options)

    config_from_onnx_model.__doc__ = stock.__doc__
    places: list[Any] = [config_module, sys.modules["hls4ml.utils"]]
    for place in places:
        place.config_from_onnx_model = config_from_onnx_model
