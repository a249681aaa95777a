"""Large keys are kept in pieces, small enough for Redis' packed encodings. Pure.

In:  a phone, or how many. Out: which piece, or how many.
"""

from __future__ import annotations

#: Pieces that the list of opt-outs is kept in; as in records/phones.lua.
SHARDS = 4096

#: Phones meant for one bucket. Redis packs a small hash into half the memory of a large one, but
#: searches it from its beginning: 32 cost three bytes a phone more than 128, a third of the time.
BUCKET_PHONES = 32


def bucket_of(phone: str, buckets: int) -> int:
    """Say which bucket a phone is in, as `bucket_key` in phones.lua does."""
    return int(phone[-6:]) // 32 % buckets


def count_buckets(phones: int) -> int:
    """Say how many buckets hold so many phones."""
    return max(1, -(-phones // BUCKET_PHONES))
