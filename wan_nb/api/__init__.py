"""The API of the service: what may be sent, what comes back, the HTTP client."""
