"""How far a campaign is, how fast it goes and how long it still takes."""

import time


class Progress:
    """Counts finished tasks against the clock; the rate is that since the start."""

    def __init__(self, total: float, done: float, now: float | None = None) -> None:
        self.total = total
        self._before = done
        self._began = time.monotonic() if now is None else now

    def seconds_left(self, done: float, now: float | None = None) -> float | None:
        """Until all is done, at the rate so far; None where nothing was done yet."""
        rate = self._rate(done, now)
        return None if rate is None else (self.total - done) / rate

    def line(self, done: int, now: float | None = None) -> str:
        """One line on `done` tasks at the time `now` (seconds; default: the clock)."""
        now = time.monotonic() if now is None else now
        share = f"{done}/{self.total} tasks ({100.0 * done / self.total:.1f} %)"
        if done == self.total:
            return f"{share} in {duration(now - self._began)}"
        rate, left = self._rate(done, now), self.seconds_left(done, now)
        if rate is None or left is None:
            return f"{share}, rate and remaining time not known yet"
        return f"{share}, {_rate_words(rate)}, {duration(left)} left"

    def _rate(self, done: float, now: float | None) -> float | None:
        seconds = (time.monotonic() if now is None else now) - self._began
        return None if done <= self._before or seconds <= 0 else (done - self._before) / seconds


def _rate_words(per_second: float) -> str:
    if per_second >= 1.0:
        return f"{per_second:.1f} tasks/s"
    if per_second >= 1.0 / 60.0:
        return f"{60.0 * per_second:.1f} tasks/min"
    return f"{3600.0 * per_second:.1f} tasks/h"


def duration(seconds: float) -> str:
    """A time span in the two largest units that fit: "40 s", "3 min 20 s", "2 h 5 min", "1 d 4 h"."""
    whole = max(0, round(seconds))  # a clock that was set back
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (left, "s")]
    first = next((index for index, (count, _) in enumerate(parts) if count), len(parts) - 1)
    shown = [f"{count} {unit}" for count, unit in parts[first : first + 2] if count]
    return " ".join(shown) or "0 s"
