"""The code of a bridge as an owner types it."""

from .contract import Info, Signer, plain_code


def is_code(text: str) -> bool:
    """Whether it has the form of a code."""
    try:
        plain_code(text)
    except ValueError:
        return False
    return True


def opens(code: str, info: Info) -> bool:
    """Whether this is a code of the bridge."""
    return is_code(code) and Signer.from_code(code).client in info.clients


def written(code: str) -> str:
    """Give a code the form in which the bridge shows it."""
    plain = plain_code(code)
    return "-".join(plain[start : start + 4] for start in range(0, len(plain), 4))
