"""The chat page, served by a small process of its own."""
