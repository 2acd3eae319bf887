"""Makes the rows that a Chaupal database holds: the same people, topics, rooms and messages.

Its chat rooms by name stay behind: StudyBud has none."""

import sqlite3

from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand
from django.db import connection, transaction

from base.models import Message, Room, Topic, User

PEOPLE = """SELECT id, username, coalesce(nullif(email, ''), username || '@example.org'), name, bio, date_joined
            FROM users"""
COPIED = [
    (Topic, ["id", "name"], "SELECT id, name FROM topics"),
    (
        Room,
        ["id", "name", "description", "host_id", "topic_id", "created", "updated"],
        "SELECT id, name, description, host_id, topic_id, created, updated FROM rooms WHERE lobby_key IS NULL",
    ),
    (
        Room.participants.through,
        ["room_id", "user_id"],
        """SELECT room_id, user_id FROM participants JOIN rooms ON rooms.id = room_id
           WHERE removed IS NULL AND lobby_key IS NULL""",
    ),
    # A deleted message leaves a row without words there, and none here.
    (
        Message,
        ["id", "room_id", "user_id", "body", "created", "updated"],
        "SELECT id, room_id, user_id, body, created, updated FROM messages WHERE deleted IS NULL AND NOT in_lobby",
    ),
]


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("source", help="Chaupal's SQLite file")
        parser.add_argument("--password", required=True, help="the password of the person called demo")

    def handle(self, *args, **options):
        source = sqlite3.connect(f"file:{options['source']}?mode=ro", uri=True)
        with transaction.atomic():
            fields = ["id", "username", "email", "name", "bio", "date_joined"]
            User.objects.bulk_create(
                User(password="!", **dict(zip(fields, self.aware(row)))) for row in source.execute(PEOPLE)
            )
            User.objects.filter(username="demo").update(password=make_password(options["password"]))
            for model, columns, query in COPIED:
                self.copy(source, model._meta.db_table, columns, query)

    @staticmethod
    def aware(row):
        return [*row[:-1], f"{row[-1]}+00:00"]

    @staticmethod
    def copy(source, table, columns, query):
        """By SQL: the models would set their times anew."""
        names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", source.execute(query).fetchall())
