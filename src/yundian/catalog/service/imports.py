"""A foreign catalogue comes in: batches of records become products and SKUs, set-based."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from yundian.catalog import rules
from yundian.catalog.events import ProductPutOnSale, SkuPriceChanged
from yundian.catalog.repository import bulk
from yundian.catalog.states import ProductStatus
from yundian.catalog.types import ProductRecord
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput
from yundian.platform.db.database import Tx
from yundian.platform.intake.types import Applied, ImportKind, Origin, Problem
from yundian.platform.outbox import outbox
from yundian.platform.outbox.declare import Event

KIND = "catalog.products"
DEFAULT_CURRENCY = "CNY"

# A price has a meaning only with its currency, whichever of the two the mapping fills.
_SKU_FIELDS = {
    "shade_name": {"shade_name", "shades"},
    "shade_name_en": {"shade_name_en"},
    "shade_hex": {"shade_hex", "shades"},
    "option_text": {"option_text"},
    "option_text_en": {"option_text_en"},
    "barcode": {"barcode"},
    "price_minor": {"price_minor"},
    "currency": {"price_minor"},
    "position": {"position", "shades"},
}


@dataclass
class _Entry:
    """One record on its way in; ``problem`` takes it out."""

    record: ProductRecord
    skus: list[dict[str, Any]] = field(default_factory=list)
    problem: Problem | None = None


async def apply(tx: Tx, origin: Origin, records: Sequence[ProductRecord]) -> Applied:
    """Write a batch. New products and SKUs are added, known ones changed where the file says something else.

    Nothing is withdrawn because a file leaves it out. Records ``ProductPutOnSale`` for new products that are, and
    ``SkuPriceChanged``.
    """
    entries = [_entry(record) for record in records]
    _refuse_contradictions(entries)
    known = await bulk.lock_skus(tx, codes=[sku["code"] for entry in entries for sku in entry.skus])
    await _refuse_taken(tx, entries, known)
    usable = [entry for entry in entries if entry.problem is None]
    touched = await _write(tx, origin, usable, known) if usable else set()
    applied = sum(entry.record.code in touched for entry in usable)
    return Applied(
        applied=applied,
        unchanged=len(usable) - applied,
        refused={index: entry.problem for index, entry in enumerate(entries) if entry.problem is not None},
    )


async def _write(tx: Tx, origin: Origin, entries: list[_Entry], known: dict[str, bulk.Record]) -> set[str]:
    """The codes of the products of which something changed."""
    now = clock.now()
    by_code = {entry.record.code: entry.record for entry in entries}
    products = await bulk.upsert_products(
        tx, rows=[_product_row(record) for record in by_code.values()], changeable=origin.fields, now=now
    )
    ids = await bulk.product_ids(tx, codes=by_code)
    rows = [{**sku, "product_id": ids[entry.record.code]} for entry in entries for sku in entry.skus]
    changeable = {name for name, sources in _SKU_FIELDS.items() if sources & origin.fields}
    skus = await bulk.upsert_skus(tx, rows=rows, changeable=changeable, now=now)

    touched = {row["id"] for row in products} | {row["product_id"] for row in skus}
    if "tags" in origin.fields:
        tags = {ids[code]: _tags(record) for code, record in by_code.items()}
        touched |= await bulk.replace_tags(tx, wanted=tags, now=now)
    if touched:
        texts = await bulk.texts_of(tx, ids=touched)
        terms = {product_id: rules.search_terms(found) for product_id, found in texts.items()}
        await bulk.replace_terms(tx, wanted=terms, now=now)
    await outbox.record(tx, *_events(products, skus, rows, known))
    return {code for code, product_id in ids.items() if product_id in touched}


def _events(
    products: list[bulk.Record], skus: list[bulk.Record], rows: list[dict[str, Any]], known: dict[str, bulk.Record]
) -> list[Event]:
    events: list[Event] = [
        ProductPutOnSale(product_id=row["id"])
        for row in products
        if row["is_new"] and row["status"] == ProductStatus.ON_SALE
    ]
    said = {row["code"]: row for row in rows}
    now = clock.now()
    for written in skus:
        old, new = known.get(written["code"]), said[written["code"]]
        if old and (old["price_minor"], old["currency"]) != (new["price_minor"], new["currency"]):
            events.append(
                SkuPriceChanged(
                    sku_id=written["id"],
                    product_id=written["product_id"],
                    old_price_minor=old["price_minor"],
                    old_currency=old["currency"],
                    price_minor=new["price_minor"],
                    currency=new["currency"],
                    changed_at=now,
                )
            )
    return events


def _entry(record: ProductRecord) -> _Entry:
    entry = _Entry(record)
    if record.price_minor is None or not 0 < record.price_minor <= rules.MAX_PRICE_MINOR:
        entry.problem = Problem("catalog.no_usable_price", "the price is missing, zero or too large", "price")
        return entry
    try:
        common = {
            "price_minor": record.price_minor,
            "currency": rules.currency(record.currency or DEFAULT_CURRENCY),
            "option_text": rules.tidy(record.option_text),
            "option_text_en": rules.tidy(record.option_text_en),
        }
        entry.skus = list(_shades(record, common) if record.shades else _single(record, common))
    except InvalidInput as error:
        wrong: Any = error.facts["errors"]
        entry.problem = Problem(f"catalog.bad_{wrong[0]['field']}", wrong[0]["message"], wrong[0]["field"])
    return entry


def _single(record: ProductRecord, common: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {
        **common,
        "code": record.sku_code or record.code,
        "shade_name": rules.tidy(record.shade_name),
        "shade_name_en": rules.tidy(record.shade_name_en),
        "shade_hex": rules.shade_hex(record.shade_hex or ""),
        "barcode": rules.barcode(record.barcode or ""),
        "position": record.position,
    }


def _shades(record: ProductRecord, common: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One SKU for each shade; a shade listed twice is one shade."""
    seen: set[str] = set()
    for shade in record.shades or ():
        name, colour = rules.tidy(shade.name), rules.tidy(shade.hex)
        code = rules.shade_sku_code(record.code, name=name, colour=colour)
        if code not in seen:
            seen.add(code)
            yield {
                **common,
                "code": code,
                "shade_name": name,
                "shade_name_en": "",
                # Foreign lists hold colour words and palettes: the name stays, the swatch is what can be read.
                "shade_hex": rules.first_colour(colour),
                "barcode": None,
                "position": len(seen) - 1,
            }


def _product_row(record: ProductRecord) -> dict[str, Any]:
    return {
        "code": record.code,
        "name": rules.tidy(record.name),
        "name_en": rules.tidy(record.name_en),
        "product_line": rules.tidy(record.product_line),
        "category": rules.tidy(record.category),
        "product_type": rules.tidy(record.product_type),
        "description": (record.description or "").strip(),
        "description_en": (record.description_en or "").strip(),
        "status": (record.status or ProductStatus.DRAFT).value,
    }


def _tags(record: ProductRecord) -> tuple[str, ...]:
    texts = rules.split_tags(record.tags) if isinstance(record.tags, str) else record.tags or []
    return rules.tags(texts)


def _refuse_contradictions(entries: list[_Entry]) -> None:
    """Lines of one product must say the same about it; a SKU or a barcode stands in one record of a batch."""
    said: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {}
    codes: set[str] = set()
    barcodes: set[str] = set()
    for entry in entries:
        if entry.problem is not None:
            continue
        about = (_product_row(entry.record), _tags(entry.record))
        if said.setdefault(entry.record.code, about) != about:
            entry.problem = Problem(
                "catalog.product_contradicts", "an earlier line says something else about this product"
            )
        elif codes & {sku["code"] for sku in entry.skus}:
            entry.problem = Problem("catalog.sku_code_taken", "an earlier record has this SKU code")
        elif barcodes & {sku["barcode"] for sku in entry.skus}:
            entry.problem = Problem("catalog.barcode_taken", "an earlier record has this barcode", "barcode")
        else:
            codes.update(sku["code"] for sku in entry.skus)
            barcodes.update(sku["barcode"] for sku in entry.skus if sku["barcode"])


async def _refuse_taken(tx: Tx, entries: list[_Entry], known: dict[str, bulk.Record]) -> None:
    """A SKU stays with its product, and a barcode with its SKU."""
    owners = await bulk.barcode_owners(
        tx, barcodes=[sku["barcode"] for entry in entries for sku in entry.skus if sku["barcode"]]
    )
    for entry in entries:
        for sku in entry.skus:
            old = known.get(sku["code"])
            if old is not None and old["product_code"] != entry.record.code:
                entry.problem = Problem.quoting(
                    "catalog.sku_code_taken",
                    "the SKU belongs to the product %(product)s",
                    product=old["product_code"],
                )
            elif sku["barcode"] and owners.get(sku["barcode"], sku["code"]) != sku["code"]:
                entry.problem = Problem("catalog.barcode_taken", "another SKU has this barcode", "barcode")


def _key(record: ProductRecord) -> str:
    return record.sku_code or record.code


PRODUCTS = ImportKind(name=KIND, record=ProductRecord, key=_key, apply=apply)
