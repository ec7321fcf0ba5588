"""The model card's Markdown as a part of a page."""

import re

from sqf_pipeline.display import markdown_to_html

_FEWEST_PARTS = 3
_ALIGNMENTS = {"left": "text-start", "center": "text-center", "right": "number"}


def render_card(markdown: str) -> str:
    """Return a model card as HTML; HTML inside its Markdown is shown as text, never obeyed.

    Alignment becomes a class, because the policy refuses styles in attributes; a wide table scrolls by itself and
    can be reached by keyboard; links lead to other pages only by http, https or within the page.
    """
    frame = '<div class="table-responsive" tabindex="0" role="region" aria-label="Table {}">'
    table = '<table class="table table-sm">'
    html = markdown_to_html(markdown, opening=frame + table, closing="</table></div>", strikethrough=True)
    html = re.sub(r' style="text-align:(left|center|right)"', lambda found: f' class="{_ALIGNMENTS[found[1]]}"', html)
    return _with_contents(html)


def _with_contents(html: str) -> str:
    """Give every second-level heading a name, and put a list of them before the first."""
    titles: list[str] = []

    def name_heading(found: re.Match[str]) -> str:
        titles.append(found[1])
        return f'<h2 id="part-{len(titles)}">{found[1]}</h2>'

    named = re.sub(r"<h2>(.*?)</h2>", name_heading, html)
    if len(titles) < _FEWEST_PARTS:
        return named
    links = "".join(f'<li><a href="#part-{place}">{title}</a></li>' for place, title in enumerate(titles, start=1))
    contents = f'<nav aria-label="Parts of the card"><ol class="contents">{links}</ol></nav>'
    start = named.index("<h2 ")
    return named[:start] + contents + named[start:]
