"""Fills the database with people, rooms and messages: the same ones for the same seed.

Chaupal takes them over with `import-django`, so that both sites hold the same rows."""

import random
from datetime import datetime, timedelta, timezone

from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand
from django.db import transaction

from base.models import Message, Room, Topic, User

TOPICS = ["Python", "Rust", "Databases", "Web design", "Algorithms", "Deployment", "Mathematics", "Careers"]
WORDS = """the a of to and in is for that it on with this as when how why where which one two line page form model view
query table index column row server client request answer error test loop list string number function value name time
course note example chapter question idea night tea market village river lantern bicycle train ticket question try read
write open close keep save build run stop ask tell look find learn teach change move works breaks waits helps""".split()
BEGINNING = datetime(2026, 1, 5, 9, tzinfo=timezone.utc)
# Each message a few minutes after the one before, whatever its room.
PAUSE = timedelta(minutes=4)


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("--people", type=int, default=36)
        parser.add_argument("--rooms", type=int, default=24, help="at least 2")
        parser.add_argument("--messages", type=int, default=1500)
        parser.add_argument("--page", type=int, required=True, help="messages of the room 'Measured'")
        parser.add_argument("--password", required=True, help="the password of the user called demo")

    def handle(self, *args, **options):
        self.random = random.Random(7)
        with transaction.atomic():
            people = self.people(options["people"], options["password"])
            rooms = self.rooms(options["rooms"], people)
            self.messages(rooms, people, options["messages"] - options["page"], options["page"])

    def people(self, count, password):
        # Chaupal takes nobody for staff without a superuser; nobody logs in as this one.
        User.objects.create(username="boss", email="boss@example.org", is_superuser=True, is_staff=True, password="!")
        User.objects.create(username="demo", email="demo@example.org", name="Demo", password=make_password(password))
        for number in range(1, count):
            name = f"member{number}"
            User.objects.create(username=name, email=f"{name}@example.org", name=self.title(2), bio=self.text(20), password="!")
        User.objects.update(date_joined=BEGINNING)
        return list(User.objects.exclude(username="boss").order_by("id"))

    def rooms(self, count, people):
        topics = [Topic.objects.create(name=name) for name in TOPICS]
        names = ["Posting", "Measured", *(self.title(4) for _ in range(count - 2))]
        return [
            Room.objects.create(
                name=name,
                description=self.text(25),
                topic=self.random.choice(topics),
                # The first two people, `demo` among them, host the rooms that are asked for.
                host=people[number % len(people)],
            )
            for number, name in enumerate(names)
        ]

    def messages(self, rooms, people, count, page):
        posting, measured, *others = rooms
        # Much is said in some rooms, little in others.
        places = self.random.choices([posting, *others], weights=range(len(others) + 1, 0, -1), k=count)
        places += [measured] * page
        self.random.shuffle(places)
        written = []
        for number, room in enumerate(places):
            user = self.random.choice(people)
            written.append(Message(room=room, user=user, body=self.text(self.random.choice([4, 9, 15, 22, 40]))))
            room.participants.add(user)
        Message.objects.bulk_create(written)
        # The models set their times themselves.
        for number, message in enumerate(written):
            message.created = message.updated = BEGINNING + number * PAUSE
        Message.objects.bulk_update(written, ["created", "updated"], batch_size=300)
        newest = {message.room_id: message.created for message in written}
        for room in rooms:
            Room.objects.filter(id=room.id).update(created=BEGINNING, updated=newest.get(room.id, BEGINNING))

    def title(self, words):
        return " ".join(self.random.choice(WORDS) for _ in range(words)).capitalize()

    def text(self, words):
        """A sentence, now and then with Markdown in it."""
        chosen = [self.random.choice(WORDS) for _ in range(words)]
        mark = self.random.choice(["{}", "{}", "{}", "{}", "**{}**", "`{}`", "[{}](https://example.org/)"])
        chosen[self.random.randrange(words)] = mark.format(self.random.choice(WORDS))
        return " ".join(chosen).capitalize() + "."
