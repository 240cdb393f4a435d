"""Compiled loops of cuckoo tables: three distinct bins of a hash, the search for a placement, who is where by what.

    place   for each item, breadth first from its three bins: the bins of whoever is there, until one is empty;
            then everyone on the way back to the item moves one bin on

Pitfalls   Bins and items are uint32, of which the largest stands for none. Nothing is checked here: callers hold every
           length and every bin against the tables first.
Cost       As `cuckoo` says. About two bins are looked at for an item, some tens for the last ones.
"""

import numpy as np

from securecompute.arithmetic.compiled import compiled


@compiled
def places(hashed, count, found):  # type: ignore[no-untyped-def]
    """Fill `found`, uint32 (n, 3), from hashes, uint64 (n, 2), of so many bins, a uint64."""
    piece, mask, rest, one = np.uint64(39), np.uint64((1 << 39) - 1), np.uint64(25), np.uint64(1)
    for i in range(hashed.shape[0]):
        h0, h1 = hashed[i, 0], hashed[i, 1]
        h2 = h0 >> piece | h1 >> piece << rest
        a = (h0 & mask) * count >> piece
        b = (h1 & mask) * (count - one) >> piece
        c = (h2 & mask) * (count - one - one) >> piece
        if b >= a:
            b += one
        if c >= min(a, b):
            c += one
        if c >= max(a, b):
            c += one
        found[i, 0], found[i, 1], found[i, 2] = a, b, c


@compiled
def place(wanted, item, seen, origin, queue):  # type: ignore[no-untyped-def]
    """Fill `item`; False if one has no place. `seen` marks bins by the item that looks; `origin` is one's bin before.

    item, seen, origin, queue   uint32, one a bin
    """
    none = np.uint32(0xFFFFFFFF)
    for i in range(wanted.shape[0]):
        mark, first, last, free = np.uint32(i + 1), 0, 0, none
        moving, source = np.int64(i), none
        while True:
            for k in range(3):
                b = wanted[moving, k]
                if seen[b] != mark:
                    seen[b], origin[b] = mark, source
                    if item[b] == none:
                        free = b
                        break
                    queue[last] = b
                    last += 1
            if free != none or first == last:
                break
            source = queue[first]
            first += 1
            moving = np.int64(item[source])
        if free == none:
            return False
        while origin[free] != none:
            item[free] = item[origin[free]]
            free = origin[free]
        item[free] = np.uint32(i)
    return True


@compiled
def choices(wanted, item, choice):  # type: ignore[no-untyped-def]
    """Fill `choice`, uint8, one a bin: by which of its places an item is there."""
    none = np.uint32(0xFFFFFFFF)
    for b in range(item.size):
        if item[b] != none:
            for k in range(3):
                if np.int64(wanted[item[b], k]) == b:
                    choice[b] = np.uint8(k)
