"""``python -m rota``: the command without its script."""

from rota.command import main

main()
