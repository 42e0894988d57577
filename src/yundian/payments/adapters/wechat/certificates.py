"""The client certificate that WeChat Pay asks for before it pays anything back."""

import os
import ssl
import tempfile

from yundian.payments.errors import BadCredentials
from yundian.payments.types import WeChatPayAccount


def client_context(account: WeChatPayAccount) -> ssl.SSLContext | None:
    """Nothing without a certificate. Raises ``BadCredentials``."""
    if not account.certificate:
        return None
    context = ssl.create_default_context()
    # OpenSSL reads a certificate from a file only: a private one, for a moment.
    descriptor, path = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{account.certificate.strip()}\n{account.certificate_key.strip()}\n")
        context.load_cert_chain(path)
    except (ssl.SSLError, ValueError) as error:
        raise BadCredentials(field="certificate") from error
    finally:
        os.unlink(path)
    return context
