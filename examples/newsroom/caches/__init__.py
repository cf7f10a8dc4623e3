"""Real caches in front of the newsroom, on loopback: Varnish and nginx, as they should be, and with mistakes to play with."""

from newsroom.caches.run import Cache, Missing, nginx, varnish

__all__ = ["Cache", "Missing", "nginx", "varnish"]
