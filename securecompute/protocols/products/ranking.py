"""The place of every row in a stable sort by secret keys, still secret: a radix sort on shares.

    for every digit of the keys, the lowest first:
        dest_i   where row i goes by this digit, shares mod 2^32       (`arithmetic.radix_kernels`)
        (rows, dest) are shuffled, dest is opened, and the evaluators put every row where it goes

    rows = what is left of the key, and the row's number, packed into words that are shared by XOR

After the last digit the numbers are opened instead, shuffled, and every dest is put back at its number.

    P_1 → P_0:  the last order opened, v_1       P_0 → P_1:  v_0, e_0       v = digit XOR r, e: see `radix_kernels`
    P_1 → P_0:  e_1, and the shuffle's           P_0 → P_1:  the shuffle's

Security   Semi-honest, one corrupted. An opened permutation is ρ π_1 π_0, where ρ depends on the keys and one of π_0,
           π_1 is uniform to each evaluator: it is uniform whatever the keys are, ties or none. The other messages are
           under a mask that their receiver lacks. Leakage: the number of rows and the declared bits of the keys. The
           dealer receives nothing.
Cost       4 rounds a digit, and 1. Digits have 5 bits for up to 2^8 rows, 4 for up to 2^12, else 3 (the last ones may
           have one less). Bytes a row and digit, with m = 2^bits and c words of 8 bytes that its number and the digits
           to come fill: P_0 4m + 1 + 8c, P_1 4m + 5 + 8c, the dealer 4m + 4 + 8c.
Reference  Hamada, Ikarashi, Chida, Takahashi, Oblivious Radix Sort, ePrint 2014/121: digits of several bits, shuffle
           and reveal. Chida, Hamada, Ikarashi, Kikuchi, Kiribuchi, Pinkas, ePrint 2019/695, for three parties. Here
           the two evaluators and the dealer, four messages a digit one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.engine.rounds import Part, Round
from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.protocols.products import dealt_shuffle
from securecompute.protocols.products.compute_party import ComputeParty, Key
from securecompute.protocols.products.dealing import Bits, Form, expected, packed, unpacked
from securecompute.protocols.products.dealt_shuffle import FIRSTS, OF_FIRST, OF_SECOND, SECONDS, Column, words

Places = NDArray[np.uint32]
Words = list[NDArray[np.uint64]]
Order = NDArray[np.int64]
_WORD = 64


@dataclass(frozen=True, slots=True, repr=False)
class Ranks:
    """Where each row goes, 0 to n - 1, shared between the evaluators modulo 2^32; at the dealer only how many."""

    share: Places

    @property
    def rows(self) -> int:
        """n."""
        return len(self.share)


def ranks(party: ComputeParty, planes: Bits) -> Part[Ranks]:
    """The ranks of rows by unsigned keys; equal ones in the order in which they came. Run by each of the three.

    planes   uint8 zeros and ones (bits, n), XOR-shared; the lowest bit first
    raises   InvalidRequest  no bits, or more than 2^32 rows
             PeerMisbehaved  what was opened is not an order
    """
    width, n = planes.shape
    if width == 0 or n > 1 << 32:
        raise InvalidRequest(f"ranks of {n} rows by {width} bits; expected up to 2^32 rows and a bit at least")
    steps = _steps(party, width, n)
    if party.index == 0:
        return Ranks((yield from _first(party, _packed(planes, first=True), steps)))
    if party.index == 1:
        return Ranks((yield from _second(party, _packed(planes, first=False), steps)))
    for k, step in enumerate(steps):
        yield Round()
        yield Round(send={party.names[1]: packed(_dealt(party, step))}, step=f"sort {k + 1}/{len(steps)}")
        yield Round()
        yield Round()
    yield Round()
    return Ranks(np.zeros(n, np.uint32))


def digits_of(bits: int, n: int) -> list[int]:
    """The sizes of the digits that n keys of so many bits are sorted by."""
    widest = 5 if n <= 1 << 8 else 4 if n <= 1 << 12 else 3
    count = -(-bits // widest)
    return [bits // count + (k < bits % count) for k in range(count)]


@dataclass(frozen=True, slots=True)
class _Step:
    """One digit: its place, its bits, the columns that are shuffled by it, and whether it is the last."""

    place: ComputeParty
    bits: int
    columns: list[Column]
    last: bool

    @property
    def rows(self) -> int:
        return self.columns[0].form.shape[0]

    @property
    def masked(self) -> Form:
        """v."""
        return Form(np.dtype(np.uint8), (self.rows,))

    @property
    def opened(self) -> Form:
        """e; also the one-hot of r but its first."""
        return Form(np.dtype(np.uint32), (self.rows, (1 << self.bits) - 1))

    @property
    def places(self) -> Form:
        """Numbers of rows."""
        return Form(np.dtype(np.uint32), (self.rows,))

    def draw(self, key: Key, purpose: str, form: Form) -> NDArray[np.uint32]:
        return self.place.draw_bits(key, purpose, form.kind, form.shape)

    def public(self, v_0: Bits, v_1: Bits) -> Bits:
        """v, whatever a peer sent: it is an index."""
        return np.asarray((v_0 ^ v_1) & np.uint8((1 << self.bits) - 1))

    def digit_mask(self, key: Key) -> NDArray[np.uint8]:
        """This key's part of r."""
        return self.place.draw_bits(key, "digit", np.uint8, (self.rows,)) & np.uint8((1 << self.bits) - 1)


def _steps(party: ComputeParty, width: int, n: int) -> list[_Step]:
    digits, left = digits_of(width, n), width + _number_bits(n)
    steps = []
    for k, bits in enumerate(digits):
        left -= bits
        last = k == len(digits) - 1
        columns = [words(n, np.uint32, opened=not last)]
        columns += [words(n, np.uint64, by_xor=True, opened=last)] * -(-left // _WORD)
        steps.append(_Step(party.at("digit", k), bits, columns, last))
    return steps


def _dealt(party: ComputeParty, step: _Step) -> list[NDArray[np.uint32]]:
    """To P_1: its shares of the one-hot of r and of a_r, and its corrections of the shuffle."""
    from securecompute.arithmetic.radix_kernels import correction  # loads the compiler

    r = step.digit_mask(FIRSTS) ^ step.digit_mask(SECONDS)
    one_hot, masked = step.draw(FIRSTS, "one-hot", step.opened), step.draw(FIRSTS, "masked", step.places)
    correction(r, one_hot, step.draw(FIRSTS, "a", step.opened), step.draw(SECONDS, "a", step.opened), masked)
    return [one_hot, masked, *dealt_shuffle.dealt(step.place, step.columns)]


def _first(party: ComputeParty, rows: Words, steps: Sequence[_Step]) -> Part[Places]:
    """P_0."""
    from securecompute.arithmetic.radix_kernels import destinations, places  # loads the compiler

    shuffled: list[Any] = []
    for step in steps:
        forms = [*([step.places] if shuffled else []), step.masked]
        inbox = yield Round(expect={party.other: expected(forms)})
        *order, v_1 = unpacked(forms, inbox[party.other])
        if order:
            come = sources(order[0])
            rows = [column[come] for column in shuffled[1:]]
        digit, rows = _split(rows, step)
        v_0 = digit ^ step.digit_mask(OF_FIRST)
        h, a, masked = (_drawn(step, OF_FIRST, name) for name in ("one-hot", "a", "masked"))
        start, e = places(h, step.public(v_0, v_1), a, np.uint64(1))
        yield Round(send={party.other: packed([v_0, e])})
        forms = [step.opened, *(c.form for c in step.columns)]
        inbox = yield Round(expect={party.other: expected(forms)})
        e_1, *others = unpacked(forms, inbox[party.other])
        dest = destinations(start, h, e + e_1, masked)
        messages, shuffled = dealt_shuffle.sent_by_first(step.place, step.columns, [dest, *rows], others)
        yield Round(send={party.other: packed(messages)})
    inbox = yield Round(expect={party.other: expected([steps[-1].places])})
    (numbers,) = unpacked([steps[-1].places], inbox[party.other])
    last: Places = shuffled[0][sources(numbers)]
    return last


def _second(party: ComputeParty, rows: Words, steps: Sequence[_Step]) -> Part[Places]:
    """P_1."""
    from securecompute.arithmetic.radix_kernels import destinations, places  # loads the compiler

    order: list[Places] = []
    for step in steps:
        digit, rows = _split(rows, step)
        v_1 = digit ^ step.digit_mask(OF_SECOND)
        yield Round(send={party.other: packed([*order, v_1])})
        forms = [step.opened, step.places, *(c.form for c in step.columns)]
        swapped = [step.masked, step.opened]
        inbox = yield Round(expect={party.other: expected(swapped), party.dealer: expected(forms)})
        v_0, e_0 = unpacked(swapped, inbox[party.other])
        h, masked, *corrections = unpacked(forms, inbox[party.dealer])
        h, masked = (np.require(each, requirements="W") for each in (h, masked))  # one kind of array for the compiler
        start, e = places(h, step.public(v_0, v_1), _drawn(step, OF_SECOND, "a"), np.uint64(0))
        dest = destinations(start, h, e + e_0, masked)
        messages = dealt_shuffle.sent_by_second(step.place, step.columns, [dest, *rows])
        yield Round(send={party.other: packed([e, *messages])})
        forms = [c.form for c in step.columns]
        inbox = yield Round(expect={party.other: expected(forms)})
        heard = unpacked(forms, inbox[party.other])
        shuffled = dealt_shuffle.received_by_second(step.place, step.columns, heard, corrections)
        order = [shuffled[0] if not step.last else shuffled[1].astype(np.uint32)]
        come = sources(order[0])
        rows = [column[come] for column in shuffled[1:]]
    yield Round(send={party.other: packed(order)})
    last: Places = shuffled[0][come]
    return last


def sources(to: Places) -> Order:
    """Which row comes to each place, for x[sources], if row i goes to place to[i], as it was opened.

    raises   PeerMisbehaved  it is not every number once
    """
    n = len(to)
    rows: Order = np.full(n, n)
    rows[to[to < n]] = np.flatnonzero(to < n)
    if (rows == n).any():
        raise PeerMisbehaved("the order that was opened is not one; a message of this sort was not what it should be")
    return rows


def _drawn(step: _Step, key: Key, purpose: str) -> NDArray[np.uint32]:
    return step.draw(key, purpose, step.places if purpose == "masked" else step.opened)


def _number_bits(n: int) -> int:
    """Of a row's number."""
    return max(1, (n - 1).bit_length())


def _packed(planes: Bits, first: bool) -> Words:
    """An evaluator's share of the rows: in each, from the lowest bit, its key and its number, which is public."""
    width, n = planes.shape
    rows = [np.zeros(n, np.uint64) for _ in range(-(-(width + _number_bits(n)) // _WORD))]
    for k, plane in enumerate(planes):
        rows[k // _WORD] |= plane.astype(np.uint64) << np.uint64(k % _WORD)
    if first:
        numbers, (word, shift) = np.arange(n, dtype=np.uint64), divmod(width, _WORD)
        rows[word] |= numbers << np.uint64(shift)
        if word + 1 < len(rows):
            rows[word + 1] |= numbers >> np.uint64(_WORD - shift)
    return rows


def _split(rows: Words, step: _Step) -> tuple[NDArray[np.uint8], Words]:
    """The next digit, and the rows without it."""
    bits, rest = np.uint64(step.bits), np.uint64(_WORD - step.bits)
    digit = (rows[0] & np.uint64((1 << step.bits) - 1)).astype(np.uint8)
    above = [*rows[1:], None]
    shifted = [
        low >> bits if high is None else low >> bits | high << rest for low, high in zip(rows, above, strict=True)
    ]
    return digit, shifted[: len(step.columns) - 1]
