"""Test logged-in traffic: who is served what, through the cache and at the origin, in the orders that leak."""

from rota_site.readers.probe import probe

__all__ = ["probe"]
