"""The read side: views of the ledger for pages, API and CLI alike. No HTML and no SQL."""
