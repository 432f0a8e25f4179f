from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cofeat.bundle.layout import PART_FILES, check_name, file_inside, is_name
from cofeat.errors import BundleError, InvalidInputError


@pytest.mark.parametrize("name", ["a", "0", "quick-baseline", "v1.2_x", "a" * 64])
def test_names(name):
    assert is_name(name)
    check_name(name)


@pytest.mark.parametrize(
    "name", ["", "A", "-a", ".a", "a/b", "a b", "a\n", "..", "ä", "a" * 65, "a:b"]
)
def test_no_names(name):
    assert not is_name(name)
    with pytest.raises(InvalidInputError, match="is no name of a model"):
        check_name(name)


def test_files_of_parts_differ():
    assert len(set(PART_FILES.values())) == len(PART_FILES)


@pytest.mark.parametrize(
    "path",
    ["../secret", "a/../../secret", "/etc/passwd", "a\\..\\secret", "C:secret", "a\0b", "link"],
)
def test_paths_that_lead_out(tmp_path, path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"1")
    (folder / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(BundleError, match="leads out of it"):
        file_inside(folder, path)


@pytest.mark.parametrize("path", ["none", "folder", "", ".", "loop"])
def test_paths_that_lead_nowhere(tmp_path, path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(BundleError):
        file_inside(tmp_path, path)


@given(st.text(alphabet="./\\ab\0:~ ", max_size=12))
def test_whatever_the_path_it_stays_inside(tmp_path_factory, path):
    outer = tmp_path_factory.getbasetemp() / "paths"
    folder = outer / "bundle"
    (folder / "a").mkdir(parents=True, exist_ok=True)
    (folder / "a" / "b").touch()
    (outer / "b").touch()
    try:
        found = file_inside(folder, path)
    except BundleError:
        return
    assert found.is_relative_to(folder.resolve())
