"""What the production profile needs to start."""

import secrets

SAFE = {
    "JUGGERNAUT_PROFILE": "production",
    "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
    "JUGGERNAUT_ALLOWED_HOSTS": "juggernaut.example.org",
    "JUGGERNAUT_TLS_REDIRECT": "1",
}
