"""A wheel holds the program, its lexicon and its licence, and works away from this folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_a_wheel_works_on_its_own(tmp_path):
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, ROOT]
    subprocess.run([*pip, *build], check=True)
    [wheel] = tmp_path.glob("cstool-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "cstool/lexicons/shipped/wiki/en-de.tsv" in names
    assert "cstool/py.typed" in names
    assert {f"cstool/report/page.{kind}" for kind in ("html", "css", "js")} <= set(names)
    assert [name for name in names if name.endswith("licenses/LICENSE")]
    assert not [name for name in names if name.startswith(("tests/", "examples/"))]

    site = tmp_path / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True)
    code = "import cstool.cli; print(cstool.cli.__file__); cstool.cli.app()"
    options = ["--lexicon", "wiki", "--langs", "de", "--ratio", "1"]
    run = subprocess.run(
        [sys.executable, "-c", code, "codeswitch", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        input="q1\tthe sun and the moon\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines() == [
        str(site / "cstool" / "cli" / "__init__.py"),
        "q1\tthe Sonne und the Mond",
    ]
