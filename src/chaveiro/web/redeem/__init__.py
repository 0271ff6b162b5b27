"""Redeeming keys, page by page, on one durable draft. Each page is a GET, each step a POST that leads on.

    start → attest → keys → check → purpose → organisation → administrator → partner → confirm → receipt

The draft's tag stands in the address, so that two tabs with two drafts never mix. Its resume code lives in a signed
cookie of its own at the browser, and on the person's paper; the house keeps a digest.
"""
