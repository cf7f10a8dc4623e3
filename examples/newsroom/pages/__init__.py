"""The routes of the site, by who may see them. Each stands in ``newsroom.policy`` too."""
