"""Tool `notify.send`: tell people, by a webhook or by mail."""

import asyncio
import smtplib
from functools import partial
from typing import Annotated, Any, Literal

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field

from governance.submission import Text
from reliability.breakers.outcomes import NOT_COUNTED, failure
from reliability.door.terms import CallFailed, Money, Passage
from reliability.failures import PermanentFailure, TransientFailure
from workers import outbound, tools
from workers.outbound import hosts
from workers.outbound.requests import HttpRequest, Url
from workers.tools.registry import Target
