"""Addresses of the learning room."""

from django.urls import path

from booking.learning import views

urlpatterns = [
    path("accounts/learning/", views.mine, name="learning"),
    path("accounts/learning/declare/", views.declare, name="declare_learning"),
    path(
        "accounts/learning/<key:declaration_id>/take-back/",
        views.retract,
        name="take_back_learning",
    ),
]
