"""``site.toml``: the boundary at which a site's description is read, judged and made into values."""
