"""The HTTP API: decode, ask, encode. It decides nothing and reads only what is final.

Contract: ``docs/spec/api.md`` and ``/v1/openapi.json``; a test holds the routes against both.
"""
