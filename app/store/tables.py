"""The tables. They know no database: every query names the one it runs on."""

from typing import ClassVar

from peewee import (
    SQL,
    AutoField,
    BigIntegerField,
    BlobField,
    CompositeKey,
    DoubleField,
    ForeignKeyField,
    IntegerField,
    Model,
    SmallIntegerField,
    TextField,
)

LISTED = 1
HIDDEN = -1
WITHDRAWN = -2
"""Values of `File.listed` that others write."""


class Project(Model):
    """A project of the index: its name, and what upstream said of it last."""

    id = AutoField()
    name = TextField(unique=True)
    # The serial of the page that was written, never that of the list (SEMANTICS: a
    # stale page would stick until the next release).
    serial = BigIntegerField(null=True)
    etag = TextField(null=True)
    last_modified = TextField(null=True)
    # When upstream last confirmed the page; null until the first page is written.
    checked_at = BigIntegerField(null=True)
    # Since when it is gone upstream. Its row stays while a file of it is held, and as a
    # tombstone while upstream's list names it all the same, at the serial it had then.
    gone_at = BigIntegerField(null=True)
    gone_serial = BigIntegerField(null=True)
    # PEP 792's status of the project, where it is not the usual `active`.
    status = TextField(null=True)
    # Why it could not be brought in step, of which kind that is, since when, how often
    # it was tried, and when to try again; null when all is well.
    failure = TextField(null=True)
    failure_kind = TextField(null=True)
    failing_since = BigIntegerField(null=True)
    tries = IntegerField(default=0)
    retry_at = BigIntegerField(null=True)
    # The mark of how its pages were rendered (`app.pages.FORMAT`); null: not known.
    rendered = TextField(null=True)
    # 1 where the legacy JSON of its page is here, 2 where upstream had none; else null.
    legacy = IntegerField(null=True)
    # Which filter hides it, and why; null: it has a page. `sources/` has what it is shown by.
    hidden = TextField(null=True)
    # When filters may decide otherwise about it though nothing but the time has changed.
    review_at = BigIntegerField(null=True)
    # 1 where its files are never held (`filters.projects.metadata_only`); else null.
    metadata_only = IntegerField(null=True)

    class Meta:
        """Peewee's options."""

        table_name = "project"


class File(Model):
    """A file that a page lists, or listed, with what moving it needs."""

    # Votes name a file by this number and may outlive its row: it is never used again.
    id = AutoField(constraints=[SQL("AUTOINCREMENT")])
    project = ForeignKeyField(Project, on_delete="CASCADE", backref="files")
    path = TextField(unique=True)
    sha256 = TextField(null=True)
    size = BigIntegerField(null=True)
    # When the size was asked of the file host, because the index did not tell it.
    sized_at = BigIntegerField(null=True)
    origin = TextField(null=True)
    metadata_sha256 = TextField(null=True)
    upload_time = TextField(null=True)
    # Upstream's URL of its provenance (PEP 740).
    provenance = TextField(null=True)
    # 0 once no page lists it any more: nothing may wish for it. Upstream lists it, and
    # filters hide it: -1; -2 as long as it is still held.
    listed = IntegerField(default=1)

    class Meta:
        """Peewee's options."""

        table_name = "file"


# What was withdrawn is looked for in each run: a few rows of many millions. SQLite uses a
# partial index only where the query has the same condition as a literal.
File.add_index(SQL('CREATE INDEX "file_unlisted" ON "file" ("id") WHERE "listed" = 0'))
File.add_index(SQL('CREATE INDEX "file_hidden" ON "file" ("id") WHERE "listed" = -2'))


class Tier(Model):
    """A folder that holds files, by its path: ranks change with the configuration."""

    id = AutoField()
    root = TextField(unique=True)
    # How many files it holds and their bytes, kept with `Holding`: nobody shall have to
    # count millions of rows to tell them.
    held_files = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    held_bytes = BigIntegerField(default=0, constraints=[SQL("DEFAULT 0")])

    class Meta:
        """Peewee's options."""

        table_name = "tier"


class Holding(Model):
    """A file that is here, verified, and where; bytes include its companion."""

    file = ForeignKeyField(File, primary_key=True, on_delete="CASCADE")
    tier = ForeignKeyField(Tier, on_delete="CASCADE")
    bytes = BigIntegerField()
    # When its bytes were hashed last; 0: nobody knows.
    verified_at = BigIntegerField(default=0, constraints=[SQL("DEFAULT 0")])

    class Meta:
        """Peewee's options."""

        table_name = "holding"


class Wish(Model):
    """A file that should be here, and where: what `score` decided last."""

    file = ForeignKeyField(File, primary_key=True, on_delete="CASCADE")
    rank = IntegerField()
    score = DoubleField()

    class Meta:
        """Peewee's options."""

        table_name = "wish"


class Pin(Model):
    """A file that somebody wants here whatever its votes, why, and since when."""

    file = ForeignKeyField(File, primary_key=True, on_delete="CASCADE")
    reason = TextField()
    time = BigIntegerField()

    class Meta:
        """Peewee's options."""

        table_name = "pin"


class Heat(Model):
    """How wanted a file is: one row for each file that somebody voted for."""

    # Its number, and no foreign key: votes may outlive the file's row.
    file = IntegerField(primary_key=True)
    # Its votes, each weighted by 2^((its time - reference) / half-life): so the votes of
    # yesterday weigh less today without a row being written. The setting "heat" has both.
    heat = DoubleField()
    # Those that `Tally` and `Window` still have.
    votes = IntegerField()
    # Those, and the ones that have expired.
    ever = IntegerField()
    # 1 for a release that took over the heat of the one before it.
    inherited = IntegerField(default=0)

    class Meta:
        """Peewee's options."""

        table_name = "heat"


class Tally(Model):
    """A file's votes of one hour, by where they came from: what expires, hour by hour.

    Those of late are in `Window` alone: a row for each in both would cost twice the disk.
    """

    # Hours since the epoch.
    hour = IntegerField()
    file = IntegerField()
    votes = IntegerField()
    # A number of `model.VoteSource`. The small one last: a row is aligned to eight bytes.
    source = SmallIntegerField()

    class Meta:
        """Peewee's options."""

        table_name = "tally"
        primary_key = CompositeKey("hour", "file", "source")
        without_rowid = True


class Window(Model):
    """The votes of late, each of which opened a dedup window; in the order of the pairs."""

    network = BigIntegerField()
    time = BigIntegerField()
    file = IntegerField()
    # A number of `model.VoteSource`; null once the vote is in the tallies as well.
    source = SmallIntegerField(null=True)

    class Meta:
        """Peewee's options."""

        table_name = "window"
        primary_key = CompositeKey("file", "network", "time")
        without_rowid = True


class Traffic(Model):
    """What was served in an hour, by how, from which tier, and why (`app.traffic`)."""

    # Hours since the epoch; -1 for the sums since the database was made.
    hour = IntegerField()
    answer = TextField()
    # Its folder: ranks change with the configuration.
    tier = TextField()
    reason = TextField()
    requests = BigIntegerField()
    bytes = BigIntegerField()
    elsewhere = BigIntegerField()

    class Meta:
        """Peewee's options."""

        table_name = "traffic"
        primary_key = CompositeKey("hour", "answer", "tier", "reason")
        without_rowid = True


class Setting(Model):
    """Single values that belong to the database, not to the configuration."""

    key = TextField(primary_key=True)
    value = BlobField()

    class Meta:
        """Peewee's options."""

        table_name = "setting"


TABLES: tuple[type[Model], ...] = (
    Project,
    File,
    Tier,
    Holding,
    Wish,
    Pin,
    Heat,
    Tally,
    Window,
    Traffic,
    Setting,
)


class Schema:
    """The version of the tables, kept in the database."""

    VERSION: ClassVar[bytes] = b"8"
