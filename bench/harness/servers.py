"""The servers that are measured: how each is filled, started, looked at and stopped."""

import http.cookiejar
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
PROJECT = HERE / "django"

# Messages of the measured room: as many as a page of Chaupal shows.
MESSAGES = 50
PASSWORD = "kingfisher-on-the-wire-7"


class Failure(Exception):
    """A figure that would be a lie, or a server that does not work; the run ends with it."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(command, **options):
    """Runs a command to its end; what it printed."""
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def filesystem(folder):
    """The kind of file system that a folder lies on."""
    device = os.stat(folder).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    mounts = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return next((mount[mount.index("-") + 1] for mount in mounts if mount[2] == wanted), "unknown")


class Server:
    """A process that serves pages on a port of its own."""

    def __init__(self, name, work):
        self.name = name
        self.port = free_port()
        self.log = work / f"{name}.log"
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        """Starts it; how many milliseconds passed until its first page."""
        begin = time.perf_counter()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in self.command()], env=self.environment(), stdout=log, stderr=log, **self.options()
            )
        while not self._answers():
            if self.process.poll() is not None or time.perf_counter() - begin > 60:
                raise Failure(f"{self.name} does not start:\n{self.log.read_text()}")
            time.sleep(0.002)
        return (time.perf_counter() - begin) * 1000

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
                connection.sendall(f"GET / HTTP/1.0\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode())
                return connection.recv(64).split(b" ")[1:2] == [b"200"]
        except OSError:
            return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def memory(self):
        """Megabytes of all its processes: resident, and proportional (what they share counted once)."""
        resident = proportional = 0
        for pid in family(self.process.pid):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Rss:"):
                    resident += int(line.split()[1])
                elif line.startswith("Pss:"):
                    proportional += int(line.split()[1])
        return resident / 1024, proportional / 1024

    def environment(self):
        return dict(os.environ)

    def options(self):
        return {}


def family(pid):
    """A process and all that descend from it."""
    pids = [pid]
    for known in pids:
        pids += map(int, Path(f"/proc/{known}/task/{known}/children").read_text().split())
    return pids


class Bare(Server):
    """A Rocket handler that returns a short text: the ceiling."""

    def __init__(self, work, binary):
        super().__init__("bare", work)
        self.binary = binary

    def command(self):
        return [self.binary]

    def environment(self):
        return {**os.environ, "ROCKET_PORT": str(self.port)}


class Site(Server):
    """A community: rows that can be counted, and a user who is logged in."""

    def rows(self):
        """How many messages there are."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            return connection.execute(f"SELECT count(*) FROM {self.messages}").fetchone()[0]

    def room(self, name):
        """The id of the room with this name."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            return connection.execute(f"SELECT id FROM {self.rooms} WHERE name = ?", (name,)).fetchone()[0]

    def look_at(self, room):
        """The room's page must show what is said to be measured."""
        shown = self.visitor.page(f"/rooms/{room}").count(self.message_mark)
        if shown != MESSAGES:
            raise Failure(f"{self.name} shows {shown} messages in room {room}, not {MESSAGES}")

    def log_in(self):
        """Logs the user demo in as a browser does; keeps the cookies for later requests."""
        self.visitor = Visitor(self.url)
        token = self.visitor.hidden_fields("/login")
        self.visitor.send("/login", {**token, **self.credentials, "password": PASSWORD})
        if "session" not in self.visitor.cookies():
            raise Failure(f"{self.name}: the user demo could not log in")

    def posting(self, room):
        """The address to post to, and the form's body."""
        form = {**self.visitor.hidden_fields(f"/rooms/{room}"), "body": "A message of the benchmark, of common length."}
        return self.post_path.format(room=room), urllib.parse.urlencode(form)


class Chaupal(Site):
    """Chaupal on SQLite."""

    messages, rooms = "messages", "rooms"
    message_mark = '<li class="message'
    credentials = {"login": "demo"}
    post_path = "/rooms/{room}/messages"

    def __init__(self, work, binary, folder):
        super().__init__("chaupal", work)
        self.binary = binary
        self.folder = folder
        self.database = folder / "chaupal.db"

    def command(self):
        return [self.binary, "--quiet", "serve", f":{self.port}"]

    def environment(self):
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("CHAUPAL_", "ROCKET_"))}
        return {**ours, "CHAUPAL_DATA_DIR": str(self.folder), "CHAUPAL_THROTTLE__POST": "off"}

    def fill(self, source):
        """Takes over the rows of the Django project's file, as an operator would."""
        run([self.binary, "import-django", source, "--keep-staff"], env=self.environment())


class Django(Site):
    """The Django project beside this file, behind gunicorn with two workers, on SQLite."""

    messages, rooms = "base_message", "base_room"
    message_mark = '<article class="thread"'
    credentials = {"username": "demo@example.org"}
    post_path = "/rooms/{room}"

    def __init__(self, work, venv, views):
        super().__init__(f"django-{views}", work)
        self.venv = venv
        self.views = views
        self.database = work / f"django-{views}.sqlite3"

    def command(self):
        where = f"127.0.0.1:{self.port}"
        return [self.venv / "bin/gunicorn", "studybud.wsgi", "--workers", "2", "--bind", where]

    def options(self):
        return {"cwd": PROJECT}

    def environment(self):
        return {
            **os.environ,
            "STUDYBUD_DATABASE": str(self.database),
            "STUDYBUD_VIEWS": self.views,
            "STUDYBUD_KEY": "a key for this benchmark alone, " * 2,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def manage(self, *words):
        return run([self.venv / "bin/python", "manage.py", *words], cwd=PROJECT, env=self.environment())

    def fill(self, *size):
        """Makes the content of both sites."""
        self.manage("migrate", "--verbosity", "0")
        self.manage("fill", "--page", str(MESSAGES), "--password", PASSWORD, *size)

    def copy(self, filled):
        """The same rows as another one."""
        shutil.copy(filled.database, self.database)


def install(venv):
    """Django and gunicorn from PyPI, in the versions of requirements.txt; once."""
    wanted = (PROJECT / "requirements.txt").read_text()
    mark = venv / "installed.txt"
    if mark.exists() and mark.read_text() == wanted:
        return
    print("installing Django and gunicorn, once", file=sys.stderr)
    shutil.rmtree(venv, ignore_errors=True)
    run([sys.executable, "-m", "venv", venv])
    run([venv / "bin/pip", "install", "--quiet", "-r", PROJECT / "requirements.txt"])
    # Django's own modules are compiled when they are first imported; a start is measured after that.
    run([venv / "bin/python", "-m", "compileall", "-q", venv / "lib"])
    mark.write_text(wanted)


class Visitor:
    """A browser: it keeps cookies and sends back what forms hide."""

    def __init__(self, url):
        self.url = url
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def page(self, path):
        return self.opener.open(self.url + path).read().decode()

    def hidden_fields(self, path):
        found = re.findall(r'<input type="hidden" name="(csrf\w+)" value="([^"]*)"', self.page(path))
        if not found:
            raise Failure(f"no form at {self.url}{path}")
        return dict(found[-1:])

    def send(self, path, fields):
        self.opener.open(self.url + path, urllib.parse.urlencode(fields).encode()).read()

    def cookies(self):
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)
