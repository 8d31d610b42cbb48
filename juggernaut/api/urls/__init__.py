"""The paths of the API, by the area that they belong to."""
