from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from knox.models import AuthToken

from annotations.models import User


class Command(BaseCommand):
    help = "Make an API token for a user and print it. It is shown once; only its hash is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {options['username']}.")
        self.stdout.write(AuthToken.objects.create(user=user)[1])
