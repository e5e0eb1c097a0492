"""What is declared of each measure, against an approved list."""

from pathlib import Path

from approved import check

from diag.measure.registry import all_metrics

APPROVED = Path(__file__).with_name("approved_declarations.txt")


def declared(item):
    """Return all that a measure declares: what it says of itself, then how it is compared and where it is shown."""
    words = [
        f"{item.name} of a {item.kind.value} in {item.unit}, {item.better} is better, version {item.version}",
        f"  tolerance {item.tolerance:g}, parts by {item.pool}, needs {' '.join((*item.needs, *item.optional))}",
        f"  {item.group.value} {item.order:g}: {item.label}",
    ]
    words += [f"  on {' '.join(item.taps)}"] if item.taps else []
    words += [f"  headline {item.headline}"] if item.headline is not None else []
    words += [f"  {' '.join(name for name in ('tile', 'compared') if getattr(item, name))}"]
    return "\n".join(line for line in words if line.strip())


def test_what_is_declared_of_each_measure_is_as_approved():
    items = sorted(all_metrics(), key=lambda item: (item.name, item.kind.value))
    check(APPROVED, "measures", "\n".join(map(declared, items)), exact=True)
