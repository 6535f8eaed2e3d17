"""The style sheet of all that the course shows, for light and dark pages.

An output is shown alone as well, in a saved notebook or an export, so the sheet travels with it: `utils.page.html.output`
and `utils.show.display.show_widget` put it in front. Where it is taken away (a notebook that is not trusted), plain
tables and text remain. It paints ground and text together, so that both fit wherever it arrives.

A table's class stands twice in its rules, so that they count more than JupyterLab's, which sets all cells to the right.
A cell's own figures are the only inline styles, as custom properties: `--share` (how long a bar is), `--tone` (its
colour) and `--least` and `--most` (how narrow and wide parts may become).
"""

# Names are those of the sheet's variables. JupyterLab's own colours are used where there is a JupyterLab.
LIGHT = {
    "ground": "#FFFFFF",
    "ink": "#212121",
    "row": "#F5F5F5",  # every other row of JupyterLab's tables
    "quiet": "#595959",
    "good": "#005A8D",
    "bad": "#A84700",
    "weak": "35%",  # of a bar's colour under text: the pinned design's
    "strong": "60%",
}
DARK = {
    "ground": "#111111",
    "ink": "#EEEEEE",
    "row": "#212121",
    "quiet": "#B8B8B8",
    "good": "#7CC4F0",
    "bad": "#FF9A57",
    "weak": "25%",
    "strong": "45%",
}
JUPYTER = {
    "ground": "--jp-layout-color0",
    "ink": "--jp-content-font-color0",
    "row": "--jp-rendermime-table-row-background",
}

# Boxes, by their tone: the colour of the edge, of which `BOX` per cent lie under the text.
TONES = {"right": "#009E73", "wrong": "#D55E00", "hint": "#0072B2", "note": "#8C8C8C"}
BOX = 8
CHOSEN, CHOSEN_SHARE = "#D55E00", 25  # the chosen row of a table
# Words in a frame, white on these in both themes.
BADGES = {"ok": "#2A7F4F", "note": "#8A6100", "missing": "#B3361E", "passed": "#00785A"}

DEAD = "The kernel that answered here is gone: this is a still picture. Run this cell again."  # in a widget's place


def declarations(values: dict[str, str]) -> str:
    """The sheet's variables as declarations."""
    return ";".join(
        f"--course-{name}:{f'var({JUPYTER[name]},{value})' if name in JUPYTER else value}"
        for name, value in values.items()
    )


_light, _dark = declarations(LIGHT), declarations(DARK)
_paper = ";".join(f"--course-{name}:{value}" for name, value in LIGHT.items())
_tones = "".join(f"[data-tone={name}]{{--tone:{color}}}" for name, color in TONES.items())
_badges = "".join(f".course-badge-{name}{{background:{color};color:#fff}}" for name, color in BADGES.items())

CSS = f"""
:root{{{_light}}}
@media (prefers-color-scheme:dark){{:root{{{_dark}}}}}
[data-jp-theme-light="true"]{{{_light}}}
[data-jp-theme-light="false"]{{{_dark}}}
@media print{{:root,[data-jp-theme-light]{{{_paper}}}}}
.course,.course-lab,.course-widget{{color:var(--course-ink);background:var(--course-ground)}}
.course,.course-lab .widget-html-content,.course-widget .widget-html-content{{line-height:1.5}}
.course-quiet{{color:var(--course-quiet)}}
.course-good{{color:var(--course-good)}}
.course-bad{{color:var(--course-bad)}}
.course-whole{{white-space:nowrap}}
.course-digits{{font-variant-numeric:tabular-nums}}
.course pre,.course-widget pre{{margin:6px 0 0}}
.course-text,.course pre{{white-space:pre-wrap}}
.course-note-below{{margin:8px 0}}
[data-tone]{{border-left:5px solid var(--tone);padding:4px 10px;max-width:60em;background:color-mix(in srgb,var(--tone) {BOX}%,transparent)}}
{_tones}
.course-badge{{display:inline-block;border:1px solid #8C8C8C;border-radius:4px;padding:0 7px;margin:0 3px 3px 0}}
{_badges}
table.course-table.course-table{{color:inherit;border-collapse:collapse;font-size:inherit;line-height:1.45;margin:0 0 8px}}
table.course-table.course-table caption{{text-align:left;caption-side:top;color:inherit}}
table.course-table.course-table :is(td,th){{text-align:left;padding:3px 6px;max-width:44em}}
table.course-table.course-table :is(td,th).r{{text-align:right}}
table.course-table.course-table td.r{{white-space:nowrap}}
table.course-table.course-table :is(td,th).c{{text-align:center}}
table.course-table.course-table.top :is(td,th){{vertical-align:top}}
table.course-table.course-table.tight :is(td,th){{padding:1px 3px;white-space:nowrap}}
table.course-table.course-table.small{{font-size:.87em}}
table.course-table.course-table.wide{{width:100%;max-width:820px}}
table.course-table.course-table.wide th[scope=row]{{text-align:right;white-space:nowrap}}
table.course-table.course-table.wide td{{padding:0 6px}}
table.course-table.course-table .chosen>*{{font-weight:bold;background:color-mix(in srgb,{CHOSEN} {CHOSEN_SHARE}%,var(--course-ground))}}
table.course-table.course-table td.share{{border:1px solid var(--course-ground);background:linear-gradient(to right,color-mix(in srgb,var(--tone) var(--course-strong),transparent) var(--share),transparent 0) no-repeat}}
table.course-table.course-table td.share.weak{{background:linear-gradient(to right,color-mix(in srgb,var(--tone) var(--course-weak),transparent) var(--share),transparent 0) no-repeat}}
table.course-table.course-table td.share.r{{background:linear-gradient(to left,color-mix(in srgb,var(--tone) var(--course-weak),transparent) var(--share),transparent 0) no-repeat}}
table.course-table.course-table td.track{{width:55%;min-width:150px}}
.course-bar{{display:block;height:14px;width:var(--share);background:var(--tone)}}
.course-spark{{display:inline-block;vertical-align:middle;height:11px;width:calc(36px*var(--part));background:var(--tone)}}
.course-row{{display:flex;flex-wrap:wrap;gap:16px;margin-top:8px}}
.course-row>*{{flex:0 1 auto;min-width:0;overflow-x:auto}}
.course-row.grow>*{{flex:1 1 var(--least)}}
.course-panels{{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,var(--least)),1fr));gap:10px;max-width:var(--most)}}
.course-panels>*{{width:100%;height:auto}}
.course-figure{{margin:0}}
.course-figure figcaption{{padding:4px 0}}
.course-figure .entry{{margin-right:18px;white-space:nowrap}}
.course-paper{{background:#fff;color:#000;padding:4px;overflow-x:auto}}
.course-scrolled{{overflow-x:auto}}
.course :is(svg,img),.course-lab :is(svg,img),.course-widget :is(svg,img){{max-width:100%;height:auto}}
.course-panels svg{{max-width:none}}
.course-drawn{{box-sizing:border-box;width:var(--share);min-width:min(100%,calc(var(--least) + 8px));max-width:calc(var(--full) + 8px)}}
.course-drawn>:is(svg,img){{display:block;width:100%;min-width:var(--least)}}
.jp-RenderedMarkdown details{{margin:4px 0 20px}}
.jp-OutputArea-output pre{{word-break:normal;overflow-wrap:anywhere}}
.course-lab{{container-type:inline-size}}
.course-main :is(.widget-html,.widget-html-content){{min-width:0}}
@container (max-width:640px){{
.course-body>.course-main{{order:-1;max-height:48vh;overflow:auto;flex-basis:100%!important}}
.course-body>.course-side{{max-height:40vh;overflow:auto;width:100%!important;flex-basis:100%!important}}
.course-body>:is(.course-main,.course-side)>*{{flex-shrink:0}}
}}
.course-budgets{{max-width:860px}}
.course-budget{{display:flex;flex-wrap:wrap;gap:0 8px}}
.course-budget>b{{flex:0 0 118px;text-align:right;white-space:nowrap}}
.course-budget>.track{{flex:1 1 90px;position:relative;height:14px;margin-top:3px;background:color-mix(in srgb,currentColor 10%,transparent)}}
.course-budget>.track>.course-bar{{max-width:100%}}
.course-budget[data-over=true] .course-bar{{background:repeating-linear-gradient(45deg,var(--tone) 0 6px,color-mix(in srgb,var(--tone) 60%,var(--course-ground)) 6px 10px)}}
.course-budget>.track>.limit{{position:absolute;left:66.67%;top:-2px;height:18px;border-left:2px solid currentColor}}
.course-budget>.state{{flex:1 1 180px}}
.course-live.jupyter-widgets-disconnected>*,.jp-OutputArea-child:has(+.jp-OutputArea-child .course-still) .jp-OutputArea-output:not(:has(*)){{display:none}}
.course-live.jupyter-widgets-disconnected::before{{content:"{DEAD}";display:block;font:inherit;font-weight:bold;color:var(--course-bad)}}
.course-lab .widget-readout{{max-width:none;flex:none}}
.course-lab .widget-checkbox label>span{{pointer-events:none}}
.course-lab :is(.course-words,.course-picture){{margin-left:6px}}
.course-lab .course-unit{{font-size:0}}
.course-lab .course-chosen{{border-radius:50%;outline:3px solid {CHOSEN}}}
.course-page{{font-family:sans-serif;margin:2em;background:var(--course-ground)}}
"""
