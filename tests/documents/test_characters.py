"""Every letter is shown, or refused by name: never a box."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fubble_gql.documents.characters import uncovered
from fubble_gql.documents.invoice import Credit, Group, Recipient, Seller, Step
from fubble_gql.documents.render import render
from fubble_gql.errors import Code, Refused
from tests.documents.builders import SELLER, TIERS, invoice, letters_of, line, text_of, usage
from tests.pricing.builders import d

ALPHABETS = {
    "English": "The quick brown fox jumps over the lazy dog 0123456789",
    "German": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich",
    "Polish": "Zażółć gęślą jaźń",
    "Turkish": "Fahiş bluz güvenceli İstanbul ılık",
    "Vietnamese": "Tiếng Việt: Nguyễn Đặng Thị Phượng, Quận Hoàn Kiếm",
    "Greek": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία, ἀρχῇ",
    "Russian": "Съешь ещё этих мягких французских булок, да выпей чаю",
    "Ukrainian": "Щастям б’єш жук їх глицю в фон й ґедзь пріч",
    "currencies": "€ £ ¥ ₹ ₽ ₺ ₴ ₦ ₩ ₫ ₿ ₪ ₱ ₲ ₵ ₡ ₮ ₸ ₼ ₾ ฿ ¢ ¤",
    "symbols": "→ ← ↑ ↓ × ÷ − ± ≤ ≥ ≈ ≠ ∞ √ µ ° § ¶ † ™ ® © № ½ ² ₂ • … – — „ “ ” ’ « » ✓ ★ ■ ●",
}


@pytest.mark.parametrize("text", ALPHABETS.values(), ids=ALPHABETS.keys())
def test_the_fonts_have_the_letters_of(text: str) -> None:
    assert uncovered(text) == []
    assert "".join(text.split()) in letters_of(invoice(line(text)))


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("日", "U+65E5 (CJK UNIFIED IDEOGRAPH-65E5)"),
        ("한", "U+D55C (HANGUL SYLLABLE HAN)"),
        ("ש", "U+05E9 (HEBREW LETTER SHIN)"),
        ("ع", "U+0639 (ARABIC LETTER AIN)"),
        ("ก", "U+0E01 (THAI CHARACTER KO KAI)"),
        ("🎉", "U+1F389 (PARTY POPPER)"),
        ("\ufe0f", "U+FE0F (VARIATION SELECTOR-16)"),
        ("\u202e", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        ("\x07", "U+0007 (a control character)"),
        ("\ue000", "U+E000 (without a name)"),
    ],
)
def test_a_character_that_no_font_has_is_refused_by_name(character: str, name: str) -> None:
    with pytest.raises(Refused) as refused:
        render(invoice(bill_to=Recipient(name=f"A{character}B")))
    (problem,) = refused.value.problems
    assert problem.code is Code.INVALID
    assert problem.path == ("billTo", "name")
    assert problem.message.startswith(f"billTo.name has {name}, which the fonts of documents")
    assert character not in problem.message


def test_every_field_is_looked_at_and_every_problem_told() -> None:
    bad = "日"
    steps = (TIERS[0], Step(bad, d("1"), d("1"), d("1")))
    document = invoice(
        line(bad),
        usage(steps=steps),
        usage(group=Group(bad)),
        seller=Seller(bad, bad, bad, bad),
        bill_to=Recipient(bad, bad, bad, bad),
        credit=(Credit(bad, d("1.00")),),
        notes=bad,
    )
    with pytest.raises(Refused) as refused:
        render(document)
    assert {problem.path for problem in refused.value.problems} == {
        ("seller", "name"),
        ("seller", "address"),
        ("seller", "taxId"),
        ("seller", "paymentTerms"),
        ("billTo", "name"),
        ("billTo", "companyName"),
        ("billTo", "email"),
        ("billTo", "billingAddress"),
        ("lines", 0, "description"),
        ("lines", 1, "steps", 1, "label"),
        ("lines", 2, "group", "title"),
        ("credits", 0, "description"),
        ("notes",),
    }


def test_many_characters_are_told_in_short() -> None:
    with pytest.raises(Refused, match=r"notes has U\+4E00 .* and 5 more, which"):
        render(invoice(notes="".join(map(chr, range(0x4E00, 0x4E0A)))))


def test_line_ends_of_every_kind_and_tabs_are_shown_as_such() -> None:
    assert uncovered("a\nb\r\nc\rd\u2028e\x85f\tg") == []
    assert "one two three" in text_of(invoice(notes="one\r\ntwo\u2028three\n\n"))
    assert "Purchase order" in text_of(invoice(notes="Purchase\torder"))


COVERED = [chr(code) for code in range(0x20, 0x3000) if not uncovered(chr(code))]
MARKS = [character for character in COVERED if unicodedata.category(character).startswith("M")]


@given(st.text(st.sampled_from(COVERED) | st.sampled_from(MARKS), min_size=1, max_size=40))
def test_whatever_passes_the_check_is_set_without_a_missing_letter(text: str) -> None:
    """PDF/A forbids the box of a missing letter, so that such a page would fail."""
    document = invoice(line(text), seller=Seller(text, text, text, text), notes=text)
    assert render(document).startswith(b"%PDF-")


def test_names_of_people_are_written_as_they_write_them() -> None:
    document = invoice(bill_to=Recipient("Łukasz Żółć", "Österreichische Bahn"), seller=SELLER)
    assert "Österreichische Bahn Łukasz Żółć" in text_of(document)
