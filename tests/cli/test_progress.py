"""Progress: lines where there is no terminal, a bar where there is one."""

import io

import pytest

from cofeat.cli.progress import Lines, format_duration, track


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


def run(total, step_s, **options):
    clock, lines = Clock(), []
    bar = Lines("Work", total, lines.append, clock=clock, **options)
    for done in range(options.get("completed", 0), total):
        clock.now_s += step_s
        bar.update(done + 1)
    bar.finish()
    return lines


def test_a_line_every_tenth():
    lines = run(100, 0.2)
    assert lines[0] == "Work: 10/100 (10 %), 0:18 left"
    assert lines[-1] == "Work: 100/100 (100 %), took 0:20"
    assert len(lines) == 10


def test_a_line_every_five_seconds_where_a_tenth_takes_longer():
    lines = run(100, 1.0)
    assert lines[0] == "Work: 5/100 (5 %), 1:35 left"
    assert lines[1].startswith("Work: 10/100")


def test_long_work_does_not_fill_the_log():
    assert len(run(100_000, 0.5)) < 100


def test_short_work_is_told_once():
    assert run(1000, 0.0001) == ["Work: 1000/1000 (100 %), took 0:00"]


def test_a_resumed_run_reckons_with_what_it_did_itself():
    # 50 were done before; 10 took 2 s, so the 40 that are left take 8 s.
    assert run(100, 0.2, completed=50)[0] == "Work: 60/100 (60 %), 0:08 left"


def test_a_note_stays_until_the_next():
    clock, lines = Clock(), []
    bar = Lines("Work", 2, lines.append, clock=clock)
    clock.now_s = 10
    bar.advance(note="loss 1.23")
    clock.now_s = 20
    bar.advance()
    bar.finish()
    assert lines == [
        "Work: 1/2 (50 %), 0:10 left, loss 1.23",
        "Work: 2/2 (100 %), took 0:20, loss 1.23",
    ]


def test_no_terminal_gets_lines_and_no_escape_codes():
    stream = io.StringIO()
    with track("Work", total=3, stream=stream) as bar:
        bar.advance(2)
        bar.say("half way")
        bar.advance()
    assert stream.getvalue() == "half way\nWork: 3/3 (100 %), took 0:00\n"


def test_what_failed_is_not_called_done():
    stream = io.StringIO()

    def work():
        with track("Work", total=3, stream=stream) as bar:
            bar.advance()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert stream.getvalue() == ""


def test_nothing_is_shown_when_so_asked():
    stream = io.StringIO()
    with track("Work", total=3, stream=stream, show=False) as bar:
        bar.advance()
        bar.update(3, note="x")
        bar.say("y")
    assert stream.getvalue() == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_a_bar(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    with track("Work [a]", total=3, stream=stream) as bar:
        bar.advance(2, note="loss [b]")
        bar.say("line [c]")
        bar.update(3)
    text = stream.getvalue()
    # Square brackets are rich's markup; they must come out as they went in.
    for part in ("Work [a]", "3/3", "loss [b]", "line [c]", "\x1b["):
        assert part in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (42.4, "0:42"), (185, "3:05"), (3723, "1:02:03")]
)
def test_durations(seconds, text):
    assert format_duration(seconds) == text


def test_nothing_to_do_is_not_told():
    assert run(10, 1.0, completed=10) == []
