"""larder's domain, its doors to the world, and the web on top."""
