"""The same pages by somebody who counts queries: joins, aggregates, and a page of a long list."""

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.shortcuts import get_object_or_404, render

from .models import Message, Room, Topic
from .views import say

ROOMS_A_PAGE = 10
MESSAGES_A_PAGE = 50


def home(request):
    q = request.GET.get("q", "")
    found = Room.objects.all()
    activity = Message.objects.all()
    if q:
        found = found.filter(Q(topic__name__icontains=q) | Q(name__icontains=q) | Q(description__icontains=q))
        activity = activity.filter(room__topic__name__icontains=q)
    rooms = found.select_related("host", "topic").annotate(people=Count("participants"))
    page = Paginator(rooms, ROOMS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "q": q,
        "rooms": page,
        "page": page,
        "room_count": page.paginator.count,
        "topics": Topic.objects.annotate(rooms=Count("room"))[:8],
        "room_messages": activity.select_related("user", "room")[:10],
    }
    return render(request, "base/home.html", context)


def room(request, pk):
    room = get_object_or_404(Room.objects.select_related("host", "topic"), id=pk)
    if request.method == "POST":
        return say(request, room)
    newest = room.message_set.select_related("user").order_by("-created")[:MESSAGES_A_PAGE]
    context = {
        "room": room,
        "room_messages": reversed(newest),
        "participants": room.participants.all(),
    }
    return render(request, "base/room.html", context)
