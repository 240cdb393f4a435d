"""An analysis on secret arrays: a program to show, and what the shown numbers become.

fit = build(X, y)        fit.explain()        fit.reveal()
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

from securecompute.engine.rounds import Party
from securecompute.errors import IllConditioned
from securecompute.secret_arrays.array import SecretArray, explain, reveal

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Fit(Generic[R]):
    """An analysis before it runs.

    shown    what is revealed, all in one program
    finish   the numbers, in that order -> the result
    to       institutions to which it is revealed, instead of to the researcher
    hint     what a matrix that is refused may mean here
    """

    shown: tuple[SecretArray, ...]
    finish: Callable[..., R]
    to: Party | Iterable[Party] | None = None
    hint: str = ""

    def reveal(self) -> R:
        """Run it once. raises SecureComputeError: rules, a lost party, or what `finish` says"""
        try:
            numbers = reveal(*self.shown, to=self.to)
        except IllConditioned as refused:
            raise IllConditioned(f"{refused}{self.hint}") from None
        return self.finish(*numbers)

    def explain(self) -> object:
        """What it would cost and who would learn what, without running it."""
        return explain(*self.shown, to=self.to)


class Analysis(Generic[P, R]):
    """A function that builds a fit, as one that runs it; `explain` takes the same arguments and runs nothing."""

    def __init__(self, build: Callable[P, Fit[R]]) -> None:
        self.build = build
        update_wrapper(self, build)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.build(*args, **kwargs).reveal()

    def explain(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """What running it with these arguments would cost and who would learn what."""
        return self.build(*args, **kwargs).explain()
