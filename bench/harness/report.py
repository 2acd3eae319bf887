"""The tables, as Markdown; the terminal shows the same."""

from .figures import AIMS, BACK_AIM, BYTES_AIM, DELAY_AIM, LISTENERS_AIM, MEMORY_AIM, Spread, verdict

OURS, NOTES, TUNED = "chaupal", "django-notes", "django-tuned"


def table(head, rows):
    """A Markdown table whose columns stand under each other; the first is text, the others figures."""
    widths = [max(len(str(row[at])) for row in [head, *rows]) for at in range(len(head))]
    line = lambda row: "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(row, widths)) + " |"
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(head), line(rule), *map(line, rows)])


def ratios(figures):
    """How many times the project as in the notes: the aims are against it."""
    rows = []
    for case in figures.cases():
        ours = figures.ratio(case, OURS, NOTES)
        tuned = figures.ratio(case, TUNED, NOTES)
        against_tuned = figures.ratio(case, OURS, TUNED)
        aim = AIMS.get(case)
        aim = f"≥ {aim} ×: {verdict(ours.median >= aim)}" if aim else ""
        rows.append([case, f"{ours.show()} ×", aim, f"{tuned.show()} ×", f"{against_tuned.show()} ×"])
    for when, measured in [("at rest", figures.at_rest), ("after the load", figures.loaded)]:
        if measured:
            parts = {name: measured[name][1] / measured[NOTES][1] for name in (OURS, TUNED)}
            aim = f"≤ {MEMORY_AIM} ×: {verdict(parts[OURS] <= MEMORY_AIM)}"
            against_tuned = measured[OURS][1] / measured[TUNED][1]
            rows.append([f"memory {when}", f"{parts[OURS]:.2f} ×", aim, f"{parts[TUNED]:.2f} ×", f"{against_tuned:.2f} ×"])
    if figures.starts:
        part = lambda one, two: Spread([a / b for a, b in zip(figures.starts[one], figures.starts[two])]).show(2)
        rows.append(
            ["start to first page", f"{part(OURS, NOTES)} ×", "", f"{part(TUNED, NOTES)} ×", f"{part(OURS, TUNED)} ×"]
        )
    head = ["", "Chaupal : as in the notes", "aim", "tuned : as in the notes", "Chaupal : tuned"]
    return table(head, rows) if rows else ""


def absolute(figures):
    """What the ratios are made of."""
    servers = list(figures.names)
    rows = []
    if figures.ceiling:
        rates = Spread([measured.rate for measured in figures.ceiling])
        rows.append(["bare handler, answers a second", f"{rates.median:,.0f}", "", ""])
    for case in figures.cases():
        rows.append([f"{case}, answers a second", *(f"{figures.rate(case, name):,.0f}" for name in servers)])
        rows.append([f"{case}, p99 ms", *(f"{figures.p99(case, name):,.1f}" for name in servers)])
        if figures.ceiling:
            rows.append([f"{case}, of the bare handler", *(f"{figures.of_ceiling(case, name):.2%}" for name in servers)])
    for when, measured in [("at rest", figures.at_rest), ("after the load", figures.loaded)]:
        if measured:
            show = lambda pair: f"{pair[1]:.0f} ({pair[0]:.0f})"
            rows.append([f"memory {when}, MB: PSS (RSS)", *(show(measured[name]) for name in servers)])
    if figures.starts:
        rows.append(["start to first page, ms", *(Spread(figures.starts[name]).show(0) for name in servers)])
    return table(["", *figures.names.values()], rows) if rows else ""


def listeners(figures):
    """Live listeners: Chaupal alone, as the course's pages reload or ask again and again."""
    live, restart = figures.live, figures.restart
    if not live:
        return ""
    count = live["listeners"]
    delay, size = live["delay_ms"], max(live["bytes_quiet"], live["bytes_loaded"])
    full = count >= LISTENERS_AIM
    judge = lambda aim, holds: f"{aim}: {verdict(holds)}" if full else f"{aim}, of {LISTENERS_AIM:,}"
    rows = [
        ["listeners, rooms", f"{count:,}, {live['rooms']}", f"{LISTENERS_AIM:,}"],
        ["all connected after", f"{live['connected']:.1f} s", ""],
        ["messages a second, deliveries", f"{live['rate']:.0f}, {live['deliveries']:,}", ""],
        ["delivery p50", f"{delay['p50']:.1f} ms", ""],
        ["delivery p99", f"{delay['p99']:.1f} ms", judge(f"≤ {DELAY_AIM:,} ms", delay["p99"] <= DELAY_AIM)],
        ["delivery, slowest", f"{delay['max']:.1f} ms", ""],
        ["faults: lost, doubled, errors", *faults(live)],
        ["memory of a listener", f"{size / 1024:.1f} KB", judge(f"≤ {BYTES_AIM // 1024} KB", size <= BYTES_AIM)],
    ]
    if restart:
        again = restart["restart"]
        rows += [
            ["restart: old process gone after", f"{again['stopped']:.1f} s", ""],
            ["restart: new one ready after", f"{again['ready']:.1f} s", ""],
            ["restart: all back after", f"{again['all_back']:.1f} s", judge(f"≤ {BACK_AIM} s", again["all_back"] <= BACK_AIM)],
            ["restart: what listeners met", counts(restart["stream_errors"]), ""],
            ["restart: what the sender met", counts(restart["post_errors"]), ""],
            ["restart: faults", *faults(restart)],
        ]
    return table(["live listeners", "Chaupal", "aim"], rows)


def faults(report):
    """What must not happen; while a server restarts, refused connections and 503 with Retry-After may."""
    return ", ".join(report["faults"]) or "none", f"none: {verdict(not report['faults'])}"


def counts(errors):
    return ", ".join(f"{count:,} × {name}" for name, count in errors.items()) or "nothing"


def everything(figures):
    return "\n\n".join(part for part in [ratios(figures), absolute(figures), listeners(figures)] if part)
