"""Compiled products mod 2⁶⁴: blocks of A and B are copied in the order that a tile reads them, and tiles do the rest."""

import numba
import numpy as np
from typing import Any
from securecompute.arithmetic.product_tile import tile, words_at


def _driver(rows, vectors, lanes, pairs, KB, MB, NB):
    NR = vectors * lanes

    def multiply(a, a_rs, a_cs, b, b_rs, b_cs, c, c_rs, m, K, n, upper):
        """c (padded) += a b - corrections; c zeroed before, (ceil m/rows)*rows x ceil(n/lanes)*lanes"""
        room = np.empty(KB * (NB + NR) + (MB + 16) * (KB + 8) + 16, np.uint64)
        bp = (room.ctypes.data + 63) // 64 * 64
        ap = bp + 8 * KB * (NB + NR)
        bw = numba.carray(words_at(bp), (KB * (NB + NR),))
        aw = numba.carray(words_at(ap), ((MB + 16) * (KB + 8),))
        rsum = np.zeros(m, np.uint64)
        csum = np.zeros(n + lanes, np.uint64)
        for jc in range(0, n, NB):
            nb = min(NB, n - jc)
            for kc in range(0, K, KB):
                kb = min(KB, K - kc)
                steps = (kb + pairs - 1) // pairs
                kp = steps * pairs
                # pack b
                jp = 0
                while jp < nb:
                    w = vectors if nb - jp > (vectors - 1) * lanes else 1
                    have = min(w * lanes, nb - jp)
                    off = jp * kp
                    for q in range(steps):
                        for p in range(pairs):
                            k = q * pairs + (pairs - 1 - p)
                            base = off + (q * w * pairs + p) * lanes
                            if k < kb and b_cs == 8 and have == w * lanes:
                                src = numba.carray(words_at(b + (kc + k) * b_rs + (jc + jp) * 8), (have,))
                                for v in range(w):
                                    for l in range(lanes):
                                        bw[base + v * pairs * lanes + l] = src[v * lanes + l]
                            else:
                                for v in range(w):
                                    for l in range(lanes):
                                        j = v * lanes + l
                                        x = np.uint64(0)
                                        if k < kb and j < have:
                                            x = numba.carray(
                                                words_at(b + (kc + k) * b_rs + (jc + jp + j) * b_cs), (1,)
                                            )[0]
                                        bw[base + v * pairs * lanes + l] = x
                    if pairs == 2:
                        for v in range(w):
                            for q in range(steps):
                                at = off + (q * w + v) * 2 * lanes
                                for l in range(lanes):
                                    csum[jc + jp + v * lanes + l] += bw[at + l] * bw[at + lanes + l]
                    jp += w * lanes
                for ic in range(0, m, MB):
                    mb = min(MB, m - ic)
                    mp = (mb + rows - 1) // rows * rows
                    if upper and ic > jc + nb:
                        break
                    by_row = a_cs == 8
                    if by_row:
                        ai, ak = 8 * (KB + 8), 8
                        for i in range(mp):
                            src = numba.carray(words_at(a + (ic + i) * a_rs + kc * 8), (kb,))
                            dst = aw[i * (KB + 8) : i * (KB + 8) + kp]
                            if i < mb:
                                for k in range(kb):
                                    dst[k] = src[k]
                                for k in range(kb, kp):
                                    dst[k] = np.uint64(0)
                                if pairs == 2 and jc == 0:
                                    t = np.uint64(0)
                                    for q in range(steps):
                                        t += dst[2 * q] * dst[2 * q + 1]
                                    rsum[ic + i] += t
                            else:
                                for k in range(kp):
                                    dst[k] = np.uint64(0)
                    else:
                        ai, ak = 8, 8 * (MB + 16)
                        for k in range(kp):
                            src = numba.carray(words_at(a + (kc + k) * a_cs + ic * a_rs), (mb,))
                            dst = aw[k * (MB + 16) : k * (MB + 16) + mp]
                            if k < kb:
                                for i in range(mb):
                                    dst[i] = src[i]
                                for i in range(mb, mp):
                                    dst[i] = np.uint64(0)
                            else:
                                for i in range(mp):
                                    dst[i] = np.uint64(0)
                            if pairs == 2 and jc == 0 and k % 2 == 1:
                                prev = aw[(k - 1) * (MB + 16) : (k - 1) * (MB + 16) + mp]
                                for i in range(mb):
                                    rsum[ic + i] += dst[i] * prev[i]
                    jp = 0
                    while jp < nb:
                        w = vectors if nb - jp > (vectors - 1) * lanes else 1
                        for ip in range(0, mp, rows):
                            if upper and ic + ip >= jc + jp + w * lanes:
                                break
                            at = c + (ic + ip) * c_rs + 8 * (jc + jp)
                            if w == vectors:
                                tile(
                                    rows, vectors, lanes, pairs, ap + ip * ai, ai, ak, bp + 8 * jp * kp, at, c_rs, steps
                                )
                            else:
                                tile(rows, 1, lanes, pairs, ap + ip * ai, ai, ak, bp + 8 * jp * kp, at, c_rs, steps)
                        jp += w * lanes
        if pairs == 2:
            for i in range(m):
                row = numba.carray(words_at(c + i * c_rs), (n,))
                r = rsum[i]
                for j in range(i if upper else 0, n):
                    row[j] -= r + csum[j]

    sig = "void(" + ",".join(["intp"] * 11) + ",boolean)"
    return numba.njit(sig, cache=True, nogil=True, error_model="numpy")(multiply)
