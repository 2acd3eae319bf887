"""The models in the admin."""

from django.contrib import admin

from .models import Message, Room, Topic, User

admin.site.register([User, Topic, Room, Message])
