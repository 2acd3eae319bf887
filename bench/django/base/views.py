"""The pages as the course notes teach them: the template asks for what it shows, row by row."""

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.shortcuts import get_object_or_404, redirect, render

from .models import Message, Room, Topic


def home(request):
    q = request.GET.get("q", "")
    rooms = Room.objects.filter(Q(topic__name__icontains=q) | Q(name__icontains=q) | Q(description__icontains=q))
    context = {
        "q": q,
        "rooms": rooms,
        "room_count": rooms.count(),
        "topics": Topic.objects.all()[:8],
        "room_messages": Message.objects.filter(room__topic__name__icontains=q)[:10],
    }
    return render(request, "base/home.html", context)


def room(request, pk):
    room = get_object_or_404(Room, id=pk)
    room_messages = room.message_set.order_by("created")
    participants = room.participants.all()
    if request.method == "POST":
        return say(request, room)
    context = {"room": room, "room_messages": room_messages, "participants": participants}
    return render(request, "base/room.html", context)


@login_required
def say(request, room):
    Message.objects.create(user=request.user, room=room, body=request.POST["body"])
    room.participants.add(request.user)
    return redirect("room", pk=room.id)
