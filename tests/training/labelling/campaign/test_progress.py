import pytest

from training.labelling.campaign.progress import Progress, duration


def test_a_line_gives_share_rate_and_remaining_time() -> None:
    progress = Progress(total=100, done=20, now=1000.0)
    assert progress.line(20, 1010.0) == "20/100 tasks (20.0 %), rate and remaining time not known yet"
    assert progress.line(30, 1020.0) == "30/100 tasks (30.0 %), 30.0 tasks/min, 2 min 20 s left"
    assert progress.line(60, 1020.0) == "60/100 tasks (60.0 %), 2.0 tasks/s, 20 s left"
    assert progress.line(21, 1360.0) == "21/100 tasks (21.0 %), 10.0 tasks/h, 7 h 54 min left"
    assert progress.line(100, 1090.0) == "100/100 tasks (100.0 %) in 1 min 30 s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.6, "1 min"), (3600.0, "1 h"), (7325.0, "2 h 2 min"), (100_000.0, "1 d 3 h")],
)
def test_durations_are_in_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_time_left_counts_what_was_done_since_the_start():
    progress = Progress(1.0, 0.5, now=100.0)
    assert progress.seconds_left(0.5, now=110.0) is None
    assert progress.seconds_left(0.6, now=110.0) == pytest.approx(40.0)
