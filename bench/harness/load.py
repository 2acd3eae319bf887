"""The load: wrk on the same machine, and what it says."""

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .servers import Failure

CONNECTIONS = 16
# Seconds after which a site that answers nothing is broken, not slow.
LONGEST = 16

# What is asked of each site: its name in tables, whether the person is logged in.
HOME, HOME_IN, ROOM, ROOM_IN, POST = "home", "home, logged in", "room, 50 messages", "room, logged in", "posting"
CASES = [HOME, HOME_IN, ROOM, ROOM_IN, POST]


@dataclass
class Measured:
    """One run of wrk."""

    rate: float
    p99: float
    answers: int
    # Each run leaves requests under way when it stops.
    runs: int = 1


def wrk(url, seconds, script=None):
    """Answers a second, and the time in milliseconds that 99 of 100 stayed under. An error is a failure of the run."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "20s", "--latency"]
    if script:
        command += ["-s", str(script)]
    done = subprocess.run([*command, url], text=True, capture_output=True)
    if done.returncode != 0:
        raise Failure(f"wrk {url}: {done.stdout}{done.stderr}")
    # On a busy machine a slow site answers nothing within a second.
    if " 0 requests in" in done.stdout and "Socket errors" not in done.stdout and seconds < LONGEST:
        again = wrk(url, 2 * seconds, script)
        again.runs += 1
        return again
    return parse(done.stdout, url)


def parse(said, url):
    for wrong in ["Non-2xx", "Socket errors"]:
        if wrong in said:
            raise Failure(f"{url} answered with errors:\n{said}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", said)
    answers = re.search(r"(\d+) requests in", said)
    if not (rate and p99 and answers) or answers[1] == "0":
        raise Failure(f"{url}: wrk says nothing of use:\n{said}")
    milliseconds = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[p99[2]]
    return Measured(float(rate[1]), float(p99[1]) * milliseconds, int(answers[1]))


def used_by_others():
    """The part of all cores' time that somebody else takes while nothing is measured: above a tenth, ratios are off."""

    def spent():
        times = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return sum(times), times[3] + times[4]

    total, idle = spent()
    time.sleep(1)
    total_then, idle_then = spent()
    return 1 - (idle_then - idle) / (total_then - total)


class Load:
    """What is asked of one site."""

    def __init__(self, site, work):
        self.site = site
        self.read = site.room("Measured")
        cookies = f'wrk.headers["Cookie"] = "{site.visitor.cookies()}"\n'
        self.member = work / f"{site.name}-member.lua"
        self.member.write_text(cookies)
        path, body = site.posting(site.room("Posting"))
        # The page with the form may have set a cookie of its own.
        cookies = f'wrk.headers["Cookie"] = "{site.visitor.cookies()}"\n'
        form = 'wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"\n'
        self.post_path = path
        self.post = work / f"{site.name}-post.lua"
        self.post.write_text(f'wrk.method = "POST"\nwrk.body = "{body}"\n{cookies}{form}')

    def measure(self, case, seconds):
        url = self.site.url
        if case == POST:
            return self._post(seconds)
        path = "/" if case in (HOME, HOME_IN) else f"/rooms/{self.read}"
        return wrk(url + path, seconds, self.member if case in (HOME_IN, ROOM_IN) else None)

    def _post(self, seconds):
        """Every answer must be a new row; what was under way when wrk stopped may be one too."""
        before = self.site.rows()
        measured = wrk(self.site.url + self.post_path, seconds, self.post)
        grown = self.site.rows() - before
        if not measured.answers <= grown <= measured.answers + measured.runs * CONNECTIONS:
            raise Failure(f"{self.site.name}: {measured.answers} posts were answered, and {grown} rows came")
        return measured
