"""Users with a UUID and an e-mail address as their name, and products with an uploaded file."""

import uuid

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models

from uploads.fields import TRASH, StoredFileField


class EmailUserManager(UserManager):
    def _create_user(self, email, password, **fields):
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_user(self, email, password=None, **fields):
        return self._create_user(email, password, **fields)

    def create_superuser(self, email, password=None, **fields):
        return self._create_user(email, password, **fields, is_staff=True, is_superuser=True)


class User(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = None
    email = models.EmailField(unique=True)
    # The name that filehub's own accessor had before it got a prefix.
    quota = models.PositiveIntegerField(default=0)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ()
    objects = EmailUserManager()


class Product(models.Model):
    """Its manual is uploaded with a form, into the project's default storage."""

    name = models.CharField(max_length=100)
    manual = models.FileField(upload_to="manuals")

    def __str__(self):
        return self.name


class Application(models.Model):
    """Somebody wants to work in the shop. What they send goes straight to S3."""

    name = models.CharField(max_length=100)
    letter = StoredFileField(
        types="text/plain,application/pdf", max_size=5_000_000, on_delete=TRASH
    )
    photo = StoredFileField(types="image/*", blank=True, on_delete=TRASH)

    def __str__(self):
        return self.name


class Delivery(models.Model):
    """A file that somebody has sent with filehub: written by the receiver of a signal."""

    upload_id = models.CharField(max_length=40, unique=True)
    file_name = models.CharField(max_length=255)
    sender = models.ForeignKey(User, models.CASCADE)

    class Meta:
        verbose_name_plural = "deliveries"

    def __str__(self):
        return self.file_name
