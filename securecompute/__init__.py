"""Analytics across hospitals: the data never leaves, what leaves are answers.

    from securecompute import Network

`Network` and `Study` ask; `Question`, `Dictionary`, `Column` and `Rules` say what is asked, of what data, and what may
leave; `Field` and `AnyOrder`, by what patients are told apart; `Answer` is what comes back. `SecretArray` and the
functions beside it compute on numbers that nobody sees. The errors form one tree, see `securecompute.errors`.

A name is loaded when it is first used, so that importing the package starts nothing and stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from securecompute.analyses.question import Question
    from securecompute.answer import Answer
    from securecompute.disclosure.rules import Rules
    from securecompute.errors import (
        DisclosureRefused,
        InternalFault,
        InvalidRequest,
        PeerMisbehaved,
        PeerSilent,
        SecureComputeError,
    )
    from securecompute.fits import k_means, linear_regression, logistic_regression, principal_components
    from securecompute.network import Network
    from securecompute.records.dictionary import Column, Dictionary
    from securecompute.records.key_types import AnyOrder, Field
    from securecompute.secret_arrays.array import SecretArray, explain, reveal
    from securecompute.secret_arrays.gates import (
        cholesky,
        eigh,
        erf,
        inverse,
        normal_cdf,
        sigmoid,
        softmax,
        solve,
        top_k,
    )
    from securecompute.study import Study

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "AnyOrder",
    "Column",
    "Dictionary",
    "DisclosureRefused",
    "Field",
    "InternalFault",
    "InvalidRequest",
    "Network",
    "PeerMisbehaved",
    "PeerSilent",
    "Question",
    "Rules",
    "SecretArray",
    "SecureComputeError",
    "Study",
    "__version__",
    "cholesky",
    "eigh",
    "erf",
    "explain",
    "inverse",
    "k_means",
    "linear_regression",
    "logistic_regression",
    "normal_cdf",
    "principal_components",
    "reveal",
    "sigmoid",
    "softmax",
    "solve",
    "top_k",
]

_HOME = {
    "Answer": "answer",
    "AnyOrder": "records.key_types",
    "Column": "records.dictionary",
    "Dictionary": "records.dictionary",
    "DisclosureRefused": "errors",
    "Field": "records.key_types",
    "InternalFault": "errors",
    "InvalidRequest": "errors",
    "Network": "network",
    "PeerMisbehaved": "errors",
    "PeerSilent": "errors",
    "Question": "analyses.question",
    "Rules": "disclosure.rules",
    "SecretArray": "secret_arrays.array",
    "SecureComputeError": "errors",
    "Study": "study",
    "cholesky": "secret_arrays.gates",
    "eigh": "secret_arrays.gates",
    "erf": "secret_arrays.gates",
    "explain": "secret_arrays.array",
    "inverse": "secret_arrays.gates",
    "k_means": "fits",
    "linear_regression": "fits",
    "logistic_regression": "fits",
    "normal_cdf": "secret_arrays.gates",
    "principal_components": "fits",
    "reveal": "secret_arrays.array",
    "sigmoid": "secret_arrays.gates",
    "softmax": "secret_arrays.gates",
    "solve": "secret_arrays.gates",
    "top_k": "secret_arrays.gates",
}


def __getattr__(name: str) -> Any:
    """The public name, from the module that defines it (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'securecompute' has no attribute {name!r}")
    value = getattr(import_module(f"securecompute.{_HOME[name]}"), name)
    globals()[name] = value  # the next look-up does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
