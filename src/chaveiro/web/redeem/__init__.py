"""Redeeming keys, page by page, on one durable draft. Each page is a GET, each step a POST that leads on.

    start → code → keys → (purpose) → organisation → confirm → receipt

The draft's resume code lives in a signed cookie at the browser and on the person's paper; the house keeps a digest.
"""
