"""What happens when a mailed link is opened, and when a button on its page is pressed."""
