"""Objects that a page shows: found by their import path, turned into documents, and remembered."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pickle
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import sympy as sp

import varprop.render
from varprop.errors import ParameterError
from varprop.render import Document

__all__ = ["Cache", "document_of", "library_digest", "made", "module_of", "source_of", "sources"]

LIBRARY = Path(varprop.render.__file__).parent.parent


def module_of(path: str) -> ModuleType:
    """The module of `module:name`.

    Raises:
        ParameterError: there is no such module.
    """
    name, colon, attribute = path.strip().partition(":")
    if not colon or not attribute or not all(part.isidentifier() for part in name.split(".")):
        raise ParameterError(f"the object {path!r:.80}", "it is no name", "Write module:name")
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        raise ParameterError(
            f"the object {path!r:.80}", str(problem), "Put its folder on the path in conf.py"
        ) from problem


def made(path: str) -> Any:
    """The object of `module:name`; a function is called without arguments.

    Args:
        path: such as `examples.neuron:proof`.

    Raises:
        ParameterError: there is no such object.

    Example:
        >>> made("varprop.model.activations:relu").name
        'relu'
    """
    found: Any = module_of(path)
    for part in path.strip().partition(":")[2].split("."):
        if not hasattr(found, part):
            raise ParameterError(f"the object {path!r:.80}", f"there is no {part}", "Write module:name")
        found = getattr(found, part)
    return found() if inspect.isfunction(found) else found


def source_of(path: str) -> str:
    """The code that made the object: that of its function, or its whole module.

    Raises:
        ParameterError: there is no source.
    """
    module = module_of(path)
    found = getattr(module, path.strip().partition(":")[2], None)
    try:
        return inspect.getsource(found if inspect.isfunction(found) else module).strip()
    except OSError as problem:
        raise ParameterError(f"the source of {path!r:.80}", str(problem), "Keep it in a file") from problem


def document_of(found: Any, path: str) -> Document:
    """The document of an object.

    Raises:
        ParameterError: it has none.
    """
    if isinstance(found, Document):
        return found
    if isinstance(found, sp.Basic):
        return Document([varprop.render.Math(sp.latex(found), str(found))])
    written = getattr(found, "document", None)
    if not callable(written):
        raise ParameterError(
            f"the object {path!r:.80} of type {type(found).__name__}",
            "it cannot be written as a document",
            "Give something with document(), such as a derivation, evidence, an answer or a profile",
        )
    document: Document = written()
    return document


@lru_cache(maxsize=1)
def library_digest() -> str:
    """A digest of the library's source: what was computed before it changed is computed again."""
    digest = hashlib.sha256()
    for path in sorted(LIBRARY.rglob("*.py")):
        digest.update(str(path.relative_to(LIBRARY)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def sources(project: Path, built: Path, module: ModuleType, more: Iterable[str] = ()) -> list[Path]:
    """The files that an object may be made from: its module, all Python files of the project, and more.

    Args:
        project: the folder of conf.py; hidden folders in it, such as environments, are left out.
        built: the folder that is built into, left out as well.
        module: of the object.
        more: patterns of further files in the project, such as `data/*.csv`.

    Raises:
        ParameterError: a pattern that fits no file.
    """
    files = {
        path
        for path in project.rglob("*.py")
        if (built == project or not path.is_relative_to(built))
        and not any(part.startswith(".") for part in path.relative_to(project).parts)
    }
    for pattern in more:
        met = [path for path in project.glob(pattern) if path.is_file()] if not Path(pattern).root else []
        if not met:
            raise ParameterError(
                f"the files {pattern!r:.80}", "there are none", "Write a path from the folder of conf.py"
            )
        files.update(met)
    if module.__file__:
        files.add(Path(module.__file__))
    return sorted(files)


class Cache:
    """Results on disk, keyed by the library's source, the files they are made from, and arguments.

    Args:
        folder: where they are kept; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, files: Iterable[Path], arguments: tuple[str, ...], make: Callable[[], Any]) -> Any:
        """What was made before from the same files and arguments, else what `make` makes now."""
        digest = hashlib.sha256(library_digest().encode())
        for path in files:
            digest.update(str(path).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
        digest.update(repr(arguments).encode())
        stored = self.folder / f"{digest.hexdigest()}.pickle"
        try:
            return pickle.loads(stored.read_bytes())
        except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError):
            made = make()
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = stored.with_suffix(".partial")
            partial.write_bytes(pickle.dumps(made))
            partial.replace(stored)
            return made
