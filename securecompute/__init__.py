"""Analytics across hospitals: the data never leaves, what leaves are answers.

    from securecompute import Network

`Network` and `Study` ask; `Question`, `Dictionary`, `Column` and `Rules` say what is asked, of what data, and what may
leave; `Answer` is what comes back. The errors form one tree, see `securecompute.errors`.

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
    from securecompute.network import Network, Study
    from securecompute.records.dictionary import Column, Dictionary

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Column",
    "Dictionary",
    "DisclosureRefused",
    "InternalFault",
    "InvalidRequest",
    "Network",
    "PeerMisbehaved",
    "PeerSilent",
    "Question",
    "Rules",
    "SecureComputeError",
    "Study",
    "__version__",
]

_HOME = {
    "Answer": "answer",
    "Column": "records.dictionary",
    "Dictionary": "records.dictionary",
    "DisclosureRefused": "errors",
    "InternalFault": "errors",
    "InvalidRequest": "errors",
    "Network": "network",
    "PeerMisbehaved": "errors",
    "PeerSilent": "errors",
    "Question": "analyses.question",
    "Rules": "disclosure.rules",
    "SecureComputeError": "errors",
    "Study": "network",
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
