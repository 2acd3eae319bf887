"""The chart: rates as multiples of the project as in the notes. One SVG for light and dark pages."""

from html import escape

from .figures import AIMS
from .report import NOTES, OURS, TUNED

TITLE = "Answers a second, as multiples of Django as in the notes"
NOTE = "Medians of rounds measured in turn on one machine; longer is faster."

WIDTH, LEFT, RIGHT = 760, 150, 90
BAR, GAP, GROUP = 16, 3, 18
TOP, BOTTOM = 84, 34

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #2b2a27 }
.title { font-size: 16px; font-weight: 600 }
.small { font-size: 12px; fill: #625d54 }
.paper { fill: #fffdf8; stroke: #e2dccf }
.chaupal { fill: #2f7a5b } .tuned { fill: #6d87a8 } .notes { fill: #b3aa9a }
.aim { stroke: #2b2a27; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #ece7dc }
  .small { fill: #b0a898 }
  .paper { fill: #1d1c1a; stroke: #3a3833 }
  .chaupal { fill: #5fbf94 } .tuned { fill: #8fa9cb } .notes { fill: #7b7467 }
  .aim { stroke: #ece7dc }
}"""


def draw(figures):
    """The SVG's text."""
    bars = [(OURS, "chaupal"), (TUNED, "tuned"), (NOTES, "notes")]
    groups = [(case, {name: figures.ratio(case, name, NOTES).median for name, _ in bars}) for case in figures.cases()]
    longest = max([aim for case, aim in AIMS.items() if case in figures.rates] + [r[OURS] for _, r in groups])
    scale = (WIDTH - LEFT - RIGHT) / longest
    high = len(bars) * (BAR + GAP) + GROUP
    height = TOP + len(groups) * high + BOTTOM
    said = "; ".join(f"{case}: Chaupal {r[OURS]:.1f}, Django tuned {r[TUNED]:.1f}" for case, r in groups)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"',
        '  role="img" aria-labelledby="title desc">',
        f'<title id="title">{TITLE}</title>',
        f'<desc id="desc">{escape(said)}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10"/>',
        f'<text class="title" x="20" y="30">{TITLE}</text>',
        *legend(figures),
    ]
    y = TOP
    for case, ratios in groups:
        parts.append(f'<text x="{LEFT - 12}" y="{y + 1.5 * BAR + GAP + 5:.0f}" text-anchor="end">{escape(case)}</text>')
        begin = y
        for name, style in bars:
            width = max(ratios[name] * scale, 2)
            parts.append(f'<rect class="{style}" x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="3"/>')
            text = f"{ratios[name]:.1f} ×" if name != NOTES else "1"
            parts.append(f'<text class="small" x="{LEFT + width + 7:.1f}" y="{y + BAR - 4}">{text}</text>')
            y += BAR + GAP
        if case in AIMS:
            x = LEFT + AIMS[case] * scale
            parts.append(f'<line class="aim" x1="{x:.1f}" x2="{x:.1f}" y1="{begin - 4}" y2="{begin + BAR + 4}"/>')
        y += GROUP
    parts.append(f'<text class="small" x="20" y="{height - 14}">{NOTE}</text>')
    return "\n".join([*parts, "</svg>", ""])


def legend(figures):
    x, parts = 20, []
    for name, style in [(OURS, "chaupal"), (TUNED, "tuned"), (NOTES, "notes")]:
        label = figures.names[name]
        parts.append(f'<rect class="{style}" x="{x}" y="44" width="12" height="12" rx="3"/>')
        parts.append(f'<text class="small" x="{x + 18}" y="55">{escape(label)}</text>')
        x += 44 + 7 * len(label)
    parts.append(f'<line class="aim" x1="{x + 4}" x2="{x + 4}" y1="42" y2="58"/>')
    parts.append(f'<text class="small" x="{x + 14}" y="55">aim</text>')
    return parts
