"""A second reading of the pairwise sum, which shares no code with the first: checks a transcript vector from its hex.

Written from the docstring of `protocols/sums/pairwise.py` and the labels of `pairwise_keys.py`, with Python integers.
"""

import hmac
from hashlib import sha256

import msgpack
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

P = 2**256 + 297


def joined(*parts):
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def hkdf(secret, salt, info):
    """The first block of RFC 5869."""
    return hmac.digest(hmac.digest(salt or bytes(32), secret, "sha256"), info + b"\x01", "sha256")


def stream(key, start, size):
    """Bytes of AES-256-CTR from a counter of 0."""
    return Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(bytes(start + size))[start:]


def words(raw, bits):
    return [int.from_bytes(raw[k : k + bits // 8], "little") for k in range(0, len(raw), bits // 8)]


def lagrange(shares):
    """The value at 0 of the polynomial through x -> y."""
    secret = 0
    for x, y in shares.items():
        for other in shares.keys() - {x}:
            y = y * other * pow(other - x, -1, P) % P
        secret += y
    return secret % P


class Case:
    """One case: what each message must be, computed from inputs, keys and recorded draws."""

    def __init__(self, case, roles):
        self.case, self.names = case, sorted(case["inputs"])
        self.bits, said = case["ring"], case["descriptor"]
        self.sign = {
            p: Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key)) for p, key in case["identity_private"].items()
        }
        pinned = [[p, self.sign[p].public_key().public_bytes_raw()] for p in self.names]
        length = len(case["inputs"][self.names[0]])
        plan, nonce = bytes.fromhex(said["plan"]), bytes.fromhex(said["nonce"])
        fields = ["pairwise/1", plan, pinned, self.bits, length, str(said["bound"]), said["threshold"]]
        self.h0 = sha256(msgpack.packb([*fields, said["minimum"], nonce])).digest()
        self.draws = {p: [bytes.fromhex(drawn) for drawn in case["randomness"][p]] for p in self.names}
        self.adverts = {p: self.advert(p) for p in self.names}
        signed = [field for p in self.names for field in (p.encode(), self.adverts[p])]
        self.sid = sha256(joined(b"ss1/sid", self.h0, *signed)).digest()
        self.context = joined(self.sid, roles["coordinator"].encode(), roles["collector"].encode())
        silent = case["silent_from"]
        self.included = [p for p in self.names if silent.get(p, 99) > 4]
        self.dropped = [p for p in self.names if p not in self.included]

    def secret(self, p, k):
        """c, s of an institution (k = 0, 1) as keys."""
        return X25519PrivateKey.from_private_bytes(self.draws[p][k])

    def public(self, p, k):
        return self.secret(p, k).public_key().public_bytes_raw()

    def advert(self, p):
        keys = self.public(p, 0) + self.public(p, 1) + self.draws[p][3]
        return keys + self.sign[p].sign(joined(b"ss1/adv", joined(self.h0, p.encode(), keys)))

    def share(self, p, k, x):
        """The share for index x of b_p (k = 0) or s_p (k = 1): coefficients are the draws after the nonce."""
        t, drawn = self.case["descriptor"]["threshold"], self.draws[p][4:]
        usable = [v for v in (int.from_bytes(raw, "big") % 2**257 for raw in drawn) if v < P]
        raw = self.draws[p][2] if k == 0 else self.secret(p, 1).private_bytes_raw()
        polynomial = [int.from_bytes(raw, "big"), *usable[k * (t - 1) : (k + 1) * (t - 1)]]
        return (sum(c * x**power for power, c in enumerate(polynomial)) % P).to_bytes(33, "big")

    def agreed(self, p, q, k, salt, info):
        return hkdf(self.secret(p, k).exchange(X25519PublicKey.from_public_bytes(self.public(q, k))), salt, info)

    def box(self, p, q):
        both = b"".join(self.share(p, k, self.names.index(q) + 1) for k in (0, 1))
        key = self.agreed(p, q, 0, self.context, joined(b"ss1/enc", p.encode(), q.encode()))
        return ChaCha20Poly1305(key).encrypt(bytes(12), both, joined(self.context, p.encode(), q.encode()))

    def masks(self, p):
        """[(key, sign)]."""
        pairs = []
        for q in self.names:
            if q != p:
                info = joined(b"ss1/mask", *(name.encode() for name in sorted((p, q))))
                pairs.append((self.agreed(p, q, 1, self.sid, info), 1 if q > p else -1))
        return [(hkdf(self.draws[p][2], self.sid, b"ss1/self"), 1), *pairs]

    def masked(self, p):
        """y_p and its check words, as bytes."""
        e, bits = self.case["inputs"][p], max(self.bits, 64)
        raw = stream(hkdf(self.sid, b"", b"ss1/check"), 0, 8 * len(e))
        dot = sum((w | 1) * v for w, v in zip(words(raw, 64), e, strict=True))
        y, offset = self.hidden(e, self.bits, p, 0), -(-len(e) * self.bits // 128) * 16
        return y, self.hidden([1, dot], bits, p, offset)

    def hidden(self, values, bits, p, start):
        for key, sign in self.masks(p):
            mask = words(stream(key, start, len(values) * bits // 8), bits)
            values = [v + sign * m for v, m in zip(values, mask, strict=True)]
        return b"".join((v % 2**bits).to_bytes(bits // 8, "little") for v in values)

    def signature(self, p):
        hashes = [sha256(joined(*(q.encode() for q in group))).digest() for group in (self.names, self.included)]
        return self.sign[p].sign(joined(b"ss1/u3", joined(self.sid, *hashes)))

    def sent(self):
        """(round, from) -> leaves, of everything that an institution sends."""
        expected = {}
        for x, p in enumerate(self.names, 1):
            until = self.case["silent_from"].get(p, 99)
            for k, leaves in enumerate(self.rounds(p, x)):
                if 2 * k < until:
                    expected[2 * k, p] = [leaf.hex() for leaf in leaves]
        return expected

    def rounds(self, p, x):
        """What an institution of index x sends in rounds 0, 2, 4, 6, 8."""
        there = bytes(q != p for q in self.names)
        boxes = b"".join(bytes(82) if q == p else self.box(p, q) for q in self.names)
        one_each = b"".join(self.share(q, int(q in self.dropped), x) for q in self.names)
        return [self.adverts[p]], [there, boxes], self.masked(p), [self.signature(p)], [one_each, self.draws[p][2]]

    def total(self):
        """Of the masked vectors, with the masks taken off as their holder does: from shares and seeds revealed."""
        t, bits = self.case["descriptor"]["threshold"], self.bits
        revealing = [p for p in self.included if self.case["silent_from"].get(p, 99) > 8][:t]
        total = [0] * len(self.case["inputs"][self.names[0]])
        for p in self.included:
            total = [a + b for a, b in zip(total, words(self.masked(p)[0], bits), strict=True)]
            total = self.off(total, self.recovered(p, 0, revealing, lambda b: [(hkdf(b, self.sid, b"ss1/self"), 1)]))
        for q in self.dropped:
            total = self.off(total, self.recovered(q, 1, revealing, lambda s, q=q: self.dangling(q, s)))
        return [(v + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1) for v in total]

    def recovered(self, p, k, revealing, masks):
        shares = {x: self.share(p, k, x) for x in (self.names.index(q) + 1 for q in revealing)}
        return masks(lagrange({x: int.from_bytes(y, "big") for x, y in shares.items()}).to_bytes(32, "big"))

    def dangling(self, q, secret):
        """The pair masks of q that are left in the total, with the signs that the others gave them."""
        assert X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw() == self.public(q, 1)
        theirs = [(other, mask) for other, mask in zip(self.without(q), self.masks(q)[1:], strict=True)]
        return [(key, -sign) for other, (key, sign) in theirs if other in self.included]

    def without(self, q):
        return [p for p in self.names if p != q]

    def off(self, total, masks):
        for key, sign in masks:
            mask = words(stream(key, 0, len(total) * self.bits // 8), self.bits)
            total = [v - sign * m for v, m in zip(total, mask, strict=True)]
        return total
