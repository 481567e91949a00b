"""The pages of an invoice, read back from its PDF."""

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PageObject, PdfReader

from fubble_gql.documents.invoice import Credit, Group, LineKind, Recipient, Seller, Step
from fubble_gql.documents.render import render
from fubble_gql.pricing.period import Period
from tests.documents.builders import (
    MAY,
    TIERS,
    at,
    invoice,
    letters_of,
    line,
    pages,
    text_of,
    usage,
)
from tests.pricing.builders import d

APRIL = Period(at("2026-04-01T00:00+02:00"), at("2026-05-01T00:00+02:00"))

FULL = invoice(
    usage("Pro plan", "29.90", kind=LineKind.FEE, quantity=d("1"), unit_price=d("29.9"), steps=()),
    usage(),
    usage("Seats", "-12.00", kind=LineKind.ADJUSTMENT, period=APRIL, steps=()),
    line("Onboarding workshop", "500.00"),
    credit=(Credit("Launch offer", d("25.00")), Credit("Prepaid", d("100.00"))),
    notes="Purchase order 4711.\nThank you.",
)


@pytest.mark.parametrize(
    "expected",
    [
        "Fubble Cloud Ltd. 12 Example Street London EC1A 1AA Tax ID: GB 123 4567 89",
        "Invoice FUB-000042",
        "Bill to Acme GmbH Erika Mustermann Friedrichstraße 100 10117 Berlin billing@acme.example",
        "Invoice number FUB-000042",
        "Issued 1 June 2026",
        "Due 1 July 2026",
        "Period 1 May 2026 – 31 May 2026",
        "Timezone Europe/Berlin",
        "# Description Quantity Unit price Amount",
        "Pro, 1 May 2026 – 31 May 2026",
        "1 Pro plan 1 29.9 EUR 29.90",
        "2 Tokens 1,250.5 EUR 27.51",
        "Tier 1: up to 1,000 1,000 0.02 20",
        "Tier 2: above 1,000, flat fee 5 250.5 0.01 7.505",
        "3 Seats Adjustment, 1 April 2026 – 30 April 2026 1,250.5 −12 EUR −12.00",
        "Other 4 Onboarding workshop 1 500 EUR 500.00",
        "Subtotal EUR 545.41",
        "Launch offer EUR −25.00",
        "Prepaid EUR −100.00",
        "Credits applied EUR −125.00",
        "Total EUR 420.41",
        "Notes Purchase order 4711. Thank you.",
        "Payment terms Payable within 30 days of issue.",
        "Page 1 of 1",
    ],
)
def test_the_document_says(expected: str) -> None:
    assert expected in text_of(FULL)


def test_what_was_left_out_leaves_no_empty_label() -> None:
    document = invoice(
        line(unit_price=None),
        seller=Seller("Fubble"),
        bill_to=Recipient("Acme"),
        due_at=None,
        period=None,
    )
    assert text_of(document) == (
        "Fubble Invoice FUB-000042 Bill to Acme Invoice number FUB-000042 Issued 1 June 2026"
        " Timezone Europe/Berlin Total EUR 10.00 # Description Quantity Unit price Amount"
        " 1 Support 1 EUR 10.00 Total EUR 10.00 Invoice FUB-000042 Page 1 of 1"
    )


def test_an_invoice_without_lines_is_one_of_nothing() -> None:
    assert "Total EUR 0.00" in text_of(replace(invoice(), lines=(), subtotal=d("0"), total=d("0")))


def test_a_total_below_zero_says_where_the_rest_went() -> None:
    text = text_of(invoice(line("Refund", "-50.00")))
    assert "Subtotal EUR −50.00 Carried over as credit EUR 50.00 Total EUR 0.00" in text


@pytest.mark.parametrize(
    ("steps", "is_shown"),
    [
        ((), False),
        ((Step("Usage", d("1"), d("10"), d("10")),), False),
        ((Step("Usage", d("1"), d("10"), d("10.001")),), False),
        ((Step("eu-west", d("1"), d("10"), d("10")),), True),
        ((Step("Usage", d("2"), d("5"), d("10")),), True),
        ((Step("Usage", d("1"), d("10"), d("10"), up_to=d("7")),), True),
        ((Step("Usage", d("1"), d("10"), d("10"), flat_fee=d("3")),), True),
        ((Step("Usage", d("0"), d("10"), d("0")), Step("Usage", d("1"), d("10"), d("10"))), True),
    ],
)
def test_steps_are_shown_where_they_tell_more_than_the_line(
    steps: tuple[Step, ...], is_shown: bool
) -> None:
    text = text_of(invoice(line("Calls", steps=steps)))
    labels = [step.label for step in steps]
    assert any(label in text for label in labels) is is_shown
    assert ("1 Calls 1 10 EUR 10.00" in text) is not is_shown


def test_a_share_of_a_period_is_shown_to_twelve_decimals() -> None:
    step = Step("Fee x 10 of 31 days", d("1"), d("30"), d("30") * 10 / 31)
    text = text_of(invoice(line("Pro", "9.68", steps=(step,))))
    assert "Fee x 10 of 31 days 1 30 9.677419354838…" in text


def test_a_line_names_its_period_where_nothing_above_does() -> None:
    assert text_of(invoice(line(period=MAY))).count("31 May 2026") == 1
    assert "30 April 2026" in text_of(invoice(line(period=APRIL)))
    assert text_of(invoice(usage(period=APRIL, group=Group("Pro")))).count("30 April 2026") == 1


def test_amounts_have_the_decimals_of_the_currency() -> None:
    assert "Total JPY 1,235" in text_of(invoice(line(amount="1235"), currency="JPY"))
    assert "Total KWD 0.125" in text_of(invoice(line(amount="0.125"), currency="KWD"))


def test_dates_are_those_of_the_timezone() -> None:
    document = invoice(issued_at=at("2026-05-31T23:30:00+00:00"), timezone="America/New_York")
    assert "Issued 31 May 2026" in text_of(document)
    assert "Issued 1 June 2026" in text_of(replace(document, timezone="Europe/Berlin"))


HOSTILE = [
    "#set text(red)",
    "*bold* _slanted_ `code` $x^2$",
    '#panic("no") #read("/etc/passwd")',
    "\\ \\\\ \" ' ] [ } { ) ( #{1+1} \\u{41}",
    "<label> @reference = Heading - item + item / term: 1. one",
    "// comment /* comment */ https://example.com ~ -- --- ... =>",
    '"), eval("1") + ("',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_a_text_is_shown_and_not_obeyed(text: str) -> None:
    document = invoice(
        line(text, steps=(Step(text, d("1"), d("1"), d("1")),), group=Group(text)),
        seller=Seller(text, text, text, text),
        bill_to=Recipient(text, text, text + "@", text),
        credit=(Credit(text, d("1.00")),),
        notes=text,
    )
    assert letters_of(document).count("".join(text.split())) == 12


def test_two_hundred_lines_and_more_go_over_pages_that_say_what_they_are() -> None:
    plans = [Group(f"Plan {number}", MAY) for number in range(5)]
    lines = [
        usage(f"Component {number} end", steps=TIERS if number % 3 else (), group=plans[number % 5])
        for number in sorted(range(250), key=lambda number: number % 5)
    ]
    read = pages(invoice(*lines))
    assert len(read) > 5
    for number, page in enumerate(read, start=1):
        assert page.endswith(f"Invoice FUB-000042 Page {number} of {len(read)}")
    for page in read[1:-1]:
        assert page.startswith("# Description Quantity Unit price Amount Plan ")
    text = " ".join(read)
    assert all(f"Component {number} end 1,250.5" in text for number in range(250))
    assert text.count("Tier 1: up to 1,000") == text.count("Tier 2: above 1,000") == 166
    assert text.count("EUR 6,877.50") == 2


def test_a_line_is_on_one_page_with_its_steps() -> None:
    lines = [
        usage(f"Component {n} " + "word " * (n % 40), steps=(*TIERS, *TIERS)) for n in range(120)
    ]
    for page in pages(invoice(*lines)):
        assert page.count("Tier 1") == page.count("Tier 2") == 2 * page.count("Component")
        assert page.count("EUR 27.51") == page.count("Component")


def test_what_is_too_wide_or_too_long_stays_on_the_page() -> None:
    wide, digits = "W" * 255, "99999999999999999999"
    low = d(f"-{digits}.123456789012345678")
    steps = (Step(wide[:80], low, low, low, up_to=d(digits)),)
    document = invoice(
        line("W" * 500, steps=steps * 7),
        line("lorem ipsum " * 400, f"-{digits}.00", quantity=d(f"{digits}.123456789012345678")),
        line("short\n" * 10 + "W" * 400, steps=steps * 6),
        line("line\n" * 200, steps=(Step("f" * 2_000, low, low, low),), group=Group(wide)),
        line("and back", f"{digits}.00"),
        seller=Seller(wide, wide, wide, "W" * 1_000),
        bill_to=Recipient(wide, wide, wide, "b\n" * 200),
        credit=tuple(Credit(wide, d("0.01")) for _ in range(9)),
        number="W" * 32,
        notes="W" * 1_000,
        timezone="America/Argentina/ComodRivadavia",
    )
    letters = "".join(_read_inside(page) for page in PdfReader(BytesIO(render(document))).pages)
    assert "−99,999,999,999,999,999,999.123456789012345678" in letters
    assert "EUR−99,999,999,999,999,999,999.00" in letters


def _read_inside(page: PageObject) -> str:
    """Its letters; all text begins between the margins, or in the line at the foot of the page."""
    places: list[tuple[float, float]] = []

    def note(text: str, cm: list[float], tm: list[float], *_: object) -> None:
        if text.strip():
            places.append(
                (tm[4] * cm[0] + tm[5] * cm[2] + cm[4], tm[4] * cm[1] + tm[5] * cm[3] + cm[5])
            )

    letters = "".join(page.extract_text(visitor_text=note).split())
    foot = min(y for _, y in places)
    assert all(
        50 <= x < 545.3 and (58 <= y < 792 or (30 < y < 40 and abs(y - foot) < 0.1))
        for x, y in places
    )
    return letters


def test_the_file_is_dated_when_the_invoice_was_issued_and_needs_no_other_font() -> None:
    reader = PdfReader(BytesIO(render(invoice())))
    assert reader.metadata is not None
    assert reader.metadata.title == "Invoice FUB-000042"
    assert reader.metadata.author == "Fubble Cloud Ltd."
    assert reader.metadata.creation_date == datetime.fromisoformat("2026-06-01T06:15:00Z")
    fonts = {
        font["/BaseFont"].partition("+")[2]
        for page in reader.pages
        for font in map(lambda each: each.get_object(), page["/Resources"]["/Font"].values())  # type: ignore[index]  # noqa: C417
    }
    assert fonts == {"NotoSans-Regular", "NotoSans-Bold"}


ELSEWHERE = """
import pickle, sys
from fubble_gql.documents.render import render
sys.stdout.buffer.write(render(pickle.load(sys.stdin.buffer)))
"""


def test_equal_documents_are_equal_to_the_byte_in_every_process(tmp_path: Path) -> None:
    here = render(FULL)
    places = [
        {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
        {"TZ": "America/New_York", "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "1"},
    ]
    for place in places:
        there = subprocess.run(
            [sys.executable, "-c", ELSEWHERE],
            input=pickle.dumps(FULL),
            capture_output=True,
            check=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(Path.cwd())} | place,
        ).stdout
        assert there == here


def test_many_threads_make_the_same_documents() -> None:
    documents = [replace(FULL, number=f"FUB-{number}") for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(render, documents)) == [render(each) for each in documents]


def test_another_number_is_another_file() -> None:
    assert render(invoice()) != render(invoice(number="FUB-000043"))


WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None
from fubble_gql.documents.render import render
from fubble_gql.errors import Refused
from tests.documents.builders import invoice
try:
    render(invoice())
except Refused as refused:
    (problem,) = refused.problems
    print(problem.code, problem.message)
"""


@pytest.mark.parametrize("package", ["typst", "fontTools"])
def test_without_the_extra_it_says_what_to_install(package: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT, package], capture_output=True, check=True, text=True
    ).stdout
    assert said == (
        "INVALID_STATE PDFs need two more packages: install them with pip install"
        ' "fubble-gql[pdf]".\n'
    )


def test_neighbours_of_one_group_share_its_title() -> None:
    lines = [usage("Apples"), usage("Pears"), usage("Figs", group=Group("Free")), usage("Nuts")]
    text = text_of(invoice(*lines))
    assert text.count("Pro, 1 May") == 2
    assert text.index("Pro,") < text.index("2 Pears") < text.index("Free 3 Figs")
