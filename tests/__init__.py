"""The tests mirror the package: tests/primitives/test_masks.py tests securecompute/primitives/masks.py."""
