"""The app of people and the agencies that employ them."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, agencies, roles and sign-in."""

    name = "accounts"
    verbose_name = "People and agencies"

    def ready(self) -> None:
        """Listen to allauth; models can be imported from here on."""
        import accounts.agency_proof
        import accounts.failing
        import accounts.sessions
        import accounts.watching  # noqa: F401
