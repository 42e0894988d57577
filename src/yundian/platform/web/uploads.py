"""Files of a form stand in temporary files until the request is over."""

from litestar.datastructures import UploadFile
from litestar.types import Scope
from litestar.utils.scope.state import ScopeState


def close_uploads(scope: Scope) -> None:
    """Give up what a form brought, whether anybody read it or not: Litestar leaves that to whoever asked for it,
    and nobody has when the form was refused."""
    form = ScopeState.from_scope(scope).form
    for value in form.values() if isinstance(form, dict) else ():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, UploadFile):
                one.file.close()
