"""The encrypted store: its document, its keys, its signature."""
