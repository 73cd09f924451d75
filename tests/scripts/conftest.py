import pytest

from tests.composing import ROOT


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts are imported by their names."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
