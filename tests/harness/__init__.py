"""What several rooms of tests need: a real server, generated pictures, the audit."""
