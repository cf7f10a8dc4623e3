"""The command line: one file a group of verbs. It holds no rules: those are in `change`, `read` and the ledger."""
