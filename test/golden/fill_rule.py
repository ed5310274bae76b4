"""Numbers from a name, the same here and in test/model/golden-weights.ts."""

import numpy as np


def numbers(name, count):
    """xorshift32 from the FNV-1a hash of the name, in [-1, 1)."""
    state = 0x811C9DC5
    for byte in name.encode():
        state = ((state ^ byte) * 0x01000193) & 0xFFFFFFFF
    state = state or 1
    out = np.empty(count)
    for i in range(count):
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        out[i] = state / 2**32 * 2 - 1
    return out
