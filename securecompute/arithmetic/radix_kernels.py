"""Compiled loops of a radix sort on shares: where every row goes by one digit, stable, in one pass over the rows.

    dest_i = Σ_u m_ui S_ui,      m_ui = [digit of row i is u],      S_ui = Σ_{u' < u, j} m_u'j + Σ_{j < i} m_uj

m is shared; S, a prefix sum, is linear in it. A digit is known masked, v = digit XOR r, and dealt are shares of the
one-hot h_t = [r = t], so m_u = h_(u XOR v). By t = u XOR v instead of u, with T_t = S_(t XOR v) and Σ_t h_t = 1,

    dest = T_0 + Σ_{t ≥ 1} h_t (T_t − T_0) = T_0 + Σ_{t ≥ 1} h_t e_t + a_r,      e_t = T_t − T_0 − a_t,   a_0 = 0

where e is opened, and a_r is dealt with the one-hot. Shares are additive modulo 2^32.

Pitfalls   All arithmetic is in uint64, where it wraps; what is stored is its low 32 bits.
Cost       ns a row and evaluator for digits of 3 bits: `places` 17, `destinations` 4; the dealer's `correction` 8.
"""

import numpy as np

from securecompute.arithmetic.compiled import compiled


@compiled
def places(h, v, a, one):  # type: ignore[no-untyped-def]
    """This share of T_0, uint32 (n,), and of e, uint32 (n, m - 1).

    h     uint32 (n, m - 1), shares of h_1 to h_(m-1)
    v     uint8 (n,), below m, public
    a     uint32 (n, m - 1), shares of a_1 to a_(m-1)
    one   uint64, this share of 1
    """
    n, others = h.shape
    counters = np.zeros(others + 1, np.uint64)
    for i in range(n):
        rest = one
        for t in range(1, others + 1):
            x = np.uint64(h[i, t - 1])
            counters[t ^ v[i]] += x
            rest -= x
        counters[v[i]] += rest
    start = np.uint64(0)
    for u in range(others + 1):
        start, counters[u] = start + counters[u], start
    first, e = np.empty(n, np.uint32), np.empty((n, others), np.uint32)
    for i in range(n):
        u = v[i]
        zeroth = counters[u]
        first[i] = np.uint32(zeroth)
        rest = one
        for t in range(1, others + 1):
            x = np.uint64(h[i, t - 1])
            counter = counters[t ^ u]
            e[i, t - 1] = np.uint32(counter - zeroth - np.uint64(a[i, t - 1]))
            counters[t ^ u] = counter + x
            rest -= x
        counters[u] = zeroth + rest
    return first, e


@compiled
def destinations(first, h, e, masked):  # type: ignore[no-untyped-def]
    """This share of dest, uint32 (n,), in place of `first`, with e public and `masked` this share of a_r."""
    n, others = h.shape
    for i in range(n):
        total = np.uint64(first[i]) + np.uint64(masked[i])
        for t in range(others):
            total += np.uint64(h[i, t]) * np.uint64(e[i, t])
        first[i] = np.uint32(total)
    return first


@compiled
def correction(r, h, a, b, masked):  # type: ignore[no-untyped-def]
    """The second shares of h and of a_r, in place of the first ones, where a_t is shared as a and b."""
    n, others = h.shape
    for i in range(n):
        for t in range(others):
            h[i, t] = np.uint32(np.uint64(t + 1 == r[i]) - np.uint64(h[i, t]))
        chosen = np.uint64(0)
        if r[i] > 0:
            chosen = np.uint64(a[i, r[i] - 1]) + np.uint64(b[i, r[i] - 1])
        masked[i] = np.uint32(chosen - np.uint64(masked[i]))
