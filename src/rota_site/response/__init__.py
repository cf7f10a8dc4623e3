"""Measure response time: an open load at a stated rate, budgets, and comparison with what was good before."""

from rota_site.response.measure import measure

__all__ = ["measure"]
