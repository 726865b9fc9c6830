"""Sums that are vector instructions, in one fixed order."""

LANES = 8  # sums kept side by side: one order of adding for every machine and number of threads


@whole
def dot(a, b):
    """Sum of a b, eight partial sums side by side."""
    n = a.shape[0]
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    whole_blocks = n - n % LANES
    for i in range(0, whole_blocks, LANES):
        x, y = a[i : i + LANES], b[i : i + LANES]
        s0 += x[0] * y[0]
        s1 += x[1] * y[1]
        s2 += x[2] * y[2]
        s3 += x[3] * y[3]
        s4 += x[4] * y[4]
        s5 += x[5] * y[5]
        s6 += x[6] * y[6]
        s7 += x[7] * y[7]
    for i in range(whole_blocks, n):
        s0 += a[i] * b[i]
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
