"""The programme import: agencies, courses, people, sessions and diary dates from CSV files."""
