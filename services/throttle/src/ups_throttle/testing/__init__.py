"""The public test kit: sample messages, and the contract that every port passes."""
