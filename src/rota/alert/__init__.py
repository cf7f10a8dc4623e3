"""Telling the owners: what a message says, how it is sent, and that none is lost."""
