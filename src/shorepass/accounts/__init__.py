"""Named logins: their keys in a store, which of them is meant, and what a client sees of them."""
