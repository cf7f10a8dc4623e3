"""The tests. A package by name, since a dependency brings one of the same name, which would stand before ours."""
