"""Django's PostgreSQL backend with one message less in every transaction. The settings name it as their engine."""
