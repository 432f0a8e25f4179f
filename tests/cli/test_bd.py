from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from cofeat.cli import bd
from cofeat.errors import InvalidInputError

RELEASED = Path(__file__).parents[1] / "evaluation" / "data" / "icip2019_encoder2_rd.csv"
BY_ARM = [str(RELEASED), "--by", "arm", "--anchor", "baseline", "--test", "proposed"]


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    bd.add_arguments(parser)
    return bd.run(parser.parse_args(words))


def test_released_points_in_one_file(capsys):
    assert run(*BY_ARM, "--quality", "miou,irmse,psnr_db") == 0
    printed = capsys.readouterr().out
    assert "BD-rate of proposed against baseline, bpfe, cubic fit" in printed
    for measure, percent in (("miou", "-20.68 %"), ("irmse", "-5.15 %"), ("psnr_db", "-6.09 %")):
        line = next(line for line in printed.splitlines() if line.startswith(measure))
        assert percent in line


def test_json(capsys):
    assert run(*BY_ARM, "--json", "--method", "pchip") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["method"] == "pchip"
    assert [row["measure"] for row in document["rows"]] == ["miou", "irmse", "psnr_db"]
    assert document["rows"][0]["bd_rate_percent"] == pytest.approx(-21.06, abs=0.01)
    assert document["rows"][0]["anchor_points"] == 5


def test_two_files_and_no_overlap(tmp_path, capsys):
    for name, start in (("low", 20), ("high", 40)):
        rows = "".join(f"{rate},{start + 2 * rate}\n" for rate in (1, 2, 3, 4))
        (tmp_path / f"{name}.csv").write_text("bpp,psnr_db\n" + rows)
    files = [str(tmp_path / "low.csv"), str(tmp_path / "high.csv")]
    assert run(*files, "--rate", "bpp") == 0
    printed = capsys.readouterr().out
    assert "BD-rate of high against low" in printed
    assert "psnr_db: the curves have no range of psnr_db in common" in printed
    assert run(*files, "--rate", "bpp", "--json") == 0
    document = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert document["rows"][0]["bd_rate_percent"] is None


def test_two_files_of_arms(capsys):
    assert run(BY_ARM[0], *BY_ARM, "--quality", "miou") == 0
    assert "-20.68 %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([str(RELEASED)], "one file: name its two curves with --anchor and --test"),
        ([str(RELEASED)] * 3, "3 files: give two"),
        ([str(RELEASED), str(RELEASED), "--by", "arm"], "several curves .*choose with --anchor"),
        ([*BY_ARM[:-1], "propose"], "no curve 'propose'.*Did you mean 'proposed'"),
        ([*BY_ARM, "--quality", "mio"], "no figures 'mio'.*Did you mean 'miou'"),
        ([*BY_ARM, "--quality", ","], "no measure to compare by"),
        ([*BY_ARM, "--rate", "bpp"], "no figures 'bpp'"),
        ([*BY_ARM, "--method", "spline"], "no BD method 'spline'"),
        ([*BY_ARM, "--resamples", "-1"], "give 0 or more"),
        (["none.csv", "none.csv"], "no file 'none.csv'"),
    ],
)
def test_wrong_input_is_one_line(words, message):
    with pytest.raises(InvalidInputError, match=message) as error:
        run(*words)
    assert "\n" not in str(error.value)
