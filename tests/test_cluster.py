"""Ray, on clusters of this machine; to start one takes many seconds, so there are few tests."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cstool import files
from cstool.cli import app

# A loaded machine is no reason to fail.
PATIENT = {"RAY_raylet_start_wait_time_s": "300", "RAY_agent_register_timeout_ms": "300000"}
OPTIONS = ["codeswitch", "--langs", "de"]
COMMAND = [str(Path(sys.executable).with_name("cstool")), *OPTIONS, "--engine", "ray"]
# A cluster of two nodes with a CPU each. It tells its address and the process of the second node,
# which it kills when it is told to.
CLUSTER = """
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
other = cluster.add_node(num_cpus=1)
[raylet] = other.all_processes["raylet"]
print(cluster.address, raylet.process.pid, flush=True)
input()
cluster.remove_node(other, allow_graceful=False)
print(flush=True)
input()
cluster.shutdown()
"""


@pytest.fixture
def texts(tmp_path, monkeypatch):
    """Texts for some twenty tasks, and what one process makes of them."""
    monkeypatch.setattr(files, "_BLOCK", 100_000)  # those of the command are larger
    rng = random.Random(1)
    words = ["the", "red", "house", "of", "a", "sea", "far", "from", "here", "and", "word", "two"]
    lines = "".join(f"{n}\t{' '.join(rng.choices(words, k=2000))}\n" for n in range(500))
    result = CliRunner().invoke(app, OPTIONS, input=lines)
    assert result.exit_code == 0, result.output
    return lines.encode(), result.stdout_bytes, result.stderr_bytes


@pytest.fixture
def cluster():
    """A running cluster: its process, its address and the process of the second node."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER], env={**os.environ, **PATIENT}, **pipes
    ) as process:
        started = process.stdout.readline().split()
        address, pid = started
        yield process, address, int(pid)
        process.communicate("\n\n")


def works(raylet):
    """Tell whether a worker of this node is in a task; Ray gives it the name of the task."""
    children = Path(f"/proc/{raylet}/task/{raylet}/children").read_text().split()
    names = (Path(f"/proc/{child}/cmdline") for child in children)
    return any(name.exists() and name.read_bytes().startswith(b"ray::_do") for name in names)


def test_a_node_killed_in_mid_run_loses_nothing(tmp_path, texts, cluster):
    lines, expected, said = texts
    process, address, raylet = cluster
    env = {**os.environ, "RAY_ADDRESS": address}
    with (
        (tmp_path / "out").open("wb") as out,
        subprocess.Popen(
            COMMAND, env=env, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE
        ) as command,
    ):
        half = len(lines) // 2
        command.stdin.write(lines[:half])
        while not works(raylet):
            assert command.poll() is None, command.stderr.read()
            time.sleep(0.005)
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        assert not Path(f"/proc/{raylet}").exists()
        _, stderr = command.communicate(lines[half:])
    assert command.returncode == 0, stderr
    assert (tmp_path / "out").read_bytes() == expected
    assert stderr.endswith(said), stderr  # before it, Ray may tell of the node


def test_a_cluster_is_started_where_there_is_none(texts):
    lines, expected, _ = texts
    env = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    some = lines[: lines.index(b"\n", len(lines) // 20) + 1]
    done = subprocess.run(
        [*COMMAND, "--workers", "2"], input=some, capture_output=True, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == expected[: len(done.stdout)]
    assert done.stdout.count(b"\n") == some.count(b"\n")
    assert done.stderr.count(b"\n") == 1  # the summary, and nothing of Ray


def test_what_ray_cannot_reach_is_one_sentence():
    env = {**os.environ, "RAY_ADDRESS": "192.0.2.1:no"}
    done = subprocess.run(COMMAND, input=b"1\tred\n", capture_output=True, check=False, env=env)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"cstool: Ray: ")
    assert done.stderr.count(b"\n") == 1
