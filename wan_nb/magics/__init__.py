"""``%wan`` and ``%%wan``: they parse, call, show."""
