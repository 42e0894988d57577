"""The flat XML of WeChat Pay v2, signed with HMAC-SHA256 both ways. wechatpy itself never verifies a reply."""

import hmac
import secrets
from collections.abc import Mapping
from xml.parsers import expat

from wechatpy.pay.utils import calculate_signature_hmac, dict_to_xml

SIGN_TYPE = "HMAC-SHA256"
_SIGNATURE_LENGTH = 64  # an MD5 signature has 32


class NotFlat(ValueError):
    """Not XML, or not one root with texts in it."""


class NotSigned(ValueError):
    """Not signed with this key and algorithm."""


def dump(fields: Mapping[str, str], api_key: str) -> bytes:
    """A signed message; empty values are left out, as the signature leaves them out.

    Values are texts: wechatpy signs 0 as nothing and sends it as an empty element.
    """
    said = {name: value for name, value in fields.items() if value} | {
        "nonce_str": secrets.token_hex(16),
        "sign_type": SIGN_TYPE,
    }
    signature = signature_of(said, api_key)
    # A text may hold the end of the CDATA section it is wrapped in.
    wrapped = {name: value.replace("]]>", "]]]]><![CDATA[>") for name, value in said.items()}
    return str(dict_to_xml(wrapped, signature)).encode()


def signature_of(fields: Mapping[str, str], api_key: str) -> str:
    """HMAC-SHA256 over the fields that are not empty, except ``sign``."""
    return str(calculate_signature_hmac({n: v for n, v in fields.items() if n != "sign"}, api_key))


def load(body: bytes) -> dict[str, str]:
    """Name to text, untrimmed: edges of values are signed too. Raises ``NotFlat``."""
    reader = _Flat()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise NotFlat("not XML") from error
    if not reader.fields:
        raise NotFlat("an empty root")
    return reader.fields


class _Flat:
    """``<xml>`` with named texts and nothing else: most of what a message costs is this, so it is no tree."""

    __slots__ = ("_name", "_texts", "_was_root", "fields")

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._was_root = False
        self._name = ""
        self._texts: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._was_root:
            if name != "xml":
                raise NotFlat("another root")
            self._was_root = True
            return
        if self._name or attributes or name in self.fields:
            raise NotFlat("nested, with attributes, or a name twice")
        self._name, self._texts = name, []

    def end(self, _name: str) -> None:
        if self._name:
            self.fields[self._name] = "".join(self._texts)
            self._name = ""

    def text(self, data: str) -> None:
        self._texts.append(data)

    def doctype(self, *_: object) -> None:
        """Entities are made there."""
        raise NotFlat("a document type")


def check_signature(fields: Mapping[str, str], api_key: str) -> None:
    """The agreed algorithm only, whatever the message claims. Raises ``NotSigned``."""
    claimed = fields.get("sign", "")
    if len(claimed) != _SIGNATURE_LENGTH or not claimed.isascii():
        raise NotSigned("no signature of this algorithm")
    if not hmac.compare_digest(claimed, signature_of(fields, api_key)):
        raise NotSigned("another signature")
