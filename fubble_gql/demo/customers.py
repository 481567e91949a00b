"""The demo's fifty customers: invented companies in thirty cities and three currencies."""

from __future__ import annotations

from typing import NamedTuple

from fubble_gql.customers.store import NewCustomer


class Company(NamedTuple):
    """A customer, and how much it uses: its usage is multiplied by `size`."""

    name: str
    legal_form: str
    city: str
    timezone: str
    currency: str
    size: int

    @property
    def key(self) -> str:
        """As in aurora-analytics."""
        return self.name.lower().replace(" ", "-")


COMPANIES = (
    Company("Aurora Analytics", "Inc.", "New York, US", "America/New_York", "USD", 6),
    Company("Birkenau Software", "GmbH", "Berlin, DE", "Europe/Berlin", "EUR", 4),
    Company("Sakuragi Works", "K.K.", "Tokyo, JP", "Asia/Tokyo", "JPY", 5),
    Company("Cobalt Freight", "Inc.", "Chicago, US", "America/Chicago", "USD", 3),
    Company("Maison Verveine", "SAS", "Paris, FR", "Europe/Paris", "EUR", 3),
    Company("Driftwood Games", "LLC", "Seattle, US", "America/Los_Angeles", "USD", 5),
    Company("Lumetra", "S.r.l.", "Milan, IT", "Europe/Rome", "EUR", 2),
    Company("Hoshizora Net", "K.K.", "Osaka, JP", "Asia/Tokyo", "JPY", 3),
    Company("Elmfield Health", "Inc.", "Boston, US", "America/New_York", "USD", 4),
    Company("Polderlicht", "B.V.", "Amsterdam, NL", "Europe/Amsterdam", "EUR", 5),
    Company("Farpoint Logistics", "LLC", "Denver, US", "America/Denver", "USD", 2),
    Company("Nordhavn Energi", "Oy", "Helsinki, FI", "Europe/Helsinki", "EUR", 3),
    Company("Granite Ledger", "Inc.", "Austin, US", "America/Chicago", "USD", 3),
    Company("Costa Clara Viajes", "S.L.", "Valencia, ES", "Europe/Madrid", "EUR", 2),
    Company("Momiji Robotics", "K.K.", "Nagoya, JP", "Asia/Tokyo", "JPY", 4),
    Company("Hearthstone Foods", "Inc.", "Portland, US", "America/Los_Angeles", "USD", 2),
    Company("Isarblick Medien", "GmbH", "Munich, DE", "Europe/Berlin", "EUR", 4),
    Company("Juniper Lane", "LLC", "Atlanta, US", "America/New_York", "USD", 1),
    Company("Kestrel Aviation", "Ltd.", "Toronto, CA", "America/Toronto", "USD", 3),
    Company("Atelier Brume", "SARL", "Lyon, FR", "Europe/Paris", "EUR", 1),
    Company("Lantern Street", "Inc.", "San Francisco, US", "America/Los_Angeles", "USD", 5),
    Company("Azul Marinho", "Ltda.", "Sao Paulo, BR", "America/Sao_Paulo", "USD", 2),
    Company("Kitakaze Cloud", "K.K.", "Sapporo, JP", "Asia/Tokyo", "JPY", 6),
    Company("Donauwelle", "GmbH", "Vienna, AT", "Europe/Vienna", "EUR", 3),
    Company("Meridian Grid", "Pte. Ltd.", "Singapore, SG", "Asia/Singapore", "USD", 4),
    Company("Baixa Digital", "Lda.", "Lisbon, PT", "Europe/Lisbon", "EUR", 2),
    Company("Nimbus Orchard", "Inc.", "Minneapolis, US", "America/Chicago", "USD", 3),
    Company("Oakhurst Insurance", "Inc.", "Hartford, US", "America/New_York", "USD", 4),
    Company("Galway Signal", "Ltd.", "Galway, IE", "Europe/Dublin", "EUR", 3),
    Company("Tsubame Mobility", "K.K.", "Fukuoka, JP", "Asia/Tokyo", "JPY", 2),
    Company("Palisade Security", "Inc.", "Washington, US", "America/New_York", "USD", 3),
    Company("Zandvoort Data", "B.V.", "Rotterdam, NL", "Europe/Amsterdam", "EUR", 4),
    Company("Quillwork Press", "LLC", "Phoenix, US", "America/Phoenix", "USD", 1),
    Company("Redfern Studios", "Pty Ltd", "Sydney, AU", "Australia/Sydney", "USD", 3),
    Company("Elbstern Handel", "GmbH", "Hamburg, DE", "Europe/Berlin", "EUR", 2),
    Company("Saltmarsh Bio", "Inc.", "San Diego, US", "America/Los_Angeles", "USD", 4),
    Company("Yuzuki Foods", "K.K.", "Kyoto, JP", "Asia/Tokyo", "JPY", 3),
    Company("Thornbury Law", "LLP", "London, GB", "Europe/London", "USD", 2),
    Company("Brussels Relay", "SRL", "Brussels, BE", "Europe/Brussels", "EUR", 3),
    Company("Umbra Pictures", "Inc.", "Los Angeles, US", "America/Los_Angeles", "USD", 5),
    Company("Kopernik Systemy", "Sp. z o.o.", "Warsaw, PL", "Europe/Warsaw", "EUR", 4),
    Company("Vantage Parcel", "Pvt. Ltd.", "Bengaluru, IN", "Asia/Kolkata", "USD", 4),
    Company("Wharfside Cafe", "LLC", "Auckland, NZ", "Pacific/Auckland", "USD", 1),
    Company("Tallinn Verify", "OU", "Tallinn, EE", "Europe/Tallinn", "EUR", 2),
    Company("Aozora Finance", "K.K.", "Yokohama, JP", "Asia/Tokyo", "JPY", 4),
    Company("Yellowpine Labs", "Inc.", "Salt Lake City, US", "America/Denver", "USD", 2),
    Company("Acropole Maps", "S.A.", "Athens, GR", "Europe/Athens", "EUR", 3),
    Company("Zephyr Cycling", "AB", "Stockholm, SE", "Europe/Stockholm", "USD", 2),
    Company("Bluefin Telemetry", "Inc.", "Honolulu, US", "Pacific/Honolulu", "USD", 3),
    Company("Cinder and Ash", "LLC", "Nashville, US", "America/Chicago", "USD", 1),
)


def new_customer(company: Company) -> NewCustomer:
    """The customer that a company becomes."""
    domain = company.name.lower().replace(" ", "")
    return NewCustomer(
        key=company.key,
        name=company.name,
        email=f"billing@{domain}.example",
        company_name=f"{company.name} {company.legal_form}",
        billing_address=company.city,
        currency=company.currency,
        timezone=company.timezone,
        metadata={"country": company.city[-2:], "size": company.size},
    )
