"""Questions about patients whom several institutions know: answered by programs over linkages, never by a list."""
