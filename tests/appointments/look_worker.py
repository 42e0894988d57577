"""A process that tests kill: it works an uploaded file of appointments off, and dies at the step it is told.

``python -m tests.appointments.look_worker BRAND UPLOAD``; settings come by the environment, the step by
``YUNDIAN_TEST_DIE_AT``.
"""

import sys
import uuid

import uvloop

from appointments.service.imports import FILES
from yundian.platform.core.settings import Settings
from yundian.platform.files.service import working

if __name__ == "__main__":
    uvloop.run(working.work_off(Settings(), FILES, uuid.UUID(sys.argv[1]), uuid.UUID(sys.argv[2])))
