"""The pages that people see; it begins with those behind the links in mails."""
