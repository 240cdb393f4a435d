"""The sides of `bench.intersection`: our parties on Ray, and the peers, each by its own code."""
