"""What is wrong, found by the watchdog's sweep, kept as rows, and told to people.

`rules` look, `book` keeps what they find, `post` tells it, `verbs` are what people do about it.
"""
