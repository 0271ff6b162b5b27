"""The installation as an OpenID Connect provider for the vendor's services: addresses below `/oidc/`."""
