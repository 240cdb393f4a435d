"""The people, and the ways to link them, of `bench.linkage`."""
