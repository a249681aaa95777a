"""Only the steady part of a run counts: not how workers come up, and not who is late."""

from __future__ import annotations

import os

import pytest

from bench.peers.meter import Sample, TooShortError, Tree, read_figures, take_samples


def steady_run(per_s: int, seconds: int) -> list[Sample]:
    """Ten seconds of start, then so many messages a second: 2 ms each of workers, 0.5 of Redis."""
    begins = [Sample(float(at), 0, 5.0, 1.0) for at in range(10)]
    return begins + [
        Sample(10.0 + at, 1 + per_s * at, 5.0 + per_s * at * 0.002, 1.0 + per_s * at * 0.0005)
        for at in range(seconds + 1)
    ]


def test_the_figures_are_those_of_each_thousand_messages():
    figures = read_figures(steady_run(100, 20), messages=2001, warm_s=2)

    assert figures.per_s == pytest.approx(100)
    assert figures.workers_cpu_s == pytest.approx(2)
    assert figures.redis_cpu_s == pytest.approx(0.5)


def test_neither_the_first_seconds_nor_the_last_messages_count():
    run = steady_run(100, 20)
    slow_start = [Sample(one.at_s - 5, min(one.requests, 1), 0, 0) for one in run[10:15]]
    slow_end = [Sample(31.0 + at, 2001, 99.0, 99.0) for at in range(5)]

    figures = read_figures([*slow_start, *run[10:], *slow_end], messages=2001, warm_s=6)

    assert figures.per_s == pytest.approx(100)
    assert figures.workers_cpu_s == pytest.approx(2)


@pytest.mark.parametrize("seconds", [0, 1, 2])
def test_a_run_that_was_over_at_once_has_no_figures(seconds):
    with pytest.raises(TooShortError, match="are too few"):
        read_figures(steady_run(100, seconds), messages=100 * seconds + 1, warm_s=2)


def test_samples_end_when_all_is_sent():
    counts = iter([0, 0, 1, 5, 9])
    samples = take_samples(
        lambda: next(counts),
        workers=Tree([os.getpid()]),
        redis=Tree([]),
        messages=9,
        seconds=60,
        start_s=60,
    )

    assert [one.requests for one in samples] == [0, 0, 1, 5, 9]
    assert samples[-1].workers_cpu_s > 0
    assert samples[-1].redis_cpu_s == 0


def test_a_side_that_never_sends_ends_the_measurement():
    with pytest.raises(TimeoutError, match=r"no request came in 0\.1 s"):
        take_samples(
            lambda: 0, workers=Tree([]), redis=Tree([]), messages=9, seconds=60, start_s=0.1
        )
