"""URLs of databases on a server: what they mean, and what is told of them."""

import pytest

from app.database_url import DatabaseUrlError, parse_postgresql, read_only, without_password

SECRET = "s3cret"  # noqa: S105


@pytest.mark.parametrize(
    ("url", "keywords"),
    [
        ("postgresql:///larder", {"dbname": "larder"}),
        ("postgresql://db.example.org/larder", {"host": "db.example.org", "dbname": "larder"}),
        (
            "postgresql://me:p%40ss%2Fw%3Ard@[::1]:5433/larder",
            {
                "host": "::1",
                "port": "5433",
                "user": "me",
                "password": "p@ss/w:rd",
                "dbname": "larder",
            },
        ),
        (
            "postgresql:///larder?host=/run/postgresql&user=me&sslmode=disable",
            {"host": "/run/postgresql", "user": "me", "sslmode": "disable", "dbname": "larder"},
        ),
        (
            "postgresql://me@%2Frun%2Fpostgresql/larder",
            {"host": "/run/postgresql", "user": "me", "dbname": "larder"},
        ),
    ],
)
def test_a_url_is_what_libpq_takes_it_for(url: str, keywords: dict[str, str]) -> None:
    """PostgreSQL's manual, 34.1.1.2: parts are percent-encoded, a query may name any of them."""
    assert keywords == parse_postgresql(url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgres://me:{SECRET}@host/larder", "no URL of PostgreSQL's"),
        (f"postgresql://me:{SECRET}@host", "must end in one database's name"),
        (f"postgresql://me:{SECRET}@host/a/b", "must end in one database's name"),
        (f"postgresql://me:{SECRET}#x@host/larder", "name|'#'|host or port"),
        (f"postgresql://me:{SECRET}@host/larder#x", "'#'"),
        (f"postgresql://me:{SECRET}/x@host/larder", "name|host or port"),
        (f"postgresql://me:{SECRET}@host:54x/larder", "host or port"),
        (f"postgresql://me:{SECRET}@host:99999/larder", "host or port"),
        (f"postgresql://me:{SECRET}@[::1/larder", "host or port"),
        (f"postgresql://me:{SECRET}@a:1,b:2/larder", "host or port"),
        (f"postgresql://me:{SECRET}@host/larder?sslmod=require", "'sslmod' .* known are .*sslmode"),
        (f"postgresql://me:{SECRET}@host/larder?sslmode", "key=value"),
        (f"postgresql://me:{SECRET}@host/larder?sslmode=a&sslmode=b", "twice"),
        (f"postgresql://me:{SECRET}@host/lar der", "no URL"),
        (f"postgresql://me:{SECRET}@host/larder\n", "no URL"),
    ],
)
def test_what_is_wrong_is_told_without_the_password(url: str, said: str) -> None:
    """One sentence that says what to write."""
    with pytest.raises(DatabaseUrlError, match=said) as caught:
        parse_postgresql(url)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (f"postgresql://me:{SECRET}@db.example.org:5433/larder", "db.example.org:5433/larder"),
        (f"postgresql://me@[::1]/larder?password={SECRET}", "[::1]/larder"),
        ("postgresql:///larder?host=/run/postgresql", "%2Frun%2Fpostgresql/larder"),
        ("postgresql:///larder", "/larder"),
    ],
)
def test_a_server_is_named_without_who_asks_it(url: str, told: str) -> None:
    """For messages and logs."""
    assert f"postgresql://{told}" == without_password(url)


def test_a_look_alone_keeps_the_other_options() -> None:
    """The server takes them all."""
    url = "postgresql://me:p%40ss@host/larder?sslmode=require&options=-c%20search_path%3Da"
    expected = "-c search_path=a -c default_transaction_read_only=on"
    before, after = parse_postgresql(url), parse_postgresql(read_only(url))
    assert {**before, "options": expected} == after
