"""Purge only the affected route: from a change of content to the places that show it, to the cache, and to the proof."""
