"""What is timed, on a clock of the test's own."""

from __future__ import annotations

import pytest

from cofeat.planner.timing import Probe, interleave


def test_probes_run_in_turn_and_the_first_round_warms_up():
    now, order = [0.0], []

    def probe(name, seconds):
        def run(number):
            order.append(name)
            now[0] += 100.0 if number == 0 else seconds * number
            return 10 * number

        return Probe("heads", name, run)

    told = []
    first, second = interleave(
        [probe("a", 0.001), probe("b", 0.002)], 4, lambda: now[0], lambda *x: told.append(x)
    )
    # Each comes first in every other round.
    assert "".join(order) == "ab" + "ba" + "ab" + "ba" + "ab"
    # 1, 2, 3, 4 ms and bytes of 10 to 40; numpy's linear percentiles.
    assert (first.runs, first.median_ms, first.bytes) == (4, pytest.approx(2.5), 25.0)
    assert first.p95_ms == pytest.approx(3.85)
    assert first.spread_ms == pytest.approx(1.5)
    assert second.median_ms == pytest.approx(5.0)
    assert told == [(number, 5) for number in range(1, 6)]
