"""Messages on links, by hand and against SciPy's binomial distribution."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from cofeat.errors import InvalidInputError
from cofeat.planner.link import LinkModel, binomial_quantile, parse_link, transfer_ms


def test_a_link_is_rate_round_trip_and_loss():
    assert parse_link("10Mbit,40ms") == LinkModel(1e7, 1e7, 40.0, 0.0)
    assert parse_link(" 500 kbit/s , 2.5 ms , 1% ") == LinkModel(5e5, 5e5, 2.5, 0.01)
    assert str(parse_link("10Mbit,40ms,1%")) == "10Mbit,40ms,1%"
    assert parse_link(str(LinkModel(1e6, 1e6, 20.0))) == LinkModel(1e6, 1e6, 20.0)


@pytest.mark.parametrize(
    "text", ["", "10Mbit", "10Mbit,40", "10,40ms", "10Mbit,40ms,1", "10Mbit,40ms,1%,x", "0Mbit,1ms",
             "10Mbit,40ms,100%", "10Mbit,-1ms"]
)  # fmt: skip
def test_what_is_no_link_is_one_line(text):
    with pytest.raises(InvalidInputError) as caught:
        parse_link(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [((0.0, 1.0), "above 0"), ((1.0, 1.0, -1.0), "0 or more"), ((1.0, 1.0, 0.0, 1.0), "below 100")],
)
def test_values_that_cannot_be(values, message):
    with pytest.raises(InvalidInputError, match=message):
        LinkModel(*values)


def test_without_loss_a_message_takes_its_bytes():
    # 125,000 bytes are a megabit.
    assert transfer_ms(125_000, 1e7, 40.0, 0.0) == pytest.approx(100.0)
    link = LinkModel(1e6, 4e6, 40.0)
    assert (link.up_ms(1000), link.down_ms(1000)) == (pytest.approx(8.0), pytest.approx(2.0))


def test_a_loss_costs_a_retransmission_less_what_goes_on_behind_it():
    # 14,600 bytes: 10 segments, 11.68 ms at 10 Mbit/s, half of it 5.84 ms; the window's 32
    # segments would last 37.4 ms. P(no loss) = .9^10 = .35, P(at most 1) = .74, (at most 3) = .99.
    one_ms = 200 - 5.84
    assert transfer_ms(14_600, 1e7, 40.0, 0.1) == pytest.approx(11.68 + one_ms)
    assert transfer_ms(14_600, 1e7, 40.0, 0.1, 0.95) == pytest.approx(11.68 + 3 * one_ms)
    # A round trip longer than 200 ms is the retransmission's time.
    assert transfer_ms(14_600, 1e7, 300.0, 0.1) == pytest.approx(11.68 + 300 - 5.84)
    # A slow link is busy for so long that a loss is hardly felt: its window lasts 3.7 s.
    assert transfer_ms(146_000, 1e5, 40.0, 0.01) == pytest.approx(11_680)
    assert transfer_ms(0, 1e7, 40.0, 0.1) == 0


@pytest.mark.parametrize("trials", [1, 7, 150, 4000])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.05, 0.6])
@pytest.mark.parametrize("quantile", [0.5, 0.95])
def test_quantiles_are_scipys(trials, share, quantile):
    assert binomial_quantile(trials, share, quantile) == binom.ppf(quantile, trials, share)
