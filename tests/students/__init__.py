"""What students write into the files of exercises: right answers, and mistakes."""
