"""Endpoints of dead letters, their groups and redrives."""
