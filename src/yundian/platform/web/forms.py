"""Forms of pages: what was typed, what is wrong with it, and one attempt to do it."""

import contextlib
import uuid
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from litestar import Request
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core.errors import DomainError, InvalidInput
from yundian.platform.db.conflicts import savepoint
from yundian.platform.web.faults import Fault, FieldError, explain
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.kinds import REQUIRED, Kind, for_a_form
from yundian.platform.web.problems import sentence, translated

T = TypeVar("T")

_OWN_FIELDS = ("_csrf_token", "_idempotency_key")


class Form:
    """The strings of a form. Blank fields count as not sent; what was typed is shown again with the errors."""

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = dict(values)
        self.errors: dict[str, str] = {}
        self.message = ""
        self.status = 200
        self.code = ""

    @classmethod
    async def read(cls, request: Request[Any, Any, Any]) -> "Form":
        """The form in the request's body."""
        sent = await request.form()
        values: dict[str, list[str]] = {}
        for name, value in sent.multi_items():
            if name not in _OWN_FIELDS and isinstance(value, str):
                values.setdefault(name, []).append(value)
        return cls(values)

    @classmethod
    def of(cls, source: object = None, /, *names: str, **values: object) -> "Form":
        """A form to fill in, starting with the named attributes of ``source`` and with ``values``."""
        start = {name: getattr(source, name) for name in names} if source is not None else {}
        start.update(values)
        return cls({name: _texts(value) for name, value in start.items() if value is not None})

    def value(self, name: str, default: str = "") -> str:
        found = self._values.get(name)
        return found[-1] if found else default

    def list(self, name: str) -> list[str]:
        """Every value of a repeated field, blanks included, in the order of the page."""
        return self._values.get(name, [])

    def version(self) -> int:
        """The version that was read when the form was opened. Raises ``InvalidInput``."""
        text = self.value("version")
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise InvalidInput("version", "must be the version that was read")
        return int(text)

    def id(self, name: str) -> uuid.UUID | None:
        """The thing that the page named, if it named one. Raises ``InvalidInput`` for what no page wrote."""
        text = self.value(name)
        try:
            return uuid.UUID(text) if text else None
        except ValueError as error:
            raise InvalidInput(name, "must be an id") from error

    def error(self, name: str) -> str:
        return self.errors.get(name, "")

    def with_values(self, source: object = None, /, *names: str, **values: object) -> "Form":
        """This form's refusal above a form that starts with other values (see ``of``)."""
        form = Form.of(source, *names, **values)
        form.message, form.status = self.message, self.status
        return form

    @property
    def failed(self) -> bool:
        return self.status >= 400

    def parse(self, kind: type[T]) -> T:
        """The form as a struct: text becomes numbers, dates and enums. Raises what ``attempt`` shows."""
        known = {field.encode_name: field for field in msgspec.structs.fields(kind)}  # type: ignore[arg-type]
        raw: dict[str, Any] = {}
        for name, values in self._values.items():
            if name not in known:
                continue
            filled = [value.strip() for value in values]
            if _is_list(known[name].type):
                raw[name] = filled
            elif filled[-1]:
                raw[name] = True if known[name].type is bool else filled[-1]
        return self._convert(raw, kind)

    def _convert(self, raw: dict[str, Any], kind: type[T]) -> T:
        """Convert, and when that fails ask field by field, so that all errors are shown at once."""
        try:
            return msgspec.convert(raw, kind, strict=False)
        except msgspec.ValidationError as error:
            first = explain(error).errors
        found: dict[str, FieldError] = {}
        for field in msgspec.structs.fields(kind):  # type: ignore[arg-type]
            name = field.encode_name
            if name in raw:
                try:
                    msgspec.convert(raw[name], field.type, strict=False)
                except msgspec.ValidationError as error:
                    inner = explain(error).errors[0]
                    found[name] = replace(inner, field=f"{name}.{inner.field}".rstrip("."))
            elif field.required:
                found[name] = FieldError.of(name, Kind(REQUIRED, "Required"))
        raise Rejected(tuple(found.values()) or first)

    @contextlib.asynccontextmanager
    async def attempt(self, session: AsyncSession | None = None) -> AsyncGenerator[None, None]:
        """Try it: a refusal undoes what was written inside and lands in the form, to be shown."""
        try:
            async with savepoint(session) if session is not None else contextlib.nullcontext():
                yield
        except Exception as error:
            fault = explain(error)
            if fault.status >= 500 or fault.status in (401, 403, 404):
                raise
            self.refuse(fault)

    def refuse(self, fault: Fault | DomainError) -> None:
        """Show this refusal."""
        fault = fault if isinstance(fault, Fault) else explain(fault)
        self.status = fault.status
        self.code = fault.code
        for error in fault.errors:
            self.errors.setdefault(error.field.split(".")[0], _human(error))
        general = self.errors.pop("", "")
        self.message = general or (
            _("Please check the marked fields.") if self.errors else translated(fault.error.title)
        )


class Rejected(DomainError):
    """Fields of a form that cannot be read."""

    code = "core.invalid_input"
    status = 400
    title = "Invalid input"

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__(errors=[e.as_fact() for e in errors])


def _human(error: FieldError) -> str:
    """What is wrong with a value, for somebody who fills in a form."""
    kind = for_a_form(Kind(error.code, error.message))
    return sentence(kind.text, error.facts)


def _is_list(kind: object) -> bool:
    return getattr(kind, "__origin__", None) in (list, tuple) or kind is list


def _texts(value: object) -> list[str]:
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    if isinstance(value, bool):
        return ["on"] if value else []
    return [str(getattr(value, "value", value))]
