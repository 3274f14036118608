"""The package as a whole: lint, types, layers, dependencies and their locks."""

import configparser
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("app", "jobs", "nginx")


def read_setup() -> configparser.ConfigParser:
    """Return setup.cfg."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def requirements(section: str, key: str) -> dict[str, Requirement]:
    """Return the requirements of a key of setup.cfg by normalised name."""
    lines = read_setup()[section][key].strip().splitlines()
    found = [Requirement(line) for line in lines if not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def all_requirements() -> dict[str, Requirement]:
    """Return every requirement of the package: to run, to install, to test."""
    extras = "options.extras_require"
    return {
        **requirements("options", "install_requires"),
        **requirements(extras, "build"),
        **requirements(extras, "test"),
    }


def locked(name: str) -> dict[str, Version]:
    """Return a lock's versions by normalised name."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line.rstrip("\\ ")) for line in lines if re.match(r"[A-Za-z0-9]", line)]
    return {
        canonicalize_name(requirement.name): Version(f"{requirement.specifier}".removeprefix("=="))
        for requirement in found
    }


def check(*command: str) -> None:
    """Run a tool at the repository's root; what it says is the test's failure."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)


def test_lint() -> None:
    """Ruff has nothing to say."""
    check(sys.executable, "-m", "ruff", "check", "--quiet", ".")


def test_format() -> None:
    """Every file is as ruff formats it."""
    check(sys.executable, "-m", "ruff", "format", "--quiet", "--diff", ".")


@pytest.mark.slow
def test_types() -> None:
    """Mypy, which is strict, has nothing to say."""
    check(sys.executable, "-m", "mypy", "--no-error-summary")


def test_layers() -> None:
    """Nobody imports what the contracts in setup.cfg forbid."""
    check(f"{sysconfig.get_path('scripts')}/lint-imports", "--no-logo", "--no-cache")


@pytest.mark.parametrize("script", ["larder", ".ci/run"])
def test_scripts(script: str) -> None:
    """A script can be executed, and its shell can read it."""
    assert 0o111 == (ROOT / script).stat().st_mode & 0o111
    shell = "sh" if script == "larder" else "bash"
    check(shell, "-n", script)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock"])
def test_lock_names_versions_and_hashes_only(lock: str) -> None:
    """A lock says what to install, with hashes, and never from where."""
    pattern = re.compile(
        r"[a-z0-9-]+==\S+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?| +#.*"
    )
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    assert [] == [line for line in lines if not pattern.fullmatch(line)]
    assert [] == [line for line in lines if "/" in line]


def test_lock_holds_every_dependency() -> None:
    """Each dependency of setup.cfg is locked, at a version within its bound."""
    versions = locked("requirements-test.lock")
    wrong = {
        name: versions.get(name)
        for name, requirement in all_requirements().items()
        if name not in versions or versions[name] not in requirement.specifier
    }
    assert {} == wrong


def test_locks_agree() -> None:
    """Tests run on what users get: their lock holds the other one, which holds no test tool."""
    run, test = locked("requirements.lock"), locked("requirements-test.lock")
    assert run.items() <= test.items()
    assert set() == set(run) & set(requirements("options.extras_require", "test"))


def test_build_backend_is_locked() -> None:
    """What pyproject.toml asks for to build is what setup.cfg asks for, and so is in the lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    build = [Requirement(line) for line in project["build-system"]["requires"]]
    assert list(requirements("options.extras_require", "build").values()) == build
    assert {requirement.name for requirement in build} <= set(locked("requirements.lock"))


def test_dependencies_are_explained() -> None:
    """docs/dependencies.md gives each dependency with its bound, and no other."""
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z0-9.\[\]-]+) \| `([^`]+)` \| .*\w.* \|$", page, re.MULTILINE)
    found = [Requirement(name + bound) for name, bound in rows]
    explained = {canonicalize_name(requirement.name): requirement for requirement in found}
    assert all_requirements() == explained


def test_version_stands_in_one_place() -> None:
    """The version is in setup.cfg; code asks the installed package for it."""
    version = read_setup()["metadata"]["version"]
    assert f"{Version(version)}" == version
    sources = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert [] == [path for path in sources if version in path.read_text(encoding="utf-8")]


def test_jobs_hide_no_library() -> None:
    """A module in jobs/ has no library's name: started by its path it would stand in its place."""
    jobs = {path.stem for path in (ROOT / "jobs").glob("*.py")} - {"__init__", "__main__"}
    assert set() == jobs & (sys.stdlib_module_names | packages_distributions().keys())


@pytest.mark.slow
def test_wheel_is_complete(tmp_path: Path) -> None:
    """A wheel holds every module and template, and no tests."""
    source = tmp_path / "source"
    hidden = shutil.ignore_patterns("__pycache__")
    for package in (*PACKAGES, "tests"):
        shutil.copytree(ROOT / package, source / package, ignore=hidden)
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.cfg"):
        shutil.copy(ROOT / name, source / name)
    pip = (sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "--no-index")
    check(*pip, "--no-build-isolation", "--wheel-dir", f"{tmp_path}", f"{source}")
    (built,) = tmp_path.glob("larder-*.whl")
    with zipfile.ZipFile(built) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*")]
    wanted = {
        f"{path.relative_to(ROOT)}"
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted == packed
