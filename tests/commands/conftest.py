"""Networks that the tests of the commands share with those of quantize/."""

from tests.quantize.conftest import small_network, small_qnet

__all__ = ["small_network", "small_qnet"]
