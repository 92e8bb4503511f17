"""What tests of the notifier share: sample mails, a ledger in memory, the suite that every ledger passes."""
