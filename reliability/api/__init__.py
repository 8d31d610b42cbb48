"""Dead letters, their groups and redrives over HTTP; in the manner of `governance.api`."""
