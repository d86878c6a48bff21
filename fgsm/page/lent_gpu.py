"""A GPU that is lent for one call, as a Space on ZeroGPU lends it."""

from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])

try:
    from spaces import GPU as _lending
except ImportError:
    _lending = None


def on_gpu(function: F) -> F:
    """`function`, to be called with a lent GPU where one is lent; there it works in a fork of this process."""
    if _lending is None:
        return function
    lent: F = _lending(function)
    return lent
