"""docs/benchmarks.md: written from the figures, but for the part between two marks, which people write."""

import os
import platform

from . import chart, report
from .servers import HERE, PROJECT, Failure

PAGE = HERE.parent / "docs/benchmarks.md"
CHART = HERE.parent / "docs/img/benchmarks.svg"
BEGIN, END = "<!-- by hand -->", "<!-- end of what is written by hand -->"

TEXT = """# Benchmarks

<!-- bench/run writes this page; what people write stands between the marks further down. -->

![Answers a second of Chaupal, of Django tuned and of Django as in the notes](img/benchmarks.svg)

`bench/run` fills a plain Django project with 36 people, 24 rooms and 1,500 messages, has Chaupal (a release build, SQLite) take
them over with `import-django`, and measures both in turn, in the same run, with `wrk` on the same machine ({connections} connections):
{rounds} rounds of {seconds} s for each line, after a warm-up. Absolute figures of a shared machine are noise; the ratios are what
counts. They are formed round by round; the tables show medians, and in brackets the lowest and the highest. The bare handler is
a Rocket route that returns a short text: the ceiling of whatever is built on Rocket.

The Django project ([bench/django](../bench/django)) is ours, written after the course notes: Django {django} behind gunicorn
{gunicorn} with two synchronous workers, DEBUG off, SQLite as Django sets it up. It stands here twice: *as in the notes*, where
templates ask for what they show row by row and all rooms are on one page, and *tuned*, with `select_related`, `annotate` and
pages as long as Chaupal's. Its pages show less than Chaupal's: no unread counts, no presence, hardly any style. The aims are
against the project as in the notes.

Posting is a form, sent as a browser without script sends it: logged in, with its CSRF token, answered by a redirect. Both
databases lie on the same disk; the row count must grow by the count of answers, and any answer that is no success ends the run.
Memory is PSS, summed over a server's processes, so that what gunicorn's workers share counts once; at rest means after the
warm-up.

Measured on {cores} cores of a shared machine, {system}. Looked at for a second before each round, others used at
most {others:.0%} of it. On a busy machine the server with more threads gets more of the cores, which flatters Chaupal.

{tables}

{listeners_text}
## To repeat it

```
bench/run                          # all of it, some minutes; writes this page and the chart
bench/run --rounds 1 --seconds 2 --no-write --only home,posting
bench/run --smoke                  # a debug build, as short as can be: ./test.sh does this so that nothing here rots
```

It needs `wrk` (Debian: `apt-get install wrk`), Python 3.11 and, once, PyPI for Django and gunicorn.

{by_hand}
"""

LISTENERS_TEXT = """A delivery's time runs from the moment before the message is sent to its arrival at one listener, on one
clock; the listeners share the machine's cores with the server ([bench/listeners](../bench/listeners)). In the restart they do
what a browser does with `live.js`: they come back after `retry:`, with `Last-Event-ID`, while messages go on being posted, each
until it is taken. *Not taken* is a connection that stood in the queue of a process that stopped.
"""


def write(figures, settings):
    """Writes the page and the chart."""
    PAGE.write_text(page(figures, settings, PAGE.read_text()))
    CHART.write_text(chart.draw(figures))


def page(figures, settings, before):
    """The page's text; what was written by hand is taken over."""
    begin, end = before.find(BEGIN), before.find(END)
    if not 0 <= begin < end:
        raise Failure(f"{PAGE} has lost the marks of what is written by hand: {BEGIN} … {END}")
    versions = dict(line.split("==") for line in (PROJECT / "requirements.txt").read_text().split())
    return TEXT.format(
        **settings,
        django=versions["Django"],
        gunicorn=versions["gunicorn"],
        cores=os.cpu_count(),
        system=f"{platform.system()}, {platform.machine()}, Python {'.'.join(platform.python_version_tuple()[:2])}",
        others=max(figures.others, default=0),
        tables=report.everything(figures),
        listeners_text=LISTENERS_TEXT if figures.live else "",
        by_hand=before[begin : end + len(END)],
    )
