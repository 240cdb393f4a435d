"""How kernels are compiled, wherever they are."""

import pytest

from securecompute.arithmetic import compiled as module
from securecompute.arithmetic.compiled import compiled


@pytest.mark.parametrize(("kernel", "x", "y"), [(lambda x: x + 1, 2, 3), (lambda x: x + x, 2.0, 4.0)])
def test_a_kernel_is_compiled_even_where_nothing_can_be_kept(monkeypatch, kernel, x, y):
    plain = module.numba.njit

    def no_folder(*args, **options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return plain(*args, **options)

    monkeypatch.setattr(module.numba, "njit", no_folder)
    assert compiled(kernel)(x) == y
