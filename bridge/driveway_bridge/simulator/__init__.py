"""The virtual car: the far end of the conversation, for tests and the demonstration.

It shares framing, metadata, keys and message classes with the client and nothing else, so that the two halves can
disagree. `Endpoint` is one link without input or output; `LiveCar` gives it a clock; `tcp_server` and `bluetooth`
carry its bytes.
"""
