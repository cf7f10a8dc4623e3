"""The SQLite ledger: one file, no server, durable at every commit."""
