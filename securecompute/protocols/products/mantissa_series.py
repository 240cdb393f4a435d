"""Functions of a mantissa m in [1/2, 1] as trigonometric sums of π m, which is m / 2 of a turn.

The sums have the period 2 and m takes a quarter of it, where a few of them do what a polynomial of twice their number
would. They are nearly minimax: weighted least squares at 4000 Chebyshev points, every weight multiplied by its error
sixty times over (Lawson), relative but of the logarithm; of the reciprocal with a penalty on the squares of the
coefficients, 10^-20 of the sum of squares per point, since rounding grows with them.

Accuracy   of the fit: reciprocal 1.3 · 10^-10, inverse root 6 · 10^-11, root 3.5 · 10^-10, relative; logarithm
           1.3 · 10^-9. With rounding, of 10^6 numbers: 3, 1.7, 1.2 and 2.7 · 10^-9.
Reference  Lawson, 1961; Huybrechs, SIAM J. Numer. Anal. 2010, for Fourier series that extend a function.
"""

from typing import Final

from securecompute.protocols.products.harmonics import Series

RECIPROCAL: Final = Series(  # 1 / m
    centre=1.5,
    offset=0.829621828369878,
    cosines=(
        2.5219913528606335,
        2.112977830682008,
        1.3087182979105125,
        0.4322819183554703,
        0.0202871732706845,
        -0.03203202611551896,
        -0.008779999676955103,
        -0.0006327267956387871,
    ),
    sines=(
        1.1831474450974024,
        0.42116629564593555,
        -0.36622286746855026,
        -0.4917013715741819,
        -0.2323974555449529,
        -0.04874082138159631,
        -0.00270192734750684,
        0.000273251016757104,
    ),
)
INVERSE_ROOT: Final = Series(  # 1 / sqrt m
    centre=1.2,
    offset=0.6284927885510752,
    cosines=(
        1.221992512991041,
        0.4652899828309169,
        0.044480387563398685,
        -0.04418991870852795,
        -0.01970598416556646,
        -0.0029248965270013624,
        -9.896030254592791e-05,
    ),
    sines=(
        -0.1649617457816716,
        -0.4261290627245187,
        -0.2642436341246428,
        -0.0761000677923161,
        -0.006795979292957999,
        0.0012169729196402912,
        0.00021013030060468285,
    ),
)
ROOT: Final = Series(  # sqrt m
    centre=0.85,
    offset=-0.07186184006138496,
    cosines=(
        -0.32735622905556455,
        -0.13068719019202485,
        -0.02449064927156462,
        0.0021029192862469376,
        0.0015538589027714739,
        0.00015309120121019537,
    ),
    sines=(
        -0.1670141457326581,
        0.033064463644416245,
        0.037757966883689695,
        0.011237156155834212,
        0.0011037158287685173,
        -2.4057187460117813e-05,
    ),
)
LOGARITHM: Final = Series(  # log m
    centre=-0.35,
    offset=-0.45099123507290473,
    cosines=(
        -1.163150519352694,
        -0.43626548232698414,
        -0.06452350097804929,
        0.016000485594154845,
        0.007051951102638732,
        0.0006341612785352897,
    ),
    sines=(
        -0.18275799825403238,
        0.2369861600689071,
        0.16472047849282095,
        0.04380824092473967,
        0.0036907259163749817,
        -0.00017309912139068517,
    ),
)
