"""What a person holds: sessions, runs, studies, the default session, ``df.wan``."""
