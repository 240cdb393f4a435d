"""How numbers are written for people: rounded, never beyond what a reader can use. Tables and JSON keep every digit."""


def number(value: float) -> str:
    """Four significant digits; thousands grouped from 1,000 up."""
    if abs(value) >= 1000:
        return f"{value:,.1f}"
    return f"{value:#.4g}".rstrip(".")


def whole(value: int) -> str:
    """An integer with its thousands grouped."""
    return f"{value:,}"


def p_value(p: float) -> str:
    """Three significant digits, or "<0.001"."""
    return "<0.001" if p < 0.001 else f"{p:#.3g}"


def percent(numerator: int, denominator: int) -> str:
    """One decimal, with a non-breaking space before the sign; a dash for nothing of nothing."""
    return f"{100 * numerator / denominator:.1f}\u00a0%" if denominator else "–"


def patients(n: object) -> str:
    """1 patient, 602 patients, <10 patients."""
    return f"{whole(n) if isinstance(n, int) else n} patient{'' if n == 1 else 's'}"


def sentence(words: list[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
