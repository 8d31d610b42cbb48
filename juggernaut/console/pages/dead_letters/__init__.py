"""Pages of dead letters and their groups."""
