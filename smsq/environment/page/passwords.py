"""Passwords of the operators' page: hashed, compared, and refused when they can be guessed.

In:  a password. Out: `scrypt:14:8:5:<salt>:<hash>`, whether one fits, or what is weak about it.

The cost is what OWASP names for scrypt with 16 MB: a login takes a fifth of a second, and the
memory is no burden for a small server.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

#: 2 ** 14 blocks of 8 * 128 bytes, five times.
_LOG2_N, _R, _P = 14, 8, 5
_SALT_BYTES, _HASH_BYTES = 16, 32

#: Bounds of what is taken from a file: 64 MB, and a second or two.
_MOST_LOG2_N, _MOST_R, _MOST_P = 16, 8, 16

LEAST_PASSWORD, _LEAST_DIFFERENT, _MOST_PASSWORD = 12, 6, 200
_HASH = re.compile(r"scrypt:(\d{1,2}):(\d{1,2}):(\d{1,2}):([A-Za-z0-9_-]{16,}):([A-Za-z0-9_-]{43})")
_BEGIN = "scrypt:"


def hash_password(password: str) -> str:
    """Hash a password with a salt of its own."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = _scrypt(password, salt, _LOG2_N, _R, _P)
    return f"{_BEGIN}{_LOG2_N}:{_R}:{_P}:{_encode(salt)}:{_encode(digest)}"


def fits(password: str, hashed: str) -> bool:
    """Say whether a password is the one that was hashed; takes as long for any other."""
    found = _HASH.fullmatch(hashed)
    if found is None or len(password) > _MOST_PASSWORD:
        return False
    log2_n, r, p = (int(number) for number in found.groups()[:3])
    digest = _scrypt(password, _decode(found[4]), log2_n, r, p)
    return hmac.compare_digest(digest, _decode(found[5]))


def is_hash(secret: str) -> bool:
    """Say whether it is written as a hash, be it a good one or not."""
    return secret.startswith(_BEGIN)


def find_fault(name: str, secret: str) -> str | None:
    """Say what is wrong with a password or a hash; None for nothing. It is not repeated.

    Args:
        name: Whose it is.
        secret: A password, or what `hash_password` made of one.
    """
    if is_hash(secret):
        found = _HASH.fullmatch(secret)
        costs = [int(number) for number in found.groups()[:3]] if found else [0, 0, 0]
        bounds = (_MOST_LOG2_N, _MOST_R, _MOST_P)
        if all(1 <= cost <= most for cost, most in zip(costs, bounds, strict=True)):
            return None
        return "the hash is not whole: write the line that smsq web-user prints"
    if not LEAST_PASSWORD <= len(secret) <= _MOST_PASSWORD:
        return f"write a password of {LEAST_PASSWORD} to {_MOST_PASSWORD} characters"
    if len(set(secret)) < _LEAST_DIFFERENT:
        return f"write a password of at least {_LEAST_DIFFERENT} different characters"
    if name.lower() in secret.lower():
        return "write a password that does not contain the name"
    return None


def _scrypt(password: str, salt: bytes, log2_n: int, r: int, p: int) -> bytes:
    n = 2**log2_n
    memory = 2 * 128 * n * r
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=salt,
        n=n,
        r=r,
        p=p,
        maxmem=memory,
        dklen=_HASH_BYTES,
    )


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
