"""A change played through beforehand: on a scratch copy of a ledger, in virtual time, by the real parts of a node."""
