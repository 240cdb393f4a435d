"""Conversations of two with a dealt PRF, so that whole networks answer in tenths of a second."""

from tests.protocols.intersection.dealing import dealt

__all__ = ["dealt"]
