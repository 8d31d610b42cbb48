"""The version of this software, as processes tell it about themselves."""

VERSION = "0.1.0"
