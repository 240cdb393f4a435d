"""The two sides of bench.products: ours and the others."""
