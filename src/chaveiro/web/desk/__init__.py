"""The vendor's desk: what its operators see and do. For them alone; to everybody else no page of it exists."""
