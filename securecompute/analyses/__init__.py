"""What a researcher may ask: one file for each analysis, listed in `catalogue`."""
