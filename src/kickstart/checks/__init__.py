"""What a rendered repository must satisfy. Pure: from files to findings."""
