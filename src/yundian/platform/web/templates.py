"""The Jinja environment: the shell's own templates, the rooms', and what every template may call."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jinja2
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template.config import TemplateConfig

from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Principal
from yundian.platform.web import csrf, file_words, formats, i18n
from yundian.platform.web.assets import static
from yundian.platform.web.context import current
from yundian.platform.web.declare import NavigationItem, Panel, Place, Section
from yundian.platform.web.reasons import reason_of

OWN = Path(__file__).parent / "templates"
# A brand's home for its customers: /m/{brand}.
_HOME_DEPTH = 2


def template_config(
    folders: Iterable[Path], navigation: Sequence[NavigationItem], panels: Sequence[Panel]
) -> TemplateConfig[JinjaTemplateEngine]:
    """The engine for the app; rooms' navigation entries and panels are offered to every template."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([OWN, *folders]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    environment.filters.update(formats.FILTERS)
    environment.filters["reason"] = reason_of
    environment.tests["here"] = is_here
    # Filled with the request's language at each call, so one environment serves both.
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        lambda message: i18n.translations(current().locale).gettext(message),
        lambda one, many, number: i18n.translations(current().locale).ngettext(one, many, number),
        newstyle=True,
    )
    environment.globals.update(
        principal=principal,
        has_role=has_role,
        idempotency_key=lambda: str(new_id()),
        static=static,
        path=path,
        url_with=url_with,
        locale=lambda: current().locale,
        html_language=i18n.html_language,
        toast=toast,
        file_words=file_words,
        request_id=lambda: current().request_id,
        navigation_items=lambda place: _visible(navigation, place),
        navigation_sections=lambda place: _sections(_visible(navigation, place)),
        panel_items=lambda place: _visible(panels, place),
        request_query=lambda: current().scope.get("query_string", b"").decode("latin-1"),
    )
    engine = JinjaTemplateEngine.from_environment(environment)
    # The engine brings a csrf_token of its own, which wants the request in the context of every macro.
    environment.globals["csrf_token"] = csrf_token
    return TemplateConfig(instance=engine)


def principal() -> Principal:
    return current().principal


def has_role(*roles: str) -> bool:
    """Whether the caller holds one of the roles. For what is shown; the guards decide what is allowed."""
    return any(role in roles for role in current().principal.roles)


def csrf_token() -> str:
    """The token of this browser; the first page that asks also sets its cookie."""
    context = current()
    if not context.csrf_token:
        services = context.scope["app"].state.services
        cookie = context.cookies.get(csrf.cookie_name(services))
        context.csrf_token, context.is_csrf_new = csrf.token_for(services, cookie)
    return context.csrf_token


def toast() -> str:
    """The message that the previous answer left for this page; shown once."""
    context = current()
    raw = context.cookies.get("toast", "")
    if raw:
        context.is_toast_shown = True
    return dict(parse_qsl(raw)).get("text", "")


def path() -> str:
    return str(current().scope.get("path", "/"))


def is_here(url: str, *also: str) -> bool:
    """Whether this page is the one of a navigation entry, or stands below it or one of those others."""
    at = path()
    return any(is_below(at, one) for one in (url, *also))


def is_below(at: str, url: str) -> bool:
    """Whether a page is at that address or below it; below a home page stands nothing."""
    is_home = url in ("/hq", "/shop") or (url.startswith("/m/") and url.count("/") == _HOME_DEPTH)
    return at == url or (at.startswith(f"{url}/") and not is_home)


def url_with(**changes: object) -> str:
    """This page's address with some query parameters changed; ``None`` removes one."""
    query = dict(parse_qsl(current().scope.get("query_string", b"").decode("latin-1")))
    query.update({name: str(value) for name, value in changes.items() if value is not None})
    for name in [name for name, value in changes.items() if value is None]:
        query.pop(name, None)
    return path() + (f"?{urlencode(query)}" if query else "")


def _visible(items: Sequence[Any], place: str) -> list[Any]:
    roles = current().principal.roles
    shown = [item for item in items if item.place == Place(place) and (not item.roles or item.roles & roles)]
    return sorted(shown, key=lambda item: item.order)


def _sections(items: Sequence[NavigationItem]) -> list[tuple[Section, list[NavigationItem]]]:
    """The entries under their headings; a heading without entries is left out."""
    grouped = {section: [item for item in items if item.section is section] for section in Section}
    return [(section, found) for section, found in grouped.items() if found]
