"""The checks of a content website, each a task like any other: cache headers, logged-in traffic, purge, response time.

Rota's core does not know this package. It hangs on by entry points: the verb ``rota site`` and the Site page.
"""
