"""The library as it is imported, and as it is installed."""

import os
import subprocess
import sys
import zipfile

import pytest

import fgsm
from fgsm.cli.arguments import parser
from fgsm.places import PROJECT

COMMANDS = list(parser()._subparsers._group_actions[0].choices)


def python(*code, **environment):
    return subprocess.run(
        [sys.executable, "-c", "\n".join(code)],
        cwd=PROJECT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_importing_the_library_loads_nothing_and_offers_everything():
    names = ", ".join(fgsm.__all__)
    assert python("import sys, fgsm", "print(*(name in sys.modules for name in ('torch', 'numpy', 'PIL')))").stdout == (
        "False False False\n"
    )
    ended = python(f"from fgsm import {names}", "print(fgsm_ok := fgsm.__name__, prepare.__name__)")
    assert ended.stdout == "fgsm prepare\n", ended.stderr
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = fgsm.nonsense


def test_no_commands_help_waits_for_pytorch():
    asked = [f"tried({command!r}, '--help')" for command in ("", *COMMANDS)]
    ended = python(
        "import sys",
        "from fgsm.cli.main import main",
        "def tried(*argv):",
        "    try: main([part for part in argv if part])",
        "    except SystemExit as ended: assert ended.code == 0, argv",
        *asked,
        "print('loaded:', [name for name in ('torch', 'gradio', 'matplotlib') if name in sys.modules])",
    )
    assert ended.stdout.endswith("loaded: []\n"), ended.stderr
    assert set(COMMANDS) >= {"models", "attacks", "attack", "curve", "transfer", "train", "fetch", "page"}


def test_recognisers_are_looked_for_where_the_environment_says(tmp_path):
    ended = python(
        "from fgsm import available_recognizers", "print(available_recognizers())", FGSM_MODELS=str(tmp_path)
    )
    assert ended.stdout == "{}\n", ended.stderr


def test_the_package_brings_its_assets(tmp_path):
    """Built and unpacked elsewhere, it reads its texts and faces from where it lies, and models from where one is."""
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, PROJECT],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert built.returncode == 0, built.stderr
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        assert (
            "fgsm = fgsm.cli.main:main"
            in archive.read(next(name for name in archive.namelist() if name.endswith("entry_points.txt"))).decode()
        )
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(PROJECT / "models")
    command = [sys.executable, "-m", "fgsm", "attack", PROJECT / "assets" / "faces" / "person_03" / "06.png"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "FGSM_MODELS": ""}
    ended = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=120)
    assert "attacked on person 03" in ended.stdout, ended.stderr
    script = "from fgsm.recognizers.testset import photographs_tested as tested; from fgsm import available_recognizers"
    script += "; print(len(tested(available_recognizers()['resnet18'])))"
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=home, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.stdout == "200\n", ended.stderr
