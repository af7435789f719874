"""The demo house: a virtual car, a bridge, a broker, a stand-in for the maker's cloud and a real Home Assistant.

Everything listens on 127.0.0.1 only and runs in one folder of its own. `scripts/demo` shows it to a person or checks
it without one; the end-to-end tests use the same pieces.
"""
