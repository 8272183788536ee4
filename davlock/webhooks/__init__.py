"""Webhooks: other servers are told of events by HTTP, as SuperOffice tells them (rest.md §12), at least once and in their order.

registry.py keeps who is told what, targets.py says which servers may be, messages.py writes, sending.py sends, delivery.py does it all
beside the requests.
"""
