"""Numbers, no parties: rings that wrap on purpose, and sums that are exact whatever their order."""
