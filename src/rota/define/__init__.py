"""From `rota.toml` and `@rota.task` to tasks as values: read, checked at the boundary, and reported in full.

`entry` is the one model behind both spellings, `load` reads a file, `decorator` collects functions, and
`loaded` is what both become. `canonical` gives a rota's JSON and digest.
"""
