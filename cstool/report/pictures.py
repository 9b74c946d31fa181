"""Pictures as SVG for a page: heat maps of language pairs, groups with intervals, curves.

matplotlib draws them. Text stays text, and what is neutral takes the colour of the page around it,
so that the same picture is good on light and on dark ground.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from cstool.results import Cell, Column, Row, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK = "#010203"  # no other colour is like it: it becomes that of the text
_LINE = "#040506"
_HUES = ("#4c78a8", "#e4762d", "#3a9a6c", "#c44e6c", "#8b6bb1", "#a8843c", "#3f97a8", "#8c8c8c")
_NUMBER_AT_END = re.compile(r"(.+?)[-_](0?\.\d+|1(?:\.0+)?|0)")
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "cstool",  # the same picture has the same bytes
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _LINE,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}

Curve = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Picture:
    """An SVG element, and what it shows in words."""

    caption: str
    svg: str


def heat_maps(table: Table) -> list[Picture]:
    """Draw the value of every pair, a picture per system, and then its difference to the baseline.

    Colours mean the same in all pictures of a kind.
    """
    pairs = [column for column in table.columns if not column.is_group and column.title != "value"]
    rows = [row for row in table.rows if not row.reference and set(pairs) & row.cells.keys()]
    values = [row.cells[pair].value for row in rows for pair in pairs if pair in row.cells]
    if len(pairs) < 2 or not values:
        return []
    found = [
        _heat_map(
            pairs,
            {pair: row.cells[pair].value for pair in pairs if pair in row.cells},
            {pair: row.cells[pair].mark for pair in pairs if pair in row.cells},
            f"{row.system}: {table.measure}",
            (min(values), max(values)),
            "viridis",
        )
        for row in rows
    ]
    differences = {
        row.system: {
            pair: difference
            for pair in pairs
            if pair in row.cells and (difference := row.cells[pair].difference) is not None
        }
        for row in rows
    }
    largest = max((abs(x) for found in differences.values() for x in found.values()), default=0.0)
    for row in rows:
        if differences[row.system]:
            marks = {pair: row.cells[pair].mark for pair in differences[row.system]}
            title = f"{row.system} minus {table.baseline}: {table.measure}"
            ends = (-max(largest, 0.001), max(largest, 0.001))
            found.append(_heat_map(pairs, differences[row.system], marks, title, ends, "RdBu"))
    return found


def groups(table: Table) -> list[Picture]:
    """Draw the systems of every group as bars, with intervals where there are any."""
    chance = next((row for row in table.rows if row.reference and row.system == "chance"), None)
    return [
        _bars(table, column, chance.cells.get(column) if chance else None)
        for column in table.columns
        if column.is_group
    ]


def ratios(table: Table) -> list[Picture]:
    """Draw group means over the ratio where systems are named by it, as ratio-0.25, ratio-0.5."""
    series: dict[str, dict[float, Row]] = {}
    for row in table.rows:
        match = _NUMBER_AT_END.fullmatch(row.system)
        if match and not row.reference:
            series.setdefault(match[1], {})[float(match[2])] = row
    found = []
    for name, rows in series.items():
        if len(rows) < 2:
            continue
        curves = {
            column.title: [
                (ratio, rows[ratio].cells[column].value)
                for ratio in sorted(rows)
                if column in rows[ratio].cells
            ]
            for column in table.columns
            if column.is_group
        }
        level = {
            column.title: row.cells[column].value
            for row in table.rows
            if row.system == table.baseline
            for column in table.columns
            if column.is_group and column in row.cells
        }
        title = f"{name}: {table.measure} by ratio"
        found.append(_curves(curves, title, "ratio of replaced words", table.measure, level))
    return found


def training(losses: Mapping[str, Curve]) -> list[Picture]:
    """Draw the loss of trainings over their steps."""
    return [_curves(losses, "training loss", "step", "loss", {})] if losses else []


def _heat_map(
    pairs: Sequence[Column],
    values: Mapping[Column, float],
    marks: Mapping[Column, str],
    title: str,
    ends: tuple[float, float],
    colours: str,
) -> Picture:
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    queries = list(dict.fromkeys(pair.query_lang for pair in pairs))
    passages = list(dict.fromkeys(pair.passage_lang for pair in pairs))
    figure, axes = _figure(1.1 + 0.5 * len(passages), 0.9 + 0.36 * len(queries))
    scale = Normalize(*ends) if ends[0] < ends[1] else Normalize(ends[0] - 1, ends[1] + 1)
    for pair, value in values.items():
        x, y = passages.index(pair.passage_lang), queries.index(pair.query_lang)
        red, green, blue, _ = colour = colormaps[colours](scale(value))
        axes.add_patch(_square(x, y, colour))
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
        shown = f"{value:+z.2f}" if ends[0] < 0 else f"{value:.2f}"
        shown = shown.replace("0.", ".", 1) + marks[pair]
        axes.text(
            x,
            y,
            shown,
            ha="center",
            va="center",
            fontsize=8,
            color="#ffffff" if dark else "#111111",
        )
    axes.set_xlim(-0.5, len(passages) - 0.5)
    axes.set_ylim(len(queries) - 0.5, -0.5)
    axes.set_xticks(range(len(passages)), passages)
    axes.set_yticks(range(len(queries)), queries)
    axes.set_xlabel("passages")
    axes.set_ylabel("queries")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return _picture(figure, title)


def _square(x: float, y: float, colour: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.48, y - 0.47), 0.96, 0.94, facecolor=colour, linewidth=0)


def _bars(table: Table, column: Column, chance: Cell | None) -> Picture:
    rows = [
        row for row in table.rows if column in row.cells and row.system not in ("chance", "oracle")
    ]
    rows = [row for row in rows if not row.system.startswith(("chance (", "oracle ("))]
    figure, axes = _figure(4.0, 0.75 + 0.34 * len(rows))
    for place, row in enumerate(rows):
        cell = row.cells[column]
        hue = _HUES[-1] if row.reference else _HUES[0]
        axes.barh(place, cell.value, height=0.62, color=hue, alpha=0.85)
        end = cell.value
        if cell.interval:
            end = cell.interval.high
            axes.plot([cell.interval.low, cell.interval.high], [place] * 2, color=_INK, lw=1.4)
        axes.annotate(
            f"{cell.value:.3f}{cell.mark}",
            (end, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=_INK,
        )
    if chance:
        axes.axvline(chance.value, color=_LINE, lw=1, ls=(0, (3, 2)))
    axes.set_yticks(range(len(rows)), [_short(row.system) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, max(1e-9, *(_reach(row.cells[column]) for row in rows)) * 1.22)
    axes.tick_params(axis="y", length=0)
    return _picture(figure, f"{column.title}: {table.measure}")


def _reach(cell: Cell) -> float:
    return cell.interval.high if cell.interval else cell.value


def _curves(
    curves: Mapping[str, Curve], title: str, x: str, y: str, level: Mapping[str, float]
) -> Picture:
    figure, axes = _figure(4.6, 2.8)
    for number, (name, curve) in enumerate(curves.items()):
        hue = _HUES[number % len(_HUES)]
        style = ("-", "--", ":")[number // len(_HUES) % 3]
        marker = "o" if len(curve) < 20 else None
        places, values = [one for one, _ in curve], [one for _, one in curve]
        axes.plot(
            places, values, style, color=hue, lw=1.6, marker=marker, ms=3.5, label=_short(name)
        )
        if name in level:
            axes.axhline(level[name], color=hue, lw=0.9, ls=(0, (1, 2)))
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if len({place for curve in curves.values() for place, _ in curve}) < 8:
        axes.set_xticks(sorted({place for curve in curves.values() for place, _ in curve}))
    axes.legend(frameon=False, fontsize=8, labelcolor=_INK)
    dotted = ", dotted: the baseline" if level else ""
    return _picture(figure, title + dotted)


def _figure(width: float, height: float) -> tuple["Figure", "Axes"]:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.add_subplot()


def _picture(figure: "Figure", caption: str) -> Picture:
    from matplotlib import rc_context

    out = StringIO()
    with rc_context(_STYLE):
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    return Picture(caption, out.getvalue())


def inlined(pictures: Iterable[Picture]) -> list[Picture]:
    """Fit pictures into one page: ids of their own, no style for the page, its colours."""
    found = []
    for number, picture in enumerate(pictures):
        svg = picture.svg[picture.svg.index("<svg") :]
        svg = re.sub(
            r"<metadata>.*?</metadata>|<style.*?</style>|<defs>\s*</defs>", "", svg, flags=re.DOTALL
        )
        svg = re.sub(r'\b(id=")|(url\(#)|((?:xlink:)?href="#)', rf"\g<0>f{number}-", svg)
        svg = svg.replace(_INK, "currentColor").replace(_LINE, "currentColor")
        # The caption names it; the numbers stand in the tables.
        head = '<svg aria-hidden="true" focusable="false" stroke-linejoin="round"'
        found.append(Picture(picture.caption, svg.replace("<svg", head, 1)))
    return found


def _short(name: str) -> str:
    # matplotlib reads $...$ as mathematics.
    return (name if len(name) <= 24 else name[:23] + "…").replace("$", r"\$")
