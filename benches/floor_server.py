"""The production application with the bare view of `benches.floor` beside it."""

from __future__ import annotations

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

django.setup()
settings.ROOT_URLCONF = "benches.floor"
settings.ALLOWED_HOSTS = ["*"]
application = get_wsgi_application()
