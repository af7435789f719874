"""The car conversation, sans-IO: bytes, `now` (seconds, monotonic) and randomness come in; bytes and events go out.

Nothing in this package waits, opens, logs or reads a clock; a test walks the imports and holds that.
"""
