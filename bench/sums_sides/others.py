"""The others, by their own code: Flower's SecAgg+, TenSEAL's CKKS, phe; and the floors that no one goes below.

Flower and TenSEAL take real numbers, so do ours where they are compared. What Flower does in `_collect_masked_vectors`
and `unmask_stage` is done here by the same functions in the same order, without what is not arithmetic (keys, shares,
serialisation); the seeds are there when the clock starts, as are ours. A sample is scaled to the length: ciphertexts
do not depend on each other.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from bench.harness import Measure, cpu_timed, lazily, least, scaled
from bench.sums_sides.ours import CLIP, RUNS, reals
from securecompute.arithmetic.rings import Ring

FLOWER_LEVELS, FLOWER_MODULUS = 1 << 22, 1 << 32  # its defaults
CKKS_SLOTS = 4096
TILE_BYTES = 1 << 18


def cpu(work: Callable[[], object]) -> Measure:
    """Processor seconds of a call, the least of RUNS."""
    return least(cpu_timed(work), RUNS)


@lazily
def aes_and_memory(ring: Ring, seeds: int, length: int) -> Measure:
    """The least that masks can cost: AES-256-CTR of so many bytes and one addition of each, all within the L2 cache."""
    zeros, tile = memoryview(bytes(TILE_BYTES)), np.empty(TILE_BYTES, np.uint8)
    mask = tile.view(ring.dtype)
    total = np.zeros_like(mask)
    size = length * ring.item_bytes

    def expand() -> None:
        keys = (k.to_bytes(32, "big") for k in range(seeds))
        streams = [Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor() for key in keys]
        for start in range(0, size, TILE_BYTES):
            piece = min(TILE_BYTES, size - start)
            words = piece // ring.item_bytes
            for stream in streams:
                stream.update_into(zeros[:piece], tile.data)
                np.add(total[:words], mask[:words], out=total[:words])

    return cpu(expand)


@lazily
def numpy_sum(ring: Ring, vectors: int, length: int) -> Measure:
    """Adding so many vectors that anybody can read."""
    rows = [np.arange(length).astype(ring.dtype) for _ in range(vectors)]

    def add() -> None:
        total = rows[0].copy()
        for row in rows[1:]:
            np.add(total, row, out=total)

    return cpu(add)


@lazily
def numpy_prepare(ring: Ring, length: int) -> Measure:
    """Copying a vector and looking at its range: what an institution does that sends it in the clear."""
    x = np.arange(length).astype(ring.dtype)
    return cpu(lambda: (x.copy(), (x > x.dtype.type(length)).any()))


def _flower_seed(k: int) -> bytes:
    return k.to_bytes(32, "big")


@lazily
def flower_institution(institutions: int, length: int, quantise: bool = True) -> Measure:
    """A Flower client's arithmetic: scale, quantise, self mask, a mask for each of the others, modulus."""
    from flwr.common.secure_aggregation import ndarrays_arithmetic as flower
    from flwr.common.secure_aggregation.quantization import quantize
    from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen

    x = reals(length)
    ready = quantize([x], CLIP, FLOWER_LEVELS)

    def mask() -> None:
        vectors: list[NDArray[Any]] = ready
        if quantise:
            vectors = quantize(flower.parameters_multiply([x], 1.0), CLIP, FLOWER_LEVELS)
        vectors = flower.factor_combine(FLOWER_LEVELS, vectors)
        shapes = [vector.shape for vector in vectors]
        vectors = flower.parameters_addition(vectors, pseudo_rand_gen(_flower_seed(0), FLOWER_MODULUS, shapes))
        for k in range(1, institutions):
            add_or_subtract = flower.parameters_addition if k % 2 else flower.parameters_subtraction
            vectors = add_or_subtract(vectors, pseudo_rand_gen(_flower_seed(k), FLOWER_MODULUS, shapes))
        flower.parameters_mod(vectors, FLOWER_MODULUS)

    return cpu(mask)


@lazily
def flower_unmask(masks: int, institutions: int, length: int) -> Measure:
    """A Flower server's arithmetic after the last message: take off so many masks, modulus, dequantise, rescale."""
    from flwr.common.secure_aggregation import ndarrays_arithmetic as flower
    from flwr.common.secure_aggregation.quantization import dequantize
    from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen

    masked = flower.factor_combine(FLOWER_LEVELS, [np.arange(length) % FLOWER_MODULUS])

    def unmask() -> None:
        vectors = masked
        for k in range(masks):
            mask = pseudo_rand_gen(_flower_seed(k), FLOWER_MODULUS, flower.get_parameters_shape(vectors))
            vectors = flower.parameters_subtraction(vectors, mask)
        weight, vectors = flower.factor_extract(flower.parameters_mod(vectors, FLOWER_MODULUS))
        for vector in dequantize(vectors, CLIP, FLOWER_LEVELS):
            vector -= (institutions - 1) * CLIP
            vector *= FLOWER_LEVELS / max(int(weight), 1)

    return cpu(unmask)


@cache
def _ckks() -> Any:
    """A public context: degree 8192, primes of 60, 40 and 60 bits, scale 2^40, one thread."""
    import tenseal

    context = tenseal.context(tenseal.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 60], n_threads=1)
    context.global_scale = 2**40
    context.make_context_public()
    return context


@lazily
def ckks_institution(length: int, sample: int) -> Measure:
    """Encrypting and serialising the reals with TenSEAL, all slots full, on `sample` ciphertexts."""
    import tenseal

    x = reals(sample * CKKS_SLOTS).reshape(sample, CKKS_SLOTS).tolist()
    work = cpu(lambda: [tenseal.ckks_vector(_ckks(), row).serialize() for row in x])
    return scaled(work, length / (sample * CKKS_SLOTS))


@cache
def phe_key() -> Any:
    """A public key of 2048 bits."""
    from phe import paillier

    return paillier.generate_paillier_keypair(n_length=2048)[0]


@lazily
def phe_institution(length: int, sample: int) -> Measure:
    """Encrypting whole numbers one by one with phe as it comes, on `sample` values."""
    values = list(range(1, sample + 1))
    return scaled(cpu(lambda: [phe_key().encrypt(value).ciphertext() for value in values]), length / sample)
