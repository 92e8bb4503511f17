"""What a page of the Event Log costs, however many rows there are."""
