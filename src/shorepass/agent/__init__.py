"""The agent: one process per user that answers credential helper calls from memory."""
