"""A process whose bot has a planted bug: the changed source is what it imports."""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from actors.simulation.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]


def changed(mutant: Mutant) -> str:
    """Return the whole source of a mutant's file. Raises ValueError when its text is not there exactly once."""
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    if source.count(mutant.before) != 1:
        raise ValueError(f"{mutant.name}: its text is {source.count(mutant.before)} times in {mutant.file}, not once")
    return source.replace(mutant.before, mutant.after)


class _ChangedSource(SourceFileLoader):
    """Compile other text than the file has, past every cache of compiled files."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec", dont_inherit=True)


class Planted(MetaPathFinder):
    """Find a mutant's module, and nothing else."""

    def __init__(self, mutant: Mutant) -> None:
        self.module = mutant.file.removesuffix(".py").replace("/", ".")
        self._source = changed(mutant)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _ChangedSource(fullname, spec.origin, self._source)
        return spec


def install(mutant: Mutant) -> None:
    """Plant a bug in this process. The module that it changes must not have been imported yet."""
    planted = Planted(mutant)
    assert planted.module not in sys.modules, f"{planted.module} is imported already"
    sys.meta_path.insert(0, planted)


def main(names: Sequence[str]) -> None:
    """Plant the bugs of these names, then work as any worker does."""
    known = {mutant.name: mutant for mutant in MUTANTS}
    for name in names:
        install(known[name])
    # By name and not by an import statement: nothing of the house may be loaded before the bugs are planted.
    importlib.import_module("actors.simulation.worker").main()


if __name__ == "__main__":
    main(sys.argv[1:])
