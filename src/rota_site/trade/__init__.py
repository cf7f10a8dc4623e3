"""More tasks of the trade, each small: sitemap, feed, links, images, certificate, publication, indexing, search, backup."""
