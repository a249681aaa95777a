"""Each ratio says how many times better ours is, whether speed or cost is compared."""

from __future__ import annotations

from xml.etree import ElementTree

from bench.peers.chart import draw
from bench.peers.comparison import make_lines, make_rows, name_ratios, to_json
from bench.peers.meter import Figures

OURS, FAST = Figures(3000, 0.4, 0.1), Figures(2000, 0.8, 0.05)


def rounds(ours: Figures, taskiq: Figures, delay_ms: int = 20):
    return {delay_ms: {"smsq": [ours, ours], "taskiq": [taskiq, taskiq]}}


def test_more_messages_and_less_cpu_are_both_above_one():
    assert name_ratios(rounds(OURS, FAST)) == {
        "20 ms, messages/s, against taskiq": 1.5,
        "20 ms, worker CPU, against taskiq": 2.0,
    }


def test_a_row_holds_from_its_bound_on():
    assert all(row.holds for row in make_rows(rounds(OURS, FAST)))

    held = {row.what: row.holds for row in make_rows(rounds(FAST, OURS))}
    assert held == {
        "20 ms: messages/s against taskiq": False,
        "20 ms: worker CPU against taskiq": True,
        "20 ms: CPU-s of workers for 1,000 messages": False,
        "20 ms: CPU-s of Redis for 1,000 messages": True,
    }


def test_nine_tenths_are_enough_where_the_gateway_takes_no_time():
    slower = Figures(0.9 * FAST.per_s, 0.8, 0.1)
    assert make_rows(rounds(slower, FAST, 0))[0].holds
    assert not make_rows(rounds(slower, FAST, 100))[0].holds


def test_all_rounds_are_kept_and_all_sides_have_a_line():
    both = rounds(OURS, FAST)
    assert to_json(both)["20 ms"]["smsq"][1]["per_s"] == 3000
    assert make_lines(both)[1] == ("20 ms", "taskiq", "2,000", "0.80", "0.05")


def test_the_chart_is_svg_with_a_bar_and_a_figure_for_each_side():
    chart = draw(
        "a < b", {"20 ms": {"smsq": 3000, "taskiq": 2000}, "100 ms": {"smsq": 0, "taskiq": 1}}
    )

    texts = [one.text for one in ElementTree.fromstring(chart).iter() if one.tag.endswith("text")]
    assert {"a < b", "20 ms", "3,000", "2,000", "smsq", "taskiq"} <= set(texts)
