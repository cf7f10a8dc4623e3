"""Inspect cache headers: each route at origin and through the cache, judged by rules that name what they rest on."""

from rota_site.headers.inspect import inspect

__all__ = ["inspect"]
