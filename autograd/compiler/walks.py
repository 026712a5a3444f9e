"""Walks along arrows between places, all that a step leads to at once: what can be reached, where following ends, how high places are."""

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.compiler.recorded import FEW, Mask, Places, distinct, places, stretches


def reached(seeds: Mask, source: Places, target: Places, closed: Places | None = None) -> Mask:
    """Which places can be reached from the seeds along arrows from source to target, without entering the closed ones."""
    n = len(seeds)
    if n <= FEW:
        return _reached_few(seeds, source, target, () if closed is None else closed.tolist())
    found, barred = seeds.copy(), np.zeros(n, bool)
    if closed is not None:
        barred[closed] = True
    leaving = np.bincount(source, minlength=n)
    start = np.cumsum(leaving) - leaving
    following = target[np.argsort(source, kind="stable")]
    frontier = np.flatnonzero(seeds)
    while len(frontier):
        near = following[stretches(start[frontier], leaving[frontier])]
        near = near[~(found[near] | barred[near])]
        found[near] = True
        frontier = distinct(near)
    return found


def _reached_few(seeds: Mask, source: Places, target: Places, closed: Collection[int]) -> Mask:
    following: list[list[int]] = [[] for _ in seeds]
    for start, end in zip(source.tolist(), target.tolist(), strict=True):
        following[start].append(end)
    found = seeds.tolist()
    frontier = seeds.nonzero()[0].tolist()
    while frontier:
        for near in following[frontier.pop()]:
            if not found[near] and near not in closed:
                found[near] = True
                frontier.append(near)
    return np.array(found, bool)


def ends(following: Places, at: npt.NDArray[Any]) -> Places:
    """Where following ends that starts at each place; all but those at ``at`` are followed by themselves."""
    at = at.astype(np.intp)  # with other whole numbers, arrays are read and written in 1.7 of the time
    while len(at):
        near = following.take(at)
        further = following.take(near)
        moves = further != near
        at = at.compress(moves)
        following[at] = further.compress(moves)
    return following


def levels(n: int, used: Places, user: Places) -> Places:
    """Of every number one more than the highest level among those that it uses; who uses whom is sorted by the number used."""
    if n <= FEW:
        return _levels_few(n, used, user)
    waiting, level = np.bincount(user, minlength=n), np.zeros(n, np.int32)
    users = np.bincount(used, minlength=n)
    start = np.cumsum(users) - users
    front, depth = np.flatnonzero((waiting == 0) & (users > 0)), 0
    last = np.empty(n, np.int64)
    while len(front):
        depth += 1
        near = user[stretches(start[front], users[front])]
        np.subtract.at(waiting, near, 1)
        ready = near[waiting[near] == 0]
        last[ready] = np.arange(len(ready))
        front = ready[last[ready] == np.arange(len(ready))]  # each once
        level[front] = depth
    return level


def _levels_few(n: int, used: Places, user: Places) -> Places:
    level = [0] * n
    for below, above in zip(used.tolist(), user.tolist(), strict=True):  # what is used comes before its users
        level[above] = max(level[above], level[below] + 1)
    return places(level)
