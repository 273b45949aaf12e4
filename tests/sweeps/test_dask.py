"""The dask engine on two single-threaded worker processes; skipped without distributed."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from tinygzsl.sweeps.cluster import DaskEngine
from tinygzsl.sweeps.local import LocalEngine
from tinygzsl.sweeps.run import run_row


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed", reason="pip install 'tinygzsl[cluster]'")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster


def test_the_same_rows_as_the_local_engine(cluster, runs_of, comparable):
    gan = (
        "gan.generator_hidden=[8]",
        "gan.critic_hidden=[8]",
        "cs.low=0.0",
        "cs.high=0.99",
        "gan.max_epochs=1",
    )
    runs = runs_of(seeds="0", sets=("vsmm.weight_es=0,1", "proxy.count=50", *gan))
    rows = list(DaskEngine(cluster.scheduler_address, 2).results(runs))
    assert comparable(rows) == comparable(LocalEngine(2).results(runs))
    assert len({row["model_sha256"] for row in rows}) == len(runs) == 4


def test_a_killed_worker_costs_its_run_only(cluster, runs_of, comparable):
    short, long = runs_of(splits="1", seeds="0", sets=("vsmm.epochs=2,500",))
    runs = [short, long, *runs_of(splits="2", seeds="0-3")]
    expected = comparable(run_row(run) for run in runs)
    cluster.scheduler.transition_log.clear()
    rows, killed = [], None
    for row in DaskEngine(cluster.scheduler_address, 2).results(runs):
        rows.append(row)
        if killed is None:  # the short run is done, so the long one is under way
            killed = pid_of(cluster, runs.index(long))
            os.kill(killed, signal.SIGKILL)
    assert comparable(rows) == expected
    done = [entry[0] for entry in cluster.scheduler.transition_log if entry[2] == "memory"]
    assert len(done) == len(set(done)) == len(runs)


def test_a_run_that_dask_gives_up_has_no_row(cluster, runs_of, monkeypatch):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    cluster.scheduler.transition_log.clear()
    runs, rows = runs_of(splits="1", seeds="0", sets=("vsmm.epochs=2,200000",)), []
    for row in DaskEngine(cluster.scheduler_address, 2).results(runs):
        rows.append(row)
        if len(rows) == 1:
            os.kill(pid_of(cluster, 1), signal.SIGKILL)
    assert [row and row["vsmm.epochs"] for row in rows] == [2, None]


def pid_of(cluster, position):
    """The process that has the run which was submitted at that position."""
    keys = list(dict.fromkeys(entry[0] for entry in cluster.scheduler.transition_log))
    return cluster.scheduler.tasks[keys[position]].processing_on.pid


def test_what_a_run_raises_ends_the_sweep(cluster, runs_of, data, sentence):
    runs = runs_of()
    (data / "split_2" / "att_splits.mat").unlink()
    with sentence(ValueError, "split 2 does not exist", "has split 1"):
        list(DaskEngine(cluster.scheduler_address, 2).results(runs))


def test_a_scheduler_that_stops_on_the_way(runs_of, sentence, caplog):
    distributed = pytest.importorskip("distributed")
    runs = runs_of(splits="1", seeds="0", sets=("vsmm.epochs=2,2000",))
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0"
    ) as own:
        rows = DaskEngine(own.scheduler_address, 1).results(runs)
        assert next(rows)["vsmm.epochs"] == 2
        own.close()
        with sentence(OSError, "lost the scheduler at tcp://", "run the same command again"):
            next(rows)
    assert "distributed.client" not in [record.name for record in caplog.records]


def test_no_scheduler_answers(runs_of, sentence, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("tinygzsl.sweeps.cluster.CONNECT_SECONDS", 0.3)
    with sentence(OSError, "no scheduler answers at tcp://127.0.0.1:9", "dask scheduler"):
        list(DaskEngine("tcp://127.0.0.1:9", 1).results(runs_of()))


def test_a_cluster_of_its_own_from_the_command_line(sweep, tmp_path):
    pytest.importorskip("distributed")
    result = sweep("--scheduler", "local-cluster", "--processes", 1, out="rows.csv")
    assert result.exit_code == 0, result.output
    assert "opens ports on 127.0.0.1 without authentication" in result.stderr
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 3


def test_without_distributed_a_sentence_says_how_to_get_it(sweep, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    result = sweep("--scheduler", "local-cluster", out="rows.csv")
    assert result.exit_code == 2
    assert "pip install 'tinygzsl[cluster]'" in result.stderr
    assert not (tmp_path / "rows.csv").exists()


def test_a_scheduler_without_workers_is_not_waited_for_for_ever(runs_of, sentence, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr("tinygzsl.sweeps.cluster.WORKER_SECONDS", 0.3)
    said = []
    with distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as empty:
        address = empty.scheduler_address
        engine = DaskEngine(address, 1, say=said.append)
        with sentence(OSError, f"no worker has come to the scheduler at {address}", "dask worker"):
            list(engine.results(runs_of()))
    assert said == [f"waiting up to 0.3 s for a worker at {address}"]


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate with its key, in one file."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed, so there is no certificate")
    key, cert, both = (tmp_path / name for name in ("key.pem", "cert.pem", "both.pem"))
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=test", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    both.write_text(key.read_text() + cert.read_text())
    return both


@pytest.mark.parametrize("required", [True, None])
def test_tls_of_dasks_configuration_is_used(
    certificate, required, runs_of, comparable, monkeypatch
):
    distributed, dask = pytest.importorskip("distributed"), pytest.importorskip("dask")
    names = ("ca-file", "scheduler.cert", "worker.cert", "client.cert")
    tls = {f"distributed.comm.tls.{name}": str(certificate) for name in names}
    said, clusters, real = [], [], distributed.LocalCluster
    monkeypatch.setattr(
        distributed, "LocalCluster", lambda **how: clusters.append(real(**how)) or clusters[-1]
    )
    runs = runs_of(splits="1", seeds="0")
    with dask.config.set({**tls, "distributed.comm.require-encryption": required}):
        rows = list(DaskEngine("local-cluster", 1, say=said.append).results(runs))
    assert comparable(rows) == comparable(map(run_row, runs))
    assert clusters[0].scheduler_address.startswith("tls://127.0.0.1:")
    assert said == []
