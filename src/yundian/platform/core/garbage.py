"""The garbage collector of a process that runs for long."""

import gc


def settle() -> None:
    """What is loaded by now stays for the life of the process: it is not looked at again.

    Without this a full collection walks a quarter of a million objects of code and stops the event loop for
    hundreds of milliseconds; with it, for some twenty. Call it once, when everything is loaded.
    """
    gc.collect()
    gc.freeze()
