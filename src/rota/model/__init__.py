"""Frozen values and pure functions: what Rota's words mean, without any input or output."""
