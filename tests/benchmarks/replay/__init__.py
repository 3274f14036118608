"""A replay of synthetic traffic against the cache policies."""
