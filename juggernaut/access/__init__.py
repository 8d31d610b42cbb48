"""Who may do what: one table of everything that answers, with what each asks for.

`endpoints` are the requests of the API, `pages` those of the console with its actions, `commands` those
of `manage.py`. The API obeys the table: a request without a row is refused to everybody. Of the rest a
test compares the table with what is there and with what happens (`tests/juggernaut/access/`). The text
of all three is `docs/architecture/access.md`: `manage.py access > docs/architecture/access.md`.
"""
