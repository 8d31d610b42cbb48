"""A provider of models that is none: an OpenAI-compatible server on loopback, for tests and for the demo.

It answers by script and by the content of what it is asked, fails as it is told to, and keeps a log of what
it received. Nothing in the product knows that it is talking to it. See `docs/simulator.md`.
"""
