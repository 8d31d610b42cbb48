"""Pages of redrives."""
