"""The two sides of the claims about sums: `ours` plays the package's own protocols, the others call their own code."""
