"""Speed is a claim: one file per claim, each running ours and the other side by side. See `bench.harness`."""
