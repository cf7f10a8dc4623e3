"""Ferret Notes: a small but real programming site, whose scheduled tasks Rota runs.

Read in this order: ``policy`` (every route and how it is cached), ``articles`` (the content's rules),
``tasks`` (what Rota runs), ``checks`` (how the machine knows that it worked), ``rota.toml``.
"""
