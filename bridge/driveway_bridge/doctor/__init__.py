"""Looks along the whole chain from the configuration to Home Assistant and names what is broken in it.

`chain` walks, `plan` is the chain as data, and each link of the chain is looked at by a small module of its own.
"""
