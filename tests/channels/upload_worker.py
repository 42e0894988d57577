"""A process that tests kill: it takes one uploaded file in, and dies at the step it is told.

``python -m tests.channels.upload_worker BRAND UPLOAD``; settings come by the environment, the step by
``YUNDIAN_TEST_DIE_AT``.
"""

import sys
import uuid

import uvloop

from yundian.channels.service.importing import ORDERS
from yundian.platform.core.settings import Settings
from yundian.platform.files.service.working import work_off

if __name__ == "__main__":
    uvloop.run(work_off(Settings(), ORDERS, uuid.UUID(sys.argv[1]), uuid.UUID(sys.argv[2])))
