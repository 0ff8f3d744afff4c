"""Initial weights as specs/engine.md defines them, in plain Python: an independent second implementation.

    initial.py SEED TENSOR DEVIATION INDEX...

prints for each index the 64 random bits and the float32 weight, both as hexadecimal bits.
"""
import math
import struct
import sys

MASK = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15


def mix(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def bits(seed, tensor, index):
    key = mix(mix(seed + STEP & MASK) + (tensor + 1) * STEP & MASK)
    return mix(key + (index + 1) * STEP & MASK)


def log(x):
    word = struct.unpack("<q", struct.pack("<d", x))[0]
    offset = word - 0x3FE6A09E667F3BCD
    exponent = float(offset >> 52)
    mantissa = struct.unpack("<d", struct.pack("<q", (offset & 0xFFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD))[0]
    s = (mantissa - 1) / (mantissa + 1)
    square, total = s * s, 0.0
    for k in range(23, 2, -2):
        total = (total + 1.0 / k) * square
    return exponent * 6.93147180369123816490e-01 + (2 * s + (2 * s * total + exponent * 1.90821492927058770002e-10))


# Wichura, AS 241 (1988), routine PPND16: numerator and denominator from the constant on.
CENTRAL = (
    (3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
     45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727),
    (1.0, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077,
     21213.794301586595867, 39307.895800092710610, 28729.085735721942674, 5226.4952788528545610))
MIDDLE = (
    (1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
     1.27045825245236838258, 0.241780725177450611770, 0.0227238449892691845833, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550,
     0.148103976427480074590, 0.0151986665636164571966, 5.47593808499534494600e-4, 1.05075007164441684324e-9))
FAR = (
    (6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 0.296560571828504891230,
     0.0265321895265761230930, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 0.599832206555887937690, 0.136929880922735805310, 0.0148753612908506148525,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15))


def ratio(r, polynomials):
    over, under = polynomials[0][7], polynomials[1][7]
    for i in range(6, -1, -1):
        over, under = over * r + polynomials[0][i], under * r + polynomials[1][i]
    return over / under


def normal(word):
    p = ((word >> 12) + 0.5) * 2.0 ** -52
    q = p - 0.5
    if abs(q) <= 0.425:
        return q * ratio(0.180625 - q * q, CENTRAL)
    r = math.sqrt(-log(p if q < 0 else 1 - p))
    tail = ratio(r - 1.6, MIDDLE) if r <= 5 else ratio(r - 5, FAR)
    return -tail if q < 0 else tail


def main(seed, tensor, deviation, *indices):
    for index in map(int, indices):
        word = bits(int(seed), int(tensor), index)
        print(f"{word:016x} {struct.pack('>f', float(deviation) * normal(word)).hex()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
