"""Contrast as WCAG counts it: every text of the style sheet against every ground that it stands on, light and dark."""

import re

import pytest

from utils.page import sheet
from utils.show import colors

LEAST = 4.5  # WCAG 2, level AA
THEMES = {"light": sheet.LIGHT, "dark": sheet.DARK}


def channels(color: str) -> tuple[int, ...]:
    return tuple(int(color[start : start + 2], 16) for start in (1, 3, 5))


def mixed(color: str, ground: str, share: float) -> str:
    """What `color-mix` shows: so much of a colour, and the rest of the ground under it."""
    pairs = zip(channels(color), channels(ground), strict=True)
    return "#" + "".join(f"{round(share * over + (1 - share) * under):02X}" for over, under in pairs)


def luminance(color: str) -> float:
    parts = (value / 255 for value in channels(color))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_as_wcag_has_it():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)


def grounds(theme: dict[str, str]) -> dict[str, str]:
    """All that text stands on, by name."""
    plain = theme["ground"]
    found = {"ground": plain, "row": theme["row"], "chosen": mixed(sheet.CHOSEN, plain, sheet.CHOSEN_SHARE / 100)}
    found |= {f"box {name}": mixed(tone, plain, sheet.BOX / 100) for name, tone in sheet.TONES.items()}
    for strength in ("weak", "strong"):
        share = float(theme[strength].rstrip("%")) / 100
        for color in {*colors.BRANCHES.values(), *colors.ARMS[:2], colors.SKY}:
            for under in ("ground", "row"):
                found[f"{strength} bar {color} on {under}"] = mixed(color, theme[under], share)
    return found


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_text_is_readable_on_all_that_it_stands_on(theme):
    poor = {name: contrast(theme["ink"], ground) for name, ground in grounds(theme).items()}
    assert {name: ratio for name, ratio in poor.items() if ratio < LEAST} == {}


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("words", ["quiet", "good", "bad"])
def test_coloured_words_are_readable(theme, words):
    assert min(contrast(theme[words], theme[under]) for under in ("ground", "row")) >= LEAST


def test_badges_and_paper_are_the_same_in_both_themes():
    assert all(contrast("#FFFFFF", color) >= LEAST for color in sheet.BADGES.values())
    assert re.search(r"\.course-paper\{background:#fff;color:#000", sheet.CSS)


def test_no_colour_of_text_is_left_out():
    """Each `color` of the sheet is one of those above."""
    known = {"inherit", "#fff", "#000", *(f"var(--course-{name})" for name in ("ink", "quiet", "good", "bad"))}
    assert set(re.findall(r"(?<![-\w])color:([^;}]+)", sheet.CSS)) <= known


def test_grounds_are_those_of_jupyterlab():
    assert (sheet.LIGHT["ground"], sheet.DARK["ground"]) == ("#FFFFFF", "#111111")
    assert sheet.LIGHT.keys() == sheet.DARK.keys()


def test_a_page_without_jupyterlab_follows_the_system_and_jupyterlab_its_own_theme():
    media, light, dark = (
        sheet.CSS.index(f"{start}{{{'{'}"[: len(start) + 1])
        for start in (
            "@media (prefers-color-scheme:dark)",
            '[data-jp-theme-light="true"]',
            '[data-jp-theme-light="false"]',
        )
    )
    assert media < light < dark  # the later rule counts
