"""The addresses of the pages; STUDYBUD_VIEWS chooses between the two modules of views."""

from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from . import tuned, views

pages = {"notes": views, "tuned": tuned}[settings.VIEWS]

urlpatterns = [
    path("", pages.home, name="home"),
    path("rooms/<int:pk>", pages.room, name="room"),
    path("login", LoginView.as_view(template_name="base/login.html", next_page="home"), name="login"),
    path("logout", LogoutView.as_view(next_page="home"), name="logout"),
]
