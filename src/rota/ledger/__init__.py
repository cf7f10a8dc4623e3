"""The store: one narrow protocol, SQLite as the embedded default."""
