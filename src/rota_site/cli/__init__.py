"""What the verbs of ``rota site`` do."""
