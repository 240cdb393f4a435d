"""The front door: every name it shows opens, and nothing else does."""

import pytest

import securecompute


@pytest.mark.parametrize("name", securecompute.__all__)
def test_a_public_name_can_be_used(name):
    assert getattr(securecompute, name) is not None


@pytest.mark.parametrize("name", securecompute.__all__)
def test_a_public_name_is_listed_before_it_is_used(name):
    assert name in dir(securecompute)


def test_an_error_class_is_the_one_that_the_package_raises():
    from securecompute.errors import InvalidRequest

    assert securecompute.InvalidRequest is InvalidRequest


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Netwrok'"):
        _ = securecompute.Netwrok
