"""The PostgreSQL ledger: many machines, with the server as the only thing they share."""
