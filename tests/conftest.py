"""Every test runs with its own home: no test reads or writes the keys, cache, configuration or boards of the user."""

import pytest

import gen_core  # noqa: F401  first, because onnxruntime must not be imported before it


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    runtime = home / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.delenv("LIMONAIRE_PORT", raising=False)
    return home
