"""For a teacher, from the lessons' own sources: an instructor's page a lesson, and slides.

What stands on them is read from `lesson.md` and `checks.py`, and from the outputs of the executed lesson: nothing is written twice.
"""

import ast
import re
from base64 import b64decode
from collections.abc import Iterator
from html import escape

from markdown_it import MarkdownIt
from nbformat import NotebookNode

from course.build import feedback_of, solved
from course.ledger import VERDICTS
from course.syllabus import Lesson
from utils.feedback.exercises import PREDICT, predict_call, questions_of

MOST_SLIDES, MOST_CLAIMS = 15, 4
_RENDER = MarkdownIt("commonmark").enable("table")
_PICTURE = re.compile(r"<(img|svg)\b")
_FIGURE = re.compile(r'<img class="course-figure-png"[^>]*>')
_DRAWN = re.compile(r'src="data:image/svg\+xml;base64,([^"]+)"')
TALLEST = 620  # pixels: a taller diagram would have letters of less than 9 on a slide


def instructor(lesson: Lesson) -> str:
    """The instructor's page of a lesson, as Markdown: aims, timing, usual slips, what to ask."""
    text = (lesson.folder / "lesson.md").read_text(encoding="utf-8")
    exercises = feedback_of(lesson).exercises.values()
    minutes = sum(entry.minutes for entry in exercises)
    table = "\n".join(
        f"| {entry.number} | {entry.title} | {entry.difficulty} | {entry.minutes} |" for entry in exercises
    )
    slips = "\n\n".join(
        f"**{number}** {title}\n\n" + "\n".join(f"- {sentence}" for sentence in sentences)
        for number, title, sentences in _slips(lesson)
    )
    asked = "\n".join(f"- {question}" for question, _ in _predictions(lesson))
    recap = "\n\n".join(f"**{question}**\n\n{answer}" for question, answer in _recap(text))
    return f"""# Teaching {lesson.number:02d} {lesson.title}

[The lesson](../lessons/{lesson.notebook}) · <a href="../slides/{lesson.slug}.html">slides</a>

## Aims

At the end a learner can

{aims(text)}

## Timing

About {lesson.minutes} minutes alone; {minutes} of them are the exercises'.

| exercise | title | difficulty | minutes |
| --- | --- | --- | --- |
{table}

## Usual slips

What the checks say of them.

{slips}

## What to ask

Before anything runs, by a show of hands:

{asked}

At the end:

{recap}
"""


def slides(lesson: Lesson, executed: NotebookNode) -> str:
    """The slides of a lesson as one HTML page: its question, aims, predictions, exercises, pictures, claims and last questions.

    The pictures are those of the executed lesson, the first of each section that can be read on a slide, as many as
    `MOST_SLIDES` leaves room for.
    """
    text = (lesson.folder / "lesson.md").read_text(encoding="utf-8")
    asked = question(text)
    first = [
        f"<h1>{lesson.number:02d} {escape(lesson.title)}</h1><p>{escape(lesson.paper)}</p>",
        f"<h1>{_html(asked)}</h1><p></p>" if asked else "",
        f"<h2>At the end you can</h2>{_block(aims(text))}",
    ]
    guesses = [f"<h2>Predict</h2><p>{_html(words)}</p>{_list(choices)}" for words, choices in _predictions(lesson)]
    tasks = [
        f"{entry.number} {entry.title} ({entry.difficulty}, {entry.minutes} minutes)"
        for entry in feedback_of(lesson).exercises.values()
    ]
    claims = _claims(executed)
    last = [f"<h2>Say it aloud</h2>{_list([question for question, _ in _recap(text)])}"]
    fixed = [each for each in (*first, *guesses, f"<h2>You write</h2>{_list(tasks)}") if each]
    end = [*([claims] if claims else []), *last]
    room = MOST_SLIDES - len(fixed) - len(end)
    body = "\n".join(
        f'<section class="slide"><div>{each}</div><footer>{lesson.number:02d} {escape(lesson.title)} · {number}</footer></section>'
        for number, each in enumerate((*fixed, *_spread(list(_pictures(executed)), room), *end), start=1)
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{lesson.number:02d} {escape(lesson.title)}: slides</title>
<link rel="icon" href="../_static/icon.svg"><link rel="stylesheet" href="../_static/course.css"><link rel="stylesheet" href="../_static/slides.css">
<script defer src="../_static/slides.js"></script></head><body class="slides"><main tabindex="0">
{body}
</main></body></html>
"""


def aims(text: str) -> str:
    """What a learner can do at the end: the list in the lesson's first section."""
    found = re.search(r"^At the end you can\n\n((?:[-* ] ?.+\n)+)", text, flags=re.MULTILINE)
    return found[1].strip() if found else ""


def question(text: str) -> str:
    """The lesson's question: the first line of its own that is all in bold."""
    found = re.search(r"^\*\*([^*]+\?)\*\*$", text, flags=re.MULTILINE)
    return found[1] if found else ""


def _recap(text: str) -> list[tuple[str, str]]:
    """The last section's questions with their folded answers."""
    tail = text[text.rfind("\n## ") :]
    return re.findall(r"<details><summary>(.*?)</summary>\s*(.*?)\s*</details>", tail, flags=re.DOTALL)


def _predictions(lesson: Lesson) -> Iterator[tuple[str, list[str]]]:
    """The questions that are asked before anything runs, each with its choices."""
    asked = questions_of(lesson.folder / "lesson.md")
    for cell in solved(lesson).cells:
        if cell.cell_type == "code" and cell.source.startswith(PREDICT):
            call = predict_call(cell.source)
            choices: list[str] = next(
                (ast.literal_eval(each.value) for each in call.keywords if each.arg == "choices"), []
            )
            yield asked[ast.literal_eval(call.args[0])], choices


def _slips(lesson: Lesson) -> Iterator[tuple[str, str, list[str]]]:
    """For each exercise, its number and title, the sentences that its check has for mistakes."""
    tree = ast.parse((lesson.folder / "checks.py").read_text(encoding="utf-8"))
    entries = feedback_of(lesson).exercises
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in entries:
            found = [
                each.value
                for part in node.body
                if not isinstance(part, ast.Return) and not _is_docstring(part)
                for each in ast.walk(part)
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            # A sentence with a place for a figure is about one learner's answer.
            said = [words for words in found if re.fullmatch(r"[A-Z`][^{}]{24,}[.?]", words)]
            if said:
                entry = entries[node.name]
                yield entry.number, entry.title, list(dict.fromkeys(said))


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _pictures(executed: NotebookNode) -> Iterator[str]:
    """For each section with a picture: its heading, the sentence before a diagram, and the picture; a figure's title says its point."""
    heading, sentence, has_one = "", "", False
    for cell in executed.cells:
        if cell.cell_type == "markdown":
            for line in re.findall(r"^##+ (.*)$", cell.source, flags=re.MULTILINE):
                heading, has_one = line, False
            prose = [part for part in cell.source.split("\n\n") if part[:1].isalpha()]
            sentence = re.split(r"(?<=[.:?]) ", prose[-1].replace("\n", " "))[0] if prose else ""
        elif not has_one:
            for output in cell.outputs:
                picture = _picture(output.get("data", {}))
                if picture:
                    has_one = True
                    head = re.sub(r"^\d+ ", "", heading)
                    words = "" if "image/png" in picture else f"<p>{_html(sentence)}</p>"
                    yield f"<h2>{_html(head)}</h2>{words}<div class=picture>{picture}</div>"
                    break


def _picture(data: dict[str, str]) -> str:
    html = data.get("text/html", "")
    if "data-touch" in html or "course-needs-kernel" in html:
        return ""  # what is touched or has handles is shown in the lesson itself
    if any(_height(address) > TALLEST for address in _DRAWN.findall(html)):
        return ""
    figure = _FIGURE.search(html)
    if figure and "<table" in html:
        return f'<div class="course">{figure[0]}</div>'  # without the tables and sentences below it, for which a slide has no room
    if _PICTURE.search(html):
        return html
    return f'<img alt="" src="data:image/png;base64,{data["image/png"]}">' if "image/png" in data else ""


def _height(address: str) -> float:
    """Of a diagram at its own size, in pixels."""
    found = re.search(r'<svg[^>]* height="([\d.]+)pt"', b64decode(address).decode())
    return float(found[1]) * 4 / 3 if found else 0.0


def _spread(pictures: list[str], room: int) -> list[str]:
    """As many of the pictures as there is room for, from beginning to end."""
    if len(pictures) <= room:
        return pictures
    return [pictures[place * len(pictures) // room] for place in range(room)]


def _claims(executed: NotebookNode) -> str:
    """The lesson's own ledger in short: up to four claims, those that do not hold first."""
    shown = [
        output.get("data", {}).get("text/html", "") for cell in executed.cells for output in cell.get("outputs", ())
    ]
    table = next((html for html in shown if "course-ledger" in html), "")
    rows = [
        re.findall(r"<td.*?</td>", row, flags=re.DOTALL) for row in re.findall(r"<tr.*?</tr>", table, flags=re.DOTALL)
    ]
    rows = [row for row in rows if row]
    rows.sort(key=lambda row: next(n for n, verdict in enumerate(reversed(VERDICTS)) if f" {verdict}<" in row[-1]))
    body = "".join(
        f"<tr>{claim.split('<br')[0]}</td>{printed}{measured}<td>{verdict[verdict.index('<b') : verdict.index('</b>')]}</td></tr>"
        for _, claim, printed, measured, verdict in rows[:MOST_CLAIMS]
    )
    head = "<tr><th>claim</th><th>the paper says</th><th>measured</th><th>does it hold?</th></tr>"
    return (
        f'<h2>The paper against the measurement</h2><table class="course-table top">{head}{body}</table>'
        if rows
        else ""
    )


def _list(entries: list[str]) -> str:
    return f"<ul>{''.join(f'<li>{_html(entry)}</li>' for entry in entries)}</ul>" if entries else ""


def _html(words: str) -> str:
    """A line of Markdown as HTML; a link is its words, as nobody clicks on a slide."""
    return str(_RENDER.renderInline(re.sub(r"(?<!!)\[([^\]]+)\]\([^)]*\)", r"\1", words)))


def _block(words: str) -> str:
    """Markdown as HTML."""
    return str(_RENDER.render(words))
