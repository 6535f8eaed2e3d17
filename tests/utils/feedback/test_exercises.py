"""What a lesson answers its learner, and how progress is kept."""

import json
import threading

import pytest
import torch
from torch import nn

from utils.feedback import exercises as feedback_module
from utils.feedback.exercises import Feedback, Message, Overview, Wrong, read_progress, solution_of

SOURCE = '''# A lesson

```{code-cell}
:exercise: "9.1"
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
```
'''


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    return tmp_path / "work"


@pytest.fixture
def lesson(work, tmp_path):
    source = tmp_path / "lesson.md"
    source.write_text(SOURCE, encoding="utf-8")
    feedback = Feedback("a_lesson", source)

    @feedback.exercise(
        "9.1",
        title="doubling",
        difficulty="warm-up",
        minutes=1,
        hints=("Think.", "Twice `x`.", "`2 * x`"),
        reference=lambda x: 2 * x,
    )
    def double(answer):
        if answer(4) != 8:
            raise Wrong(f"For 4 you find {answer(4)}; 8 is expected.")
        return "Well counted."

    return feedback


def test_a_right_answer_passes_and_is_kept(lesson, work):
    result = lesson.check.double(lambda x: x + x)
    assert (
        result and result.passed and "Exercise 9.1, doubling: right" in repr(result) and "Well counted." in repr(result)
    )
    assert [entry.name for entry in lesson.done()] == ["double"]
    assert "double" in json.loads((work / "progress.json").read_text())["lessons"]["a_lesson"]["passed"]
    assert "1 of 1" in repr(lesson.progress())


def test_progress_survives_a_restart(lesson):
    lesson.check.double(lambda x: 2 * x)
    later = Feedback("a_lesson", lesson.source)
    later.exercises = lesson.exercises
    assert "1 of 1" in repr(later.progress()) and 'aria-valuenow="1"' in later.progress()._repr_html_()


def test_a_wrong_answer_is_told_why(lesson):
    result = lesson.check.double(lambda x: x * x)
    assert not result and result.body == "For 4 you find 16; 8 is expected." and "not yet" in result.head
    assert lesson.done() == []
    assert "✘" in repr(result) and "16" in result._repr_html_()


def test_a_stub_is_told_that_it_is_one(lesson):
    def stub(x):
        raise NotImplementedError("Exercise 9.1, doubling: write this part.")

    result = lesson.check.double(stub)
    assert not result and "not written yet" in result.head and 'hint("9.1")' in result.body
    assert "a class" not in result.body

    class Stub:
        def __init__(self, x):
            stub(x)

    assert "a class can have one in `__init__`" in lesson.check.double(Stub).body


def test_torch_s_own_not_implemented_is_no_stub(lesson):
    def finished(x):
        return nn.ModuleList([nn.ReLU()])(torch.tensor(x))

    result = lesson.check.double(finished)
    assert not result and "your code stopped" in result.head and "not written yet" not in repr(result)
    assert "NotImplementedError" in result.body and "forward" in result.body

    def bare(x):
        raise NotImplementedError

    assert "not written yet" in lesson.check.double(bare).head


def test_an_error_in_the_learners_code_is_told_with_its_line(lesson, tmp_path):
    cell = tmp_path / "cell.py"
    cell.write_text("def answer(x):\n    return x / 0\n")
    scope = {}
    exec(compile(cell.read_text(), str(cell), "exec"), scope)
    result = lesson.check.double(scope["answer"])
    assert (
        not result and "ZeroDivisionError" in result.body and "line 2" in result.body and "return x / 0" in result.body
    )


def test_what_does_not_exist_is_named_with_what_does(lesson):
    with pytest.raises(AttributeError, match=r"no check 'triple'.*double"):
        lesson.check.triple(3)
    for asked in (lesson.hint("9.2"), lesson.solution("9.2")):
        assert (
            asked.tone == "wrong"
            and "There is no exercise '9.2' in this lesson. There are: 9.1 (doubling)" in asked.body
        )
    with pytest.raises(ValueError, match=r"no exercise '9.2'.*9.1 \(doubling\)"):
        lesson.use("9.2", lambda x: x)


def test_a_truth_before_its_prediction_is_a_box_in_words(lesson, capsys):
    lesson.truth("cost", 3)
    said = capsys.readouterr().out
    assert (
        'The prediction "cost" was not asked yet' in said and '`predict("cost", ...)`' in said and "so far" not in said
    )
    lesson.predict("other", "How dear?")
    lesson.truth("cost", 3)
    assert "Asked so far: other." in capsys.readouterr().out


def test_hints_come_in_steps_and_stay_at_the_last(lesson):
    assert [lesson.hint("9.1").head[:11] for _ in range(4)] == [
        "Hint 1 of 3",
        "Hint 2 of 3",
        "Hint 3 of 3",
        "Hint 3 of 3",
    ]
    assert "<code>2 * x</code>" in lesson.hint("9.1")._repr_html_()


def test_the_solution_is_the_sources(lesson):
    assert lesson.solution("9.1").code == 'def double(x):\n    """Twice x."""\n    return 2 * x'
    with pytest.raises(ValueError, match=r"no cell for exercise 9.7"):
        solution_of(lesson.source, "9.7")


def test_use_goes_on_with_the_courses_own_until_the_learners_is_right(lesson, capsys):
    assert lesson.use("9.1", lambda x: x)(5) == 10
    assert "course's own" in capsys.readouterr().out
    mine = lambda x: x + x  # noqa: E731
    assert lesson.use("9.1", mine) is mine and capsys.readouterr().out == ""


def test_a_number_is_predicted_kept_and_closed_by_the_truth(lesson, capsys):
    asked = lesson.predict("cost", "How dear?", unit="MACs")
    assert asked.answer is None and "How dear?" in repr(asked)
    with pytest.raises(ValueError, match="'many'; a number is asked, in MACs"):
        asked.commit("many")
    assert "1,000 MACs" in asked.commit("1000").body
    asked.commit(1200)
    assert lesson.truth("cost", 1250, "Counted.") is None  # it is displayed, in a loop too, and not once more
    assert "● You predicted 1,200 MACs. The truth: 1,250 MACs\nCounted." in capsys.readouterr().out
    assert "stays as it was" in asked.commit(1250).body and asked.answer == 1200
    assert lesson.predict("cost", "How dear?", unit="MACs").answer == 1200  # the cell run once more
    assert capsys.readouterr().out == ""
    lesson.predict("cost", "How dear?", unit="MACs", answer=1250)
    assert "The truth is out\nYour prediction stays as it was: 1,200 MACs." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "truth", "within", "right"),
    [(2048, 2144, 0, False), (2144, 2144, 0, True), (2048, 2144, 0.1, True), (0.3, 0.1 + 0.2, 0, True), (20, 18, 0.1, False), (-5, -5.2, 0.1, True)],
)  # fmt: skip
def test_a_count_is_right_or_wrong_and_an_estimate_has_the_tolerance_that_its_truth_states(
    lesson, capsys, answer, truth, within, right
):
    lesson.predict("cost", "How dear?", answer=answer)
    lesson.truth("cost", truth, within=within)
    said = capsys.readouterr().out
    assert said.startswith("✔" if right else "●"), said
    assert ("off by 10 % or less counts as right" in said) == (right and within > 0)


def test_a_choice_is_predicted(lesson):
    asked = lesson.predict("which", "Which one?", choices=["A", "B"])
    with pytest.raises(ValueError, match="'C'; choose one of: 'A', 'B'"):
        asked.commit("C")
    lesson.predict("which", "Which one?", choices=["A", "B"], answer="B")
    assert lesson.predictions["which"].compare("A").tone == "note"
    assert lesson.predictions["which"].compare("B").tone == "right"


def test_a_question_that_stands_above_as_text_is_not_shown_once_more(lesson, monkeypatch):
    with lesson.source.open("a") as file:
        file.write('\n```{code-cell}\npredict(\n    "above", "How `wide` "\n    "is it?", unit="cells")\n```\n')
    above, given = lesson.predict("above", unit="cells"), lesson.predict("other", "How `wide` is it?")
    assert above.question == given.question == "How `wide` is it?"
    entries = [row.children[0] for _, row, _ in (each.widget().children for each in (above, given))]
    assert [entry.tooltip for entry in entries] == [above.question] * 2, "it is heard at the field"
    for shown in (
        lambda each: each._forms()["html"],
        lambda each: each.widget().children[0].value,
        lambda each: each.page(),
    ):
        assert "<code>wide</code>" in shown(given) and "<code>wide</code>" not in shown(above)
    assert 'aria-label="How `wide` is it?"' in above.page()
    with pytest.raises(ValueError, match="asks no question 'abvoe'; it has above"):
        lesson.predict("abvoe")


def test_no_prediction_is_no_reproach(lesson):
    lesson.predict("cost", "How dear?")
    assert "made no prediction" in lesson.predictions["cost"].compare(3).body


def test_the_prediction_widget_keeps_what_is_entered(lesson):
    asked = lesson.predict("cost", "How dear?", unit="MACs")
    question, row, said = asked.widget().children
    entry, _, button = row.children
    assert "How dear?" in question.value
    entry.value = "a lot"
    button.click()
    assert "a number is asked" in said.value and asked.answer is None
    entry.value = "1,200"
    button.click()
    assert asked.answer == 1200 and "1,200 MACs" in said.value


def test_the_enter_key_keeps_the_whole_number_that_comes_behind_it(lesson):
    """The front sends the key at once, and the number when the key has done its work."""
    asked = lesson.predict("cost", "How dear?", unit="MACs")
    _, row, said = asked.widget().children
    entry = row.children[0]
    enter = {"method": "custom", "content": {"event": "submit"}}
    assert not entry.continuous_update  # else a "1" may be here and the "12" on its way
    for number in ("12", "340"):
        entry._handle_msg({"content": {"data": enter}, "buffers": []})
        entry.value = number
        assert asked.answer == int(number) and f"{number} MACs" in said.value
    entry.value = "5"  # the field was left, and no key pressed
    assert asked.answer == 340
    entry._handle_msg({"content": {"data": enter}, "buffers": []})
    assert asked.answer == 5


def test_a_prediction_stays_without_a_kernel(lesson, monkeypatch):
    """The question, its choices, and the guess as soon as there is one."""
    shown = []

    class Stand:
        def __init__(self, _widget, **forms):
            shown.append(forms["html"])

        def follow(self, forms):
            shown.append(forms()["html"])

    monkeypatch.setattr(feedback_module, "show_widget", Stand)
    asked = lesson.predict("which", "Which one?", choices=["A < B", "C"])
    asked._ipython_display_()
    asked.commit("C")
    assert all("Which one?" in html and "<li>A &lt; B</li><li>C</li>" in html for html in shown)
    assert "Run this cell to answer." in shown[0] and "You predict C." in shown[1] and "to answer" not in shown[1]


@pytest.mark.parametrize(
    ("written", "number"),
    [("1,200", 1200), ("1,234,567.5", 1234567.5), ("97,5", 97.5), (" 0,125", 0.125), ("3e2", 300)],
)
def test_numbers_are_read_as_people_write_them(lesson, written, number):
    asked = lesson.predict("cost", "How dear?")
    asked.commit(written)
    assert asked.answer == number


@pytest.mark.parametrize("written", ["nan", "inf", "1,2,3", "", None, "ten"])
def test_what_is_no_number_is_not_kept(lesson, written):
    asked = lesson.predict("cost", "How dear?")
    with pytest.raises(ValueError, match="a number is asked"):
        asked.commit(written)
    assert asked.answer is None


def test_the_prediction_widget_asks_for_an_answer_first(lesson):
    for choices, words in ((None, "Write a number first."), (["A", "B"], "Choose one first.")):
        asked = lesson.predict("cost", "How dear?", choices=choices)
        parts = asked.widget().children
        (parts[1].children[2] if choices is None else parts[2]).click()
        assert words in parts[-1].value and asked.answer is None


def test_the_enter_key_keeps_a_number(lesson):
    asked = lesson.predict("cost", "How dear?")
    entry = asked.widget().children[1].children[0]
    entry.value = "7"
    entry._handle_custom_msg({"event": "submit"}, [])
    assert asked.answer == 7


def test_a_broken_progress_file_is_set_aside_with_a_word(lesson, work):
    lesson.check.double(lambda x: 2 * x)
    path = work / "progress.json"
    path.write_text("{ broken")
    result = lesson.check.double(lambda x: 2 * x)
    assert "progress.broken-1.json" in result.body and (work / "progress.broken-1.json").read_text() == "{ broken"
    assert lesson.done()
    path.write_text("[]")
    assert read_progress()[0] == {} and (work / "progress.broken-2.json").exists()


def test_a_folder_that_cannot_be_written_stops_nobody(lesson, work):
    work.parent.mkdir(exist_ok=True)
    work.write_text("a file where the folder should be")
    result = lesson.check.double(lambda x: 2 * x)
    assert result and "could not be kept" in result.body


def test_two_notebooks_at_once_lose_nothing(lesson, work):
    def note(number):
        feedback_module.change_progress(lambda data: data.setdefault("lessons", {}).setdefault(f"lesson_{number}", {}))

    threads = [threading.Thread(target=note, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_progress()[0]["lessons"]) == 12


def test_deleting_the_progress_file_loses_nothing_but_ticks(lesson, work):
    lesson.check.double(lambda x: 2 * x)
    (work / "progress.json").unlink()
    assert lesson.done() == [] and lesson.check.double(lambda x: 2 * x)


def test_an_exercise_is_registered_once(lesson):
    with pytest.raises(ValueError, match="number or name is taken"):
        lesson.exercise("9.1", title="t", difficulty="hard", minutes=1, hints=("a",))(lambda answer: None)
    with pytest.raises(ValueError, match="difficulty is 'easy'"):
        lesson.exercise("9.2", title="t", difficulty="easy", minutes=1, hints=("a",))


def test_text_is_escaped():
    html = Message("note", "<b>", "a < b and `x < y`")._repr_html_()
    assert "&lt;b&gt;" in html and "a &lt; b and <code>x &lt; y</code>" in html


def test_overview(lesson):
    lesson.check.double(lambda x: 2 * x)
    table = Overview((("09 A lesson", lesson),))
    assert "1 of 1" in repr(table) and "09 A lesson" in table._repr_html_()


TWO = (
    SOURCE
    + """
```{code-cell}
:exercise: "9.2"
class Four:
    pass
```

```{code-cell}
:exercise: "9.10"
def eight(x):
    ### BEGIN SOLUTION
    return 2 * four(x)
    ### END SOLUTION
```
"""
)


@pytest.fixture
def chain(lesson):
    lesson.source.write_text(
        TWO.replace("class Four:\n    pass", "def four(x):\n    return 2 * double(x)"), encoding="utf-8"
    )
    references = {"four": lambda x: 4 * x, "eight": lambda x: 8 * x}
    for number, name in (("9.2", "four"), ("9.10", "eight")):
        factor = {"four": 4, "eight": 8}[name]

        def verify(answer, factor=factor):
            if answer(3) != 3 * factor:
                raise Wrong(f"For 3 you find {answer(3)}; {3 * factor} is expected.")

        verify.__name__ = name
        more = {"title": name, "difficulty": "medium", "minutes": 1, "hints": ("a",), "reference": references[name]}
        lesson.exercise(number, **more)(verify)
    return lesson


def written(**bodies):
    scope = {}
    for name, body in bodies.items():
        exec(f"def {name}(x):\n    return {body}\n", scope)
    return scope


def test_an_earlier_exercise_s_slip_is_not_blamed_on_a_later_one(chain):
    scope = written(double="x + 2", four="2 * double(x)", eight="2 * four(x)")
    said = chain.check.four(scope["four"])
    assert (
        not said
        and "What you write here is right, and it calls your `double` of exercise 9.1, which is not" in said.body
    )
    assert "`check.double(double)` says" in said.body
    assert "your `double` of exercise 9.1" in chain.check.eight(scope["eight"]).body  # through 9.2
    assert scope["double"](5) == 7  # it is left as it was


def test_a_slip_of_its_own_is_told_as_it_is_on_the_course_s_earlier_answer(chain):
    scope = written(double="x + 2", four="3 * double(x)")
    said = chain.check.four(scope["four"]).body
    assert said.startswith("For 3 you find 18; 12 is expected. (Tried with the course's own exercise 9.1")
    right = written(double="2 * x", four="3 * double(x)")
    assert chain.check.four(right["four"]).body == "For 3 you find 18; 12 is expected."
    stops = written(double="x / 0", four="2 * double(x)")
    assert "your `double` of exercise 9.1, which is not" in chain.check.four(stops["four"]).body


def test_a_class_that_uses_an_earlier_exercise_is_seen_through(chain):
    scope = {}
    exec("def double(x):\n    return 0\nclass Four:\n    def __init__(self, x):\n        self.x = 2 * double(x)\n    def __eq__(self, other):\n        return self.x == other\n", scope)  # fmt: skip
    assert "it calls your `double` of exercise 9.1" in chain.check.four(scope["Four"]).body
