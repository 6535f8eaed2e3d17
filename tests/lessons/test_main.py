"""The commands that print what was counted."""

from typer.testing import CliRunner

from lessons.__main__ import app
from networks.catalog import NETWORKS, names, relatives
from tests.networks.stage_tables import REFERENCES, RELATIVES


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_the_ledger_of_some_claims():
    result = run("ledger", "22", "34")
    assert result.exit_code == 0
    assert "22. Inception-v3 takes 5 billion" in result.stdout and "does not hold:" in result.stdout
    assert "34. Xception has 22,855,952 parameters" in result.stdout
    assert "2 measured: 1 does not hold, 1 holds." in result.stdout
    assert "Measuring 2 claims" in result.stderr and "Measuring" not in result.stdout
    assert "Measuring 1 claim on" in run("ledger", "40").stderr


def test_the_ledger_of_a_lesson():
    result = run("ledger", "inception_v4")
    assert result.exit_code == 0 and result.stdout.startswith("27. ")


def test_claims_that_do_not_exist():
    result = run("ledger", "v5")
    assert result.exit_code == 1
    assert "There is no claim or lesson 'v5'." in result.stderr and result.stdout == ""


def test_the_familys_table():
    result = run("networks")
    assert result.exit_code == 0
    lines = {
        tuple(line.split()[:2]): line
        for line in result.stdout.splitlines()
        if line.split()[:1] and line.split()[0] in names()
    }
    for reference in REFERENCES:
        line = lines.get((reference.name, reference.variant)) or lines[reference.name, "both"]
        parameters, macs = reference.derived()
        assert f"{parameters:,}" in line and f"{macs:,}" in line
        assert f" {reference.side} " in line + " "
    assert "– / 10.07" in lines["googlenet", "paper"] and "25.2 / 7.82" in lines["bn_inception", "paper"]
    assert "71 (37)" in lines["xception", "both"] and "21.0 / 5.5" in lines["xception", "both"]
    assert max(map(len, result.stdout.splitlines())) <= 110


def test_the_table_with_relatives():
    result = run("networks", "--relatives")
    assert result.exit_code == 0 and max(map(len, result.stdout.splitlines())) <= 110
    lines = [line for line in result.stdout.splitlines() if line.split()[:1] and line.split()[0] in relatives()]
    assert [line.split()[0] for line in lines] == [
        "alexnet", "alexnet", "network_in_network", "vgg_16", "resnet_50", "resnet_50", "mobilenet_v1"
    ]  # fmt: skip
    for reference in RELATIVES:
        parameters, macs = reference.derived()
        assert any(
            line.startswith(reference.name) and f"{parameters:,}" in line and f"{macs:,}" in line for line in lines
        )


def test_the_familys_table_at_mini_size():
    result = run("networks", "--size", "mini")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines() if line.split()[:1] and line.split()[0] in names()]
    assert {row[0] for row in rows} == {each.name for each in NETWORKS}
    assert all(int(row[2].replace(",", "")) < 300_000 for row in rows)
    assert "error" not in result.stdout


def test_a_size_that_does_not_exist():
    result = run("networks", "--size", "medium")
    assert result.exit_code == 1 and "size is 'medium'; it can be 'full' or 'mini'." in result.stderr
