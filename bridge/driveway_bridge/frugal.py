"""Keeps the daemon small, for computers with 512 MB: what is not needed while it runs does not stay in its memory."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
import types
from collections.abc import Iterator
from typing import Final

_M_ARENA_MAX: Final = -8


def one_heap() -> None:
    """Give all threads the same heap; to be called before the first thread.

    glibc gives each thread one of its own, which keeps what the thread has freed. Only one of ours is ever busy.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none, and need none
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def no_legacy_ciphers() -> None:
    """Have cryptography leave out what OpenSSL calls legacy, which no car speaks; to be called before its import."""
    os.environ.setdefault("CRYPTOGRAPHY_OPENSSL_NO_LEGACY", "1")


def no_authorities() -> None:
    """Trust no certificate authority, unless the owner names some; to be called before the first thread.

    aiohttp's client, which comes with its server and is not used, reads those of the system, twice: 1.6 MB. Whoever
    adds a connection with TLS names what it trusts.
    """
    os.environ.setdefault("SSL_CERT_FILE", os.devnull)
    os.environ.setdefault("SSL_CERT_DIR", os.devnull)


@contextlib.contextmanager
def without_proxies() -> Iterator[None]:
    """Import libraries without urllib's proxies, 2 MB for which the daemon has no use: to them there are none.

    Nothing else that wants `urllib.request` may be imported meanwhile; afterwards whoever wants it gets the real one.
    """
    name = "urllib.request"
    if name in sys.modules:
        yield
        return
    placeholder = types.ModuleType(name)
    vars(placeholder).update(getproxies=dict, proxy_bypass=lambda _host: True)
    sys.modules[name] = placeholder
    try:
        yield
    finally:
        if sys.modules.get(name) is placeholder:
            del sys.modules[name]


@contextlib.contextmanager
def forgetting(*names: str) -> Iterator[None]:
    """Forget these modules, and those below them, if they were imported in the block; later imports load them anew."""
    before = frozenset(sys.modules)
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name not in before and _is_one_of(name, names)]:
            module = sys.modules.pop(name)
            parent, _dot, own = name.rpartition(".")
            if parent and vars(sys.modules.get(parent, sys)).get(own) is module:
                delattr(sys.modules[parent], own)
            del module
        gc.collect()  # functions and their module hold each other


def _is_one_of(name: str, names: tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in names)
