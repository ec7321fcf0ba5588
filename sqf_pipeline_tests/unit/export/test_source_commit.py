"""The commit that an export names."""

import shutil
import subprocess

import pytest

from sqf_pipeline.export.source_commit import source_commit

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_the_commit_and_whether_files_were_changed_since(tmp_path):
    git(tmp_path, "init", "-q")
    assert source_commit(tmp_path) is None  # nothing committed yet
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "a")
    git(tmp_path, "tag", "-a", "-m", "v", "v1")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert source_commit(tmp_path) == commit
    (tmp_path / "a").write_text("2")
    assert source_commit(tmp_path) == f"{commit}-dirty"


def test_a_folder_inside_another_repository_has_none(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "installed").mkdir()
    assert source_commit(tmp_path / "installed") is None
