"""A test event on its way to a mail, followed hop by hop."""
