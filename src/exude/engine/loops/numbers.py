"""Arithmetic that must give the same bits on any machine: lognormal factors of cells, from uniform numbers."""

import math

# Rational approximations of the normal quantile, algorithm AS 241 (Wichura 1988), accurate to about 1e-16.
MIDDLE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
FLANK = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
TAIL = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip


@leaf
def quotient(terms, x):
    """A rational function of x."""
    top, bottom = 0.0, 0.0
    for i in range(7, -1, -1):
        top = top * x + terms[0][i]
        bottom = bottom * x + terms[1][i]
    return top / bottom


@leaf
def normal_quantile(u):
    """The normal number below which a share u of all lie, 0 < u < 1."""
    d = u - 0.5
    if abs(d) <= 0.425:
        return d * quotient(MIDDLE, 0.180625 - d * d)
    r = math.sqrt(-log(min(u, 1.0 - u)))
    far = quotient(FLANK, r - 1.6) if r <= 5.0 else quotient(TAIL, r - 5.0)
    return far if d > 0.0 else -far


@kernel
def normals(u, out):
    """Normal numbers of uniform ones, element by element."""
    for i in range(u.shape[0]):
        out[i] = normal_quantile(u[i])


@kernel
def exponentials(x, out):
    """e^x, element by element."""
    for i in range(x.shape[0]):
        out[i] = exp(x[i])


@kernel
def logarithms(x, out):
    """ln x, element by element."""
    for i in range(x.shape[0]):
        out[i] = log(x[i])


@kernel
def powers(x, y, out):
    """x^y for x >= 0, element by element."""
    for i in range(x.shape[0]):
        out[i] = power(x[i], y[i])
