"""Cryptography for one party: randomness, keys, masks, sharing, sealed boxes. Nothing here sends or waits."""
