"""The frame of a lab: handles, pin, presets, what cannot be, and the still form."""

import asyncio
import copy
import itertools
import re
import time
from base64 import b64decode

import ipywidgets
import pytest

from utils.lab_frame import frame
from utils.lab_frame.frame import OWN, Hint, Lab, View, Walk


def area(settings: dict, pinned: dict | None) -> View:
    """A rectangle's area; a width of 9 cannot be, and a height of 9 is a mistake in the lab itself."""
    for each in filter(None, (pinned, settings)):
        if each["width"] == 9:
            raise ValueError("A width of 9 is < 10 & cannot be.")
        if each["height"] == 9:
            raise ZeroDivisionError("a mistake of ours")
    now = settings["width"] * settings["height"]
    before = f"A: {pinned['width'] * pinned['height']}<br/>B: " if pinned else ""
    return View(
        words=f"{before}<b>{now}</b> &lt; 100",
        html=f"<svg data-area='{now}'></svg>",
        disabled=frozenset({"height"} if settings["is_square"] else ()),
    )


PRESETS = {"small": {"width": 2, "height": 3}, "large": {"width": 6, "height": 7}}


def handles() -> dict[str, ipywidgets.Widget]:
    return {
        "width": ipywidgets.IntSlider(value=2, min=1, max=9, tooltip="how wide"),
        "height": ipywidgets.IntSlider(value=3, min=1, max=9, tooltip="how high"),
        "is_square": ipywidgets.Checkbox(value=False, tooltip="as high as wide"),
    }


@pytest.fixture
def lab():
    return Lab("<b>How large?</b>", handles(), area, PRESETS)


def picture(lab: Lab) -> str:
    return lab.output.value


def send(widget: ipywidgets.Widget, **state: object) -> None:
    """What the kernel gets from the front end when somebody moves a handle."""
    widget.set_state(state)


def choose(lab: Lab, preset: str) -> None:
    """A choice in the menu of presets; the front end sends its place."""
    send(lab.preset, index=lab.preset.options.index(preset))


def test_it_starts_with_a_view_of_its_handles(lab):
    assert "data-area='6'" in picture(lab) and lab.text == "6 < 100" and repr(lab) == lab.text
    assert lab.pinned is None and lab.trouble == "" and lab.preset.value == "small"


def test_a_handle_moved_in_the_browser_changes_the_picture(lab):
    send(lab.controls["width"], value=4)
    assert "data-area='12'" in picture(lab) and "<b>12</b>" in lab.words.value


def test_set_refreshes_once(lab, monkeypatch):
    calls = []
    monkeypatch.setattr(lab, "view", lambda *given: calls.append(copy.deepcopy(given)) or area(*given))
    lab.set(width=4, height=5, is_square=True)
    assert calls == [({"width": 4, "height": 5, "is_square": True}, None)]
    choose(lab, "large")
    assert len(calls) == 2


def test_a_handle_that_does_not_exist_is_named(lab):
    with pytest.raises(ValueError, match=r"no handle 'depth'. There are: width, height, is_square"):
        lab.set(width=5, depth=3)
    assert lab.settings["width"] == 2


def test_pinned_stays_while_the_rest_moves(lab):
    lab.pin_button.click()
    assert lab.text == "A: 6\nB: 6 < 100"
    send(lab.controls["height"], value=5)
    assert lab.text == "A: 6\nB: 10 < 100" and lab.pinned == {"width": 2, "height": 3, "is_square": False}


def test_start_again_puts_everything_back(lab):
    start = picture(lab)
    lab.pin_button.click()
    lab.set(width=5, height=1, is_square=True)
    lab.reset_button.click()
    assert lab.settings == {"width": 2, "height": 3, "is_square": False}
    assert lab.pinned is None and picture(lab) == start and lab.preset.value == "small"
    assert not lab.controls["height"].disabled


def test_what_cannot_be_is_explained_and_the_last_picture_stays(lab):
    send(lab.controls["width"], value=8)
    last = picture(lab)
    send(lab.controls["width"], value=9)
    assert lab.trouble == "A width of 9 is < 10 & cannot be."
    assert "A width of 9 is &lt; 10 &amp; cannot be." in lab.words.value and 'role="alert"' in lab.words.value
    assert picture(lab) == last and lab.text == "24 < 100"
    send(lab.controls["width"], value=1)
    assert lab.trouble == "" and "alert" not in lab.words.value and "data-area='3'" in picture(lab)


def test_pinning_keeps_what_is_seen_not_what_cannot_be(lab):
    send(lab.controls["width"], value=9)
    lab.pin_button.click()
    assert lab.pinned == {"width": 2, "height": 3, "is_square": False} and lab.trouble
    send(lab.controls["width"], value=3)
    assert lab.text == "A: 6\nB: 9 < 100" and lab.trouble == ""


def test_settings_handed_to_a_view_are_its_own(lab, monkeypatch):
    def greedy(settings, pinned):
        view = area(settings, pinned)
        settings.clear()
        return view

    lab.pin()
    monkeypatch.setattr(lab, "view", greedy)
    lab.set(width=4)
    assert lab.pinned["width"] == 2 and lab.settings["width"] == 4


def test_a_mistake_in_the_lab_itself_is_not_hidden(lab):
    last = picture(lab)
    for move in (lambda: send(lab.controls["height"], value=9), lab.pin_button.click, lab.refresh):
        lab.words.value = ""
        with pytest.raises(ZeroDivisionError, match="a mistake of ours"):
            move()
        assert "This lab has a mistake.</b> ZeroDivisionError: a mistake of ours." in lab.words.value
        assert 'role="alert"' in lab.words.value and picture(lab) == last
    send(lab.controls["height"], value=4)
    assert "mistake" not in lab.words.value and "<b>8</b>" in lab.words.value


def test_a_mistake_in_an_action_is_not_taken_for_what_cannot_be(lab):
    class Wrong:
        def designs_changed(self, now, pinned):
            raise ValueError("no sentence for a learner")

    lab.actions = (Wrong(),)
    with pytest.raises(ValueError, match="no sentence for a learner"):
        send(lab.controls["width"], value=4)
    assert "This lab has a mistake.</b> ValueError" in lab.words.value and lab.trouble == ""


def test_a_start_that_cannot_be_fails_at_once():
    controls = handles()
    controls["width"].value = 9
    with pytest.raises(ValueError, match="A width of 9"):
        Lab("?", controls, area)


def test_handles_without_effect_are_disabled(lab):
    send(lab.controls["is_square"], value=True)
    assert lab.controls["height"].disabled and not lab.controls["width"].disabled
    send(lab.controls["is_square"], value=False)
    assert not lab.controls["height"].disabled


def test_presets_move_the_handles_and_follow_them(lab):
    choose(lab, "large")
    assert lab.text == "42 < 100" and lab.settings == {"width": 6, "height": 7, "is_square": False}
    send(lab.controls["width"], value=5)
    assert lab.preset.value == OWN and lab.text == "35 < 100"
    # Once more to the one that was left: it has to be a change.
    choose(lab, "large")
    assert lab.text == "42 < 100"
    lab.set(width=2, height=3)
    assert lab.preset.value == "small"


def test_choosing_your_own_moves_nothing(lab):
    lab.preset.value = OWN
    assert lab.settings["width"] == 2 and lab.text == "6 < 100"


def test_a_lab_without_presets_shows_no_menu(lab):
    def kinds(widget):
        yield type(widget)
        for child in getattr(widget, "children", ()):
            yield from kinds(child)

    bare = Lab("?", handles(), area)
    assert ipywidgets.Dropdown not in set(kinds(bare.widget)) and ipywidgets.Dropdown in set(kinds(lab.widget))


def test_the_still_form_has_question_words_and_picture_and_follows(lab, monkeypatch):
    shown = []

    class Stand:
        def __init__(self, widget, **forms):
            assert widget is lab.widget
            shown.append(forms)

        def follow(self, forms):
            shown.append(forms())

    monkeypatch.setattr(frame, "show_widget", Stand)
    lab.set(width=4)
    lab._ipython_display_()
    lab.set(width=5)
    for forms, size in zip(shown, ("12", "15"), strict=True):
        assert forms["text"] == f"{size} < 100"
        assert all(part in forms["html"] for part in ("How large?", f"<b>{size}</b>", "Run its cell to move"))
        drawn = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", forms["html"])
        assert [f"data-area='{size}'" in b64decode(each).decode() for each in drawn] == [True]


# Code, groups, actions


def area_as_code(settings: dict, pinned: dict | None) -> View:
    view = area(settings, pinned)
    given = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    return View(view.words, view.html, view.disabled, code=f"Rectangle({given})")


def test_code_follows_the_handles_and_moves_them():
    lab = Lab("?", handles(), area_as_code, PRESETS)
    send(lab.controls["width"], value=4)
    assert lab.code.field.value == "Rectangle(width=4, height=3, is_square=False)"
    lab.code.field.value = "Rectangle(width=6, height=7)"
    lab.code.use_button.click()
    assert lab.settings == {"width": 6, "height": 7, "is_square": False} and lab.preset.value == "large"
    assert lab.code.field.value == "Rectangle(width=6, height=7, is_square=False)" and lab.code.said.value == ""


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("Rectangle(width=10)", "width is 10; here it can be a whole number from 1 to 9."),
        ("Rectangle(width=2.0)", "width is 2.0; here it can be a whole number from 1 to 9."),
        ("Rectangle(width=True)", "width is True; here it can be a whole number from 1 to 9."),
        ("Rectangle(is_square=1)", "is_square is 1; it can be True or False."),
        ("Rectangle(depth=1)", "This lab has no handle for depth. It has: width, height, is_square."),
        ("Rectangle(1, 2)", "with each of its values by name"),
        ("Rectangle(width=1)\nRectangle(width=2)", "Paste one call"),
        ("Rectangle(width=1", "Line 1 is no Python"),
    ],
)
def test_code_that_does_not_fit_moves_nothing_and_says_why(code, why):
    lab = Lab("?", handles(), area_as_code)
    lab.code.field.value = code
    lab.code.use_button.click()
    assert why in lab.code.said.value and 'role="alert"' in lab.code.said.value
    assert lab.settings == {"width": 2, "height": 3, "is_square": False} and lab.code.field.value == code
    send(lab.controls["width"], value=3)
    assert lab.code.said.value == "" and lab.code.field.value.startswith("Rectangle(width=3")


def test_code_for_what_cannot_be_is_explained_where_it_was_pasted():
    lab = Lab("?", handles(), area_as_code)
    lab.code.field.value = "Rectangle(width=9)"
    lab.code.use_button.click()
    assert "A width of 9 is &lt; 10 &amp; cannot be." in lab.code.said.value


def test_a_choice_that_there_is_not_is_listed():
    controls = {"kind": ipywidgets.Dropdown(options=[("a max", "max"), ("an average", "average")], tooltip="which")}
    lab = Lab("?", controls, lambda now, _: View("", now["kind"], code=f"Pool(kind={now['kind']!r})"))
    lab.use_code("Pool(kind='average')")
    assert lab.settings == {"kind": "average"}
    with pytest.raises(ValueError, match="kind is 'min'; here it can be 'max', 'average'"):
        lab.use_code("Pool(kind='min')")


def test_a_lab_without_code_has_no_field_for_it(lab):
    def all_of(widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from all_of(child)

    assert lab.code.field not in set(all_of(lab.widget))
    with_code = Lab("?", handles(), area_as_code)
    assert with_code.code.field in set(all_of(with_code.widget))


def test_handles_stand_in_groups():
    lab = Lab("?", handles(), area, PRESETS, groups={"Size": ["width", "height"]})
    (section,) = lab.sections.values()
    assert [hint.children for hint in section.content.children] == [(lab.controls["width"],), (lab.controls["height"],)]
    send(lab.controls["height"], value=5)
    assert lab.text == "10 < 100"
    with pytest.raises(KeyError):
        Lab("?", handles(), area, groups={"Size": ["depth"]})


def test_the_first_group_is_open_and_each_opens_by_itself():
    lab = Lab("?", handles(), area, groups={"Size": ["width", "height"], "Form": ["is_square"]})

    def is_open() -> list[bool]:
        return [section.content.layout.display != "none" for section in lab.sections.values()]

    assert is_open() == [True, False]
    send(lab.sections["Form"].button, value=True)
    assert is_open() == [True, True]
    send(lab.sections["Size"].button, value=False)
    assert is_open() == [False, True]


def test_actions_hear_of_each_design_that_is_shown():
    heard = []

    class Listener:
        widget = ipywidgets.HTML()

        def designs_changed(self, now, pinned):
            heard.append((now["width"], pinned and pinned["width"]))
            now.clear()

    lab = Lab("?", handles(), area, actions=[Listener()])
    assert Listener.widget in lab.widget.children and heard == [(2, None)]
    send(lab.controls["width"], value=4)
    lab.pin()
    send(lab.controls["width"], value=9)  # it cannot be: A and B stay
    send(lab.controls["width"], value=5)
    assert heard[1:] == [(4, None), (4, 4), (5, 4)] and lab.settings["width"] == 5


def test_the_tooltip_of_every_handle_is_around_it():
    def hints(widget):
        if isinstance(widget, Hint):
            yield widget
        for child in getattr(widget, "children", ()):
            yield from hints(child)

    lab = Lab("?", handles(), area_as_code, PRESETS, groups={"Form": ["is_square"]})
    found = {hint.children[0]: (hint.tooltip, hint.description) for hint in hints(lab.widget)}
    expected = [*lab.controls.values(), lab.preset, lab.code.field]
    assert found == {control: (control.tooltip, "") for control in expected}


def test_another_way_to_move_a_handle_stands_under_it():
    other = ipywidgets.Button()
    lab = Lab("?", handles(), area, groups={"Size": ["width", "height"]}, beside={"width": other})
    first, _ = lab.sections["Size"].content.children
    hint, below = first.children
    assert hint.children == (lab.controls["width"],) and below is other


# A walk through a slider's values


def walk_to_the_end(slider: ipywidgets.IntSlider, walk: Walk, each=lambda: None) -> list[int]:
    """The values that the slider takes from a press on Play until it stops by itself."""
    values = []
    slider.observe(lambda change: (values.append(change["new"]), each()), names="value")

    async def press():
        send(walk.widget, value=True)
        while walk.widget.value:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)  # nothing comes after the end

    asyncio.run(press())
    return values


def test_a_walk_goes_to_the_end_and_stops():
    slider = ipywidgets.IntSlider(value=30, max=100, step=30, description="step")
    walk = Walk(slider, seconds=0.001)
    assert walk_to_the_end(slider, walk) == [60, 90, 100]
    assert walk.widget.description == "Play"
    assert walk_to_the_end(slider, walk) == [0, 30, 60, 90, 100]  # once more, from the start


def test_a_walk_stops_where_it_is_pressed_again():
    slider = ipywidgets.IntSlider(max=100, step=10, description="step")
    walk = Walk(slider, seconds=0.001)
    assert walk_to_the_end(slider, walk, lambda: slider.value == 20 and send(walk.widget, value=False)) == [10, 20]


def test_a_walk_waits_for_the_answer_and_piles_up_nothing():
    slider = ipywidgets.IntSlider(max=4, description="step")
    walk = Walk(slider, seconds=0.01)
    times = []

    def slow():
        times.append(time.perf_counter())
        time.sleep(0.05)

    walk_to_the_end(slider, walk, slow)
    assert len(times) == 4 and all(later - before >= 0.06 for before, later in itertools.pairwise(times))
