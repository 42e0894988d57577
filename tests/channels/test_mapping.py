"""The mappings of the house make what their files mean; a mistake in a mapping is told with its key."""

import csv
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yundian.channels.service.importing import ORDERS
from yundian.channels.types import DocumentKind, DocumentState, IdentityType, OrderDocument
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake.errors import BadMapping
from yundian.platform.intake.expressions import Extractor, FieldProblem
from yundian.platform.intake.formulas import BadFormula, Scope, compile_formula

MAPPINGS = Path(__file__).parents[2] / "src/yundian/channels/mappings"
KIND = "channels.orders"

UCI = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
TMALL = "订单编号,总金额,买家实际支付金额,收货地址,订单创建时间,订单付款时间,退款金额"


def document(name: str, header: str, *lines: str) -> OrderDocument:
    mapping = mappings.load(MAPPINGS / f"{name}.toml")
    mappings.check_fields(mapping, OrderDocument, kind=KIND, file=name)
    rows = [dict(zip(header.split(","), row, strict=True)) for row in csv.reader(lines)]
    made: OrderDocument = Extractor(mapping).document(rows, OrderDocument)
    return made


def uci(*lines: str) -> OrderDocument:
    return document("uci_online_retail", UCI, *lines)


def tmall(line: str) -> OrderDocument:
    return document("tmall_orders_2020_02", TMALL, line)


def test_an_invoice_is_a_sale_of_its_lines() -> None:
    made = uci(
        "536365,85123A,HEART,3,2010-12-01 08:26:00,0.375,17850.0,United Kingdom",
        "536365,71053,LANTERN,6,2010-12-01 08:25:00,3.39,17850.0,United Kingdom",
    )

    assert (made.external_id, made.kind, made.state) == ("536365", DocumentKind.SALE, DocumentState.COMPLETED)
    assert made.placed_at == made.paid_at == dt.datetime(2010, 12, 1, 8, 25, tzinfo=dt.UTC)
    # 1.125 is rounded up, once; nothing is lost in floats.
    assert [(line.sku, line.quantity, line.unit_minor, line.total_minor) for line in made.lines] == [
        ("85123A", 3, 38, 113),
        ("71053", 6, 339, 2034),
    ]
    assert (made.total_minor, made.paid_minor, made.currency, made.country) == (2147, 2147, "GBP", "GB")
    (identity,) = made.buyer.identities
    assert (identity.type, identity.scope, identity.value, identity.verified) == (
        IdentityType.MEMBER_NO,
        "uci",
        "17850",
        True,
    )


def test_a_credit_note_is_a_refund_of_positive_amounts() -> None:
    made = uci("C536379,D,Discount,-1,2011-07-01 09:41:00,27.505,14527.0,EIRE")

    assert (made.kind, made.total_minor, made.refund_of, made.country) == (DocumentKind.REFUND, 2751, "", "IE")
    assert (made.lines[0].quantity, made.lines[0].total_minor) == (1, 2751)
    # British summer time.
    assert made.placed_at == dt.datetime(2011, 7, 1, 8, 41, tzinfo=dt.UTC)


def test_bad_debt_and_stock_movements_are_no_sales() -> None:
    debt = uci("A563186,B,Adjust bad debt,1,2011-08-12 14:51:00,-11062.06,,Unspecified")
    stock = uci("536589,21777,,-10,2010-12-01 16:50:00,0.0,,Channel Islands")

    assert (debt.kind, debt.total_minor, debt.country) == (DocumentKind.ADJUSTMENT, -1_106_206, "")
    assert (stock.kind, stock.total_minor, stock.country) == (DocumentKind.IGNORED, 0, "XC")
    assert debt.buyer.identities == stock.buyer.identities == ()


def test_a_marketplace_order_was_paid_whole_and_refunded_in_part() -> None:
    made = tmall("6,327.7,148.9,北京,2020-02-20 23:56:39,2020/2/27 0:03,178.8")

    assert (made.total_minor, made.paid_minor, made.state) == (32770, 32770, DocumentState.COMPLETED)
    paid_at = dt.datetime(2020, 2, 26, 16, 3, tzinfo=dt.UTC)
    assert made.paid_at == paid_at
    (refund,) = made.refunds
    assert (refund.at, refund.amount_minor, refund.is_estimated) == (paid_at, 17880, True)
    assert (made.country, made.province, made.lines) == ("CN", "北京市", ())


def test_a_marketplace_order_that_was_never_paid_is_closed() -> None:
    made = tmall("1,178.8,0.0,内蒙古自治区,2020-02-21 00:00:00,,0.0")

    assert (made.state, made.paid_at, made.paid_minor, made.refunds) == (DocumentState.CLOSED, None, 0, ())
    assert made.province == "内蒙古自治区"


def test_canonical_documents_come_through_as_they_are() -> None:
    said = {
        "external_id": "T-1",
        "placed_at": "2026-01-02T03:04:05+08:00",
        "currency": "CNY",
        "total_minor": 1990,
        "version": 3,
        "buyer": {"identities": [{"type": "phone", "value": "13800138000", "verified": True}]},
        "lines": [{"sku": "A", "quantity": 1, "unit_minor": 1990, "total_minor": 1990}],
        "refunds": [{"refund_id": "R", "at": "2026-01-03T00:00:00Z", "amount_minor": 90, "lines": []}],
    }
    mapping = mappings.load(MAPPINGS / "canonical_jsonl.toml")
    mappings.check_fields(mapping, OrderDocument, kind=KIND, file="canonical")

    made = Extractor(mapping).record(json.loads(json.dumps(said)), OrderDocument)

    assert made == msgspec.convert(said, OrderDocument)


@pytest.mark.parametrize(
    ("line", "column", "says"),
    [
        ("X,A,,1.5,2010-12-01 08:26:00,1,,Japan", "Quantity", "more than 0 places"),
        ("X,A,,1,2010-13-01 08:26:00,1,,Japan", "InvoiceDate", "is none of"),
        ("X,A,,1,2010-12-01 08:26:00,1e40,,Japan", "UnitPrice", "out of range"),
        ("X,A,,1,2010-12-01 08:26:00,1,guest,Japan", "CustomerID", "does not match"),
        ("X,A,,1,2010-12-01 08:26:00,1,,Atlantis", "Country", "lookups.countries"),
        (f"X,{'A' * 65},,1,2010-12-01 08:26:00,1,,Japan", "StockCode", "length <= 64"),
        ("X,A,,999999999,2010-12-01 08:26:00,99999999,,Japan", "UnitPrice, Quantity, InvoiceNo", "total_minor"),
    ],
)
def test_a_wrong_cell_is_told_with_its_column_and_its_record(line: str, column: str, says: str) -> None:
    with pytest.raises(FieldProblem) as refused:
        uci(*(["X,B,,1,2010-12-01 08:26:00,1,,Japan"] if column != "Country" else []), line)

    assert (refused.value.problem.column, refused.value.row in (1, None)) == (column, True)
    assert says in refused.value.problem.reason


HEAD = 'kind = "channels.orders"\nname = "m"\n[values]\nn = { column = "a" }\n[fields]\n'


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        (HEAD + 'external_id = "m"', "fields.external_id.value", "there is no value 'm'"),
        (HEAD + 'external_id = "n +"', "fields.external_id.value", "cannot be read"),
        (HEAD + 'external_id = "n.__class__"', "fields.external_id.value", "not a formula"),
        (HEAD + "external_id = \"__import__('os')\"", "fields.external_id.value", "not a function"),
        (HEAD + 'external_id = "n ** 9"', "fields.external_id.value", "unknown operator"),
        (HEAD + 'external_id = "[x for x in n]"', "fields.external_id.value", "not a formula"),
        (HEAD + 'external_id = "sum(max(n))"', "fields.external_id.value", "inside another"),
        (HEAD + "external_id = \"matches(n, '(')\"", "fields.external_id.value", "regular expression"),
        (HEAD + 'kind = { cases = [{ when = "x", is = "sale" }] }', "fields.kind.cases[0].when", "no value 'x'"),
        (HEAD + 'lines = { type = "rows" }', "fields.lines.fields", "go with type"),
        (HEAD + 'lines = { type = "rows", column = "a", fields = { sku = "n" } }', "fields.lines", "no source"),
        (HEAD.replace("n =", "all-n ="), "values.all-n", "a-z"),
        (
            'kind = "k"\nname = "m"\n[document]\nby = []\n[fields]\nx = { column = "a" }',
            "document.by",
            "no column",
        ),
    ],
)
def test_a_wrong_mapping_is_told_with_its_key(text: str, key: str, says: str) -> None:
    with pytest.raises(BadMapping) as refused:
        mappings.parse(text, file="m.toml")

    assert refused.value.facts["key"] == key
    assert says in str(refused.value.facts["reason"])


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ('lines = { type = "rows", fields = { skuu = "n" } }', "fields.lines.fields.skuu"),
        ('lines = { type = "rows", fields = { sku = "n" } }', "fields.lines.fields.quantity"),
        (
            'refunds = { type = "items", items = [{ fields = { at = "n" } }] }',
            "fields.refunds.items[0].fields.refund_id",
        ),
    ],
)
def test_objects_inside_a_document_are_checked_too(fields: str, key: str) -> None:
    mapping = mappings.parse(HEAD + fields, file="m.toml")

    with pytest.raises(BadMapping) as refused:
        mappings.check_fields(mapping, OrderDocument, kind=KIND, file="m.toml")

    assert refused.value.facts["key"] == key


@pytest.mark.parametrize(
    ("formula", "makes"),
    [
        ("q * p - 1", Decimal("3.0")),
        ("-q if q > 1 else 0", -2),
        ("p / q", Decimal("1")),
        ("q == 2 and not (t == 'x')", True),
        ("t in ['a', 'b'] or b is None", True),
        ("abs(-q)", 2),
        ("sum(q)", 5),
        ("count()", 2),
        ("count(q > 2)", 1),
        ("max(b)", 7),
        ("min(q)", 2),
        ("all(q > 1) and not any(q > 3)", True),
        ("matches(t, '^A') and not matches(b, '.')", True),
    ],
)
def test_what_formulas_say(formula: str, makes: Any) -> None:
    known = dict.fromkeys("qptb", False)
    first, second = Scope({}), Scope({})
    first.names = {"q": 2, "p": Decimal("2.0"), "t": "A1", "b": None}
    second.names = {"q": 3, "p": Decimal("1"), "t": "B", "b": 7}
    first.rows = second.rows = [first, second]

    assert compile_formula(formula, known).make(first) == makes


@pytest.mark.parametrize("formula", ["q * t", "t * 1000000000", "q + b", "q / 0", "sum(b)", "b < 1"])
def test_what_cannot_be_computed_is_a_problem_of_the_record(formula: str) -> None:
    text = 'kind = "k"\nname = "m"\n[values]\nq = { column = "q", type = "integer" }\nt = { column = "t" }\n'
    text += f'b = {{ column = "b", type = "integer" }}\n[fields]\nx = "{formula}"'

    with pytest.raises(FieldProblem) as refused:
        Extractor(mappings.parse(text, file="m")).fields({"q": "1", "t": "x", "b": ""})

    assert refused.value.problem.code == "intake.cannot_compute"


def test_a_formula_has_an_end() -> None:
    for formula in ("1 + " * 200 + "1", "(" * 300 + "1" + ")" * 300):
        with pytest.raises(BadFormula):
            compile_formula(formula, {})


CELLS = {
    "StockCode": st.sampled_from(["A", " A ", "", "B" * 70]),
    "Description": st.sampled_from(["x", "", "name"]),
    "Quantity": st.sampled_from(["1", "-3", "2", " 4 ", "", "x", "1.5"]),
    "InvoiceDate": st.sampled_from(["2010-12-01 08:26:00", "2011-07-01 00:00:00", "soon"]),
    "UnitPrice": st.sampled_from(["0.375", "2.55", "0", "", "-1", "NaN"]),
    "CustomerID": st.sampled_from(["17850.0", "", "guest"]),
}


@given(
    rows=st.lists(st.fixed_dictionaries(CELLS), min_size=2, max_size=5), number=st.sampled_from(["1", "C1", "A1"])
)
def test_a_column_at_a_time_makes_the_same_as_a_record_at_a_time(rows: list[dict[str, str]], number: str) -> None:
    mapping = mappings.load(MAPPINGS / "uci_online_retail.toml")
    records = [{**row, "InvoiceNo": number, "Country": "Japan"} for row in rows]
    made = []
    for is_plain in (True, False):
        extractor = Extractor(mapping)
        assert extractor._columns is not None
        extractor._columns = extractor._columns if is_plain else None
        try:
            made.append(extractor.document(records, OrderDocument))
        except FieldProblem as error:
            made.append((error.problem, error.row))

    assert made[0] == made[1]


@pytest.mark.parametrize("name", sorted(ORDERS.shipped_mappings()))
def test_a_mapping_that_was_bitten_anywhere_is_refused_or_still_reads(name: str) -> None:
    """What a person has typed so far is checked while she types: nothing but a refusal may come of it."""
    text = ORDERS.shipped_mappings()[name]
    refused = 0
    for cut in range(0, len(text), 41):
        for bitten in (text[:cut], text[:cut] + text[cut + 1 :], f"{text[:cut]}\x00[[{text[cut:]}"):
            try:
                extractor = Extractor(mappings.parse(bitten, file="mapping"))
                extractor.document([{}, {}], OrderDocument)
            except (BadMapping, FieldProblem):
                refused += 1
    assert refused > 50
