"""Which of the bundled networks the user means."""

from __future__ import annotations

import argparse

from firebrick.commands.frame import preprocessing_options
from firebrick.models.bundled import DEFAULT, NAMES, Bundled, bundled
from firebrick.quantize.errors import FirebrickError

MODEL_HELP = f".onnx, .net or quantized .npz, or {' or '.join(NAMES)} (default: {DEFAULT})"


def is_bundled(model: str | None) -> bool:
    """Whether ``model`` is the name of a bundled network; None is the default one's."""
    return model is None or model in NAMES


def bundled_of(options: argparse.Namespace) -> Bundled:
    """The bundled network that ``options.model`` names.

    Raises FirebrickError where preprocessing is stated for it: it has its own.
    """
    name = options.model or DEFAULT
    stated = preprocessing_options(options) if hasattr(options, "preset") else {}
    if stated:
        raise FirebrickError(
            f"{', '.join(sorted(stated))}: {name} knows how its pictures are prepared; name MODEL "
            "for a network of yours"
        )
    return bundled(name)
