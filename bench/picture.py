# SPDX-License-Identifier: ISC
"""Draws the figures that bench/table.py wrote: picture.py TABLE.json OUT.svg

One small chart for each row, a bar for each end, all of one colour but ours;
the thin line is from the least to the greatest run.
"""

import json
import sys
from xml.sax.saxutils import escape

ROWS = ["down, 1 flow, Gbit/s", "up, 1 flow, Gbit/s",
        "down, 1 flow, CPU-s/GB", "up, 1 flow, CPU-s/GB",
        "down, 8 flows, Gbit/s", "up, 8 flows, Gbit/s",
        "pgbench -S, 1 client, tps", "pgbench -S -C, tps",
        "connects one by one, per s", "connects, 32 at a time, per s",
        "idle: resident, MB", "resident after traffic, MB",
        "a held connection, KB"]
COLUMNS, WIDTH, BAR, LABEL = 2, 420, 18, 80
OURS, OTHERS, INK = "#1f6f8b", "#b8c4c8", "#222"


def digits(figure):
    return "%.0f" % figure if figure >= 100 else "%.3g" % figure


def text(x, y, words, size=12, weight="normal"):
    return ('<text x="%g" y="%g" font-size="%d" font-weight="%s" '
            'fill="%s">%s</text>' % (x, y, size, weight, INK,
                                     escape(words)))


def bar(x, y, name, figures, scale):
    length = figures["median"] * scale
    middle = y + BAR / 2 - 2
    parts = [text(x, y + 12, name),
             '<rect x="%g" y="%g" width="%.1f" height="%d" fill="%s"/>' % (
                 x + LABEL, y, max(length, 1), BAR - 4,
                 OURS if name == "wgproxyd" else OTHERS)]
    if figures["max"] > figures["min"]:
        parts.append('<line x1="%.1f" y1="%g" x2="%.1f" y2="%g" '
                     'stroke="%s"/>' % (
                         x + LABEL + figures["min"] * scale, middle,
                         x + LABEL + figures["max"] * scale, middle, INK))
    parts.append(text(x + LABEL + max(length, figures["max"] * scale) + 5,
                      y + 12, digits(figures["median"])))
    return parts


def chart(x, y, title, ends):
    """The parts of one chart, and its height."""
    shown = {name: f for name, f in ends.items() if f["median"] > 0}
    most = max([f["max"] for f in shown.values()] or [1])
    scale = (WIDTH - LABEL - 90) / most
    parts = [text(x, y + 14, title, 13, "bold")]
    y += 22
    for name, figures in shown.items():
        parts += bar(x, y, name, figures, scale)
        y += BAR
    return parts, 30 + BAR * len(shown)


def picture(table):
    parts, x, y, height = [], 0, 0, 0
    titles = [title for title in ROWS if title in table]
    for number, title in enumerate(titles):
        column = number % COLUMNS
        if column == 0:
            y, height = y + height, 0
        x = 10 + column * (WIDTH + 20)
        made, tall = chart(x, y, title, table[title])
        parts += made
        height = max(height, tall)
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
            'font-family="sans-serif">\n<rect width="100%%" height="100%%" '
            'fill="white"/>\n%s\n</svg>\n' % (
                COLUMNS * (WIDTH + 20), y + height + 10, "\n".join(parts)))


def main(argv):
    with open(argv[1]) as file:
        tables = json.load(file)
    with open(argv[2], "w") as file:
        file.write(picture(tables["far end wireguard-go"]))


if __name__ == "__main__":
    main(sys.argv)
