"""The tree of errors: what a caller may rely on in an except clause."""

import pytest

from cofeat import errors


def test_every_error_is_a_cofeat_error():
    ours = [value for value in vars(errors).values() if isinstance(value, type)]
    assert len(ours) >= 4
    assert all(issubclass(error, errors.CofeatError) for error in ours)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [(errors.InvalidInputError, ValueError), (errors.MissingPackageError, ImportError)],
)
def test_errors_are_caught_as_the_builtin_that_one_expects(error, builtin):
    assert issubclass(error, builtin)


def test_bytes_from_outside_are_no_mistake_of_the_caller():
    assert not issubclass(errors.BitstreamError, ValueError)


def test_a_missing_package_names_package_purpose_and_extra():
    error = errors.MissingPackageError("torch", "train", "training")
    assert str(error) == (
        "training needs the package 'torch', which is not installed: pip install 'cofeat[train]'"
    )


def test_the_docstring_shows_the_whole_tree():
    names = [name for name, value in vars(errors).items() if isinstance(value, type)]
    assert all(name in (errors.__doc__ or "") for name in names)
