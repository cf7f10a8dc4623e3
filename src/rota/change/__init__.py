"""Changing the rota: a definition becomes a revision of the ledger."""
