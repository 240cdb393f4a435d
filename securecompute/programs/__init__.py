"""Programs on secret arrays: lists of operations from a closed set, checked, planned, explained and run."""
