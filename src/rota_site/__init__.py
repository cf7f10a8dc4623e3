"""The content-website checks for Rota: cache headers, logged-in traffic, purge, response time.\n\nFor now only the package; its checks come with a later release."""
