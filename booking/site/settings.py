"""Settings of the one Django project, the same file in the demo, in tests and in production.

What differs between installations comes from the environment; see `booking/site/environment.py`.
"""

import os
import sys
from email.utils import parseaddr
from pathlib import Path

from django.utils.csp import CSP

from booking.site import environment

BASE_DIR = Path(__file__).resolve().parent.parent.parent

env = os.environ

try:
    SECRET_KEY = environment.secret_key(env)
    # What the addresses of meetings are sealed with: the first seals, all of them open.
    MEETING_KEYS = environment.meeting_keys(env)
    ALLOWED_HOSTS = environment.hosts(env)
    _DATABASE = environment.database(env)
    REDIS_URL = environment.redis_url(env)
    _MAIL_SERVER = environment.mail_server(env)
    # Where calendars' answers and reports of mail servers arrive; nothing is read when not set.
    REPLIES_MAILBOX = environment.reply_mailbox(env)
    SITE_URL = environment.site_url(env)
    # How many reverse proxies stand in front: decides which address a rate limit counts against.
    TRUSTED_PROXY_COUNT = environment.number_from(env, "TRUSTED_PROXY_COUNT", 0)
    HSTS_SECONDS = environment.number_from(env, "HSTS_SECONDS", 31_536_000)
    # Two-step sign-in for everyone who can see other people's bookings.
    TWO_STEP_REQUIRED = environment.flag_from(env, "TWO_STEP_REQUIRED", True)
    # Multiplies every rate limit; load tests raise it, nothing else should.
    RATE_LIMIT_FACTOR = environment.number_from(env, "RATE_LIMIT_FACTOR", 1) or 1
    KEPT_PAGES_MEGABYTES = environment.number_from(env, "KEPT_PAGES_MEGABYTES", 200)
    # When the oldest mail that has not left is older, monitoring and coordinators are told.
    MAIL_ALERT_MINUTES = environment.number_from(env, "MAIL_ALERT_MINUTES", 15)
    MAIL_FROM = env.get("MAIL_FROM", "Briefed <training@briefed.example>")
    # Calendar replies and questions go to a mailbox that somebody reads.
    MAIL_REPLY_TO = env.get("MAIL_REPLY_TO", MAIL_FROM)
    SECURITY_CONTACT = environment.security_contact(env, otherwise=parseaddr(MAIL_REPLY_TO)[1])
except environment.EnvironmentRefused as refusal:
    sys.exit(str(refusal))

# ---------------------------------------------------------------- mail and the demo
DEFAULT_FROM_EMAIL = MAIL_FROM
# A folder of .eml files shown at /mailbox/; only the demo sets it.
MAILBOX_DIR = env.get("MAILBOX_DIR", "")

DEBUG = False
SECURE = SITE_URL.startswith("https://")

# ---------------------------------------------------------------- apps
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_filters",
    "django_htmx",
    "accounts",
    "booking",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "booking.site.caching.StaticFilesWhenAsked",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.access.keep_no_personal_page",
    "accounts.watching.note_refusals",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "booking.site.readable.only_readable",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "accounts.sessions.LiveSessions",
]

ROOT_URLCONF = "booking.urls"
WSGI_APPLICATION = "booking.site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "booking.partnership.kept.in_templates",
                "booking.programme.pages.session_being_booked",
                "booking.places.pages.managers.questions_to_others",
                "booking.desk.navigation.in_templates",
            ],
            "builtins": ["booking.templatetags.briefed", "booking.site.two_parts"],
        },
    },
]
FORM_RENDERER = "booking.site.form_kit.Renderer"

# ---------------------------------------------------------------- database and cache
DATABASES = {
    "default": {
        **_DATABASE,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        # Only for what `booking/site/prepared.py` asks.
        "OPTIONS": {**_DATABASE.get("OPTIONS", {}), "prepare_threshold": 0},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    # What signing in counts and remembers. django-allauth knows this one only.
    "default": {"BACKEND": "accounts.remembered.DatabaseMemory", "KEY_PREFIX": "briefed"},
    # How often pages are sent forms. It may be away: booking must not notice.
    "limits": {
        "BACKEND": "booking.site.caching.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "briefed",
        "OPTIONS": {"socket_connect_timeout": 0.25, "socket_timeout": 0.5},
    },
    # What pages show to everybody: see `booking/site/two_parts.py`.
    "pages": {
        "BACKEND": "booking.site.two_parts.PartsInMemory",
        "LOCATION": "pages",
        "OPTIONS": {"MAX_ENTRIES": 50_000, "MOST_CHARACTERS": KEPT_PAGES_MEGABYTES * 100_000},
    },
}
SESSION_ENGINE = "accounts.session_store"

# ---------------------------------------------------------------- mail
MAILERS = {
    # Whatever Django or a library sends goes into the outbox, in the caller's transaction.
    "default": {"BACKEND": "booking.outbox.posting.OutboxMailer"},
    # Only the worker's delivery talks to the mail server.
    "smtp": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": _MAIL_SERVER.host,
            "port": _MAIL_SERVER.port,
            "username": _MAIL_SERVER.username,
            "password": _MAIL_SERVER.password,
            "use_tls": _MAIL_SERVER.use_tls,
            "use_ssl": _MAIL_SERVER.use_ssl,
            "timeout": 20,
        },
    },
}

# ---------------------------------------------------------------- accounts
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.NotMadeOfOurWords"},
    {"NAME": "accounts.passwords.NotLeaked"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "my_bookings"
LOGOUT_REDIRECT_URL = "start"

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 600
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_SESSION_REMEMBER = True
# How long ago somebody may have shown who they are before they are asked again.
PROOF_SECONDS = 15 * 60
ACCOUNT_FORMS = {
    "request_login_code": "accounts.forms.WorkEmailForm",
    "confirm_login_code": "accounts.forms.SignInCodeForm",
    "confirm_email_verification_code": "accounts.forms.NewAddressCodeForm",
    "login": "accounts.forms.PasswordSignInForm",
    "add_email": "accounts.forms.NewAddressForm",
    "reset_password": "accounts.forms.ForgottenPasswordForm",
}
# How many codes are compared with the one that is awaited, however they are sent.
CODE_ATTEMPTS = 5
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = CODE_ATTEMPTS
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS = CODE_ATTEMPTS
# Counted in PostgreSQL.
ACCOUNT_RATE_LIMITS = {
    # Codes and passwords for an address, and mails to set another password, each counted by
    # `accounts/attempts.py`: in a browser where the person has signed in before,
    "known_device": f"{5 * RATE_LIMIT_FACTOR}/5m/key",
    # from a network, where many people may work,
    "from_network": (
        f"{30 * RATE_LIMIT_FACTOR}/m/ip,{5 * RATE_LIMIT_FACTOR}/5m/key"
        f",{15 * RATE_LIMIT_FACTOR}/h/key"
    ),
    # and from all networks together, which one alone does not come near.
    "from_strangers": f"{60 * RATE_LIMIT_FACTOR}/h/key",
    # django-allauth's own, which count an address wherever it is typed, make way for these.
    "request_login_code": None,
    "reset_password": None,
    "login": None,
    # The second step.
    "login_failed": f"{5 * RATE_LIMIT_FACTOR}/5m/key",
    "reauthenticate": f"{10 * RATE_LIMIT_FACTOR}/m/user",
    "reauthentication_code": f"{5 * RATE_LIMIT_FACTOR}/5m/user",
}
MFA_RATE_LIMITS = {"webauthn_login": f"{30 * RATE_LIMIT_FACTOR}/m/ip"}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
MFA_ADAPTER = "accounts.second_step.SecondStepAdapter"
MFA_FORMS = {
    "authenticate": "accounts.second_step.SecondStepForm",
    "reauthenticate": "accounts.second_step.SecondStepProofForm",
    "activate_totp": "accounts.second_step.NewAppForm",
    "add_webauthn": "accounts.second_step.NewKeyForm",
    "edit_webauthn": "accounts.second_step.KeyNameForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Briefed"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE
USERSESSIONS_TRACK_ACTIVITY = False

# ---------------------------------------------------------------- language and time
LANGUAGE_CODE = "en-gb"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/London"
# "www.example.org" in what people typed links to https://.
URLIZE_ASSUME_HTTPS = True

# ---------------------------------------------------------------- static files
STATIC_URL = "static/"
STATIC_ROOT = Path(env.get("STATIC_ROOT", "") or BASE_DIR / "staticfiles")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "booking.site.caching.RememberedStaticFiles"},
}

# ---------------------------------------------------------------- files of coordinators
# No address leads there: a view hands each out to whoever may open it.
MEDIA_ROOT = Path(env.get("FILES_ROOT", "") or BASE_DIR / "files")
FILE_UPLOAD_PERMISSIONS = 0o640
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o750

# ---------------------------------------------------------------- browser security
_PREFIX = "__Host-" if SECURE else ""
SESSION_COOKIE_NAME = f"{_PREFIX}session"
SESSION_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
DEVICE_COOKIE_NAME = f"{_PREFIX}device"
JOIN_COOKIE_NAME = f"{_PREFIX}joining"
ROOM_COOKIE_NAME = f"{_PREFIX}room"
CSRF_COOKIE_NAME = f"{_PREFIX}csrf"
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = "booking.site.web.Messages"
MESSAGE_COOKIE_NAME = f"{_PREFIX}messages"
CSRF_TRUSTED_ORIGINS = [SITE_URL]
CSRF_FAILURE_VIEW = "accounts.typed.form_refused"
SECURE_SSL_REDIRECT = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = HSTS_SECONDS if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = SECURE
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "frame-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    "camera": [],
    "geolocation": [],
    "microphone": [],
    "payment": [],
    "usb": [],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 300

# ---------------------------------------------------------------- logs
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "booking.site.logs.JsonFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": env.get("LOG_LEVEL", "INFO").upper()},
    "loggers": {
        "django.server": {"level": "WARNING"},
    },
}
