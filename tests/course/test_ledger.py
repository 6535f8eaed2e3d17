"""The ledger: every claim is measured from live networks, and its verdict is what arithmetic on the stage tables says.

The expected verdicts come from `stage_tables`, which knows nothing of the course's networks, and from the printed
figures, written down here once more.
"""

import ast
import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from course import ledger
from course.ledger import VERDICTS, Finding
from lessons.__main__ import app
from lessons.googlenet import paper as googlenet
from networks import measure
from networks.googlenet import MODULES
from networks.inception_v3 import InceptionV3
from tests.networks.stage_tables import REFERENCES, RELATIVES, Convention, cost, split
from utils.system.places import LESSONS

CLAIMS = {number: claim for number, (_, _, claim) in ledger.claims().items()}
REFERENCE = {(reference.name, reference.variant): reference for reference in (*REFERENCES, *RELATIVES)}
NO_BIAS = Convention(per_channel=0)


@pytest.fixture(scope="module")
def findings() -> dict[int, Finding]:
    return {number: claim.measure() for number, claim in CLAIMS.items()}


@pytest.fixture
def remembered(findings, monkeypatch):
    """The ledger with the findings of this file: the command measures none of them again."""
    entries = {
        number: (slug, title, replace(claim, measure=lambda finding=findings[number]: finding))
        for number, (slug, title, claim) in ledger.claims().items()
    }
    monkeypatch.setattr(ledger, "claims", lambda: entries)


def parameters(name: str, variant: str = "paper") -> int:
    return REFERENCE[name, variant].derived()[0]


def macs(name: str, variant: str = "paper") -> int:
    return REFERENCE[name, variant].derived()[1]


def near(measured: float, printed: float) -> str:
    """Within a tenth, within a quarter, or further away."""
    for share, verdict in ((0.10, "holds"), (0.25, "holds in part")):
        if abs(measured / printed - 1) <= share:
            return verdict
    return "does not hold"


def both(first: bool, *rest: bool) -> str:
    answers = [first, *rest]
    return VERDICTS[0] if all(answers) else VERDICTS[1] if any(answers) else VERDICTS[2]


def stage_input(stage_name: str, name: str = "googlenet") -> tuple[str, tuple[int, int, int]]:
    """The cell of a stage and the shape that it reads."""
    shape = (3, REFERENCE[name, "paper"].side, REFERENCE[name, "paper"].side)
    for stage in REFERENCE[name, "paper"].stages:
        if stage_name in stage.names:
            return stage.cell, shape
        shape = stage.out
    raise AssertionError(stage_name)


def test_every_counting_claim_is_in_the_ledger():
    training_or_timing = {15, 30, 36}
    assert set(range(1, 41)) - training_or_timing <= set(CLAIMS)
    assert list(CLAIMS) == sorted(CLAIMS)
    written = [claim.number for slug in ledger.LESSONS for claim in __import__(
        f"lessons.{slug}.paper", fromlist=["CLAIMS"]).CLAIMS]  # fmt: skip
    assert len(written) == len(set(written)), "a number is used twice"
    folders = {path.parent.name for path in LESSONS.glob("*/paper.py")}
    assert folders == set(ledger.LESSONS)


def test_a_paper_imports_only_lessons_before_it():
    order = [*ledger.LESSONS]
    for slug in order:
        tree = ast.parse((LESSONS / slug / "paper.py").read_text(encoding="utf-8"))
        imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
        used = {name.split(".")[1] for name in imported if name.startswith("lessons.")} & set(order)
        assert all(order.index(name) <= order.index(slug) for name in used), slug


def test_every_finding_is_whole(findings):
    for number, finding in findings.items():
        assert finding.measured and finding.why, number
        assert CLAIMS[number].where and CLAIMS[number].printed, number


def test_verdicts_of_googlenet(findings):
    reference = REFERENCE["googlenet", "paper"]
    assert findings[2].verdict == both(reference.derived_depth(once=True) == 22)
    plain = cost("7x7 64 /2", (3, 224, 224), NO_BIAS)
    separable = cost("sep7x7*8 64 /2", (3, 224, 224), NO_BIAS)
    fits = [abs(w / 1024 - 2.7) < 1.5 and abs(m / 1e6 - 34) < 1.5 for w, m, _ in (plain, separable)]
    assert fits == [False, True]
    assert findings[5].verdict == "holds in part"
    assert f"{plain[0]:,}" in findings[5].measured and f"{separable[1]:,}" in findings[5].measured


PRINTED = {
    "3a": (159, 128), "3b": (380, 304), "4a": (364, 73), "4b": (437, 88), "4c": (463, 100), "4d": (580, 119),
    "4e": (840, 170), "5a": (1072, 54), "5b": (1388, 71),
}  # fmt: skip


def test_misprints_of_table_1_are_found_by_rule(findings):
    off_params, off_ops = set(), {"convolution 7×7/2"}
    for name, (kilo, millions) in PRINTED.items():
        weights, work, _ = cost(*stage_input(f"inception_{name}"), NO_BIAS)
        off_params |= {name} if abs(weights / 1024 - kilo) > 1.5 else set()
        off_ops |= {name} if abs(work / 1e6 - millions) > 1.5 else set()
    rows = googlenet.table_1()
    modules = [row for row in rows if "inception" in row.row.name]
    assert {row.row.name[-3:-1] for row in modules if not row.params_agree} == off_params
    assert off_params == {"4a", "4c", "4d", "4e", "5a", "5b"}
    assert {row.row.name.removeprefix("inception ").strip("()") for row in rows if not row.ops_agree} == off_ops
    assert off_ops == {"convolution 7×7/2", "5a"}
    assert findings[6].verdict == findings[7].verdict == "holds in part"
    for name in off_params:
        assert f"{name} is " in findings[6].measured
    assert "3b is" not in findings[6].measured


def test_table_1_has_every_row_with_weights():
    net = measure.network("googlenet")
    counted = {name for row in googlenet.TABLE_1 for name in row.modules}
    assert counted == {name for name, child in net.named_children() if any(True for _ in child.parameters())}
    assert sum(row.weights for row in googlenet.table_1()) == 6_990_272


def test_verdicts_of_arithmetic_on_printed_tables(findings):
    reductions = [round(100 * (1 - 6.67 / before), 1) for before in (15.3, 11.2)]
    assert findings[39].verdict == both(4 * 3 * 6 * 2 == 144, reductions[0] == 56.5, round(reductions[1]) == 40)
    assert findings[40].verdict == both(round(6.67 - 10.07, 2) == -3.45)
    assert "-3.40" in findings[40].measured
    gains = [round(100 * (after / before - 1), 1) for before, after in ((6.36, 6.70), (6.50, 6.78))]
    assert findings[37].verdict == both(*(gain == 4.3 for gain in gains))


def test_verdicts_of_bn_inception(findings):
    more = 100 * (parameters("bn_inception") / parameters("googlenet") - 1)
    assert findings[11].verdict == near(more, 25) == "does not hold"
    separable = cost("sep7x7*8 64 /2", (3, 224, 224), NO_BIAS)[1]
    plain = cost("7x7 64 /2", (3, 224, 224), NO_BIAS)[1]
    ratios = [macs("bn_inception") / base - 1 for base in (macs("googlenet"), macs("googlenet") - plain + separable)]
    assert [near(100 * ratio, 30) for ratio in ratios] == ["does not hold", "holds"]
    assert findings[12].verdict == "holds in part"
    heads = REFERENCE["googlenet", "paper"].derived_aux()[0]
    sizes = [parameters("googlenet"), parameters("googlenet") + heads]
    sizes += [parameters("bn_inception"), parameters("bn_inception", "released")]
    assert 13.6 not in [round(size / 1e6, 1) for size in sizes]
    assert findings[13].verdict == "does not hold" and f"{sizes[1]:,}" in findings[13].measured
    outputs = {variant: [stage.out[0] for stage in REFERENCE["bn_inception", variant].stages
                         if stage.names[0] in ("inception_4c", "inception_4d")] for variant in ("paper", "released")}  # fmt: skip
    assert outputs == {"paper": [576, 576], "released": [608, 608]}
    assert findings[14].verdict == "does not hold" and "608" in findings[14].measured


def test_two_threes_for_each_five(findings):
    """Depth, parameters and cost of GoogLeNet with its 5 x 5 replaced, worked out on the table's cells."""
    before = after = saved = 0
    for name in PRINTED:
        cell, _ = stage_input(f"inception_{name}")
        branch = next(part for part in split(cell, ";") if "5x5" in part)
        reduce, five = (int(step.split()[1]) for step in split(branch, "->"))
        before += 25 * reduce * five + five
        after += 9 * reduce * five + five + 9 * five * five + five
        saved += (9 * reduce + 9 * five) < 25 * reduce
    assert saved == 0
    assert findings[16].verdict == "holds in part" and "9 of GoogLeNet's 9" in findings[16].why
    change = 100 * (after - before) / parameters("googlenet")
    assert f"{change:+.1f} %" in findings[11].why
    assert findings[10].verdict == "holds" and "9 more" in findings[10].measured


def test_verdicts_of_rethinking(findings):
    v2, v3 = macs("inception_v2"), macs("inception_v3")
    assert findings[17].verdict == both(round(100 - 600 / 9) == 33, round(100 - 800 / 9) == 11)
    vgg = sum(9 * a * b + b for a, b in zip(
        (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512),
        (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512), strict=True,
    ))  # fmt: skip
    vgg += sum(a * b + b for a, b in ((25088, 4096), (4096, 4096), (4096, 1000)))
    assert f"{vgg:,}" in findings[19].measured
    assert findings[19].verdict == near(vgg / 60_965_224, 3)
    assert findings[20].verdict == both(*(near(cost / macs("googlenet"), 2.5) == "holds" for cost in (v2, v3)))
    assert findings[21].verdict == near(v3 / macs("bn_inception"), 2.5)
    assert findings[22].verdict == both(round(v3 / 1e9) == 5, round(v3 / 1e9, 1) == 4.8) == "does not hold"
    heads = REFERENCE["inception_v3", "paper"].derived_aux()[0]
    assert findings[24].verdict == both(parameters("inception_v3") < 25e6, parameters("inception_v3") + heads < 25e6)
    depths = [REFERENCE[name, "paper"].derived_depth(once=False) for name in ("inception_v2", "inception_v3")]
    assert findings[25].verdict == both(*(depth == 42 for depth in depths)) == "does not hold"
    three = sum(cost(cell, shape, NO_BIAS)[1] for cell, shape in (
        ("3x3 32 /2 V", (3, 299, 299)), ("3x3 32 V", (32, 149, 149)), ("3x3 64", (32, 147, 147))))  # fmt: skip
    seven, _, grid = cost("7x7 64 /2 V", (3, 299, 299), NO_BIAS)
    assert grid == (64, 147, 147)
    rise = (three - seven * 147 * 147) / 1e9
    assert f"{rise:+.2f} billion" in findings[23].measured
    assert findings[23].verdict == both(rise > 0, near(rise, 1.0) == "holds") == "holds in part"


def test_the_cost_at_79_pixels(findings):
    def whole(side: int, stride: int, *, pool: bool) -> int:
        shape, work = (3, side, side), 0
        for stage in REFERENCE["inception_v3", "paper"].stages:
            cell = stage.cell.replace(" /2", "") if stage.out == (32, 149, 149) and stride == 1 else stage.cell
            if stage.cell.startswith("max") and stage.out[0] == 64 and not pool:
                continue
            for _ in stage.names:
                _, more, shape = cost(cell, shape, NO_BIAS)
                work += more
        return work + shape[0] * 1000

    costs = whole(299, 2, pool=True), whole(151, 1, pool=True), whole(79, 1, pool=False)
    assert all(f"{each:,}" in findings[26].measured for each in costs)
    assert findings[26].verdict == both(*(abs(each / costs[0] - 1) <= 0.01 for each in costs[1:])) == "holds in part"


def test_verdicts_of_the_v4_paper(findings):
    assert findings[27].verdict == "holds"
    assert findings[28].verdict == near(macs("inception_resnet_v1") / macs("inception_v3"), 1)
    ratios = [macs("inception_resnet_v2", variant) / macs("inception_v4") for variant in ("paper", "released")]
    assert findings[29].verdict == both(*(near(ratio, 1) == "holds" for ratio in ratios)) == "holds in part"
    assert findings[31].verdict == "holds"
    widths = [384 + 384 + 384, 384 + 288 + 320 + 1152]
    assert findings[32].verdict == both(widths[0] == 1154, widths[1] == 2048) == "does not hold"
    assert all(str(width) in findings[32].measured for width in widths)


def test_verdicts_of_xception(findings):
    gaps = parameters("inception_v3") / parameters("xception") - 1, 23_626_728 / 22_855_952 - 1
    assert findings[33].verdict == both(*(gap <= 0.035 for gap in gaps)) == "holds in part"
    assert findings[34].verdict == both(parameters("xception") == 22_855_952) == "holds"
    once = REFERENCE["xception", "paper"].derived_depth(once=True) - 1
    assert findings[35].verdict == both(once == 36) == "holds"
    assert "23,626,728: the table's figure" in findings[33].why
    assert f"{9 * 728 / (9 + 728):.1f} times fewer" in findings[38].measured


@pytest.fixture
def fresh():
    """Counts of a changed network, forgotten again afterwards."""
    measure.forget()
    yield
    measure.forget()


def test_a_changed_googlenet_changes_the_findings(monkeypatch, fresh):
    before = {number: CLAIMS[number].measure() for number in (4, 6, 7, 11)}
    monkeypatch.setitem(MODULES, "inception_4a", replace(MODULES["inception_4a"], three=400))
    measure.forget()
    after = {number: CLAIMS[number].measure() for number in before}
    for number in before:
        assert after[number].measured != before[number].measured, number
    assert "4a is 366.8" in before[6].measured and "4a is 5" in after[6].measured
    assert "4a takes" in after[7].measured and "4a takes" not in before[7].measured


def test_a_changed_inception_v3_changes_verdicts(monkeypatch, fresh):
    table = InceptionV3.TABLE
    narrow = replace(table, figure_5=table.figure_5[:1], figure_6=table.figure_6[:1], figure_7=table.figure_7[:1])
    monkeypatch.setattr(InceptionV3, "TABLE", narrow)
    measure.forget()
    assert CLAIMS[22].measure().verdict == "does not hold"
    assert CLAIMS[24].measure().verdict == "holds"
    assert CLAIMS[20].measure().measured != CLAIMS[21].measure().measured
    assert CLAIMS[33].measure().verdict == "holds in part"


def test_verdicts_on_the_relatives(findings):
    mobile, vgg, first = ((parameters(name), macs(name)) for name in ("mobilenet_v1", "vgg_16", "googlenet"))
    smaller, less = (large / small for large, small in zip(vgg, mobile, strict=True))
    assert f"{smaller:.1f} times fewer and {less:.1f} times fewer" in findings[80].measured
    assert findings[80].verdict == both(abs(smaller / 32 - 1) < 0.05, abs(less / 27 - 1) < 0.05) == "holds"
    smaller, less = (large / small for large, small in zip(first, mobile, strict=True))
    assert f"{smaller:.2f} times fewer parameters, {less:.2f} times" in findings[81].measured
    assert findings[81].verdict == both(smaller > 1, less > 2.5) == "holds"
    resnet, convolutions = macs("resnet_50"), 15_346_630_656
    assert f"{resnet:,}" in findings[82].measured and f"{convolutions:,}" in findings[82].measured
    assert findings[82].verdict == both(*(near(*each) == "holds" for each in ((resnet, 3.8e9), (convolutions, 15.3e9))))


def test_a_relatives_claim_names_its_paper():
    """In the lesson's table, in a terminal, and as the title by which the site groups."""
    _, title, claim = ledger.claims()[80]
    assert title == claim.paper and claim.place == f"MobileNets, {claim.where}"
    assert (
        ledger.entry_text("xception", title, claim, claim.measure())
        .splitlines()[1]
        .startswith("    MobileNets, the text")
    )
    assert (
        "MobileNets, the text on Table 8" in repr(ledger.ledger([claim]))
        and "MobileNets, the" in ledger.ledger([claim])._repr_html_()
    )
    assert ledger.claims()[33][1].startswith("Xception") and ledger.claims()[33][2].place == "section 4.5.2"


def test_no_measured_count_stands_in_the_source(findings):
    printed = {"22,855,952"}  # the one figure that is printed and measured alike
    sources = {}
    for number, (slug, _, _) in ledger.claims().items():
        if slug not in sources:
            text = (LESSONS / slug / "paper.py").read_text(encoding="utf-8")
            constants = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
            words = " ".join(value for value in constants if isinstance(value, str))
            numbers = {abs(value) for value in constants if isinstance(value, int | float)}
            sources[slug] = words, numbers
        words, numbers = sources[slug]
        for token in re.findall(r"\d{1,3}(?:,\d{3})+", findings[number].measured):
            if token not in printed:
                assert token not in words and int(token.replace(",", "")) not in numbers, (number, token)


def test_choosing_claims_and_lessons():
    assert [claim.number for _, _, claim in ledger.chosen(["xception", "2"])] == [
        2,
        33,
        34,
        35,
        37,
        38,
        77,
        78,
        79,
        80,
        81,
    ]
    assert len(ledger.chosen([])) == len(CLAIMS)
    with pytest.raises(ValueError, match=r"no claim or lesson 'v5'.*claims are 1, 2.*lessons are start_here"):
        ledger.chosen(["v5"])
    with pytest.raises(ValueError, match="no claim or lesson '15'"):
        ledger.chosen(["15"])


def test_an_entry_fits_into_a_hundred_columns(findings):
    for slug, title, claim in ledger.chosen([]):
        text = ledger.entry_text(slug, title, claim, findings[claim.number])
        assert max(map(len, text.splitlines())) <= 100
        assert text.startswith(f"{claim.number}. ") and findings[claim.number].verdict + ":" in text
        assert slug in text


def test_rules_of_verdicts():
    assert [measure.about(value, 100) for value in (100, 90, 110, 111, 75, 74, 126)] == [
        "holds", "holds", "holds", "holds in part", "holds in part", "does not hold", "does not hold",
    ]  # fmt: skip
    assert [measure.all_or_part(*answers) for answers in ((True, True), (True, False), (False, False))] == list(
        VERDICTS
    )


def printed(*words: str) -> list[str]:
    result = CliRunner().invoke(app, ["ledger", *words])
    assert result.exit_code == 0
    return result.stdout.splitlines()


@pytest.mark.slow
def test_the_command_prints_what_no_clock_decides(remembered):
    lines = printed(*(slug for slug in ledger.LESSONS if slug != "family"))  # whose claims are about time
    numbers = [int(line.split(".")[0]) for line in lines if line[:1].isdigit() and ". " in line[:4]]
    assert numbers == sorted(numbers) and len(numbers) >= 40
    assert max(map(len, lines)) <= 100


@pytest.mark.slow
def test_the_command_prints_the_claims_about_time(remembered):
    text = "\n".join(printed("family"))
    assert "2 measured" in text and text.startswith("30. ") and "\n36. " in text
