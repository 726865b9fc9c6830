"""Sums over a field, points and voxels, and conjugate gradients: plain loops in one fixed order."""

import math

import numpy as np


@leaf
def plus(total, lost, x):
    """Neumaier's compensated sum: what rounding lost is kept apart."""
    new = total + x
    lost += (total - new) + x if abs(total) >= abs(x) else (x - new) + total
    return new, lost


@kernel
def plane_sums(field, out):
    """Sum of each plane, (nz)."""
    ones = np.ones(field.shape[2])
    for k in range(field.shape[0]):
        total, lost = 0.0, 0.0
        for j in range(field.shape[1]):
            total, lost = plus(total, lost, dot(field[k, j], ones))
        out[k] = total + lost


@kernel
def plane_losses(field, loss, share, taken, out):
    """Sum over each plane of share * loss * field, (nz); added voxel by voxel to `taken` where it is not empty."""
    gone = np.empty(field.shape[2])
    ones = np.ones(field.shape[2])
    for k in range(field.shape[0]):
        total, lost = 0.0, 0.0
        for j in range(field.shape[1]):
            u, rate = field[k, j], loss[k, j]
            for i in range(u.shape[0]):
                gone[i] = share * rate[i] * u[i]
            total, lost = plus(total, lost, dot(gone, ones))
            if taken.shape[0] > 0:
                into = taken[k, j]
                for i in range(u.shape[0]):
                    into[i] += gone[i]
        out[k] = total + lost


@leaf
def corner(x, n):
    """The two voxels around a place in units of the spacing, and the weight of the upper; both the same at a face."""
    g = x - 0.5
    below = math.floor(g)
    i = np.int64(below)
    return min(max(i, 0), n - 1), min(max(i + 1, 0), n - 1), g - below


@kernel
def into_voxels(positions, corner, size, h, places):
    """Places in voxels from the box's corner; the first that lies outside or nowhere, or how many there are."""
    for n in range(positions.shape[0]):
        for axis in range(3):
            x = (positions[n, axis] - corner[axis]) / h
            if not 0.0 <= x <= size[axis]:
                return n
            places[n, axis] = x
    return positions.shape[0]


@kernel
def deposit(field, places, amounts):
    """Add amounts at places (in voxels from the corner) to the eight voxels around each, in the order of the points."""
    nz, ny, nx = field.shape
    for n in range(places.shape[0]):
        i0, i1, fx = corner(places[n, 0], nx)
        j0, j1, fy = corner(places[n, 1], ny)
        k0, k1, fz = corner(places[n, 2], nz)
        for k, wz in ((k0, 1.0 - fz), (k1, fz)):
            for j, wy in ((j0, 1.0 - fy), (j1, fy)):
                a = amounts[n] * wz * wy
                field[k, j, i0] += a * (1.0 - fx)
                field[k, j, i1] += a * fx


@kernel
def sample(fields, which, places, out):
    """Values of some fields at places, the weights of `deposit`; (field, n)."""
    nz, ny, nx = fields.shape[1:]
    for n in range(places.shape[0]):
        i0, i1, fx = corner(places[n, 0], nx)
        j0, j1, fy = corner(places[n, 1], ny)
        k0, k1, fz = corner(places[n, 2], nz)
        for q in range(which.shape[0]):
            field, found = which[q], 0.0
            for k, wz in ((k0, 1.0 - fz), (k1, fz)):
                for j, wy in ((j0, 1.0 - fy), (j1, fy)):
                    found += wz * wy * ((1.0 - fx) * fields[field, k, j, i0] + fx * fields[field, k, j, i1])
            out[q, n] = found


@leaf
def slope(field, k, j, i):
    """Central differences per voxel in x, y, z; no flux at the faces (the voxel beyond is a mirror image)."""
    nz, ny, nx = field.shape
    return (
        0.5 * (field[k, j, min(i + 1, nx - 1)] - field[k, j, max(i - 1, 0)]),
        0.5 * (field[k, min(j + 1, ny - 1), i] - field[k, max(j - 1, 0), i]),
        0.5 * (field[min(k + 1, nz - 1), j, i] - field[max(k - 1, 0), j, i]),
    )


@kernel
def gradient(field, places, out):
    """Central differences of the eight voxels around each place, weighted as in `sample`; per voxel, (n, 3)."""
    nz, ny, nx = field.shape
    for n in range(places.shape[0]):
        i0, i1, fx = corner(places[n, 0], nx)
        j0, j1, fy = corner(places[n, 1], ny)
        k0, k1, fz = corner(places[n, 2], nz)
        gx = gy = gz = 0.0
        for k, wz in ((k0, 1.0 - fz), (k1, fz)):
            for j, wy in ((j0, 1.0 - fy), (j1, fy)):
                for i, wx in ((i0, 1.0 - fx), (i1, fx)):
                    w = wz * wy * wx
                    dx, dy, dz = slope(field, k, j, i)
                    gx += w * dx
                    gy += w * dy
                    gz += w * dz
        out[n, 0], out[n, 1], out[n, 2] = gx, gy, gz


@kernel
def apply_operator(u, faces, diagonal, out, layout, first, last, sums):
    """out = A u in planes first..last-1, and u . A u of each plane.

    faces (3, nz * plane): conductance to the next voxel along x, y, z, 0 at the box's faces. A voxel beyond a face is
    the voxel itself times 0.
    """
    nz, ny, nx, row, plane = layout
    fx, fy, fz = faces
    for k in range(first, last):
        total, lost = 0.0, 0.0
        for j in range(ny):
            at = k * plane + j * row
            south, north = at - (row if j > 0 else 0), at + (row if j < ny - 1 else 0)
            down, up = at - (plane if k > 0 else 0), at + (plane if k < nz - 1 else 0)
            here, product, d = u[at : at + nx], out[at : at + nx], diagonal[at : at + nx]
            ys, us, yn, un = fy[south : south + nx], u[south : south + nx], fy[at : at + nx], u[north : north + nx]
            zd, ud, zu, uu = fz[down : down + nx], u[down : down + nx], fz[at : at + nx], u[up : up + nx]
            for i in range(nx):
                product[i] = d[i] * here[i] - ((ys[i] * us[i] if j > 0 else 0.0) + yn[i] * un[i])
            for i in range(nx):
                product[i] -= (zd[i] * ud[i] if k > 0 else 0.0) + zu[i] * uu[i]
            x = fx[at : at + nx]
            for i in range(1, nx):
                product[i] -= x[i - 1] * here[i - 1]
            for i in range(nx - 1):
                product[i] -= x[i] * here[i + 1]
            total, lost = plus(total, lost, dot(here, product))
        sums[k] = total + lost


@kernel
def advance_solution(u, residual, search, product, alpha, layout, first, last, sums):
    """u += alpha p, r -= alpha A p; r . r of each plane."""
    _nz, ny, nx, row, plane = layout
    for k in range(first, last):
        total, lost = 0.0, 0.0
        for j in range(ny):
            at = k * plane + j * row
            x, r, p, q = u[at : at + nx], residual[at : at + nx], search[at : at + nx], product[at : at + nx]
            for i in range(nx):
                x[i] += alpha * p[i]
                r[i] -= alpha * q[i]
            total, lost = plus(total, lost, dot(r, r))
        sums[k] = total + lost


@kernel
def turn_search(search, better, beta, layout, first, last):
    """p = z + beta p."""
    _nz, ny, nx, row, plane = layout
    for k in range(first, last):
        for j in range(ny):
            at = k * plane + j * row
            p, z = search[at : at + nx], better[at : at + nx]
            for i in range(nx):
                p[i] = z[i] + beta * p[i]


@kernel
def smooth(better, residual, product, diagonal, share, layout, first, last, sums):
    """z += share (r - A z) / diagonal; r . z of each plane."""
    _nz, ny, nx, row, plane = layout
    for k in range(first, last):
        total, lost = 0.0, 0.0
        for j in range(ny):
            at = k * plane + j * row
            z, r, q, d = better[at : at + nx], residual[at : at + nx], product[at : at + nx], diagonal[at : at + nx]
            for i in range(nx):
                z[i] += share * (r[i] - q[i]) / d[i]
            total, lost = plus(total, lost, dot(r, z))
        sums[k] = total + lost


@kernel
def gather(residual, product, layout, coarse, its_layout, first, last):
    """What is left, r - A z, added up over two by two by two voxels, into planes first..last-1 of the coarser grid."""
    nz, ny, nx, row, plane = layout
    _cz, cy, cx, its_row, its_plane = its_layout
    for k in range(first, last):
        for j in range(cy):
            into = coarse[k * its_plane + j * its_row : k * its_plane + j * its_row + cx]
            into[:] = 0.0
            for kk in range(2 * k, min(2 * k + 2, nz)):
                for jj in range(2 * j, min(2 * j + 2, ny)):
                    at = kk * plane + jj * row
                    r, q = residual[at : at + nx], product[at : at + nx]
                    for i in range(nx // 2):
                        into[i] += (r[2 * i] - q[2 * i]) + (r[2 * i + 1] - q[2 * i + 1])
                    if nx % 2:
                        into[cx - 1] += r[nx - 1] - q[nx - 1]


@kernel
def scatter(coarse, its_layout, better, layout, first, last):
    """z += the coarser grid's correction, in planes first..last-1."""
    _nz, ny, nx, row, plane = layout
    _cz, _cy, cx, its_row, its_plane = its_layout
    for k in range(first, last):
        for j in range(ny):
            at, its = k * plane + j * row, (k // 2) * its_plane + (j // 2) * its_row
            z, c = better[at : at + nx], coarse[its : its + cx]
            for i in range(nx):
                z[i] += c[i // 2]
