"""The order of rows as specs/engine.md defines it ("Training data and order"), in plain Python: an independent second implementation.

    order.py SEED EPOCH TOKENS ROW COUNT

prints where the first COUNT rows of an epoch begin.
"""
import sys

from initial import bits

FIRST_STREAM = 1 << 32
SHIFT_INDEX = 1 << 63
ROUNDS = 6


def rows(seed, epoch, tokens, row):
    """(start, length) of each row of an epoch, in order."""
    stream = FIRST_STREAM + epoch
    count = -(-tokens // row)
    shift = bits(seed, stream, SHIFT_INDEX) % tokens
    half = ((count - 1).bit_length() + 1) // 2
    mask = (1 << half) - 1
    for place in range(count):
        value = place
        while count > 1:
            left, right = value >> half, value & mask
            for turn in range(ROUNDS):
                left, right = right, left ^ (bits(seed, stream, turn << 32 | right) & mask)
            value = left << half | right
            if value < count:
                break
        start = value * row
        yield (shift + start) % tokens, min(row, tokens - start)


def main(seed, epoch, tokens, row, count):
    every = rows(int(seed), int(epoch), int(tokens), int(row))
    print(*[next(every)[0] for _ in range(int(count))])


if __name__ == "__main__":
    main(*sys.argv[1:])
