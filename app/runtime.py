"""The folder `{repo_path}/run`: sockets, locks, the spool; nothing in it is served."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Where each thing of a running mirror lies; nginx's part is `app.nginx.Runtime`'s."""

    repo_path: Path

    @property
    def path(self) -> Path:
        """The folder itself."""
        return self.repo_path / "run"

    @property
    def project_locks(self) -> Path:
        """The file whose bytes are the projects' locks."""
        return self.path / "projects.lock"

    @property
    def metadata_locks(self) -> Path:
        """The file whose bytes are the locks of core metadata that is being fetched."""
        return self.path / "metadata.lock"

    @property
    def spool(self) -> Path:
        """The votes that nginx took in the application's place (`app.spool`)."""
        return self.path / "spool" / "votes.jsonl"

    @property
    def traffic_spool(self) -> Path:
        """What nginx answered below `/packages/` (`app.traffic`)."""
        return self.path / "spool" / "traffic.jsonl"

    @property
    def votes(self) -> Path:
        """What each worker of the app has done with its votes (`app.lost_votes`)."""
        return self.path / "votes"

    @property
    def shared(self) -> Path:
        """Downloads that several clients read at once (`app.web.shared`)."""
        return self.path / "shared"

    @property
    def denied(self) -> Path:
        """A mark for each file that nginx refuses (`app.denials`)."""
        return self.path / "denied"

    @property
    def resolver_cache(self) -> Path:
        """What uv keeps between two runs of `fetch`."""
        return self.path / "uv"

    @property
    def nginx_conf(self) -> Path:
        """The configuration that `up` renders."""
        return self.path / "nginx.conf"

    @property
    def nginx_pid(self) -> Path:
        """The process id of nginx's master."""
        return self.path / "nginx.pid"

    @property
    def children(self) -> Path:
        """What `up` has started."""
        return self.path / "children.json"

    @property
    def up_lock(self) -> Path:
        """Held while `up` runs."""
        return self.path / "up.lock"

    def job_lock(self, job: str) -> Path:
        """Return the lock of a job, of which one may run at a time."""
        return self.path / f"{job}.lock"
