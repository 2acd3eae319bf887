"""What was measured, and the figures that tables and chart show."""

from dataclasses import dataclass, field
from statistics import median

from .load import CASES, HOME, POST, ROOM

# Against the project as in the notes: at least so many times its rate; at most this part of its memory.
AIMS = {HOME: 100, ROOM: 40, POST: 40}
MEMORY_AIM = 0.5

# Of the live listeners: how many, milliseconds, bytes, seconds.
LISTENERS_AIM, DELAY_AIM, BYTES_AIM, BACK_AIM = 5000, 1000, 60 * 1024, 60


@dataclass
class Figures:
    """All that a run measured; by the name of the server."""

    names: dict = field(default_factory=dict)
    # case → server → one Measured a round
    rates: dict = field(default_factory=dict)
    ceiling: list = field(default_factory=list)
    # server → milliseconds of each start
    starts: dict = field(default_factory=dict)
    # server → (resident, proportional) megabytes
    at_rest: dict = field(default_factory=dict)
    loaded: dict = field(default_factory=dict)
    # The part of the machine that others used, before each round.
    others: list = field(default_factory=list)
    # What the listeners' program reported, without and with a restart.
    live: dict = field(default_factory=dict)
    restart: dict = field(default_factory=dict)

    def add(self, case, server, measured):
        self.rates.setdefault(case, {}).setdefault(server, []).append(measured)

    def cases(self):
        return [case for case in CASES if case in self.rates]

    def rate(self, case, server):
        return median(measured.rate for measured in self.rates[case][server])

    def p99(self, case, server):
        return median(measured.p99 for measured in self.rates[case][server])

    def ratio(self, case, server, other):
        """Round by round, as only what was measured side by side compares."""
        pairs = zip(self.rates[case][server], self.rates[case][other])
        return Spread([one.rate / two.rate for one, two in pairs])

    def of_ceiling(self, case, server):
        return median(one.rate / top.rate for one, top in zip(self.rates[case][server], self.ceiling))


class Spread:
    """The same figure from several rounds."""

    def __init__(self, values):
        self.median, self.low, self.high = median(values), min(values), max(values)

    def show(self, digits=1):
        if f"{self.low:.{digits}f}" == f"{self.high:.{digits}f}":
            return f"{self.median:.{digits}f}"
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}–{self.high:.{digits}f})"


def verdict(holds):
    return "held" if holds else "**missed**"
