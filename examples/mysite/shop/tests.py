import pytest

from shop.models import Application, User


@pytest.mark.django_db
def test_apply(client, stored_files):
    user = User.objects.create_user("ann@example.com")
    client.force_login(user)
    letter = stored_files.add(user, "shop.application.letter", name="letter.txt")
    answer = client.post("/apply/", {"name": "Ann", "letter": letter.id}, follow=True)
    assert "letter.txt" in answer.content.decode()
    # The same form again.
    answer = client.post("/apply/", {"name": "Ann", "letter": letter.id})
    assert "is already used" in answer.content.decode()
    assert Application.objects.count() == 1
