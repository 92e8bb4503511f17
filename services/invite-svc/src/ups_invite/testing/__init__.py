"""What tests of this service share: examples, and the contract that every store keeps."""
