"""Logs as one JSON object a line, each request with its id."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from typing import Any

LOGGER = logging.getLogger("cofeat.cloud")
REQUEST_ID = "X-Request-Id"
# What comes from outside goes into logs and headers.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FIELDS = "fields"


def request_id(given: str | None) -> str:
    """Return the client's id of a request where it is usable, else a new one."""
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    return uuid.uuid4().hex


def log(message: str, level: int = logging.INFO, **fields: Any) -> None:
    """Write a line with fields of its own."""
    LOGGER.log(level, message, extra={_FIELDS: fields})


def log_failure(identity: str) -> None:
    """Write the exception that is being handled, for ourselves."""
    LOGGER.exception("failure", extra={_FIELDS: {"request_id": identity}})


class JsonFormatter(logging.Formatter):
    """Writes a record as JSON."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line = {
            "time": f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configuration(level: str) -> dict[str, Any]:
    """Return, for ``logging.config``, that all goes to standard error as JSON."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
    }
